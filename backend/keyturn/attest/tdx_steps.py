"""Steps that hang on earlier ones: each gets what those proved, or is not reached."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from keyturn.attest.steps import Steps

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Proof(Generic[T]):
    """What a step gives to later ones, and the texts of its check."""

    value: T
    found: object
    expected: object


def after(
    steps: Steps, name: str, source: str, work: Callable[[A], Proof[T]], given: A | None
) -> T | None:
    """Do one step with what earlier ones proved; `given` None: one of them was refused."""
    if given is None:
        steps.unreached(name, source)
        return None
    held = given  # narrowed for the closure
    proof = steps.take(name, source, lambda: work(held), lambda done: (done.found, done.expected))
    return proof.value if proof is not None else None


def both(a: A | None, b: B | None) -> tuple[A, B] | None:
    """Both, or None when one is missing."""
    return None if a is None or b is None else (a, b)


def all_three(a: A | None, b: B | None, c: C | None) -> tuple[A, B, C] | None:
    """All three, or None when one is missing."""
    return None if a is None or b is None or c is None else (a, b, c)
