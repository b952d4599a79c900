"""An inclusion proof as steps: which node joins which sibling, and what comes of it.

The proof is made from the log's own proved leaves and then verified like anybody else's; the
steps only show what was verified.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from keyturn.tlog.merkle import Hash, Nodes, node_hash
from keyturn.tlog.proofs import Proof, inclusion_proof, verify_inclusion


@dataclass(frozen=True, slots=True)
class Span:
    """The leaves [start, end) under a node."""

    start: int
    end: int

    @property
    def text(self) -> str:
        """Like `5` or `4–7`."""
        one = self.end - self.start == 1
        return f"{self.start:,}" if one else f"{self.start:,}–{self.end - 1:,}"


@dataclass(frozen=True, slots=True)
class Step:
    """One level up. `left`: whether the sibling stands left of the path."""

    sibling: Hash
    sibling_span: Span
    left: bool
    result: Hash
    span: Span  # of the result


@dataclass(frozen=True, slots=True)
class Path:
    """From a leaf to the root of the first `size` leaves: verified by `verified_path` only."""

    index: int
    size: int
    leaf: Hash
    steps: tuple[Step, ...]
    root: Hash
    proof: Proof


def verified_path(leaf: Hash, index: int, size: int, root: Hash, nodes: Nodes) -> Path:
    """Prove `leaf` from the tree's own nodes against a signed root.

    Raises OutsideTree, MalformedProof or UntrustedProof.
    """
    proof = inclusion_proof(index, size, nodes)
    verify_inclusion(leaf, index, size, proof, root)
    return Path(index, size, leaf, steps_of(leaf, index, size, proof), root, proof)


def steps_of(leaf: Hash, index: int, size: int, proof: Sequence[Hash]) -> tuple[Step, ...]:
    """The steps of a proof of the right length, bottom up."""
    splits = list(reversed(_splits(index, size)))
    steps, known = [], leaf
    for sibling, (whole, other) in zip(proof, splits, strict=True):
        left = other.start == whole.start
        known = node_hash(sibling, known) if left else node_hash(known, sibling)
        steps.append(Step(sibling, other, left, known, whole))
    return tuple(steps)


def _splits(index: int, size: int) -> list[tuple[Span, Span]]:
    """Top down: the span that is split (RFC 9162 §2.1.1), and its part without `index`."""
    found, start, end = [], 0, size
    while end - start > 1:
        middle = start + (1 << ((end - start - 1).bit_length() - 1))
        whole = Span(start, end)
        if index < middle:
            found.append((whole, Span(middle, end)))
            end = middle
        else:
            found.append((whole, Span(start, middle)))
            start = middle
    return found
