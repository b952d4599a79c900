"""CPUs of requests: TDs by kept collateral, SNP under kept lists, a paravisor's report."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography import x509

from keyturn.attest.anchors import TrustAnchors
from keyturn.attest.certificates import parse_certificate, pem_certificates
from keyturn.attest.chains import ChainCache
from keyturn.attest.snp import SnpClaims
from keyturn.attest.tdx_claims import TdxClaims
from keyturn.attest.tdx_quote import parse_tdx_quote
from keyturn.base.collateral import CollateralDocument
from keyturn.keyrelease.binding import tpm_nonce
from keyturn.keyrelease.collateral import NOTHING_KEPT, CollateralSet
from keyturn.keyrelease.evidence import VerifiedEvidence, verify_evidence
from keyturn.keyrelease.request import ReleaseRequest, TdxEvidence
from keyturn_sim.tdx import SimTd
from support.collateral import IntelDesk, amd_crl
from support.shownparts import NOW, Paravisor, Parts, anchors_of, snp_cpu, td_cpu
from unit.keyrelease.release_desk import simulated, vendors

ISSUED = NOW - timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def intel() -> IntelDesk:
    return IntelDesk()


@pytest.fixture(scope="module")
def td(intel: IntelDesk) -> ReleaseRequest:
    return Parts(td_cpu(intel)).ask()


@pytest.fixture
def judge(intel: IntelDesk) -> Callable[..., VerifiedEvidence]:
    def run(
        request: ReleaseRequest,
        *documents: CollateralDocument,
        now: datetime = NOW,
        kept: CollateralSet = NOTHING_KEPT,
    ) -> VerifiedEvidence:
        anchors = anchors_of(
            amd=vendors().roots["amd-sev"],
            intel=intel.intel.root_spki,
        )
        collateral = kept.with_documents(documents) if documents else kept
        return verify_evidence(request, anchors, now, ChainCache(), collateral=collateral)

    return run


Judge = Callable[..., VerifiedEvidence]


def reasons(found: VerifiedEvidence) -> list[str | None]:
    return [each.reason for each in found.findings if each.failed]


# TDs


def test_a_td_is_genuine_with_all_its_collateral(
    td: ReleaseRequest, intel: IntelDesk, judge: Judge
) -> None:
    found = judge(td, *intel.everything(ISSUED))

    assert found.genuine
    assert found.simulated
    assert isinstance(found.cpu, TdxClaims)
    assert found.cpu.report_data == td.binding
    assert all(each.check.startswith("cpu: ") for each in found.findings)


def test_without_any_of_it_the_reason_says_what_to_fetch(
    td: ReleaseRequest, intel: IntelDesk, judge: Judge
) -> None:
    found = judge(td)
    (finding,) = found.findings
    assert (finding.check, finding.reason) == ("cpu: evidence", "collateral-missing")
    assert "intel-tcb-info 51a000000000" in finding.found
    assert "fetch" in finding.hint
    assert found.cpu is None

    for left_out in intel.everything(ISSUED):
        documents = [each for each in intel.everything(ISSUED) if each.kind is not left_out.kind]
        found = judge(td, *documents)
        assert reasons(found) == ["collateral-missing"]
        assert left_out.kind.value in found.findings[0].found


def test_collateral_of_another_fmspc_is_not_this_ones(
    td: ReleaseRequest, intel: IntelDesk, judge: Judge
) -> None:
    _, *rest = intel.everything(ISSUED)
    other = intel.tcb_info(ISSUED, fmspc="00A000000000")
    assert reasons(judge(td, other, *rest)) == ["collateral-missing"]
    posing = replace(other, scope="51a000000000")  # as if handed in under a false scope
    assert reasons(judge(td, posing, *rest)) == ["collateral-mismatch"]


def test_collateral_by_another_intel_is_missing_not_used(td: ReleaseRequest, judge: Judge) -> None:
    assert reasons(judge(td, *IntelDesk().everything(ISSUED))) == ["collateral-missing"]


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (ISSUED, None),
        (ISSUED - HOUR, "collateral-not-yet-valid"),
        (ISSUED + timedelta(days=30), None),
        (ISSUED + timedelta(days=30) + HOUR, "collateral-expired"),
    ],
)
def test_a_clock_an_hour_off_at_the_border_of_collateral(
    td: ReleaseRequest, intel: IntelDesk, judge: Judge, at: datetime, reason: str | None
) -> None:
    found = judge(td, *intel.everything(ISSUED), now=at)
    assert reasons(found) == ([] if reason is None else [reason])


def test_a_revoked_pck_is_refused(intel: IntelDesk, judge: Judge) -> None:
    machine = intel.intel.certify()
    request = Parts(lambda binding: TdxEvidence(machine.quote(SimTd(), binding))).ask()
    info, identity, root, _ = intel.everything(ISSUED)

    assert reasons(judge(request, info, identity, root, intel.pck_crl(ISSUED))) == []
    revoked = intel.pck_crl(ISSUED, revoked=(machine.pck_serial,))
    assert reasons(judge(request, info, identity, root, revoked)) == ["cert-revoked"]


def test_one_verifier_over_time_never_lives_on_what_it_keeps(
    td: ReleaseRequest, intel: IntelDesk
) -> None:
    """The same cache and collateral set all along, as in a keyholder."""
    cache, root = ChainCache(), intel.intel.root_spki
    kept = NOTHING_KEPT.with_documents(intel.everything(ISSUED))
    trusted, other = anchors_of(intel=root), anchors_of(intel="00" * 32)

    def judged(
        anchors: TrustAnchors = trusted, now: datetime = NOW, by: CollateralSet = kept
    ) -> list[str | None]:
        return reasons(verify_evidence(td, anchors, now, cache, collateral=by))

    late = ISSUED + timedelta(days=30) + HOUR
    revoking = kept.with_documents([intel.pck_crl(ISSUED, revoked=(pck_serial(td),))])
    for _ in range(2):
        assert judged() == []
        assert judged(anchors=other) == ["untrusted-root"]
        assert judged(now=late) == ["collateral-expired"]
        assert judged(by=NOTHING_KEPT) == ["collateral-missing"]
        assert judged(by=revoking) == ["cert-revoked"]


def pck_serial(request: ReleaseRequest) -> int:
    cpu = request.evidence.cpu
    assert isinstance(cpu, TdxEvidence)
    leaf, *_ = pem_certificates(parse_tdx_quote(cpu.quote).pck_chain)
    return parse_certificate(leaf).serial


def test_a_quote_for_another_request_is_refused(
    td: ReleaseRequest, intel: IntelDesk, judge: Judge
) -> None:
    other = Parts(td_cpu(intel)).ask(b"\1" * 56)
    stolen = replace(td, evidence=replace(td.evidence, cpu=other.evidence.cpu))
    assert reasons(judge(stolen, *intel.everything(ISSUED))) == ["report-data-mismatch"]


def test_a_td_under_amds_anchors_alone_is_refused(td: ReleaseRequest, intel: IntelDesk) -> None:
    kept = NOTHING_KEPT.with_documents(intel.everything(ISSUED))
    anchors = anchors_of(amd=vendors().roots["amd-sev"])
    found = verify_evidence(td, anchors, NOW, ChainCache(), collateral=kept)
    assert reasons(found) == ["untrusted-root"]


def test_what_was_read_of_collateral_is_read_once(
    td: ReleaseRequest, intel: IntelDesk, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = NOTHING_KEPT.with_documents(intel.everything(ISSUED))
    assert judge(td, kept=kept).genuine

    def never(*_: object) -> None:
        raise AssertionError("collateral was read again")

    monkeypatch.setattr("keyturn.attest.tdx_collateral.parse_tcb_info", never)
    monkeypatch.setattr("keyturn.attest.tdx_collateral.parse_crl", never)
    monkeypatch.setattr("keyturn.keyrelease.collateral.split_tcb_info", never)
    assert judge(td, kept=kept).genuine
    assert kept.with_documents(()).parsed is kept.parsed


# SNP under lists


def snp() -> ReleaseRequest:
    return Parts(snp_cpu(simulated(0))).ask()


def serial(der: bytes) -> int:
    return x509.load_der_x509_certificate(der).serial_number


def test_lists_that_are_kept_count(judge: Judge) -> None:
    found = judge(snp(), amd_crl(vendors(), ISSUED), amd_crl(vendors(), ISSUED, by_ask=True))
    assert found.genuine
    assert isinstance(found.cpu, SnpClaims)
    assert len(found.cpu.crls) == 2


@pytest.mark.parametrize("now", [NOW, ISSUED + timedelta(days=31), ISSUED - HOUR])
@pytest.mark.parametrize("which", ["vek", "intermediate"])
def test_a_revoked_vcek_or_ask_is_refused_also_by_a_list_whose_time_is_over(
    judge: Judge, which: str, now: datetime
) -> None:
    revoked = serial(simulated(0).collateral()[which])
    document = amd_crl(vendors(), ISSUED, revoked=(revoked,), by_ask=which == "vek")
    found = judge(snp(), document, now=now)

    assert reasons(found) == ["cert-revoked"]
    assert found.cpu is None


def test_a_list_whose_time_is_over_proves_nothing(judge: Judge) -> None:
    found = judge(snp(), amd_crl(vendors(), ISSUED), now=ISSUED + timedelta(days=31))
    assert found.genuine
    assert isinstance(found.cpu, SnpClaims)
    assert found.cpu.crls == ()  # so that a policy which asks for a list is not met


# A paravisor


@pytest.fixture(scope="module")
def paravisor() -> Paravisor:
    return Paravisor()


def owned(paravisor: Paravisor, **changed: object) -> Parts:
    return Parts(snp_cpu(simulated(0), paravisor.runtime), paravisor=paravisor, **changed)  # type: ignore[arg-type]


def test_a_paravisors_quote_binds_the_request(paravisor: Paravisor, judge: Judge) -> None:
    found = judge(owned(paravisor).ask())
    assert reasons(found) == []
    assert found.cpu is not None
    assert found.tpm is not None


def test_other_runtime_data_than_the_reports_is_refused(paravisor: Paravisor, judge: Judge) -> None:
    request = owned(paravisor).ask()
    other = replace(request.evidence.cpu, runtime=Paravisor().runtime)  # type: ignore[call-arg]
    found = judge(replace(request, evidence=replace(request.evidence, cpu=other)))
    assert reasons(found)[0] == "runtime-data-mismatch"
    assert "ak-mismatch" in reasons(found)
    assert found.cpu is None


def test_another_ak_than_the_runtime_datas_is_refused(paravisor: Paravisor, judge: Judge) -> None:
    thief = Parts(snp_cpu(simulated(0), paravisor.runtime), paravisor=Paravisor())
    found = judge(thief.ask())
    assert "ak-mismatch" in reasons(found)
    assert (found.cpu, found.tpm) == (None, None)


def test_a_quote_with_the_nonce_of_a_plain_tpm_is_refused(
    paravisor: Paravisor, judge: Judge
) -> None:
    request = owned(paravisor).ask()
    plain = paravisor.quote(tpm_nonce(request.core))
    found = judge(replace(request, evidence=replace(request.evidence, tpm=plain)))
    assert reasons(found) == ["nonce-mismatch"]
    assert found.cpu is None


def test_without_the_quote_nothing_binds_the_report(paravisor: Paravisor, judge: Judge) -> None:
    request = owned(paravisor).ask()
    found = judge(replace(request, evidence=replace(request.evidence, tpm=None)))
    assert reasons(found) == ["tpm-missing"]
    assert found.cpu is None


def test_a_quote_of_another_request_is_refused(paravisor: Paravisor, judge: Judge) -> None:
    """The report is the same in every request of this machine: only the quote is fresh."""
    request, other = owned(paravisor).ask(), owned(paravisor).ask(b"\1" * 56)
    mixed = replace(request, evidence=replace(request.evidence, tpm=other.evidence.tpm))
    assert reasons(judge(mixed)) == ["nonce-mismatch"]


def test_runtime_data_that_is_bound_above_vmpl_0_is_refused(
    paravisor: Paravisor, judge: Judge
) -> None:
    """A guest above the paravisor makes reports too: with an AK of its own, in software."""
    sim = simulated(0)
    guest = replace(sim, launch=replace(sim.launch, vmpl=2))
    found = judge(Parts(snp_cpu(guest, paravisor.runtime), paravisor=paravisor).ask())
    assert reasons(found) == ["vmpl-too-high"]
    assert found.cpu is None


def test_runtime_data_as_the_plain_report_data_of_a_guest_is_not_the_binding(
    paravisor: Paravisor, judge: Judge
) -> None:
    """A report that binds runtime data does not pass where none is shown."""
    request = owned(paravisor).ask()
    hidden = replace(request.evidence.cpu, runtime=None)  # type: ignore[call-arg]
    found = judge(replace(request, evidence=replace(request.evidence, cpu=hidden)))
    assert "report-data-mismatch" in reasons(found)
    assert found.cpu is None
