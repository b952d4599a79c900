"""`verify_snp`: what it proves, each refusal with its reason, and that undoing it accepts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.attest import snp
from keyturn.attest.anchors import HARDWARE_ANCHORS, Anchor, SpkiDigest, TrustAnchors, Vendor
from keyturn.attest.chains import ChainCache
from keyturn.attest.checks import Outcome
from keyturn.attest.errors import REFUSALS, Reason
from keyturn.attest.snp import SnpCollateral, VerifiedSnp, verify_snp
from keyturn_sim import Fault, SimNode, SimTcb, SimVendors
from keyturn_sim.pki import der_of, make_certificate, new_p384_key
from keyturn_sim.snp import sign_report, unsigned_report, vcek_extensions
from unit.attest.test_crl import make_crl

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


def test_a_chain_that_was_verified_before_is_judged_again(verify, node, vendors, now) -> None:  # type: ignore[no-untyped-def]
    report = node.snp_report(ASKED)
    first = verify(report)
    assert verify(report) == first
    roots = {Vendor.AMD_SEV: [SpkiDigest(vendors.roots["amd-sev"])]}
    renamed = HARDWARE_ANCHORS.with_simulated(roots, source="another statement")
    (root,) = (each for each in verify(report, anchors=renamed).checks if each.name == "root")
    assert root.source == "another statement"
    of_intel = {Vendor.INTEL_SGX: roots[Vendor.AMD_SEV]}
    posing = HARDWARE_ANCHORS.with_simulated(of_intel, source="test")
    assert refused(verify, report, anchors=posing) is Reason.UNTRUSTED_ROOT
    late, early = now + timedelta(days=36_500), now - timedelta(days=36_500)
    assert refused(verify, report, now=late) is Reason.CERT_EXPIRED
    assert refused(verify, report, now=early) is Reason.CERT_NOT_YET_VALID
    verify(report)


def test_an_intermediate_that_was_revoked_since_is_refused(  # type: ignore[no-untyped-def]
    verify, node, collateral, vendors
) -> None:
    report = node.snp_report(ASKED)
    verify(report)
    listed = replace(collateral, crls=(make_crl(vendors, vendors.ask.serial_number),))
    assert refused(verify, report, collateral=listed) is Reason.CERT_REVOKED
    other = replace(collateral, crls=(make_crl(vendors, 5),))
    verify(report, collateral=other)


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


def test_a_report_of_version_2_names_no_cpu_and_the_chain_says_the_product(verify, node) -> None:  # type: ignore[no-untyped-def]
    unsigned = bytearray(unsigned_report(replace(node.launch, version=2), ASKED))
    unsigned[0x188:0x18B] = bytes(3)
    found = verify(sign_report(bytes(unsigned), node.key)).claims
    assert (found.report.cpuid, found.product.value) == (None, "Genoa")


def test_a_chain_that_was_proved_is_not_proved_again(verify, node, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    cache = ChainCache()
    verify(node.snp_report(ASKED), cache=cache)
    monkeypatch.setattr(snp, "_verify_new_chain", None)
    verify(node.snp_report(ASKED), cache=cache)


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


def certified(vendors: SimVendors, name: str, vek: str, extensions) -> tuple[object, SnpCollateral]:  # type: ignore[no-untyped-def]
    """A key certified as `vek` under an intermediate called `name`, by the simulated ARK."""
    issuer = make_certificate(name, vendors.ask_key, vendors.ark, vendors.ark_key, is_ca=True)
    key = new_p384_key()
    leaf = make_certificate(vek, key, issuer, vendors.ask_key, is_ca=False, extensions=extensions)
    return key, SnpCollateral(der_of(leaf), der_of(issuer), vendors.root_der)


def vlek_report(node: SimNode, key) -> bytes:  # type: ignore[no-untyped-def]
    launch = replace(node.launch, chip_id=bytes(64))
    unsigned = bytearray(unsigned_report(launch, ASKED))
    unsigned[0x48] = 1 << 2  # SIGNING_KEY: VLEK
    return sign_report(bytes(unsigned), key)


def vlek_extensions(node: SimNode) -> tuple[tuple[str, bytes], ...]:
    arc = "1.3.6.1.4.1.3704.1."
    found = vcek_extensions("Genoa", b"", node.launch.tcb)
    return (*(e for e in found if e[0] != arc + "4"), (arc + "5", b"\x16\x04CN=x"))


def test_a_vlek_hides_the_chip(verify, node, vendors) -> None:  # type: ignore[no-untyped-def]
    key, collateral = certified(vendors, "SEV-VLEK-Genoa", "SEV-VLEK", vlek_extensions(node))
    verified = verify(vlek_report(node, key), collateral=collateral)
    assert verified.claims.platform_id is None
    assert verified.claims.vek.csp_id == "CN=x"
    (check,) = (c for c in verified.checks if c.name == "chip-id")
    assert check.outcome is Outcome.NOT_MEASURED


@pytest.mark.parametrize(
    ("intermediate", "vek"),
    [("SEV-VLEK-Genoa", "SEV-VCEK"), ("SEV-Milan", "SEV-VLEK"), ("ARK-Genoa", "SEV-VLEK")],
)
def test_each_name_stands_in_its_place(verify, node, vendors, intermediate, vek) -> None:  # type: ignore[no-untyped-def]
    key, collateral = certified(vendors, intermediate, vek, vlek_extensions(node))
    found = refused(verify, vlek_report(node, key), collateral=collateral)
    assert found is Reason.CHAIN_INVALID


def test_a_root_that_is_no_ark_is_refused(node, vendors: SimVendors, now: datetime) -> None:  # type: ignore[no-untyped-def]
    root = make_certificate("Some CA", vendors.ark_key, None, vendors.ark_key, is_ca=True)
    spki = SpkiDigest(vendors.roots["amd-sev"])
    anchors = HARDWARE_ANCHORS.with_simulated({Vendor.AMD_SEV: [spki]}, source="test")
    collateral = replace(SnpCollateral(**node.collateral()), root=der_of(root))
    with pytest.raises(REFUSALS, match="not the one that stands here") as caught:
        verify_snp(
            node.snp_report(ASKED),
            collateral,
            anchors=anchors,
            now=now,
            expected_report_data=ASKED,
        )
    assert caught.value.reason is Reason.CHAIN_INVALID


def test_a_root_of_another_product_than_its_anchors_is_refused(verify, node, vendors) -> None:  # type: ignore[no-untyped-def]
    spki = SpkiDigest(vendors.roots["amd-sev"])
    pinned = Anchor(Vendor.AMD_SEV, "Milan", spki, simulated=True, source="test")
    report = node.snp_report(ASKED)
    assert refused(verify, report, anchors=TrustAnchors((pinned,))) is Reason.CHAIN_INVALID
    verify(report, anchors=TrustAnchors((replace(pinned, product="Genoa"),)))


def test_a_certificate_authority_signs_no_report(verify, node, vendors) -> None:  # type: ignore[no-untyped-def]
    key = new_p384_key()
    extensions = vcek_extensions("Genoa", node.launch.chip_id, node.launch.tcb)
    for is_ca in (False, True):
        vek = make_certificate(
            "SEV-VCEK", key, vendors.ask, vendors.ask_key, is_ca=is_ca, extensions=extensions
        )
        chain = SnpCollateral(der_of(vek), vendors.intermediate_der, vendors.root_der)
        report = sign_report(unsigned_report(node.launch, ASKED), key)
        if is_ca:
            assert refused(verify, report, collateral=chain) is Reason.CHAIN_INVALID
        else:
            verify(report, collateral=chain)


def test_a_current_crl_is_a_met_check(verify, node, collateral, vendors) -> None:  # type: ignore[no-untyped-def]
    builder = x509.CertificateRevocationListBuilder().issuer_name(vendors.ark.subject)
    builder = builder.last_update(datetime(2026, 1, 1, tzinfo=UTC))
    builder = builder.next_update(datetime(2027, 1, 1, tzinfo=UTC))
    builder = builder.add_extension(x509.CRLNumber(3), critical=False)
    pss = padding.PSS(padding.MGF1(hashes.SHA384()), 48)
    crl = builder.sign(vendors.ark_key, hashes.SHA384(), rsa_padding=pss)
    listed = replace(collateral, crls=(crl.public_bytes(Encoding.DER),))
    verified = verify(node.snp_report(ASKED), collateral=listed)
    (check,) = (c for c in verified.checks if c.name == "revocation")
    assert check.outcome is Outcome.MET
    assert [facts.number for facts in verified.claims.crls] == [3]
