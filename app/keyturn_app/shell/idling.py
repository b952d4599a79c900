"""When to lock by itself: seconds since the officer last did anything. No Qt, no timer in here."""

import time
from collections.abc import Callable

from keyturn_app.i18n import _


def elapsed() -> float:
    """Seconds on a clock that counts while the machine sleeps, where there is one."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class Idling:
    """Counts down from `limit` seconds; `touch` starts over."""

    def __init__(self, limit: float, clock: Callable[[], float] = elapsed) -> None:
        self.limit = limit
        self._clock = clock
        self._touched = clock()

    def touch(self) -> None:
        self._touched = self._clock()

    @property
    def idle(self) -> float:
        """Seconds since the last touch."""
        return self._clock() - self._touched

    @property
    def left(self) -> float:
        """Seconds; never below 0, nor above the limit."""
        return min(self.limit, max(0.0, self.limit - self.idle))

    @property
    def over(self) -> bool:
        return self.left <= 0

    def text(self) -> str:
        """Like `Locks in 9:42`."""
        minutes, seconds = divmod(int(self.left), 60)
        return _("Locks in {time}").format(time=f"{minutes}:{seconds:02d}")
