"""Challenges: proof that the keyholder asked, now, and only once (our protocol §5.1)."""

import hmac
from datetime import UTC, datetime, timedelta

from keyturn.keyrelease.binding import CHALLENGE_SIZE

RANDOM_SIZE = 16
BOOT_KEY_SIZE = 32
VALID = timedelta(seconds=120)
_LABEL = b"keyturn-challenge-v1"
_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z


def make_challenge(random16: bytes, now: datetime, boot_key: bytes) -> bytes:
    """56 bytes: random ‖ u64 seconds ‖ HMAC. Raises ValueError on wrong sizes."""
    if len(random16) != RANDOM_SIZE or len(boot_key) != BOOT_KEY_SIZE:
        raise ValueError("a challenge takes 16 random bytes and a 32-byte key")
    body = random16 + int(now.timestamp()).to_bytes(8, "big")
    return body + hmac.digest(boot_key, _LABEL + body, "sha256")


def is_genuine(challenge: bytes, boot_key: bytes) -> bool:
    """Whether this keyholder process issued it. Says nothing of its age or of reuse."""
    if len(challenge) != CHALLENGE_SIZE:
        return False
    body, tag = challenge[:24], challenge[24:]
    return hmac.compare_digest(tag, hmac.digest(boot_key, _LABEL + body, "sha256"))


def issued_at(challenge: bytes) -> datetime:
    """When a genuine challenge was issued; of one that is not, at most the end of all times."""
    seconds = int.from_bytes(challenge[16:24], "big")
    return datetime.fromtimestamp(min(seconds, _LAST_SECOND), UTC)


def is_live(challenge: bytes, now: datetime) -> bool:
    """Whether a genuine challenge is within its 120 s; one from the future is not."""
    age = now - issued_at(challenge)
    return timedelta(seconds=-1) <= age <= VALID


class SpentChallenges:
    """Which challenges were used, for as long as they could be used again. Not thread-safe."""

    def __init__(self) -> None:
        self._spent: dict[bytes, datetime] = {}
        self._horizon = datetime.min.replace(tzinfo=UTC)  # what is older was forgotten
        self._prune_after = self._horizon

    def spend(self, challenge: bytes, now: datetime) -> bool:
        """True the first time; the challenge is spent from then on, whatever comes of it.

        One so old that it may have been forgotten counts as spent: a clock that jumped ahead
        and back again brings no challenge back to life (I6).
        """
        self._prune(now)
        issued = issued_at(challenge)
        if issued < self._horizon or challenge in self._spent:
            return False
        self._spent[challenge] = issued
        return True

    def __len__(self) -> int:
        return len(self._spent)

    def _prune(self, now: datetime) -> None:
        if now < self._prune_after:  # each pass costs all that is held, so not at every request
            return
        self._prune_after = now + VALID
        self._horizon = max(self._horizon, now - VALID - VALID)
        self._spent = {each: at for each, at in self._spent.items() if at >= self._horizon}
