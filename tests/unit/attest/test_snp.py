"""`verify_snp`: what it proves, each refusal with its reason, and that undoing it accepts."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, TrustAnchors, Vendor
from keyturn.attest.chains import ChainCache
from keyturn.attest.checks import Outcome
from keyturn.attest.errors import REFUSALS, Reason
from keyturn.attest.snp import SnpCollateral, VerifiedSnp, verify_snp
from keyturn_sim import Fault, SimNode, SimTcb, SimVendors
from keyturn_sim.snp import sign_report, unsigned_report

ASKED = b"\x07" * 64
CACHE = ChainCache()


@pytest.fixture
def verify(collateral: SnpCollateral, anchors: TrustAnchors, now: datetime):  # type: ignore[no-untyped-def]
    def run(report: bytes, **changed: object) -> VerifiedSnp:
        arguments = {
            "collateral": collateral,
            "anchors": anchors,
            "now": now,
            "expected_report_data": ASKED,
            "cache": CACHE,
        } | changed
        return verify_snp(report, **arguments)  # type: ignore[arg-type]

    return run


def refused(run, report: bytes, **changed: object) -> Reason:  # type: ignore[no-untyped-def]
    with pytest.raises(REFUSALS) as caught:
        run(report, **changed)
    return caught.value.reason


def test_a_simulated_report_is_proved_and_marked(verify, node: SimNode) -> None:  # type: ignore[no-untyped-def]
    verified = verify(node.snp_report(ASKED))
    claims = verified.claims
    assert claims.simulated
    assert claims.measurement == b"\x42" * 48
    assert claims.host_data == bytes(32)
    assert claims.platform_id == f"amd-genoa-{node.launch.chip_id.hex()}"
    outcomes = {check.name: check.outcome for check in verified.checks}
    assert outcomes.pop("revocation") is Outcome.NOT_MEASURED
    assert set(outcomes.values()) == {Outcome.MET}


def test_simulated_evidence_is_untrusted_where_only_hardware_counts(verify, node) -> None:  # type: ignore[no-untyped-def]
    report = node.snp_report(ASKED)
    assert refused(verify, report, anchors=HARDWARE_ANCHORS) is Reason.UNTRUSTED_ROOT
    # Not even a cache that saw it verified under other anchors lets it through.
    verify(report)
    assert refused(verify, report, anchors=HARDWARE_ANCHORS) is Reason.UNTRUSTED_ROOT


def test_without_an_expectation_freshness_is_not_measured(verify, node) -> None:  # type: ignore[no-untyped-def]
    verified = verify(node.snp_report(ASKED), expected_report_data=None)
    (check,) = (c for c in verified.checks if c.name == "report-data")
    assert check.outcome is Outcome.NOT_MEASURED


def test_other_report_data_is_refused(verify, node) -> None:  # type: ignore[no-untyped-def]
    lying = node.misbehaving(Fault.OTHER_REPORT_DATA)
    assert refused(verify, lying.snp_report(ASKED)) is Reason.REPORT_DATA_MISMATCH
    for expected in (b"", ASKED[:-1], ASKED + b"\0"):
        found = refused(verify, node.snp_report(ASKED), expected_report_data=expected)
        assert found is Reason.REPORT_DATA_MISMATCH


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 0x2A0 * 8 - 1))
def test_one_flipped_signed_bit_never_verifies(anchors, collateral, now, node, bit) -> None:  # type: ignore[no-untyped-def]
    report = bytearray(node.snp_report(ASKED))
    report[bit // 8] ^= 1 << bit % 8
    with pytest.raises(REFUSALS):
        verify_snp(
            bytes(report),
            collateral,
            anchors=anchors,
            now=now,
            expected_report_data=None,
            cache=CACHE,
        )


def test_the_signature_algorithm_and_key_kind_are_demanded(verify, node) -> None:  # type: ignore[no-untyped-def]
    unsigned = bytearray(unsigned_report(node.launch, ASKED))
    unsigned[0x34] = 2
    report = sign_report(bytes(unsigned), node.key)
    assert refused(verify, report) is Reason.UNSUPPORTED_SIGNATURE_ALGORITHM
    unsigned[0x34], unsigned[0x48] = 1, 1 << 2
    report = sign_report(bytes(unsigned), node.key)
    assert refused(verify, report) is Reason.SIGNING_KEY_MISMATCH


def test_the_reported_tcb_is_the_keys(verify, node) -> None:  # type: ignore[no-untyped-def]
    older = replace(node, launch=replace(node.launch, tcb=SimTcb(microcode=87)))
    assert refused(verify, older.snp_report(ASKED)) is Reason.TCB_CERT_MISMATCH


def test_the_chip_is_the_keys(verify, node) -> None:  # type: ignore[no-untyped-def]
    elsewhere = replace(node, launch=replace(node.launch, chip_id=b"\x01" * 64))
    assert refused(verify, elsewhere.snp_report(ASKED)) is Reason.CHIP_ID_MISMATCH


def test_the_product_of_the_cpu_is_the_chains(verify, node) -> None:  # type: ignore[no-untyped-def]
    unsigned = bytearray(unsigned_report(node.launch, ASKED))
    unsigned[0x188:0x18B] = bytes((0x19, 0x01, 0x01))  # Milan
    report = sign_report(bytes(unsigned), node.key)
    assert refused(verify, report) is Reason.PRODUCT_MISMATCH


def test_another_chips_key_does_not_serve(verify, node, vendors: SimVendors) -> None:  # type: ignore[no-untyped-def]
    other = SimNode.create(vendors, measurement=b"\x42" * 48)
    collateral = SnpCollateral(**other.collateral())
    found = refused(verify, node.snp_report(ASKED), collateral=collateral)
    assert found is Reason.SIGNATURE_INVALID


def test_the_chain_stands_in_its_order(verify, node, collateral) -> None:  # type: ignore[no-untyped-def]
    report = node.snp_report(ASKED)
    swapped = replace(collateral, intermediate=collateral.root)
    assert refused(verify, report, collateral=swapped) is Reason.CHAIN_INVALID
    leafless = replace(collateral, vek=collateral.intermediate)
    assert refused(verify, report, collateral=leafless) is Reason.CHAIN_INVALID
    rootless = replace(collateral, root=collateral.intermediate)
    assert refused(verify, report, collateral=rootless) is Reason.UNTRUSTED_ROOT
    garbage = replace(collateral, vek=b"\x30\x00")
    assert refused(verify, report, collateral=garbage) is Reason.MALFORMED


def test_turin_has_its_own_layout(now: datetime) -> None:
    vendors = SimVendors.create("Turin")
    node = SimNode.create(vendors, measurement=b"\x42" * 48, tcb=SimTcb(1, 2, 3, 4, 5))
    spki = SpkiDigest(vendors.roots["amd-sev"])
    anchors = HARDWARE_ANCHORS.with_simulated({Vendor.AMD_SEV: [spki]}, source="test")
    verified = verify_snp(
        node.snp_report(ASKED),
        SnpCollateral(**node.collateral()),
        anchors=anchors,
        now=now,
        expected_report_data=ASKED,
    )
    tcb = verified.claims.reported_tcb
    assert (tcb.fmc, tcb.bootloader, tcb.tee, tcb.snp, tcb.microcode) == (5, 1, 2, 3, 4)
    assert verified.claims.platform_id == f"amd-turin-{node.launch.chip_id.hex()}"
    wrong = unsigned_report(replace(node.launch, chip_id=node.launch.chip_id + b"\x01"), ASKED)
    with pytest.raises(REFUSALS) as caught:
        verify_snp(
            sign_report(wrong, node.key),
            SnpCollateral(**node.collateral()),
            anchors=anchors,
            now=now,
            expected_report_data=ASKED,
        )
    assert caught.value.reason is Reason.CHIP_ID_MISMATCH
