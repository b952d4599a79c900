"""A log's tree as a reader keeps it: the roots of whole blocks of 256 entries, and what lies above.

Ten million entries take 2.5 MB here. Nodes below a block's root are hashed anew from its entries
when they are asked for. Grows only: what was read of it once stays true.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from keyturn.tlog.errors import OutsideTree
from keyturn.tlog.merkle import (
    HASH_SIZE,
    Frontier,
    Hash,
    Nodes,
    frontier_of,
    leaf_hash,
    tree_root,
)

BLOCK_LEVEL = 8
BLOCK = 1 << BLOCK_LEVEL

EntriesOf = Callable[[int, int], Sequence[bytes]]
"""Entries [start, end), which lie in one block."""


def block_root(entries: Iterable[bytes]) -> Hash:
    return tree_root(map(leaf_hash, entries))


class BlockTree:
    """Written by one thread, read by any."""

    def __init__(self, roots: bytes = b"") -> None:
        """`roots`: of the first whole blocks, joined. Raises OutsideTree when one is cut."""
        self._levels = [bytearray()]
        if len(roots) % HASH_SIZE:
            raise OutsideTree("block roots are cut", found=f"{len(roots)} bytes")
        self._extend(roots)

    @property
    def blocks(self) -> int:
        return len(self._levels[0]) // HASH_SIZE

    @property
    def roots(self) -> bytes:
        """Of all blocks, joined."""
        return bytes(self._levels[0])

    def root(self, block: int) -> Hash:
        """Of one block. Raises OutsideTree."""
        return self._node(0, block)

    def extend(self, roots: Iterable[Hash]) -> None:
        """Take the next blocks' roots."""
        self._extend(b"".join(roots))

    def nodes(self, entries: EntriesOf) -> Nodes:
        """Reads nodes of the tree whose whole blocks these are; `entries` gives the leaves."""

        def read(level: int, index: int) -> Hash:
            if level >= BLOCK_LEVEL:
                return self._node(level - BLOCK_LEVEL, index)
            return block_root(entries(index << level, (index + 1) << level))

        return read

    def frontier(self, size: int, entries: EntriesOf) -> Frontier:
        """Of the first `size` entries."""
        return frontier_of(size, self.nodes(entries))

    def _node(self, level: int, index: int) -> Hash:
        start = index * HASH_SIZE
        there = self._levels[level] if level < len(self._levels) else b""
        found = bytes(there[start : start + HASH_SIZE])
        if len(found) != HASH_SIZE:
            raise OutsideTree(f"no node {index} {level} levels above a block is known")
        return Hash(found)

    def _extend(self, roots: bytes) -> None:
        self._levels[0] += roots
        level, pair = 0, 2 * HASH_SIZE
        while len(self._levels[level]) >= pair:
            if level + 1 == len(self._levels):
                self._levels.append(bytearray())
            below, above = self._levels[level], self._levels[level + 1]
            fresh = bytes(below[2 * len(above) : len(below) // pair * pair])
            starts = range(0, len(fresh), pair)
            above += b"".join([sha256(b"\x01" + fresh[at : at + pair]).digest() for at in starts])
            level += 1
