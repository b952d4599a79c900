"""A proved log of which only the newest blocks, and what is told to be a change, are at hand."""

from collections.abc import Sequence

from keyturn.client.blocktree import BLOCK, BlockTree, block_root
from keyturn.client.seen import ProvedLeaves
from keyturn.client.shelf import Shelf


def windowed(entries: Sequence[bytes], first: int, changes: Sequence[int] = (0,)) -> ProvedLeaves:
    """`first`: of the blocks that are at hand."""
    whole = len(entries) // BLOCK
    blocks = [entries[each * BLOCK : (each + 1) * BLOCK] for each in range(whole)]
    tree = BlockTree()
    tree.extend(block_root(each) for each in blocks)
    shelf = Shelf(tree, None)
    for place in range(first, whole):
        shelf.put(place, blocks[place])
    tail = tuple(entries[whole * BLOCK :])
    return ProvedLeaves(tree, shelf, whole, tail, [(each, entries[each]) for each in changes])
