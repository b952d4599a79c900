"""A verification as named steps: all that can be made are made, and the first refusal is kept.

A refusal so shows what was met before and beside it,
and what could not be reached. Nothing is proved while `refusal` is set.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from keyturn.attest.checks import Check, Outcome, met, not_measured
from keyturn.attest.errors import REFUSALS, MalformedEvidence, UntrustedEvidence

Refusal = MalformedEvidence | UntrustedEvidence
T = TypeVar("T")


class Steps:
    """Collects the checks of one verification, in order."""

    def __init__(self) -> None:
        self._checks: list[Check] = []
        self._refusal: Refusal | None = None

    @property
    def checks(self) -> tuple[Check, ...]:
        return tuple(self._checks)

    @property
    def refusal(self) -> Refusal | None:
        """The first; None while every step was met."""
        return self._refusal

    def take(
        self,
        name: str,
        source: str,
        step: Callable[[], T],
        proof: Callable[[T], tuple[object, object]],
    ) -> T | None:
        """Make one step; `proof` says of its value what was found and what was expected.

        Only typed refusals are caught. None: refused, and recorded so.
        """
        try:
            value = step()
        except REFUSALS as refusal:
            self.refused(name, source, refusal)
            return None
        self.met(name, source, *proof(value))
        return value

    def met(self, name: str, source: str, found: object, expected: object) -> None:
        """A step that was made and met."""
        self._checks.append(met(name, str(found), str(expected), source))

    def again(self, checks: Iterable[Check]) -> None:
        """Steps that were all met before, and still are."""
        self._checks.extend(checks)

    def unreached(self, name: str, source: str) -> None:
        """A step that cannot be made since one that it needs was refused."""
        self._checks.append(not_measured(name, found="not reached", source=source))

    def unasked(self, name: str, source: str, found: str) -> None:
        """Something that nobody asked for or that this evidence cannot show."""
        self._checks.append(not_measured(name, found=found, source=source))

    def refused(self, name: str, source: str, refusal: Refusal) -> None:
        """A step that was made and refused."""
        found = refusal.found or refusal.message
        self._checks.append(
            Check(name, Outcome.NOT_MET, found, refusal.expected, source, refusal.reason)
        )
        self._refusal = self._refusal or refusal
