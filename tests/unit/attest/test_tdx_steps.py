"""Steps that hang on one another: what was refused holds back only what needs it."""

from keyturn.attest.checks import Outcome
from keyturn.attest.errors import Reason, UntrustedEvidence
from keyturn.attest.steps import Steps
from keyturn.attest.tdx_steps import Proof, after, all_three, both


def doubled(value: int) -> Proof[int]:
    return Proof(2 * value, value, "a number")


def refuse(_: int) -> Proof[int]:
    raise UntrustedEvidence("no", reason=Reason.SIGNATURE_INVALID, found="a", expected="b")


def test_a_refused_step_holds_back_what_needs_it_and_nothing_else() -> None:
    steps = Steps()
    two = after(steps, "first", "spec", doubled, 1)
    bad = after(steps, "second", "spec", refuse, two)
    after(steps, "third", "spec", doubled, bad)
    four = after(steps, "fourth", "spec", doubled, two)
    assert (two, bad, four) == (2, None, 4)
    outcomes = [(check.name, check.outcome) for check in steps.checks]
    assert outcomes == [
        ("first", Outcome.MET),
        ("second", Outcome.NOT_MET),
        ("third", Outcome.NOT_MEASURED),
        ("fourth", Outcome.MET),
    ]
    assert steps.refusal is not None
    assert steps.refusal.reason is Reason.SIGNATURE_INVALID
    refused = steps.checks[1]
    assert (refused.found, refused.expected, refused.reason) == ("a", "b", steps.refusal.reason)


def test_a_value_that_counts_as_false_is_no_refusal() -> None:
    steps = Steps()
    assert after(steps, "first", "spec", doubled, 0) == 0
    assert after(steps, "second", "spec", doubled, 0) == 0
    assert steps.refusal is None


def test_what_is_missing_is_missing_together() -> None:
    assert both(0, "") == (0, "")
    assert both(None, 1) is both(1, None) is None
    assert all_three(0, "", b"") == (0, "", b"")
    assert all_three(None, 1, 1) is all_three(1, None, 1) is all_three(1, 1, None) is None
