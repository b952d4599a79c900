"""Named steps: what is met, what refuses, and what is never reached."""

import pytest

from keyturn.attest.checks import Outcome, failures
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.steps import Steps


def refuse(reason: Reason) -> None:
    raise UntrustedEvidence("no", reason=reason, found="this", expected="that")


def test_every_step_is_kept_and_the_first_refusal_counts() -> None:
    steps = Steps()
    assert steps.take("one", "source", lambda: 1, lambda n: (n, "a number")) == 1
    assert (
        steps.take("two", "source", lambda: refuse(Reason.CHAIN_INVALID), lambda _: ("", ""))
        is None
    )
    steps.take("three", "source", lambda: refuse(Reason.CERT_EXPIRED), lambda _: ("", ""))
    steps.unreached("four", "source")
    steps.unasked("five", "source", "not asked")
    assert steps.refusal is not None
    assert steps.refusal.reason is Reason.CHAIN_INVALID
    outcomes = [check.outcome for check in steps.checks]
    assert outcomes == [Outcome.MET, *[Outcome.NOT_MET] * 2, *[Outcome.NOT_MEASURED] * 2]
    assert [check.name for check in failures(steps.checks)] == ["two", "three"]
    assert (steps.checks[1].found, steps.checks[1].expected) == ("this", "that")


def test_a_refusal_without_a_finding_shows_its_message() -> None:
    steps = Steps()

    def malformed() -> None:
        raise MalformedEvidence("too short")

    steps.take("form", "source", malformed, lambda _: ("", ""))
    assert steps.checks[0].found == "too short"


def test_what_is_no_refusal_is_an_error() -> None:
    with pytest.raises(ZeroDivisionError):
        Steps().take("bug", "source", lambda: 1 // 0, lambda _: ("", ""))
