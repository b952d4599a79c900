"""Findings: met, or not met with a reason; what had to be measured and was not has failed (I6)."""

import pytest

from keyturn.attest.checks import Check, Outcome
from keyturn.attest.errors import Reason
from keyturn.base.encoding import Digest
from keyturn.policy.findings import Finding, failing, from_check, judged, met, not_met

BY = Digest("sha256:" + "11" * 32)


def test_what_is_met_has_no_reason() -> None:
    found = met("gpu: count", 1, 2, BY)
    assert found == Finding("gpu: count", Outcome.MET, "1", "2", BY)
    assert not found.failed


def test_what_is_not_met_says_why_and_what_helps() -> None:
    found = not_met("gpu: count", "gpu-count", 1, 2, statement=BY, hint="add one")
    expected = Finding("gpu: count", Outcome.NOT_MET, "1", "2", BY, "gpu-count", "add one")
    assert found == expected
    assert found.failed


@pytest.mark.parametrize("holds", [True, False])
def test_a_judgement_is_one_or_the_other(holds: bool) -> None:
    found = judged("x", holds, "why", "f", "e", statement=BY, hint="h")
    both = (met("x", "f", "e", BY), not_met("x", "why", "f", "e", statement=BY, hint="h"))
    assert found == both[not holds]


@pytest.mark.parametrize(
    ("outcome", "required", "reason", "failed"),
    [
        (Outcome.MET, True, None, None),
        (Outcome.NOT_MET, True, Reason.VBIOS_MISMATCH, Reason.VBIOS_MISMATCH.value),
        (Outcome.NOT_MEASURED, True, Reason.VBIOS_MISMATCH, Reason.VBIOS_MISMATCH.value),
        (Outcome.NOT_MEASURED, True, None, "not-measured"),
        (Outcome.NOT_MET, True, None, "not-measured"),
        (Outcome.NOT_MEASURED, False, None, None),
        (Outcome.NOT_MEASURED, False, Reason.VBIOS_MISMATCH, None),
    ],
)
def test_a_check_becomes_a_finding(
    outcome: Outcome, required: bool, reason: Reason | None, failed: str | None
) -> None:
    check = Check("vbios", outcome, "f", "e", "source", reason, required)
    found = from_check(check, BY, prefix="gpu 0: ", hint="h")

    assert (found.check, found.outcome, found.found, found.expected) == (
        "gpu 0: vbios",
        outcome,
        "f",
        "e",
    )
    assert (found.statement, found.reason) == (BY, failed)
    assert found.failed is (failed is not None)
    assert found.hint == ("h" if failed else "")


def test_the_failing_ones_keep_their_order() -> None:
    one, two, three = (judged(str(n), n == 2, "r", n, n) for n in (1, 2, 3))
    assert failing([one, two, three]) == (one, three)
    assert failing([]) == ()
