"""What one look at the log proved: asked for once, and used for as many questions as one likes."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from operator import itemgetter
from typing import overload

from keyturn.client.blocktree import BLOCK, BlockTree, block_root
from keyturn.client.errors import NotAtHand
from keyturn.client.nodeindex import NodeIndex
from keyturn.client.shelf import Shelf
from keyturn.quorum.bundle import Authority
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from keyturn.tlog.checkpoints import SignedCheckpoint
from keyturn.tlog.merkle import Nodes

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


class ProvedLeaves(Sequence[bytes]):
    """The first `size` entries of a proved log, of which not all are at hand: the newest are, and
    those that changed authority. A view, which stays as it is; safe to read on any thread.

    What is not at hand raises NotAtHand: whoever talks to the server fetches it.
    """

    __slots__ = ("_blocks", "_changes", "_changes_count", "_shelf", "_tail", "tree")

    def __init__(
        self,
        tree: BlockTree,
        shelf: Shelf,
        blocks: int,
        tail: tuple[bytes, ...],
        changes: list[tuple[int, bytes]],
    ) -> None:
        """`tail`: the entries after the first `blocks` whole blocks. `changes` only grows."""
        self.tree = tree
        self._shelf, self._blocks, self._tail = shelf, blocks, tail
        self._changes, self._changes_count = changes, len(changes)

    def __len__(self) -> int:
        return self._blocks * BLOCK + len(self._tail)

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[bytes, ...]: ...
    def __getitem__(self, place: int | slice) -> bytes | tuple[bytes, ...]:
        """Raises NotAtHand."""
        if isinstance(place, int):
            return self._at(range(len(self))[place])
        chosen = range(len(self))[place]
        if chosen.step != 1:
            return tuple(self._at(each) for each in chosen)
        return tuple(self.run(chosen.start, chosen.stop))

    def __iter__(self) -> Iterator[bytes]:
        return self.run(0, len(self))

    @property
    def first(self) -> int:
        """From this entry on, all were at hand when this was asked."""
        return self._shelf.first_of_run(self._blocks) * BLOCK

    def whole(self, index: int) -> bool:
        """Whether the entry's whole block is at hand."""
        block = index // BLOCK
        return block >= self._blocks or self._shelf.get(block) is not None

    @property
    def changes(self) -> Sequence[tuple[int, bytes]]:
        """The entries that changed what is in force, and the log's first, with their indexes."""
        return self._changes[: self._changes_count]

    def nodes(self) -> Nodes:
        """Of the log's tree; raises NotAtHand for those below a block that is not."""
        return self.tree.nodes(lambda start, end: self[start:end])

    def run(self, start: int, end: int) -> Iterator[bytes]:
        """Entries [start, end), a block at a time. Raises NotAtHand."""
        while start < end:
            block, place = divmod(start, BLOCK)
            found = self._tail if block == self._blocks else self._block(block)
            part = found[place : place + end - start]
            yield from part
            start += len(part)

    def _at(self, index: int) -> bytes:
        block, place = divmod(index, BLOCK)
        if block == self._blocks:
            return self._tail[place]
        found = self._shelf.get(block)
        if found is not None:
            return found[place]
        known = bisect_left(self._changes, index, 0, self._changes_count, key=itemgetter(0))
        if known < self._changes_count and self._changes[known][0] == index:
            return self._changes[known][1]
        raise _not_at_hand(index)

    def _block(self, block: int) -> tuple[bytes, ...]:
        found = self._shelf.get(block)
        if found is None:
            raise _not_at_hand(block * BLOCK)
        return found


def _not_at_hand(index: int) -> NotAtHand:
    return NotAtHand(
        f"entry {index} is not kept on this machine",
        expected="an entry among the newest",
        hint="It is fetched from the server, and proved, when somebody asks for it.",
    )


def nodes_of(leaves: Sequence[bytes]) -> Nodes:
    """Of the tree over all of them. Reading one raises NotAtHand where leaves are missing."""
    if isinstance(leaves, ProvedLeaves):
        return leaves.nodes()
    return lambda level, index: block_root(leaves[index << level : (index + 1) << level])


def first_at_hand(leaves: Sequence[bytes]) -> int:
    """From which entry on all are on this machine."""
    return leaves.first if isinstance(leaves, ProvedLeaves) else 0


def whole_at_hand(leaves: Sequence[bytes], index: int) -> bool:
    """Whether an entry can be proved from what is on this machine."""
    return not isinstance(leaves, ProvedLeaves) or leaves.whole(index)


def at_hand(leaves: Sequence[bytes], start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Entries from `start` on that are on this machine, with their indexes, ascending: those that
    changed authority, and all of the newest."""
    if not isinstance(leaves, ProvedLeaves):
        yield from ((index, leaves[index]) for index in range(start, len(leaves)))
        return
    first = max(start, leaves.first)
    yield from (each for each in leaves.changes if start <= each[0] < first)
    with suppress(NotAtHand):  # given up meanwhile: a newer look knows
        yield from enumerate(leaves.run(first, len(leaves)), first)


def leaf_at_hand(leaves: Sequence[bytes], index: int) -> bytes | None:
    """An entry, or None when it is beyond the log's end or not on this machine."""
    if not 0 <= index < len(leaves):
        return None
    try:
        return leaves[index]
    except NotAtHand:
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The authority, and the log under one signed checkpoint, all verified.

    `state` is what is in force after the last of `leaves`. `index` is the log's own: it may know
    newer leaves by now. `told`: why what was kept of the log could not be used, if so.
    """

    authority: Authority
    checkpoint: SignedCheckpoint
    state: AuthorityState
    leaves: Sequence[bytes]
    index: NodeIndex = field(repr=False)
    told: str = ""

    @property
    def overtaken(self) -> bool:
        """Whether the log knows another roster or other keys than the authority's bundle."""
        known = self.authority.state.newest
        return any(
            (now := self.state.newest.get(chain)) is not None
            and now.statement.digest != known[chain].statement.digest
            for chain in _OF_THE_BUNDLE
        )
