"""Each rule by itself: broken it fails with its reason, allowed it is met."""

from dataclasses import replace
from datetime import datetime

import pytest

from keyturn.attest.anchors import TrustAnchors
from keyturn.attest.checks import Outcome, failures
from keyturn.attest.errors import Reason
from keyturn.attest.snp import SnpClaims, SnpCollateral, verify_snp
from keyturn.attest.snp_appraisal import SnpRule, TcbFloor, appraise_snp
from keyturn.attest.snp_tcb import SnpProduct, parse_tcb
from keyturn_sim import SimNode
from keyturn_sim.snp import DEBUG, MIGRATION_AGENT, RESERVED_ONE, SMT_ALLOWED

STRICT = SnpRule(
    allow_debug=False,
    allow_migration_agent=False,
    allow_smt=False,
    max_vmpl=0,
    floors={SnpProduct.GENOA: TcbFloor(bootloader=10, snp=27, microcode=88)},
    require_alias_check=True,
    source="policy",
)
LOOSE = SnpRule(
    allow_debug=True,
    allow_migration_agent=True,
    allow_smt=True,
    max_vmpl=None,
    floors=None,
    require_alias_check=False,
    source="policy",
)


@pytest.fixture
def claims(
    node: SimNode, collateral: SnpCollateral, anchors: TrustAnchors, now: datetime
) -> SnpClaims:
    quiet = replace(node, launch=replace(node.launch, guest_policy=RESERVED_ONE))
    asked = bytes(64)
    return verify_snp(
        quiet.snp_report(asked), collateral, anchors=anchors, now=now, expected_report_data=asked
    ).claims


def with_report(claims: SnpClaims, **changed: object) -> SnpClaims:
    return replace(claims, report=replace(claims.report, **changed))  # type: ignore[arg-type]


def test_a_quiet_guest_meets_the_strict_rule(claims: SnpClaims) -> None:
    checks = appraise_snp(claims, STRICT)
    assert {check.outcome for check in checks} == {Outcome.MET}
    assert {check.source for check in checks} == {"policy"}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"policy": RESERVED_ONE | DEBUG}, Reason.DEBUG_ALLOWED),
        ({"policy": RESERVED_ONE | MIGRATION_AGENT}, Reason.MIGRATION_AGENT_ALLOWED),
        ({"policy": RESERVED_ONE | SMT_ALLOWED}, Reason.SMT_ALLOWED),
        ({"vmpl": 1}, Reason.VMPL_TOO_HIGH),
        ({"platform_info": 1}, Reason.ALIAS_CHECK_NOT_COMPLETE),
        ({"version": 2}, Reason.ALIAS_CHECK_NOT_COMPLETE),
    ],
)
def test_one_broken_rule_fails_alone(
    claims: SnpClaims, changed: dict[str, object], reason: Reason
) -> None:
    worse = with_report(claims, **changed)
    (failed,) = failures(appraise_snp(worse, STRICT))
    assert failed.reason is reason
    assert failures(appraise_snp(worse, LOOSE)) == ()


def test_a_version_2_report_cannot_show_the_alias_check(claims: SnpClaims) -> None:
    (failed,) = failures(appraise_snp(with_report(claims, version=2), STRICT))
    assert failed.outcome is Outcome.NOT_MEASURED


@pytest.mark.parametrize("part", ["bootloader", "tee", "snp", "microcode"])
def test_each_part_of_the_floor_counts(claims: SnpClaims, part: str) -> None:
    value = getattr(claims.reported_tcb, part)
    exact = replace(STRICT, floors={SnpProduct.GENOA: TcbFloor(**{part: value})})
    assert failures(appraise_snp(claims, exact)) == ()
    above = replace(STRICT, floors={SnpProduct.GENOA: TcbFloor(**{part: value + 1})})
    (failed,) = failures(appraise_snp(claims, above))
    assert failed.reason is Reason.TCB_BELOW_MINIMUM


def test_a_product_without_a_floor_is_refused_where_floors_are_set(claims: SnpClaims) -> None:
    for floors in ({}, {SnpProduct.MILAN: TcbFloor()}):
        (failed,) = failures(appraise_snp(claims, replace(STRICT, floors=floors)))
        assert failed.reason is Reason.TCB_BELOW_MINIMUM


def test_a_committed_tcb_below_the_reported_is_refused(claims: SnpClaims) -> None:
    low = parse_tcb(SnpProduct.GENOA, bytes.fromhex("0a00000000001b57"))
    reasons = {c.reason for c in failures(appraise_snp(replace(claims, committed_tcb=low), STRICT))}
    assert reasons == {Reason.TCB_ORDER, Reason.TCB_BELOW_MINIMUM}


def test_every_broken_rule_is_reported(claims: SnpClaims) -> None:
    worst = with_report(claims, policy=RESERVED_ONE | DEBUG | MIGRATION_AGENT | SMT_ALLOWED, vmpl=3)
    assert len(failures(appraise_snp(worst, STRICT))) == 4


def test_a_launch_under_firmware_below_the_floor_is_refused(claims: SnpClaims) -> None:
    """Firmware that was mended after the launch cannot vouch for what measured the guest."""
    old = parse_tcb(SnpProduct.GENOA, bytes(8))
    (failed,) = failures(appraise_snp(replace(claims, launch_tcb=old), STRICT))
    assert failed.reason is Reason.TCB_BELOW_MINIMUM
    assert "launch 0000000000000000" in failed.found


def test_the_floor_of_the_first_boot_stage_counts_on_turin_alone() -> None:
    turin = parse_tcb(SnpProduct.TURIN, bytes.fromhex("0102030400000009"))
    genoa = parse_tcb(SnpProduct.GENOA, bytes.fromhex("0a00000000001b58"))
    assert TcbFloor(fmc=1).holds(turin)
    assert not TcbFloor(fmc=2).holds(turin)
    assert TcbFloor(fmc=2).holds(genoa)  # it has none
    assert "fmc 2" in str(TcbFloor(fmc=2))
    assert "fmc" not in str(TcbFloor())
