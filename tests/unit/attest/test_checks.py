"""Outcomes: what was demanded and not met fails; what nobody asked for does not."""

from keyturn.attest.checks import Check, Outcome, failures, judge, not_measured, proved
from keyturn.attest.errors import Reason


def test_a_rule_that_is_broken_names_its_reason() -> None:
    check = judge("vmpl", False, found=1, expected=0, source="p", reason=Reason.VMPL_TOO_HIGH)
    assert check == Check("vmpl", Outcome.NOT_MET, "1", "0", "p", Reason.VMPL_TOO_HIGH)
    assert failures([check]) == (check,)


def test_a_rule_that_is_met_has_no_reason() -> None:
    check = judge("vmpl", True, found=0, expected=0, source="p", reason=Reason.VMPL_TOO_HIGH)
    assert (check.failed, check.reason) == (False, None)


def test_what_was_not_measured_fails_only_where_it_was_demanded() -> None:
    demanded = Check("alias-check", Outcome.NOT_MEASURED, "nothing", "complete", "p")
    others = (not_measured("revocation", found="no CRL", source="s"),)
    others += (proved("root", found="r", expected="r", source="s"),)
    assert failures([demanded, *others]) == (demanded,)
