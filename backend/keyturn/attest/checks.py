"""One thing that was checked about evidence: what was found, what was expected, who says so."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from keyturn.attest.errors import Reason


class Outcome(Enum):
    MET = "met"
    NOT_MET = "not-met"
    NOT_MEASURED = "not-measured"


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check, in short texts for people and machines; never secrets.

    `source` names what set the expectation: the vendor's specification, or whatever the
    caller's rule calls itself (a statement's digest). `reason` is the broken rule's name.
    A check of which a rule demands the outcome fails unless it is `MET`; verification also
    reports as `NOT_MEASURED` what nobody asked for, with `required` false.
    """

    name: str
    outcome: Outcome
    found: str
    expected: str
    source: str
    reason: Reason | None = None
    required: bool = True

    @property
    def failed(self) -> bool:
        return self.required and self.outcome is not Outcome.MET


def failures(checks: Iterable[Check]) -> tuple[Check, ...]:
    """The checks that stand against acceptance, in order."""
    return tuple(check for check in checks if check.failed)


def judge(
    name: str, met: bool, *, found: object, expected: object, source: str, reason: Reason
) -> Check:
    """A required check from a comparison that was made."""
    outcome = Outcome.MET if met else Outcome.NOT_MET
    return Check(name, outcome, str(found), str(expected), source, None if met else reason)


def proved(name: str, *, found: object, expected: object, source: str) -> Check:
    """A check that verification made and that held; had it not, a refusal was raised."""
    return met(name, str(found), str(expected), source)


@lru_cache(maxsize=4096)
def met(name: str, found: str, expected: str, source: str) -> Check:
    """As `proved`. Most checks of a machine read as they did last time: one value serves all."""
    return Check(name, Outcome.MET, found, expected, source)


def not_measured(name: str, *, found: str, source: str, expected: str = "") -> Check:
    """Something that nobody asked for or that this evidence cannot show."""
    return Check(name, Outcome.NOT_MEASURED, found, expected, source, required=False)
