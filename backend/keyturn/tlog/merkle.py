"""RFC 6962 Merkle tree hashing, and the compact frontier that a log grows from.

Source: RFC 6962 §2.1 (MTH) and RFC 9162 §2.1.1, SHA-256. A *node* (level, index) is the hash
of the complete subtree over leaves [index * 2^level, (index + 1) * 2^level).
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NewType

from keyturn.tlog.errors import OutsideTree

Hash = NewType("Hash", bytes)
"""32 bytes: SHA-256 of a leaf, a node or a whole tree."""

HASH_SIZE = 32
MAX_TREE_SIZE = 2**53 - 1  # sizes and indices appear as JSON integers in receipts
EMPTY_ROOT = Hash(hashlib.sha256(b"").digest())
"""The root of the tree without leaves (RFC 6962 §2.1)."""

Nodes = Callable[[int, int], Hash]
"""Reads the node (level, index); only asked for complete subtrees of the tree."""


def leaf_hash(entry: bytes) -> Hash:
    """SHA-256(0x00 ‖ entry) (RFC 6962 §2.1)."""
    return Hash(hashlib.sha256(b"\x00" + entry).digest())


def node_hash(left: Hash, right: Hash) -> Hash:
    """SHA-256(0x01 ‖ left ‖ right) (RFC 6962 §2.1)."""
    return Hash(hashlib.sha256(b"\x01" + left + right).digest())


@dataclass(frozen=True, slots=True)
class Frontier:
    """A tree's size and its complete subtrees from left (largest) to right (smallest).

    All that is needed to append and to tell the root: at most 53 hashes.
    """

    size: int = 0
    peaks: tuple[Hash, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_TREE_SIZE or len(self.peaks) != self.size.bit_count():
            raise OutsideTree(
                "frontier does not fit its size",
                found=f"{len(self.peaks)} hashes for {self.size} leaves",
                expected=f"{max(self.size, 0).bit_count()} hashes",
            )

    def extended(self, leaves: Iterable[Hash]) -> "Frontier":
        """The frontier after appending these leaf hashes."""
        size, peaks = self.size, list(self.peaks)
        for leaf in leaves:
            peaks.append(leaf)
            # as in binary counting: each trailing 1 of the old size joins two equal subtrees
            carry = size
            while carry & 1:
                right = peaks.pop()
                peaks[-1] = node_hash(peaks[-1], right)
                carry >>= 1
            size += 1
        return Frontier(size, tuple(peaks))

    def root(self) -> Hash:
        """MTH of the leaves appended so far."""
        return fold_right(self.peaks) if self.peaks else EMPTY_ROOT


def fold_right(subtrees: tuple[Hash, ...] | list[Hash]) -> Hash:
    """Join complete subtrees, given left to right, into the hash of what they span."""
    root = subtrees[-1]
    for left in reversed(subtrees[:-1]):
        root = node_hash(left, root)
    return root


def tree_root(leaves: Iterable[Hash]) -> Hash:
    """MTH over leaf hashes (RFC 6962 §2.1)."""
    return Frontier().extended(leaves).root()


def frontier_of(size: int, nodes: Nodes) -> Frontier:
    """Read the frontier of the tree of `size` leaves out of stored nodes."""
    return Frontier(size, tuple(nodes(*place) for place in complete_subtrees(0, size)))


def range_hash(start: int, end: int, nodes: Nodes) -> Hash:
    """MTH(D[start:end]) for a range that RFC 6962 splits off: `start` a multiple of the
    smallest power of two that is not below `end - start`."""
    return fold_right([nodes(*place) for place in complete_subtrees(start, end)])


def complete_subtrees(start: int, end: int) -> list[tuple[int, int]]:
    """The (level, index) of the complete subtrees that make up [start, end), left to right."""
    places = []
    while start < end:
        level = (end - start).bit_length() - 1
        places.append((level, start >> level))
        start += 1 << level
    return places
