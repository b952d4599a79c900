"""The tree of whole blocks gives the nodes and roots of the reference, at every size around one."""

import pytest

from keyturn.client.blocktree import BLOCK, BlockTree, block_root
from keyturn.tlog.errors import OutsideTree
from keyturn.tlog.merkle import leaf_hash, tree_root

LEAVES = [f"entry {place}".encode() for place in range(5 * BLOCK + 3)]


def entries(start: int, end: int) -> list[bytes]:
    return LEAVES[start:end]


def tree_of(blocks: int, step: int) -> BlockTree:
    tree = BlockTree()
    while tree.blocks < blocks:
        end = min(tree.blocks + step, blocks)
        tree.extend(
            block_root(LEAVES[block * BLOCK : (block + 1) * BLOCK])
            for block in range(tree.blocks, end)
        )
    return tree


@pytest.mark.parametrize("step", [1, 2, 5])
@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 4 * BLOCK, len(LEAVES)])
def test_roots_are_those_of_the_leaves(size: int, step: int) -> None:
    expected = tree_root(leaf_hash(each) for each in LEAVES[:size])
    assert tree_of(5, step).frontier(size, entries).root() == expected


def test_nodes_are_the_roots_of_their_leaves() -> None:
    nodes = tree_of(5, 3).nodes(entries)
    for level, index in ((0, 7), (3, 9), (8, 4), (9, 1), (10, 0)):
        part = LEAVES[index << level : (index + 1) << level]
        assert nodes(level, index) == tree_root(leaf_hash(each) for each in part)


def test_a_tree_from_kept_roots_is_the_same_tree() -> None:
    tree = tree_of(5, 2)
    again = BlockTree(tree.roots)
    assert again.blocks == 5
    assert again.frontier(5 * BLOCK, entries) == tree.frontier(5 * BLOCK, entries)
    with pytest.raises(OutsideTree):
        BlockTree(tree.roots[:-1])


@pytest.mark.parametrize(("level", "index"), [(8, 5), (9, 2), (11, 0), (20, 0)])
def test_what_it_does_not_know_is_not_there(level: int, index: int) -> None:
    with pytest.raises(OutsideTree):
        tree_of(5, 5).nodes(entries)(level, index)
