"""One check of an appraisal with everything a person needs to act on it."""

from collections.abc import Iterable
from dataclasses import dataclass

from keyturn.attest.checks import Check, Outcome
from keyturn.base.encoding import Digest


@dataclass(frozen=True, slots=True)
class Finding:
    """What was checked, found and expected; `statement` set the expectation, or the protocol did.

    `reason` is stable and set where the check failed.
    """

    check: str
    outcome: Outcome
    found: str
    expected: str
    statement: Digest | None
    reason: str | None = None
    hint: str = ""

    @property
    def failed(self) -> bool:
        return self.reason is not None


def met(check: str, found: object, expected: object, statement: Digest | None = None) -> Finding:
    return Finding(check, Outcome.MET, str(found), str(expected), statement)


def not_met(
    check: str,
    reason: str,
    found: object,
    expected: object,
    *,
    statement: Digest | None = None,
    hint: str = "",
) -> Finding:
    return Finding(check, Outcome.NOT_MET, str(found), str(expected), statement, reason, hint)


def judged(
    check: str,
    holds: bool,
    reason: str,
    found: object,
    expected: object,
    *,
    statement: Digest | None = None,
    hint: str = "",
) -> Finding:
    """`met` or `not_met`."""
    if holds:
        return met(check, found, expected, statement)
    return not_met(check, reason, found, expected, statement=statement, hint=hint)


def from_check(
    check: Check, statement: Digest | None, *, prefix: str = "", hint: str = ""
) -> Finding:
    """An `attest` check as a finding. One that had to be measured and was not has failed (I6)."""
    failed = check.failed
    reason = (check.reason.value if check.reason else "not-measured") if failed else None
    return Finding(
        prefix + check.name,
        check.outcome,
        check.found,
        check.expected,
        statement,
        reason,
        hint if failed else "",
    )


def failing(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(each for each in findings if each.failed)
