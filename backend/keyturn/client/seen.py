"""What one look at the log proved: asked for once, and used for as many questions as one likes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload

from keyturn.client.nodeindex import NodeIndex
from keyturn.quorum.bundle import Authority
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from keyturn.tlog.checkpoints import SignedCheckpoint

_OF_THE_BUNDLE = ((Kind.ROSTER, "roster"), (Kind.KEYS, "keys"))


class Leaves(Sequence[bytes]):
    """The first `size` leaves of a list that only grows beyond them: no copy, and never longer."""

    __slots__ = ("_leaves", "_size")

    def __init__(self, leaves: list[bytes], size: int) -> None:
        if size > len(leaves):
            raise ValueError("more leaves than there are")
        self._leaves, self._size = leaves, size

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[bytes, ...]: ...
    def __getitem__(self, place: int | slice) -> bytes | tuple[bytes, ...]:
        """A slice copies what it takes."""
        if isinstance(place, int):
            return self._leaves[range(self._size)[place]]
        chosen = range(self._size)[place]
        if chosen.step == 1:
            return tuple(self._leaves[chosen.start : chosen.stop])
        return tuple(self._leaves[each] for each in chosen)

    def __iter__(self) -> Iterator[bytes]:
        return (self._leaves[place] for place in range(self._size))


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The authority, and the log under one signed checkpoint, all verified.

    `state` is what is in force after the last of `leaves`. `index` is the log's own: it may know
    newer leaves by now.
    """

    authority: Authority
    checkpoint: SignedCheckpoint
    state: AuthorityState
    leaves: Sequence[bytes]
    index: NodeIndex = field(repr=False)

    @property
    def overtaken(self) -> bool:
        """Whether the log knows another roster or other keys than the authority's bundle."""
        known = self.authority.state.newest
        return any(
            (now := self.state.newest.get(chain)) is not None
            and now.statement.digest != known[chain].statement.digest
            for chain in _OF_THE_BUNDLE
        )
