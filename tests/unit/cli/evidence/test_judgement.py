"""When evidence counts as accepted, and when as fresh."""

import pytest

from keyturn.attest.checks import judge
from keyturn.attest.errors import Reason
from keyturn.cli.evidence.judgement import Judgement

MET, BROKEN = (
    judge("x", met, found="a", expected="b", source="s", reason=Reason.SMT_ALLOWED)
    for met in (True, False)
)


@pytest.mark.parametrize(
    ("refusal", "check", "accepted"),
    [(None, MET, True), (None, BROKEN, False), ("malformed", MET, False)],
)
def test_accepted_is_proved_and_every_check_met(refusal, check, accepted) -> None:  # type: ignore[no-untyped-def]
    judgement = Judgement("snp", refusal, "", False, (check,), {}, asked=True)
    assert judgement.accepted is accepted
    assert judgement.fresh is (refusal is None)
    assert not Judgement("snp", None, "", False, (check,), {}).fresh
