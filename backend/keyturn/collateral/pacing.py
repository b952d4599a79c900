"""How fast a host is asked, and how long is waited after a failure. Clock and chance come in."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

Monotonic = Callable[[], float]
Chance = Callable[[], float]
"""A number from 0 up to 1."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` requests at once, then one in each `seconds`."""

    burst: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds. `total` bounds one fetch with all its tries and waits."""

    first: float = 1.0
    most: float = 60.0
    tries: int = 5
    total: float = 120.0

    def wait(self, failures: int, chance: float) -> float:
        """After so many failures, 1 or more: doubled each time, half of it by chance."""
        return min(self.most, self.first * 2.0 ** (failures - 1)) * (0.5 + chance / 2)


class TokenBucket:
    """How long a host's next request must wait. Threads may share it."""

    def __init__(self, rate: Rate, monotonic: Monotonic) -> None:
        self._rate = rate
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._tokens = float(rate.burst)
        self._at = monotonic()

    def take(self) -> float:
        """Take one token, now or ahead of time; seconds until it may be used."""
        with self._lock:
            now = self._monotonic()
            filled = self._tokens + max(0.0, now - self._at) / self._rate.seconds
            self._tokens = min(float(self._rate.burst), filled) - 1.0
            self._at = now
            return max(0.0, -self._tokens * self._rate.seconds)

    def give_back(self) -> None:
        """Undo a `take` whose request was not made."""
        with self._lock:
            self._tokens += 1.0


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds of a Retry-After header (RFC 9110 §10.2.3); None where it says nothing readable."""
    if header is None:
        return None
    text = header.strip()[:64]
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), 10**8))
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now) / timedelta(seconds=1))
