"""Inclusion and consistency proofs: making them from nodes, and verifying them.

Source: RFC 9162 §2.1.3 and §2.1.4 (the same proofs as RFC 6962 §2.1.1 and §2.1.2).
Verifying raises: MalformedProof for a shape that cannot be, UntrustedProof for a wrong root.
A proof verifies for exactly one index and one pair of sizes.
"""

from collections.abc import Sequence

from keyturn.tlog.errors import MalformedProof, OutsideTree, UntrustedProof
from keyturn.tlog.merkle import (
    EMPTY_ROOT,
    HASH_SIZE,
    MAX_TREE_SIZE,
    Hash,
    Nodes,
    node_hash,
    range_hash,
)

Proof = tuple[Hash, ...]

MAX_PROOF = 2 * MAX_TREE_SIZE.bit_length()
"""Hashes in the longest proof that can be: consistency doubles the height at most."""


def inclusion_proof(index: int, size: int, nodes: Nodes) -> Proof:
    """PATH(index, D[size]), from the leaf's sibling up (RFC 9162 §2.1.3.1).

    Raises OutsideTree unless 0 <= index < size.
    """
    if not 0 <= index < size:
        raise OutsideTree(
            "no such leaf in the tree", found=f"index {index}", expected=f"0 to {size - 1}"
        )
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(range_hash(middle, end, nodes))
            end = middle
        else:
            path.append(range_hash(start, middle, nodes))
            start = middle
    return tuple(reversed(path))


def consistency_proof(old: int, new: int, nodes: Nodes) -> Proof:
    """PROOF(old, D[new]) (RFC 9162 §2.1.4.1); empty when `old` is 0 or equals `new`.

    Raises OutsideTree unless 0 <= old <= new.
    """
    if not 0 <= old <= new:
        raise OutsideTree(
            "no such older tree", found=f"size {old}", expected=f"0 to the tree's size {new}"
        )
    if old in (0, new):
        return ()
    path, start, end, known = [], 0, new, True
    while old < end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(range_hash(middle, end, nodes))
            end = middle
        else:
            path.append(range_hash(start, middle, nodes))
            start, known = middle, False
    if not known:  # else the subtree is the old tree itself, whose root the verifier has
        path.append(range_hash(start, end, nodes))
    return tuple(reversed(path))


def verify_inclusion(leaf: Hash, index: int, size: int, proof: Sequence[bytes], root: Hash) -> None:
    """Prove that `leaf` is at `index` of the tree (RFC 9162 §2.1.3.2). Everything may be hostile.

    Raises MalformedProof or UntrustedProof.
    """
    _check_shape(proof, size)
    if not 0 <= index < size:
        raise MalformedProof(
            "inclusion proof: no such leaf", found=f"index {index}", expected=f"below {size}"
        )
    node, last, found = index, size - 1, leaf
    for each in proof:
        sibling = Hash(bytes(each))
        if last == 0:
            raise MalformedProof("inclusion proof is too long", found=f"{len(proof)} hashes")
        if node & 1 or node == last:
            found = node_hash(sibling, found)
            node, last = _past_missing(node, last)
        else:
            found = node_hash(found, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise MalformedProof("inclusion proof is too short", found=f"{len(proof)} hashes")
    _check_root("inclusion proof leads to another root", found, root)


def verify_consistency(
    old: int, new: int, proof: Sequence[bytes], old_root: Hash, new_root: Hash
) -> None:
    """Prove that the tree of `new` leaves extends that of `old` (RFC 9162 §2.1.4.2).

    A tree of size 0 or equal size needs an empty proof and the right root.
    Raises MalformedProof or UntrustedProof.
    """
    _check_shape(proof, new)
    if not 0 <= old <= new:
        raise MalformedProof(
            "consistency proof: the older tree is larger",
            found=f"{old} leaves",
            expected=f"at most {new}",
        )
    if old in (0, new):
        _verify_trivial(old, new, proof, old_root, new_root)
        return
    hashes = [Hash(bytes(each)) for each in proof]
    if old & (old - 1) == 0:  # a complete tree: its root is the first node, and left out
        hashes.insert(0, old_root)
    if not hashes:
        raise MalformedProof("consistency proof is empty", expected="at least one hash")
    node, last = old - 1, new - 1
    node, last = _past_right_turns(node, last)
    of_old = of_new = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise MalformedProof("consistency proof is too long", found=f"{len(proof)} hashes")
        if node & 1 or node == last:
            of_old, of_new = node_hash(sibling, of_old), node_hash(sibling, of_new)
            node, last = _past_missing(node, last)
        else:
            of_new = node_hash(of_new, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise MalformedProof("consistency proof is too short", found=f"{len(proof)} hashes")
    _check_root("consistency proof leads to another older root", of_old, old_root)
    _check_root("consistency proof leads to another newer root", of_new, new_root)


def _verify_trivial(
    old: int, new: int, proof: Sequence[bytes], old_root: Hash, new_root: Hash
) -> None:
    if proof:
        raise MalformedProof(
            "consistency proof is too long", found=f"{len(proof)} hashes", expected="none"
        )
    if old == 0:
        _check_root("the empty tree has another root", EMPTY_ROOT, old_root)
    if new in (0, old):
        _check_root("two trees of one size have two roots", old_root, new_root)


def _split(size: int) -> int:
    """The largest power of two below `size` (RFC 9162 §2.1.1, k)."""
    return 1 << ((size - 1).bit_length() - 1)


def _past_missing(node: int, last: int) -> tuple[int, int]:
    """Skip the levels at which the rightmost node has no sibling."""
    while not node & 1 and node:
        node, last = node >> 1, last >> 1
    return node, last


def _past_right_turns(node: int, last: int) -> tuple[int, int]:
    """Climb to the largest complete subtree that ends in this node."""
    while node & 1:
        node, last = node >> 1, last >> 1
    return node, last


def _check_shape(proof: Sequence[bytes], size: int) -> None:
    if size > MAX_TREE_SIZE or len(proof) > MAX_PROOF:
        raise MalformedProof(
            "proof of an impossible tree", found=f"{size} leaves, {len(proof)} hashes"
        )
    for place, each in enumerate(proof):
        if len(each) != HASH_SIZE:
            raise MalformedProof(
                f"proof: hash {place} has the wrong size",
                found=f"{len(each)} bytes",
                expected=f"{HASH_SIZE} bytes",
            )


def _check_root(message: str, found: Hash, expected: Hash) -> None:
    if found != expected:
        raise UntrustedProof(message, found=found.hex(), expected=expected.hex())
