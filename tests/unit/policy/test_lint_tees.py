"""Whether any machine can pass, TEE by TEE."""

from keyturn.policy.shown import Shown
from keyturn.quorum.kinds import Kind
from support.authority import policy_body, tdx_rule
from support.observednodes import observed
from unit.policy.lint_ground import errors, ground, said


def test_one_of_two_kinds_of_machine_that_cannot_pass_is_a_warning() -> None:
    found = ground().of_policy(tees=["snp", "tdx"], tdx=tdx_rule())
    assert ("warning", "tdx", "no-value-of-tee") in found
    assert not errors(found)


def test_a_floor_that_no_node_reaches() -> None:
    here = ground()
    node = observed("n", here.desk.digest, Shown(here.cpu), here.now)
    floor = {"fmc": 0, "bootloader": 255, "tee": 0, "snp": 0, "microcode": 0}
    body = policy_body()
    body["snp"] = {**body["snp"], "min_tcb": {"Genoa": floor}}  # type: ignore[dict-item]
    found = said(here.remarks(Kind.POLICY, "serving", body, observed=[node]))
    assert ("warning", "snp.min_tcb.Genoa", "floor-above-seen") in found
