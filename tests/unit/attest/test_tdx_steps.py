"""Steps that hang on one another: what was refused holds back only what needs it."""

from keyturn.attest.checks import Outcome
from keyturn.attest.errors import Reason, UntrustedEvidence
from keyturn.attest.steps import Steps
from keyturn.attest.tdx_steps import Proof, Step, after, all_three, both


def doubled(value: int) -> Proof[int]:
    return Proof(2 * value, value, "a number")


def refuse(_: int) -> Proof[int]:
    raise UntrustedEvidence("no", reason=Reason.SIGNATURE_INVALID, found="a", expected="b")


def test_a_refused_step_holds_back_what_needs_it_and_nothing_else() -> None:
    steps = Steps()
    two = after(steps, Step.QUOTE, doubled, 1)
    bad = after(steps, Step.COLLATERAL, refuse, two)
    after(steps, Step.ROOT, doubled, bad)
    four = after(steps, Step.CHAIN, doubled, two)
    assert (two, bad, four) == (2, None, 4)
    outcomes = [(check.name, check.outcome) for check in steps.checks]
    assert outcomes == [
        ("quote", Outcome.MET),
        ("collateral", Outcome.NOT_MET),
        ("root", Outcome.NOT_MEASURED),
        ("chain", Outcome.MET),
    ]
    assert steps.refusal is not None
    assert steps.refusal.reason is Reason.SIGNATURE_INVALID
    refused = steps.checks[1]
    assert (refused.found, refused.expected, refused.reason) == ("a", "b", steps.refusal.reason)


def test_a_value_that_counts_as_false_is_no_refusal() -> None:
    steps = Steps()
    assert after(steps, Step.QUOTE, doubled, 0) == 0
    assert after(steps, Step.COLLATERAL, doubled, 0) == 0
    assert steps.refusal is None


def test_what_is_missing_is_missing_together() -> None:
    assert both(0, "") == (0, "")
    assert both(None, 1) is both(1, None) is None
    assert all_three(0, "", b"") == (0, "", b"")
    assert all_three(None, 1, 1) is all_three(1, None, 1) is all_three(1, 1, None) is None


def test_a_refusal_without_an_expectation_gets_its_steps() -> None:
    def bare(_: int) -> Proof[int]:
        raise UntrustedEvidence("no", reason=Reason.SIGNATURE_INVALID)

    steps = Steps()
    after(steps, Step.TCB_INFO, bare, 1)
    (check,) = steps.checks
    assert (check.name, check.source) == (Step.TCB_INFO.title, Step.TCB_INFO.source)
    assert (check.found, check.expected) == ("no", Step.TCB_INFO.expected)


def test_a_proof_says_what_it_found_and_may_say_what_it_expected() -> None:
    steps = Steps()
    after(steps, Step.PCK, lambda value: Proof(value, "x"), 1)
    after(steps, Step.DATES, lambda value: Proof(value, "x", "y"), 1)
    assert [check.expected for check in steps.checks] == [Step.PCK.expected, "y"]


def test_names_stand_once() -> None:
    assert len({step.title for step in Step}) == len(Step)
    assert all(step.source and step.expected for step in Step)
