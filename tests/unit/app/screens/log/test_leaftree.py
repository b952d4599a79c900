"""The page's tree gives the nodes and roots of the reference, at every size around a block."""

import pytest

from keyturn.tlog.merkle import leaf_hash, tree_root
from keyturn_app.screens.log.leaftree import BLOCK, LeafTree, block_roots

LEAVES = [f"entry {place}".encode() for place in range(5 * BLOCK + 3)]


def tree_of(count: int, step: int) -> LeafTree:
    tree = LeafTree()
    while tree.blocks < count // BLOCK:
        end = min(tree.blocks + step, count // BLOCK)
        tree.extend(block_roots(LEAVES, tree.blocks, end))
    return tree


@pytest.mark.parametrize("step", [1, 2, 5])
@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 4 * BLOCK, len(LEAVES)])
def test_roots_are_those_of_the_leaves(size: int, step: int) -> None:
    tree = tree_of(len(LEAVES), step)
    assert tree.covers(len(LEAVES))
    expected = tree_root(leaf_hash(each) for each in LEAVES[:size])
    assert tree.frontier(LEAVES, size).root() == expected


def test_a_tree_covers_what_it_knows_and_the_blocks_rest() -> None:
    tree = tree_of(2 * BLOCK, 1)
    assert tree.covers(3 * BLOCK - 1)
    assert not tree.covers(3 * BLOCK)


def test_nodes_are_the_roots_of_their_leaves() -> None:
    nodes = tree_of(len(LEAVES), 3).nodes(LEAVES)
    for level, index in ((0, 7), (3, 9), (8, 4), (9, 1), (10, 0)):
        part = LEAVES[index << level : (index + 1) << level]
        assert nodes(level, index) == tree_root(leaf_hash(each) for each in part)
