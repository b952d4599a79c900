import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.tlog.errors import OutsideTree
from keyturn.tlog.merkle import (
    EMPTY_ROOT,
    MAX_TREE_SIZE,
    Frontier,
    Hash,
    complete_subtrees,
    frontier_of,
    leaf_hash,
    node_hash,
    range_hash,
    tree_root,
)
from unit.tlog.reference_tree import mth

# Certificate Transparency's reference leaves and roots (merkle_tree_test.cc; published again
# in transparency-dev/merkle testonly/constants.go).
CT_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(9))
def test_the_reference_roots_of_certificate_transparency(size: int) -> None:
    assert tree_root(map(leaf_hash, CT_LEAVES[:size])).hex() == CT_ROOTS[size]


def test_the_empty_root_is_the_hash_of_nothing() -> None:
    assert EMPTY_ROOT.hex() == CT_ROOTS[0]
    assert Frontier().root() == EMPTY_ROOT


def test_a_leaf_and_a_node_of_the_same_bytes_differ() -> None:
    left, right = leaf_hash(b"left"), leaf_hash(b"right")
    assert node_hash(left, right) != leaf_hash(left + right)


def test_every_size_up_to_600_agrees_with_the_recursion() -> None:
    frontier, leaves = Frontier(), []
    for size in range(1, 601):
        leaves.append(size.to_bytes(2, "big"))
        frontier = frontier.extended([leaf_hash(leaves[-1])])
        if size < 70 or size % 37 == 0 or size in (255, 256, 257, 511, 512, 513, 600):
            assert frontier.root() == mth(leaves)
        assert frontier.size == size


@given(st.lists(st.binary(max_size=4), max_size=40), st.integers(0, 40))
def test_appending_in_parts_gives_the_same_frontier(leaves: list[bytes], cut: int) -> None:
    hashes = [leaf_hash(each) for each in leaves]
    in_parts = Frontier().extended(hashes[:cut]).extended(hashes[cut:])
    assert in_parts == Frontier().extended(hashes)
    assert in_parts.root() == mth(leaves)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 100])
def test_a_frontier_is_read_back_from_nodes(size: int) -> None:
    leaves = [bytes([each]) for each in range(size)]

    def nodes(level: int, index: int) -> Hash:
        return Hash(mth(leaves[index << level : (index + 1) << level]))

    assert frontier_of(size, nodes) == Frontier().extended(map(leaf_hash, leaves))
    if size:
        assert range_hash(0, size, nodes) == mth(leaves)


def test_complete_subtrees_of_a_tree_of_seven() -> None:
    assert complete_subtrees(0, 7) == [(2, 0), (1, 2), (0, 6)]


@pytest.mark.parametrize(
    ("size", "peaks"), [(-1, 0), (1, 0), (0, 1), (3, 1), (MAX_TREE_SIZE + 1, 1)]
)
def test_a_frontier_that_does_not_fit_its_size_is_refused(size: int, peaks: int) -> None:
    with pytest.raises(OutsideTree):
        Frontier(size, (EMPTY_ROOT,) * peaks)
