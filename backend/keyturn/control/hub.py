"""Tells waiting event streams that there is something new; carries no events itself.

A stream reads events from the database by number, so a slow reader costs no memory here and a
missed wake-up costs no event.
"""

import asyncio


class Hub:
    """The newest event number that this process knows of.

    `turn` rises when streams must look again whatever the number: the roster is another one.
    """

    def __init__(self) -> None:
        self.newest = 0
        self.turn = 0
        self.closed = False
        self._changed = asyncio.Event()

    def tell(self, newest: int) -> None:
        """Wake every stream when the number has risen."""
        if newest > self.newest:
            self.newest = newest
            self._wake()

    def look_again(self) -> None:
        """Wake every stream."""
        self.turn += 1
        self._wake()

    def close(self) -> None:
        """Let every stream end."""
        self.closed = True
        self._wake()

    async def wait(self, seen: int, seconds: float, turn: int = 0) -> bool:
        """Whether there is something behind `seen` or `turn`, waiting at most `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                while self.newest <= seen and self.turn == turn and not self.closed:
                    await self._changed.wait()
        except TimeoutError:
            return False
        return not self.closed

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
