"""Reading binary structures: one byte order, bounded lengths, every byte accounted for."""

from typing import Literal

from keyturn.attest.errors import MalformedEvidence


class Cursor:
    """A place in some bytes. `what` names them in errors; every reader raises MalformedEvidence."""

    __slots__ = ("_at", "_data", "_order", "_what")

    def __init__(self, data: bytes, what: str, order: Literal["big", "little"]) -> None:
        self._data = data
        self._what = what
        self._order: Literal["big", "little"] = order
        self._at = 0

    @property
    def at(self) -> int:
        """How many bytes were read."""
        return self._at

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        start = self._at
        end = start + size
        if end > len(self._data):
            raise MalformedEvidence(
                f"{self._what} is cut off",
                found=f"{self.left} bytes at {start}",
                expected=f"{size} bytes",
            )
        self._at = end
        return self._data[start:end]

    def number(self, size: int) -> int:
        """An unsigned number of `size` bytes."""
        return int.from_bytes(self.take(size), self._order)

    def sized(self, size: int, limit: int) -> bytes:
        """Bytes behind a length of `size` bytes, of which there may be at most `limit`."""
        length = self.number(size)
        if length > limit:
            raise MalformedEvidence(
                f"{self._what} has a part that is too long",
                found=f"{length} bytes at {self._at}",
                expected=f"at most {limit} bytes",
            )
        return self.take(length)

    def peek(self) -> bytes:
        """All that was not read yet, which stays unread."""
        return self._data[self._at :]

    def done(self) -> None:
        """Refuse what was not read."""
        if self.left:
            raise MalformedEvidence(f"{self._what} has {self.left} bytes too many")
