"""What a body names, and for how long it is in force."""

from datetime import timedelta

from keyturn.quorum.kinds import Kind
from support.authority import policy_body
from unit.policy.lint_ground import ground, said


def test_what_is_named_ends_before_the_policy() -> None:
    here = ground()
    remarks = here.remarks(
        Kind.POLICY, "serving", policy_body(), expires=here.now + timedelta(days=399)
    )
    assert ("warning", "baselines.firmware", "ends-before") in said(remarks)
