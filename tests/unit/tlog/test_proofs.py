from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sigstore._internal.merkle import verify_merkle_inclusion

from keyturn.base.errors import KeyturnError
from keyturn.tlog.errors import MalformedProof, OutsideTree, UntrustedProof
from keyturn.tlog.merkle import EMPTY_ROOT, MAX_TREE_SIZE, Hash, Nodes, leaf_hash, tree_root
from keyturn.tlog.proofs import (
    MAX_PROOF,
    Proof,
    consistency_proof,
    inclusion_proof,
    verify_consistency,
    verify_inclusion,
)
from unit.tlog import reference_tree

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
# Certificate Transparency's merkle_tree_test.cc: (index, size, path) and (old, new, proof).
CT_PATHS = [
    (0, 1, ()),
    (
        0,
        8,
        (
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ),
    ),
    (
        5,
        8,
        (
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ),
    ),
    (2, 3, ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",)),
    (
        1,
        5,
        (
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ),
    ),
]
CT_CONSISTENCY = [
    (1, 1, ()),
    (
        1,
        8,
        (
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ),
    ),
    (
        6,
        8,
        (
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ),
    ),
    (
        2,
        5,
        (
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ),
    ),
]


def nodes_over(leaves: list[bytes]) -> Nodes:
    """All complete subtrees, from the leaves up."""
    levels = [[leaf_hash(each) for each in leaves]]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([tree_root(below[i : i + 2]) for i in range(0, len(below) - 1, 2)])
    # tree_root of two hashes is their node hash
    return lambda level, index: levels[level][index]


def unhexed(texts: tuple[str, ...]) -> Proof:
    return tuple(Hash(bytes.fromhex(each)) for each in texts)


def leaves_of(size: int) -> list[bytes]:
    return [b"leaf %d" % each for each in range(size)]


@pytest.mark.parametrize(("index", "size", "path"), CT_PATHS)
def test_the_reference_paths(index: int, size: int, path: tuple[str, ...]) -> None:
    leaves = CT_LEAVES[:size]
    assert inclusion_proof(index, size, nodes_over(leaves)) == unhexed(path)
    root = tree_root(map(leaf_hash, leaves))
    verify_inclusion(leaf_hash(leaves[index]), index, size, unhexed(path), root)


@pytest.mark.parametrize(("old", "new", "proof"), CT_CONSISTENCY)
def test_the_reference_consistency_proofs(old: int, new: int, proof: tuple[str, ...]) -> None:
    leaves = CT_LEAVES[:new]
    assert consistency_proof(old, new, nodes_over(leaves)) == unhexed(proof)
    old_root, new_root = (tree_root(map(leaf_hash, leaves[:size])) for size in (old, new))
    verify_consistency(old, new, unhexed(proof), old_root, new_root)


@pytest.mark.parametrize("size", range(1, 34))
def test_every_proof_of_small_trees_is_the_recursions_and_verifies(size: int) -> None:
    leaves = leaves_of(size)
    nodes, root = nodes_over(leaves), Hash(reference_tree.mth(leaves))
    for index in range(size):
        path = inclusion_proof(index, size, nodes)
        assert list(path) == reference_tree.path(index, leaves)
        verify_inclusion(leaf_hash(leaves[index]), index, size, path, root)
    for old in range(1, size + 1):
        proof = consistency_proof(old, size, nodes)
        assert list(proof) == reference_tree.proof(old, leaves)
        verify_consistency(old, size, proof, Hash(reference_tree.mth(leaves[:old])), root)


def test_every_leaf_and_older_tree_of_600() -> None:
    size = 600
    leaves = leaves_of(size)
    hashes = [leaf_hash(each) for each in leaves]
    nodes, root = nodes_over(leaves), tree_root(hashes)
    for index in range(size):
        verify_inclusion(hashes[index], index, size, inclusion_proof(index, size, nodes), root)
        proof = consistency_proof(index, size, nodes)
        verify_consistency(index, size, proof, tree_root(hashes[:index]), root)


@given(st.data())
def test_an_independent_verifier_agrees(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 600))
    index = data.draw(st.integers(0, size - 1))
    leaves = leaves_of(size)
    proof = inclusion_proof(index, size, nodes_over(leaves))
    root = tree_root(map(leaf_hash, leaves))
    told = SimpleNamespace(log_index=index, tree_size=size, hashes=list(proof), root_hash=root)
    inner = SimpleNamespace(inclusion_proof=told, canonicalized_body=leaves[index])
    verify_merkle_inclusion(cast("Any", SimpleNamespace(_inner=inner)))


@given(st.data())
def test_a_flipped_bit_never_verifies(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 300))
    index = data.draw(st.integers(0, size - 1))
    leaves = leaves_of(size)
    nodes, root = nodes_over(leaves), tree_root(map(leaf_hash, leaves))
    path = [leaf_hash(leaves[index]), *inclusion_proof(index, size, nodes), root]
    place, bit = data.draw(st.integers(0, len(path) - 1)), data.draw(st.integers(0, 255))
    path[place] = flipped(path[place], bit)
    with pytest.raises(UntrustedProof):
        verify_inclusion(path[0], index, size, path[1:-1], path[-1])


