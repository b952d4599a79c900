"""How fast passphrases may be tried at this window: a hand at an unwatched desk is slowed down.

Whoever has the key file tries elsewhere; against that stands its key derivation.
"""

FREE = 3
LONGEST = 60.0


class Attempts:
    """Of one key. Knows no clock: times are seconds that only grow."""

    def __init__(self) -> None:
        self._failures = 0
        self._until = float("-inf")

    def wait(self, at: float) -> float:
        """Seconds until the next try is taken; 0 when it is now."""
        return max(0.0, self._until - at)

    def failed(self, at: float) -> None:
        """A wrong passphrase: the first few are free, then each waits twice as long."""
        self._failures += 1
        if self._failures >= FREE:
            self._until = at + min(LONGEST, 2.0 ** (self._failures - FREE))

    def passed(self) -> None:
        self._failures, self._until = 0, float("-inf")
