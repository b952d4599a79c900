"""A submodule for the CPU and for each GPU, affirming only what was appraised (§5.7; I11)."""

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from keyturn.attest.chains import ChainCache
from keyturn.attest.crl import CrlFacts
from keyturn.attest.ocsp import OcspFacts, Status
from keyturn.attest.snp import SnpClaims
from keyturn.attest.snp_report import GuestPolicy
from keyturn.attest.tdx_claims import TdxClaims
from keyturn.attest.tdx_collateral import TcbStatus
from keyturn.attest.tdx_quote import TdAttribute
from keyturn.attest.tpm import TpmClaims
from keyturn.base.encoding import Digest
from keyturn.keyrelease.collateral import NOTHING_KEPT
from keyturn.keyrelease.ear import AFFIRMING, WARNING, Submodule
from keyturn.keyrelease.evidence import VerifiedEvidence, verify_evidence
from keyturn.keyrelease.results import submodules
from keyturn.quorum.tpm_bodies import PcrBank, TpmRule
from support.collateral import IntelDesk
from support.shownparts import NOW, Parts, anchors_of, td_cpu
from unit.keyrelease.release_desk import Desk, simulated, vendors

POLICY = Digest("sha256:" + "11" * 32)
AR4SI = {
    "instance-identity",
    "configuration",
    "executables",
    "file-system",
    "hardware",
    "runtime-opaque",
    "storage-opaque",
    "sourced-data",
}


def test_each_device_has_its_own() -> None:
    desk = Desk()
    desk.node = replace(desk.node, sim=simulated(2))
    found = submodules(desk.verified(desk.request()), POLICY)

    assert [each.name for each in found] == ["cpu0", "gpu0", "gpu1"]
    assert {each.policy for each in found} == {POLICY}
    assert {each.status for each in found} == {2}


def test_nothing_is_claimed_that_evidence_cannot_show() -> None:
    cpu, gpu = submodules(Desk().verified(Desk().request()), POLICY)

    assert cpu.vector.keys() | gpu.vector.keys() <= AR4SI
    assert not {"runtime-opaque", "file-system", "storage-opaque"} & cpu.vector.keys()
    assert "configuration" not in gpu.vector
    assert {*cpu.vector.values(), *gpu.vector.values()} == {2}


# What a policy lets pass is not thereby good.


@pytest.fixture(scope="module")
def td() -> VerifiedEvidence:
    """A TD that is up to date, proved."""
    intel = IntelDesk()
    return verify_evidence(
        Parts(td_cpu(intel)).ask(),
        anchors_of(amd=vendors().roots["amd-sev"], intel=intel.intel.root_spki),
        NOW,
        ChainCache(),
        collateral=NOTHING_KEPT.with_documents(intel.everything(NOW - timedelta(days=1))),
    )


def with_status(
    td: VerifiedEvidence, status: TcbStatus, current: TcbStatus | None = None
) -> Submodule:
    assert isinstance(td.cpu, TdxClaims)
    tcb = replace(td.cpu.tcb, status=status, current=current)
    cpu, *_ = submodules(replace(td, cpu=replace(td.cpu, tcb=tcb)), POLICY)
    return cpu


def test_an_up_to_date_td_is_affirmed(td: VerifiedEvidence) -> None:
    cpu = with_status(td, TcbStatus.UP_TO_DATE, TcbStatus.UP_TO_DATE)
    assert cpu.status == AFFIRMING
    assert set(cpu.vector.values()) == {AFFIRMING}
    assert len(cpu.vector) == 4


@pytest.mark.parametrize("status", sorted(set(TcbStatus) - {TcbStatus.UP_TO_DATE}, key=str))
def test_a_tcb_weaker_than_up_to_date_is_never_affirmed(
    td: VerifiedEvidence, status: TcbStatus
) -> None:
    for cpu in (with_status(td, status), with_status(td, TcbStatus.UP_TO_DATE, status)):
        assert cpu.status == WARNING
        warned = {name for name, value in cpu.vector.items() if value == WARNING}
        assert warned <= {"hardware", "configuration"}
        assert ("hardware" in warned) is (status is not TcbStatus.CONFIGURATION_NEEDED)
        assert cpu.vector["executables"] == AFFIRMING


