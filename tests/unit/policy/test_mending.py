"""Which repair follows from which reason: operational before any change of rules."""

from collections.abc import Mapping

import pytest

from keyturn.attest.errors import Reason
from keyturn.base.collateral import CollateralKind
from keyturn.policy.choosing import choose
from keyturn.policy.findings import Finding, not_met
from keyturn.policy.mending import Case, in_order, repairs_of
from keyturn.policy.repairing import (
    ChangeNode,
    Component,
    CosignLog,
    FetchCollateral,
    ImportRim,
    Investigate,
    ProposeBaseline,
    ProposePlatform,
    ProposePolicyCaveat,
    RenewStatement,
    Repair,
    RestartNode,
    Risk,
    Setting,
    UpdateFirmware,
    Why,
)
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Caveat
from support.authority import policy_body
from unit.keyrelease.release_desk import Desk
from unit.policy.refusals import asked, explained


@pytest.fixture(scope="module")
def shared() -> Desk:
    """Nothing comes into force any more."""
    return Desk()


@pytest.fixture
def desk() -> Desk:
    return Desk()


def case_of(desk: Desk, *findings: Finding) -> Case:
    state, now = desk.log.state, desk.clock()
    return Case(asked(desk).observed, findings, state, choose(desk.digest, state, now).rules, now)


def of(desk: Desk, check: str, reason: str, found: str = "x") -> tuple[Repair, ...]:
    finding = not_met(check, reason, found, "y")
    return repairs_of(finding, case_of(desk, finding))


@pytest.mark.parametrize("reason", [each.value for each in Reason])
def test_every_reason_of_a_verifier_has_a_repair_and_none_weakens_a_rule(
    shared: Desk, reason: str
) -> None:
    repairs = of(shared, "cpu: something", reason)
    assert repairs
    assert all(each.risk is not Risk.RULE for each in repairs)


@pytest.mark.parametrize(
    ("check", "reason", "action"),
    [
        ("challenge", "challenge-stale", RestartNode()),
        ("lease", "lease-not-live", RestartNode()),
        ("tpm: AK activated", "ak-not-activated", RestartNode()),
        ("witnesses", "witness-cosignatures-missing", CosignLog()),
        ("cpu: smt", "smt-allowed", ChangeNode(Setting.SMT)),
        ("tpm: Secure Boot", "secure-boot-not-on", ChangeNode(Setting.SECURE_BOOT)),
        ("gpu: count", "gpu-count", ChangeNode(Setting.GPUS)),
        ("collateral amd-crl", "collateral-too-old", FetchCollateral((CollateralKind.AMD_CRL,))),
        ("collateral new-kind", "collateral-missing", FetchCollateral()),
        ("cpu: evidence", "signature-invalid", Investigate()),
        ("cpu: evidence", "untrusted-root", Investigate()),
        ("anything", "a-reason-of-a-newer-version", Investigate()),
        ("policy in force", "policy-not-in-force", RenewStatement(Kind.POLICY, "y")),
        ("gpu 0: rim", "reference-values-not-from-rim", ImportRim()),
    ],
)
def test_one_reason_one_repair(shared: Desk, check: str, reason: str, action: object) -> None:
    (repair,) = of(shared, check, reason)
    assert repair.action == action


def test_what_passes_by_now_only_has_to_ask_again(shared: Desk) -> None:
    finding = not_met("cpu: evidence", "signature-invalid", "", "")
    (repair,) = repairs_of(finding, case_of(shared, finding), allowed=True)
    assert (repair.action, repair.why) == (RestartNode(), Why.ALLOWED_NOW)


def test_a_low_tcb_names_its_components_and_keeps_firmware_from_being_proposed(
    desk: Desk,
) -> None:
    floor: Mapping[str, int] = {"fmc": 0, "bootloader": 99, "tee": 0, "snp": 0, "microcode": 250}
    snp = {**policy_body()["snp"], "min_tcb": {"Genoa": floor}}  # type: ignore[dict-item]
    desk.set_policy(snp=snp)
    sim = desk.node.sim.with_firmware(b"\xee" * 48)
    found = explained(desk, asked(desk, sim=sim))
    (update,) = [each for each in found.repairs if isinstance(each.action, UpdateFirmware)]
    tcb = desk.node.sim.launch.tcb
    assert isinstance(update.action, UpdateFirmware)
    assert set(update.action.components) == {
        Component("bootloader", tcb.bootloader, 99),
        Component("microcode", tcb.microcode, 250),
    }
    assert not any(each.draft for each in found.repairs)


def test_a_machine_that_no_list_has_is_proposed_for_the_list(desk: Desk) -> None:
    other = {"id": "amd-genoa-" + "00" * 64, "site": "hall 1", "note": ""}
    desk.log.enact(Kind.PLATFORMS, "mine", {"platforms": [other]})
    desk.set_policy(platforms=["mine"])
    found = explained(desk, asked(desk))
    (repair,) = found.repairs
    assert isinstance(repair.action, ProposePlatform)
    assert repair.action.site_known
    draft = repair.action.draft
    desk.log.enact(draft.kind, draft.subject, draft.body)
    assert asked(desk).granted


def test_an_inherent_caveat_may_be_proposed_and_an_avoidable_one_never(desk: Desk) -> None:
    accepted = [each.value for each in Caveat if each is not Caveat.PHYSICAL_ACCESS]
    desk.set_policy(accepted_caveats=accepted)
    (repair,) = explained(desk, asked(desk)).repairs
    assert isinstance(repair.action, ProposePolicyCaveat)
    assert repair.risk is Risk.RULE
    draft = repair.action.draft
    desk.log.enact(draft.kind, draft.subject, draft.body)
    assert asked(desk).granted
    for caveat, setting in (
        (Caveat.UNLOCKED_MEMORY, Setting.MEMORY),
        (Caveat.PARAVISOR, Setting.VMPL),
    ):
        (avoided,) = of(desk, f"caveat {caveat.value}", "caveat-not-accepted", caveat.value)
        assert avoided.action == ChangeNode(setting)


def test_where_only_a_rim_counts_none_is_captured(desk: Desk) -> None:
    desk.set_policy(gpu={"count": 1, "rim": True})
    sim = desk.node.sim.with_gpu_measurement(0, 1, b"\x77" * 48)
    found = explained(desk, asked(desk, sim=sim))
    assert ImportRim() in [each.action for each in found.repairs]
    assert not any(isinstance(each.action, ProposeBaseline) for each in found.repairs)


def test_repairs_stand_once_and_the_least_risk_first() -> None:
    rule = Repair(ImportRim(), Risk.KNOWN_GOOD, Why.MAKERS_WORD)
    first = Repair(RestartNode(), Risk.NOTHING, Why.NOTHING_CHANGES)
    same = Repair(RestartNode(), Risk.NOTHING, Why.ALLOWED_NOW)
    machine = Repair(ChangeNode(Setting.SMT), Risk.MACHINE, Why.STRICTER)
    assert in_order([rule, machine, first, same]) == (first, machine, rule)
