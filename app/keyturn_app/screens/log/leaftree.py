"""The log's Merkle tree as this page keeps it: roots of whole blocks, and what lies above them.

A block is 256 leaves. Nodes below a block's root are hashed anew from the leaves when they are
asked for, so a million entries cost a quarter of a megabyte here.
"""

from collections.abc import Sequence

from keyturn.tlog.merkle import Frontier, Hash, Nodes, frontier_of, leaf_hash, node_hash, tree_root

BLOCK_LEVEL = 8
BLOCK = 1 << BLOCK_LEVEL


def block_roots(leaves: Sequence[bytes], first: int, end: int) -> list[Hash]:
    """The roots of the whole blocks [first, end)."""
    return [
        tree_root(map(leaf_hash, leaves[block * BLOCK : (block + 1) * BLOCK]))
        for block in range(first, end)
    ]


class LeafTree:
    """Complete subtrees from a block upwards; grows only."""

    def __init__(self) -> None:
        self._levels: list[list[Hash]] = [[]]

    @property
    def blocks(self) -> int:
        return len(self._levels[0])

    def covers(self, size: int) -> bool:
        """Whether every whole block of the first `size` leaves is known."""
        return self.blocks >= size // BLOCK

    def extend(self, roots: Sequence[Hash]) -> None:
        """Take the next blocks' roots."""
        for root in roots:
            self._levels[0].append(root)
            level = 0
            while len(self._levels[level]) % 2 == 0:
                joined = node_hash(*self._levels[level][-2:])
                level += 1
                if level == len(self._levels):
                    self._levels.append([])
                self._levels[level].append(joined)

    def nodes(self, leaves: Sequence[bytes]) -> Nodes:
        """Reads nodes of the tree over `leaves`, whose blocks this tree covers."""

        def read(level: int, index: int) -> Hash:
            if level >= BLOCK_LEVEL:
                return self._levels[level - BLOCK_LEVEL][index]
            return tree_root(map(leaf_hash, leaves[index << level : (index + 1) << level]))

        return read

    def frontier(self, leaves: Sequence[bytes], size: int) -> Frontier:
        """Of the first `size` leaves."""
        return frontier_of(size, self.nodes(leaves))