@pytest.mark.parametrize("bit", [1, 1 << 5, TdAttribute.MIGRATABLE])
def test_a_td_under_debug_or_that_may_be_migrated_is_not_affirmed(
    td: VerifiedEvidence, bit: int
) -> None:
    assert isinstance(td.cpu, TdxClaims)
    quote = td.cpu.quote
    attributes = (quote.report.attributes | bit).to_bytes(8, "little")
    report = replace(quote.report, td_attributes=attributes)
    spoilt = replace(td.cpu, quote=replace(quote, report=report))
    cpu, *_ = submodules(replace(td, cpu=spoilt), POLICY)
    assert (cpu.status, cpu.vector["configuration"]) == (WARNING, WARNING)


@pytest.mark.parametrize("bit", [GuestPolicy.DEBUG, GuestPolicy.MIGRATE_MA])
def test_an_snp_guest_under_debug_or_that_may_be_migrated_is_not_affirmed(bit: GuestPolicy) -> None:
    desk = Desk()
    found = desk.verified(desk.request())
    assert isinstance(found.cpu, SnpClaims)
    report = replace(found.cpu.report, policy=found.cpu.report.policy | bit)
    cpu, *_ = submodules(replace(found, cpu=replace(found.cpu, report=report)), POLICY)
    assert (cpu.status, cpu.vector["configuration"]) == (WARNING, WARNING)


def test_what_was_not_measured_is_not_affirmed() -> None:
    """No list and no OCSP answer were there: nothing says that these are not revoked."""
    desk = Desk()
    found = desk.verified(desk.request())
    assert not any(each.ocsp for each in found.gpus)
    cpu, gpu = submodules(found, POLICY)
    assert "instance-identity" not in cpu.vector.keys() | gpu.vector.keys()

    assert isinstance(found.cpu, SnpClaims)
    listed = replace(found.cpu, crls=(CrlFacts("ARK", 1, NOW, NOW),))
    good = (OcspFacts("BROM", Status.GOOD, NOW, None, False),)
    gpus = tuple(replace(each, ocsp=good) for each in found.gpus)
    for each in submodules(replace(found, cpu=listed, gpus=gpus), POLICY):
        assert each.vector["instance-identity"] == AFFIRMING

    hidden = replace(listed, vek=replace(listed.vek, hwid=None))
    cpu, *_ = submodules(replace(found, cpu=hidden), POLICY)
    assert "instance-identity" not in cpu.vector


@pytest.mark.parametrize(
    ("asked", "claimed"),
    [
        ({"pcrs": (4,)}, {"executables"}),
        ({"pcrs": (1, 7)}, {"configuration"}),
        ({"secure_boot": True}, {"configuration"}),
        ({"variables": frozenset({"db"})}, {"configuration"}),
        ({"applications": True}, {"executables"}),
        ({"authorities": True, "pcrs": (7,)}, {"executables", "configuration"}),
    ],
)
def test_of_a_tpm_only_what_the_policy_asks_is_affirmed(
    asked: dict[str, object], claimed: set[str]
) -> None:
    nothing = TpmRule(PcrBank.SHA256, (), False, False, False, frozenset())
    rule = replace(nothing, **asked)  # type: ignore[arg-type]
    desk = Desk()
    found = replace(desk.verified(desk.request()), tpm=cast("TpmClaims", object()))
    assert [each.name for each in submodules(found, POLICY)] == ["cpu0", "gpu0"]
    *_, tpm = submodules(found, POLICY, tpm=rule)
    assert (tpm.name, tpm.status) == ("tpm0", AFFIRMING)
    assert set(tpm.vector) == {"instance-identity", *claimed}