@given(st.data())
def test_a_flipped_bit_never_proves_consistency(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, 300))
    old = data.draw(st.integers(1, new - 1))
    leaves = leaves_of(new)
    roots = [tree_root(map(leaf_hash, leaves[:size])) for size in (old, new)]
    proof = [roots[0], *consistency_proof(old, new, nodes_over(leaves)), roots[1]]
    place, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
    proof[place] = flipped(proof[place], bit)
    with pytest.raises(UntrustedProof):
        verify_consistency(old, new, proof[1:-1], proof[0], proof[-1])


@pytest.mark.parametrize("size", range(1, 20))
def test_a_path_proves_one_index_only(size: int) -> None:
    leaves = leaves_of(size)
    root = tree_root(map(leaf_hash, leaves))
    for index in range(size):
        path = inclusion_proof(index, size, nodes_over(leaves))
        for other in set(range(-1, size + 2)) - {index}:
            with pytest.raises(KeyturnError):
                verify_inclusion(leaf_hash(leaves[index]), other, size, path, root)


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 8), (5, 8), (6, 7), (4, 5)])
def test_a_longer_shorter_or_misshapen_path_is_refused(index: int, size: int) -> None:
    leaves = leaves_of(size)
    leaf, root = leaf_hash(leaves[index]), tree_root(map(leaf_hash, leaves))
    path = inclusion_proof(index, size, nodes_over(leaves))
    wrong = [(*path, root), (root, *path), (*path, b"short"), (*path, root + b"\x00")]
    wrong += [path[1:], path[:-1]] if path else []
    for each in wrong:
        with pytest.raises(KeyturnError) as caught:
            verify_inclusion(leaf, index, size, each, root)
        assert isinstance(caught.value, (MalformedProof, UntrustedProof))


@pytest.mark.parametrize(("old", "new"), [(1, 8), (2, 5), (6, 8), (7, 8), (4, 8), (3, 7)])
def test_a_longer_or_shorter_consistency_proof_is_refused(old: int, new: int) -> None:
    leaves = leaves_of(new)
    old_root, new_root = (tree_root(map(leaf_hash, leaves[:size])) for size in (old, new))
    proof = consistency_proof(old, new, nodes_over(leaves))
    for each in ((), proof[1:], proof[:-1], (*proof, new_root), (old_root, *proof)):
        with pytest.raises((MalformedProof, UntrustedProof)):
            verify_consistency(old, new, each, old_root, new_root)
    for sizes in ((old - 1, new), (old + 1, new), (new, old), (-1, new)):
        with pytest.raises((MalformedProof, UntrustedProof)):
            verify_consistency(*sizes, proof, old_root, new_root)


def test_the_empty_tree_and_equal_trees_need_an_empty_proof() -> None:
    root, other = leaf_hash(b"root"), leaf_hash(b"other")
    verify_consistency(0, 0, (), EMPTY_ROOT, EMPTY_ROOT)
    verify_consistency(0, 5, (), EMPTY_ROOT, root)
    verify_consistency(5, 5, (), root, root)
    with pytest.raises(MalformedProof, match="too long"):
        verify_consistency(5, 5, (root,), root, root)
    with pytest.raises(MalformedProof, match="too long"):
        verify_consistency(0, 5, (root,), EMPTY_ROOT, root)
    for wrong in ((0, 5, (), other, root), (5, 5, (), root, other), (0, 0, (), EMPTY_ROOT, other)):
        with pytest.raises(UntrustedProof):
            verify_consistency(*wrong)


def test_impossible_sizes_are_refused_before_any_hashing() -> None:
    root = leaf_hash(b"root")
    with pytest.raises(MalformedProof, match="impossible"):
        verify_inclusion(root, 0, MAX_TREE_SIZE + 1, (), root)
    with pytest.raises(MalformedProof, match="impossible"):
        verify_consistency(1, 2, (root,) * (MAX_PROOF + 1), root, root)


def test_the_largest_tree_has_proofs() -> None:
    node = leaf_hash(b"any")
    path = inclusion_proof(MAX_TREE_SIZE - 2, MAX_TREE_SIZE, lambda _level, _index: node)
    assert 1 <= len(path) <= MAX_PROOF
    longest = consistency_proof(2**52 - 1, MAX_TREE_SIZE, lambda _level, _index: node)
    assert len(longest) <= MAX_PROOF


@pytest.mark.parametrize("index", [-1, 3, 4])
def test_no_path_to_a_leaf_outside_the_tree(index: int) -> None:
    with pytest.raises(OutsideTree):
        inclusion_proof(index, 3, nodes_over(leaves_of(3)))


@pytest.mark.parametrize(("old", "new"), [(-1, 3), (4, 3)])
def test_no_consistency_with_a_tree_that_is_not_older(old: int, new: int) -> None:
    with pytest.raises(OutsideTree):
        consistency_proof(old, new, nodes_over(leaves_of(3)))


def flipped(value: bytes, bit: int) -> Hash:
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return Hash(bytes(changed))
