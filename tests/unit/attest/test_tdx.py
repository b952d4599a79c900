"""`verify_tdx`: what it proves, each attack's refusal, and that a refusal shows all checks."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, TrustAnchors, Vendor
from keyturn.attest.chains import ChainCache, Parsed
from keyturn.attest.checks import Outcome
from keyturn.attest.errors import REFUSALS, Reason, UntrustedEvidence
from keyturn.attest.tdx import examine_tdx, verify_tdx
from keyturn.attest.tdx_claims import TdxExamination, VerifiedTdx
from keyturn.attest.tdx_collateral import Documents, TcbStatus, TdxCollateral, read_collateral
from keyturn.attest.tdx_quote import parse_tdx_quote
from keyturn.attest.tdx_steps import Step
from keyturn.base.strictjson import Json, JsonObject, dump
from keyturn.base.times import parse_time
from keyturn_sim.tdx import (
    SimIntel,
    SimMachine,
    SimPlatform,
    SimQe,
    SimTd,
    level,
    qe_identity_of,
    svn_level,
    tcb_info_of,
)

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
ASKED = b"\x07" * 64
CACHE = ChainCache()
NAMES = [step.title for step in Step]


@pytest.fixture
def verify(intel_collateral: TdxCollateral, intel_anchors: TrustAnchors):  # type: ignore[no-untyped-def]
    def run(quote: bytes, **changed: object) -> VerifiedTdx:
        arguments = {
            "collateral": intel_collateral,
            "anchors": intel_anchors,
            "now": NOW,
            "expected_report_data": ASKED,
            "cache": CACHE,
        } | changed
        return verify_tdx(quote, **arguments)  # type: ignore[arg-type]

    return run


def refused(run, quote: bytes, **changed: object) -> Reason:  # type: ignore[no-untyped-def]
    with pytest.raises(REFUSALS) as caught:
        run(quote, **changed)
    return caught.value.reason


@pytest.mark.parametrize("version", [4, 5])
def test_a_simulated_quote_is_proved_and_marked(verify, machine: SimMachine, version: int) -> None:  # type: ignore[no-untyped-def]
    verified = verify(machine.quote(SimTd(), ASKED, version=version))
    claims = verified.claims
    assert claims.simulated
    assert claims.measurement == b"\x42" * 48
    assert claims.report_data == ASKED
    assert claims.tcb.status is TcbStatus.UP_TO_DATE
    (level_check,) = (c for c in verified.checks if c.name == "tcb-supported")
    assert level_check.found == "UpToDate, no advisory"
    assert claims.evaluation_number == 18
    assert claims.platform_id == "intel-" + "5a" * 16
    assert [check.name for check in verified.checks] == NAMES
    assert {check.outcome for check in verified.checks} == {Outcome.MET}
    assert all(check.found and check.expected and check.source for check in verified.checks)


def test_simulated_evidence_is_untrusted_where_only_hardware_counts(verify, machine) -> None:  # type: ignore[no-untyped-def]
    quote = machine.quote(SimTd(), ASKED)
    assert refused(verify, quote, anchors=HARDWARE_ANCHORS) is Reason.UNTRUSTED_ROOT
    verify(quote)  # not even a cache that saw it verified under other anchors lets it through
    assert refused(verify, quote, anchors=HARDWARE_ANCHORS) is Reason.UNTRUSTED_ROOT


def test_without_an_expectation_freshness_is_not_measured(verify, machine) -> None:  # type: ignore[no-untyped-def]
    verified = verify(machine.quote(SimTd(), ASKED), expected_report_data=None)
    (check,) = (c for c in verified.checks if c.name == "report-data")
    assert check.outcome is Outcome.NOT_MEASURED


def test_other_report_data_is_refused(verify, machine) -> None:  # type: ignore[no-untyped-def]
    quote = machine.quote(SimTd(), ASKED)
    for expected in (b"", ASKED[:-1], ASKED + b"\0", bytes(64)):
        found = refused(verify, quote, expected_report_data=expected)
        assert found is Reason.REPORT_DATA_MISMATCH


def test_what_follows_the_quote_proves_nothing(verify, machine) -> None:  # type: ignore[no-untyped-def]
    quote = machine.quote(SimTd(), ASKED)
    other = machine.quote(SimTd(mr_td=b"\x66" * 48), ASKED)
    for rest in (b"\0" * 70, other, b"x"):
        claims = verify(quote + rest).claims
        assert claims.measurement == b"\x42" * 48
        assert claims.quote.trailing == len(rest)


def test_documents_that_were_read_before_are_verified_again(  # type: ignore[no-untyped-def]
    verify, machine, intel_collateral
) -> None:
    parsed: Parsed[Documents] = Parsed()
    quote = machine.quote(SimTd(), ASKED)
    kept = {"parsed": parsed, "cache": ChainCache()}
    first = verify(quote, **kept)
    assert verify(quote, **kept) == first
    assert len(parsed) == 1
    for name, reason in (
        ("tcb_info_signature", Reason.TCB_INFO_SIGNATURE_INVALID),
        ("qe_identity_signature", Reason.QE_IDENTITY_SIGNATURE_INVALID),
    ):
        forged = replace(intel_collateral, **{name: b"\1" * 64})
        assert refused(verify, quote, **kept, collateral=forged) is reason
    late = NOW + timedelta(days=60)
    assert refused(verify, quote, **kept, now=late) is Reason.COLLATERAL_EXPIRED
    # What nobody signed is not kept: a stranger could fill the memory with it.
    for n in range(3):
        text = intel_collateral.tcb_info + b" " * (n + 1)
        refused(verify, quote, **kept, collateral=replace(intel_collateral, tcb_info=text))
    assert len(parsed) == 1


# Signatures


def test_the_attestation_key_is_the_quoting_enclaves(verify, machine: SimMachine, intel) -> None:  # type: ignore[no-untyped-def]
    """A key of one's own, put in the place of the enclave's, signs any body."""
    genuine = machine.quote(SimTd(), ASKED)
    forger = replace(machine, attestation_key=intel.certify().attestation_key)
    forged = forger.quote(SimTd(mr_td=b"\x66" * 48), ASKED)
    at = len(parse_tdx_quote(genuine).signed) + 4 + 134
    # The enclave's genuine report and its signature, behind the forger's key.
    mixed = forged[:at] + genuine[at:]
    assert refused(verify, mixed) is Reason.ATTESTATION_KEY_BINDING_INVALID


def test_authentication_data_is_bound_too(verify, machine: SimMachine) -> None:  # type: ignore[no-untyped-def]
    quote = machine.quote(SimTd(), ASKED)
    at = len(parse_tdx_quote(quote).signed) + 4 + 134 + 450
    changed = bytearray(quote)
    assert changed[at : at + 4] == b"\0\1\2\3"
    changed[at] ^= 1
    assert refused(verify, bytes(changed)) is Reason.ATTESTATION_KEY_BINDING_INVALID


def test_the_rest_of_the_enclaves_report_data_is_zero(verify, machine: SimMachine) -> None:  # type: ignore[no-untyped-def]
    class Odd(SimQe):
        def report(self, report_data: bytes) -> bytes:
            return SimQe.report(self, report_data[:63] + b"\1")

    odd = replace(machine, qe=Odd())
    found = refused(verify, odd.quote(SimTd(), ASKED))
    assert found is Reason.ATTESTATION_KEY_BINDING_INVALID


def test_another_platforms_certificates_do_not_fit(verify, machine: SimMachine, intel) -> None:  # type: ignore[no-untyped-def]
    swapped = replace(machine, chain=intel.certify().chain)
    found = refused(verify, swapped.quote(SimTd(), ASKED))
    assert found is Reason.QE_REPORT_SIGNATURE_INVALID


def test_a_body_signed_for_one_version_is_none_of_another(verify, machine: SimMachine) -> None:  # type: ignore[no-untyped-def]
    quote = bytearray(machine.quote(SimTd(), ASKED, version=5))
    short = bytes((4, *quote[1:48])) + bytes(quote[54:])  # version 4 has no descriptor
    assert refused(verify, short) is Reason.QUOTE_SIGNATURE_INVALID


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_one_flipped_bit_never_verifies(machine, intel_collateral, intel_anchors, data) -> None:  # type: ignore[no-untyped-def]
    version = data.draw(st.sampled_from((4, 5)))
    quote = bytearray(machine.quote(SimTd(), ASKED, version=version))
    end = len(quote) - len(machine.chain)  # a PEM text may be written in several ways
    bit = data.draw(st.integers(0, end * 8 - 1))
    quote[bit // 8] ^= 1 << bit % 8
    found = examine_tdx(
        bytes(quote),
        intel_collateral,
        anchors=intel_anchors,
        now=NOW,
        expected_report_data=None,
        cache=CACHE,
    )
    assert found.claims is None
    assert found.refusal is not None


def test_every_flipped_bit_of_signed_collateral_is_refused(
    machine: SimMachine, intel_collateral: TdxCollateral, intel_anchors: TrustAnchors
) -> None:
    quote = machine.quote(SimTd(), ASKED)
    names = (
        "tcb_info",
        "tcb_info_signature",
        "qe_identity",
        "qe_identity_signature",
        "root_crl",
        "pck_crl",
    )
    for name in names:
        raw = getattr(intel_collateral, name)
        for at in range(0, len(raw), max(1, len(raw) // 60)):
            changed = bytearray(raw)
            changed[at] ^= 1 << (at % 8)
            found = examine_tdx(
                quote,
                replace(intel_collateral, **{name: bytes(changed)}),
                anchors=intel_anchors,
                now=NOW,
                expected_report_data=ASKED,
                cache=CACHE,
            )
            assert found.refusal is not None, (name, at)
            assert found.claims is None


# Collateral that does not belong


def served(intel: SimIntel, **changed: object) -> TdxCollateral:
    return read_collateral(dump(intel.collateral(NOW, **changed)))  # type: ignore[arg-type]


def test_tcb_info_of_another_platform_is_refused(verify, machine, intel) -> None:  # type: ignore[no-untyped-def]
    quote = machine.quote(SimTd(), ASKED)
    sgx: JsonObject = tcb_info_of(NOW, id="SGX")
    others: tuple[JsonObject, ...] = (
        tcb_info_of(NOW, fmspc="51A000000001"),
        tcb_info_of(NOW, pceId="0001"),
        sgx,
    )
    for info in others:
        found = refused(verify, quote, collateral=served(intel, tcb_info=info))
        assert found is Reason.COLLATERAL_MISMATCH


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", "QE"),
        ("mrsigner", "00" * 32),
        ("isvprodid", 1),
        ("attributes", "13" + "00" * 15),
        ("miscselect", "01000000"),
    ],
)
def test_another_quoting_enclave_is_refused(verify, machine, intel, name: str, value: Json) -> None:  # type: ignore[no-untyped-def]
    identity = qe_identity_of(NOW, **{name: value})
    quote = machine.quote(SimTd(), ASKED)
    found = refused(verify, quote, collateral=served(intel, qe_identity=identity))
    assert found is Reason.QE_IDENTITY_MISMATCH


def test_what_of_a_quoting_enclave_is_another_is_named(verify, machine, intel) -> None:  # type: ignore[no-untyped-def]
    identity = qe_identity_of(NOW, isvprodid=1)
    with pytest.raises(UntrustedEvidence, match="enclave's product is not") as caught:
        verify(machine.quote(SimTd(), ASKED), collateral=served(intel, qe_identity=identity))
    assert caught.value.expected == "1"


@pytest.mark.parametrize(
    "qe",
    [
        SimQe(mr_signer=bytes(32)),
        SimQe(product=1),
        SimQe(misc_select=1),
        SimQe(attributes=b"\x17".ljust(16, b"\0")),  # DEBUG of the enclave
    ],
)
def test_an_enclave_that_is_not_intels_is_refused(verify, machine, qe: SimQe) -> None:  # type: ignore[no-untyped-def]
    quote = replace(machine, qe=qe).quote(SimTd(), ASKED)
    assert refused(verify, quote) is Reason.QE_IDENTITY_MISMATCH


def test_an_attribute_outside_the_mask_does_not_count(verify, machine) -> None:  # type: ignore[no-untyped-def]
    qe = SimQe(attributes=(b"\x15" + bytes(7)) + b"\xff" * 8)
    verify(replace(machine, qe=qe).quote(SimTd(), ASKED))


def test_documents_cannot_change_places(verify, machine, intel_collateral) -> None:  # type: ignore[no-untyped-def]
    quote = machine.quote(SimTd(), ASKED)
    swapped = replace(
        intel_collateral,
        tcb_info=intel_collateral.qe_identity,
        tcb_info_signature=intel_collateral.qe_identity_signature,
    )
    assert refused(verify, quote, collateral=swapped) is Reason.MALFORMED
    crossed = replace(intel_collateral, tcb_info_signature=intel_collateral.qe_identity_signature)
    assert refused(verify, quote, collateral=crossed) is Reason.TCB_INFO_SIGNATURE_INVALID
    lists = replace(
        intel_collateral, root_crl=intel_collateral.pck_crl, pck_crl=intel_collateral.root_crl
    )
    assert refused(verify, quote, collateral=lists) is Reason.CRL_INVALID


def test_documents_signed_under_another_root_are_refused(verify, machine, intel) -> None:  # type: ignore[no-untyped-def]
    other = SimIntel.create()
    quote = machine.quote(SimTd(), ASKED)
    foreign, ours = served(other), served(intel)
    info = replace(ours, tcb_info=foreign.tcb_info, tcb_info_signature=foreign.tcb_info_signature)
    assert refused(verify, quote, collateral=info) is Reason.TCB_INFO_SIGNATURE_INVALID
    identity = replace(ours, qe_identity_signature=foreign.qe_identity_signature)
    assert refused(verify, quote, collateral=identity) is Reason.QE_IDENTITY_SIGNATURE_INVALID
    chain = replace(info, tcb_info_chain=foreign.tcb_info_chain)
    assert refused(verify, quote, collateral=chain) is Reason.UNTRUSTED_ROOT
    assert refused(verify, quote, collateral=foreign) is Reason.UNTRUSTED_ROOT


def test_collateral_of_the_other_authority_is_refused(machine) -> None:  # type: ignore[no-untyped-def]
    """The list of the Processor CA says nothing of a PCK of the Platform CA."""
    processor = SimIntel.create("Processor")
    anchors = HARDWARE_ANCHORS.with_simulated(
        {Vendor.INTEL_SGX: [SpkiDigest(processor.root_spki)]}, source="test"
    )
    plain = processor.certify(SimPlatform(flags=None))
    collateral = served(processor)
    verified = verify_tdx(
        plain.quote(SimTd(), ASKED),
        collateral,
        anchors=anchors,
        now=NOW,
        expected_report_data=ASKED,
    )
    assert verified.claims.pck.platform_instance_id is None
    # A Platform CA's set of extensions under a Processor CA.
    found = examine_tdx(
        processor.certify().quote(SimTd(), ASKED),
        collateral,
        anchors=anchors,
        now=NOW,
        expected_report_data=ASKED,
    )
    assert found.refusal is not None
    assert found.refusal.reason is Reason.MALFORMED


def test_collateral_is_current(verify, machine, intel) -> None:  # type: ignore[no-untyped-def]
    quote = machine.quote(SimTd(), ASKED)
    late, early = Reason.COLLATERAL_EXPIRED, Reason.COLLATERAL_NOT_YET_VALID
    assert refused(verify, quote, now=NOW + timedelta(days=29, seconds=1)) is late
    assert refused(verify, quote, now=NOW - timedelta(days=1, seconds=1)) is early
    verify(quote, now=NOW + timedelta(days=29))
    verify(quote, now=NOW - timedelta(days=1))
    # Each document by itself.
    past, future = "2026-11-23T07:00:00Z", "2026-11-23T09:00:00Z"
    for document, kind in (("tcb_info", tcb_info_of), ("qe_identity", qe_identity_of)):
        old = served(intel, **{document: kind(NOW, nextUpdate=past)})
        assert refused(verify, quote, collateral=old) is late
        new = served(intel, **{document: kind(NOW, issueDate=future)})
        assert refused(verify, quote, collateral=new) is early


def test_expired_lists_are_refused_though_documents_are_current(verify, machine, intel) -> None:  # type: ignore[no-untyped-def]
    quote = machine.quote(SimTd(), ASKED)
    fresh, stale = served(intel), read_collateral(dump(intel.collateral(NOW - timedelta(days=60))))
    for name in ("root_crl", "pck_crl"):
        mixed = replace(fresh, **{name: getattr(stale, name)})
        assert refused(verify, quote, collateral=mixed) is Reason.COLLATERAL_EXPIRED


def test_a_revoked_platform_or_signer_is_refused(verify, machine: SimMachine, intel) -> None:  # type: ignore[no-untyped-def]
    quote = machine.quote(SimTd(), ASKED)
    for revoked in (
        {"revoked": (machine.pck_serial,)},
        {"root_revoked": (intel.ca.serial_number,)},
        {"root_revoked": (intel.signer.serial_number,)},
    ):
        found = refused(verify, quote, collateral=served(intel, **revoked))
        assert found is Reason.CERT_REVOKED


# TCB


def test_a_platform_below_every_level_is_refused(verify, intel) -> None:  # type: ignore[no-untyped-def]
    for platform in (SimPlatform(pce_svn=4), SimPlatform(components=(5,) * 15 + (1,))):
        quote = intel.certify(platform).quote(SimTd(), ASKED)
        assert refused(verify, quote) is Reason.TCB_NOT_SUPPORTED
    quote = intel.certify(qe=SimQe(svn=1)).quote(SimTd(), ASKED)
    assert refused(verify, quote) is Reason.TCB_NOT_SUPPORTED


def test_another_tdx_module_is_refused(verify, machine: SimMachine) -> None:  # type: ignore[no-untyped-def]
    for td in (
        SimTd(tee_tcb_svn=bytes((5, 2, 3)).ljust(16, b"\0")),
        SimTd(mr_signer_seam=b"\1" * 48),
        SimTd(seam_attributes=b"\1" + bytes(7)),
    ):
        assert refused(verify, machine.quote(td, ASKED)) is Reason.TDX_MODULE_MISMATCH


def test_an_old_platform_is_proved_with_its_status_and_advisories(verify, intel) -> None:  # type: ignore[no-untyped-def]
    quote = intel.certify(SimPlatform(pce_svn=10)).quote(SimTd(), ASKED)
    claims = verify(quote).claims
    assert claims.tcb.status is TcbStatus.OUT_OF_DATE
    assert claims.tcb.advisories == ("INTEL-SA-00001",)


def test_a_relaunch_is_seen_in_a_report_of_tdx_15(verify, machine: SimMachine, intel) -> None:  # type: ignore[no-untyped-def]
    old, new = (bytes((n, 1, 3)).ljust(16, b"\0") for n in (2, 5))
    quote = machine.quote(SimTd(tee_tcb_svn=old, tee_tcb_svn_2=new), ASKED, version=5)
    assert verify(quote).claims.tcb.status is TcbStatus.TD_RELAUNCH_ADVISED
    same = machine.quote(SimTd(tee_tcb_svn=old, tee_tcb_svn_2=old), ASKED, version=5)
    assert verify(same).claims.tcb.status is TcbStatus.OUT_OF_DATE


def test_the_lower_evaluation_number_counts(verify, machine, intel) -> None:  # type: ignore[no-untyped-def]
    quote = machine.quote(SimTd(), ASKED)
    older = qe_identity_of(NOW, tcbEvaluationDataNumber=16)
    assert verify(quote, collateral=served(intel, qe_identity=older)).claims.evaluation_number == 16
    levels: Json = [level(5, 11, 3)]
    info = tcb_info_of(NOW, tcbEvaluationDataNumber=15, tcbLevels=levels)
    assert verify(quote, collateral=served(intel, tcb_info=info)).claims.evaluation_number == 15


# Refusals show all checks


@pytest.fixture
def examine(intel_collateral: TdxCollateral, intel_anchors: TrustAnchors):  # type: ignore[no-untyped-def]
    def run(quote: bytes, **changed: object) -> TdxExamination:
        arguments = {
            "collateral": intel_collateral,
            "anchors": intel_anchors,
            "now": NOW,
            "expected_report_data": ASKED,
        } | changed
        return examine_tdx(quote, **arguments)  # type: ignore[arg-type]

    return run


def outcomes(found: TdxExamination) -> dict[str, Outcome]:
    return {check.name: check.outcome for check in found.checks}


def test_a_refusal_has_every_check_and_what_was_read(examine, machine, intel) -> None:  # type: ignore[no-untyped-def]
    stale = NOW + timedelta(days=60)
    found = examine(machine.quote(SimTd(), bytes(64)), now=stale)
    assert list(outcomes(found)) == NAMES
    bad = [name for name, outcome in outcomes(found).items() if outcome is not Outcome.MET]
    assert bad == ["collateral-dates", "revocation", "report-data"]
    assert found.refusal is not None
    assert found.refusal.reason is Reason.COLLATERAL_EXPIRED  # the first one
    assert found.claims is None
    assert found.reading.quote is not None
    assert found.reading.pck is not None
    assert found.reading.tcb is not None


def test_a_check_that_hangs_on_a_refused_one_is_not_measured(examine, machine) -> None:  # type: ignore[no-untyped-def]
    quote = bytearray(machine.quote(SimTd(), ASKED))
    quote[200] ^= 1
    result = outcomes(examine(bytes(quote)))
    assert result["quote-signature"] is Outcome.NOT_MET
    for name in ("tdx-module", "tcb-levels", "tcb-supported", "report-data"):
        assert result[name] is Outcome.NOT_MEASURED
    assert result["qe-identity"] is Outcome.MET


def test_nothing_that_can_be_read_leaves_the_collaterals_checks(examine) -> None:  # type: ignore[no-untyped-def]
    found = examine(b"")
    assert list(outcomes(found)) == NAMES
    assert found.reading.quote is None
    assert outcomes(found)["collateral-dates"] is Outcome.MET
    assert outcomes(found)["report-data"] is Outcome.NOT_MEASURED
    found = examine(b"", expected_report_data=None)
    assert list(outcomes(found)) == NAMES
    assert outcomes(found)["report-data"] is Outcome.NOT_MEASURED


def test_every_failed_check_names_found_expected_and_source(examine, machine, intel) -> None:  # type: ignore[no-untyped-def]
    wrong = served(
        intel,
        tcb_info=tcb_info_of(NOW, fmspc="51A000000001"),
        qe_identity=qe_identity_of(NOW, isvprodid=9, tcbLevels=[svn_level(9)]),
        revoked=(machine.pck_serial,),
    )
    found = examine(machine.quote(SimTd(), bytes(64)), collateral=wrong)
    failed = [check for check in found.checks if check.outcome is Outcome.NOT_MET]
    assert [check.name for check in failed] == [
        "revocation",
        "collateral-match",
        "qe-identity",
        "report-data",
    ]
    assert all(check.found and check.expected and check.source for check in failed)
    assert all(check.reason is not None for check in failed)


def test_every_refused_case_of_the_vectors_names_them_too(vectors_dir) -> None:  # type: ignore[no-untyped-def]
    manifest = json.loads((vectors_dir / "manifest.json").read_bytes())
    refusals = 0
    for case in (each for each in manifest["cases"] if each["tee"] == "tdx"):
        asked = case.get("expected_report_data")
        found = examine_tdx(
            (vectors_dir / case["files"]["evidence"]).read_bytes(),
            read_collateral((vectors_dir / case["files"]["collateral"]).read_bytes()),
            anchors=HARDWARE_ANCHORS,
            now=parse_time(case["verify_time"]),
            expected_report_data=bytes.fromhex(asked) if asked else None,
            cache=CACHE,
        )
        failed = [check for check in found.checks if check.outcome is Outcome.NOT_MET]
        assert bool(failed) is (found.refusal is not None)
        assert all(check.found and check.expected and check.source for check in failed), case["id"]
        assert list(outcomes(found)) == NAMES
        refusals += bool(failed)
    assert refusals == 41
