"""Manifests: proved by signature, chain and dates, made-up and NVIDIA's own."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509 import ocsp

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, Vendor
from keyturn.attest.certificates import parse_certificate, pem_certificates
from keyturn.attest.chains import ChainCache
from keyturn.attest.checks import Outcome, failures
from keyturn.attest.errors import REFUSALS, Reason
from keyturn.attest.nvidia_rims import RimKind
from keyturn.attest.ocsp import OcspAnswer, Revocation
from keyturn.rim import verify
from keyturn.rim.verify import RimAsked, RimExamination, examine_rim, verify_rim
from support.nvdevices import certify
from support.ocspmaker import answer
from support.rimmaker import TWO_YEARS, RimVendor

NAMES = ["RIM form", "RIM signature", "RIM chain", "RIM dates", "RIM revocation", "RIM content"]


def test_a_manifest_is_proved_and_marked(rim_vendor, rim_asked, manifest) -> None:  # type: ignore[no-untyped-def]
    examined = verify_rim(rim_vendor.sign(manifest), rim_asked)
    rim = examined.proved()
    assert (rim.kind, rim.version, examined.simulated) == (RimKind.DRIVER, "590.12", True)
    assert [check.name for check in examined.checks] == NAMES
    assert rim.source.endswith("signed by 'HCC RIM L4 Signer' under 'NVIDIA CoRIM signing Root CA'")


def only(examined: RimExamination) -> tuple[str, Reason]:
    assert examined.rim is None
    assert examined.refusal is not None
    assert len(examined.checks) == len(NAMES)
    return failures(examined.checks)[0].name, examined.refusal.reason


def test_each_check_refuses(rim_vendor: RimVendor, rim_asked: RimAsked, manifest: str) -> None:
    good = rim_vendor.sign(manifest)
    other = RimVendor.create()
    signer = certify("signer", rim_vendor.ca, is_ca=False, dates=TWO_YEARS)
    late, early = datetime(2028, 6, 1, tzinfo=UTC), datetime(2025, 6, 1, tzinfo=UTC)
    empty = Revocation(answers=(), max_age=timedelta(days=1))
    swapped = rim_vendor.sign(manifest, key=signer.key, chain=rim_vendor.chain)
    stranger = rim_vendor.sign(manifest, key=other.signer.key, chain=other.chain)
    cases = {
        "form": (good.replace(b"590.12", b"590.13"), {}, Reason.RIM_SIGNATURE_INVALID),
        "signature": (swapped, {}, Reason.RIM_SIGNATURE_INVALID),
        "chain": (stranger, {}, Reason.RIM_CHAIN_INVALID),
        "dates": (good, {"now": late}, Reason.RIM_CERT_EXPIRED),
        "revocation": (good, {"revocation": empty}, Reason.OCSP_INCOMPLETE),
        "content": (
            rim_vendor.sign(manifest.replace('edition="GPU"', 'edition="CPU"')),
            {},
            Reason.MALFORMED,
        ),
    }
    for name, (raw, changed, reason) in cases.items():
        found = only(examine_rim(raw, replace(rim_asked, **changed)))  # type: ignore[arg-type]
        assert found == (f"RIM {name}", reason)
        with pytest.raises(REFUSALS):
            verify_rim(raw, replace(rim_asked, **changed))  # type: ignore[arg-type]
    before = only(examine_rim(good, replace(rim_asked, now=early)))
    assert before == ("RIM dates", Reason.RIM_CERT_NOT_YET_VALID)


def test_a_root_of_devices_is_no_root_of_manifests(rim_vendor, rim_asked, manifest) -> None:  # type: ignore[no-untyped-def]
    roots = {Vendor.NVIDIA_DEVICE: [SpkiDigest(rim_vendor.spki)]}
    anchors = HARDWARE_ANCHORS.with_simulated(roots, source="test")
    found = examine_rim(rim_vendor.sign(manifest), replace(rim_asked, anchors=anchors))
    assert only(found) == ("RIM chain", Reason.RIM_CHAIN_INVALID)


@pytest.mark.parametrize("shown", ["ca", "root", "reversed", "no root", "short", "garbage"])
def test_a_chain_of_another_form_is_refused(rim_vendor, rim_asked, manifest, shown) -> None:  # type: ignore[no-untyped-def]
    vendor, chain = rim_vendor, rim_vendor.chain
    key, listed = {
        "ca": (vendor.ca.key, chain[1:]),
        "root": (vendor.root.key, chain[2:]),
        "reversed": (vendor.root.key, chain[::-1]),
        "no root": (vendor.signer.key, chain[:2]),
        "short": (vendor.signer.key, (chain[0], chain[2])),
        "garbage": (vendor.signer.key, (chain[0], b"\x30\x00", chain[2])),
    }[shown]
    found = examine_rim(vendor.sign(manifest, key=key, chain=listed), rim_asked)
    assert only(found) == ("RIM chain", Reason.RIM_CHAIN_INVALID)


def test_a_certificate_that_is_not_for_signing_signs_no_manifest(
    rim_vendor: RimVendor, rim_asked: RimAsked, manifest: str
) -> None:
    odd = certify("odd", rim_vendor.ca, is_ca=False, dates=TWO_YEARS, signs=False)
    raw = rim_vendor.sign(manifest, key=odd.key, chain=(odd.der, *rim_vendor.chain[1:]))
    assert only(examine_rim(raw, rim_asked)) == ("RIM chain", Reason.RIM_CHAIN_INVALID)


def test_a_certificate_that_does_not_say_what_it_is_for_signs_no_manifest(
    rim_vendor: RimVendor,
) -> None:
    leaf = parse_certificate(rim_vendor.signer.der)
    assert verify._may_sign(leaf)
    assert not verify._may_sign(replace(leaf, extensions={}))


def test_a_ca_below_one_that_may_have_none_is_refused(
    rim_vendor: RimVendor, rim_asked: RimAsked, manifest: str
) -> None:
    last = certify("last CA", rim_vendor.root, path_length=0)
    below = certify("one too many", last)
    signer = certify("signer", below, is_ca=False, dates=TWO_YEARS)
    chain = (signer.der, below.der, last.der, rim_vendor.root.der)
    found = examine_rim(rim_vendor.sign(manifest, key=signer.key, chain=chain), rim_asked)
    assert only(found) == ("RIM chain", Reason.RIM_CHAIN_INVALID)


def test_a_manifest_may_leave_out_the_root(rim_vendor, rim_asked, manifest) -> None:  # type: ignore[no-untyped-def]
    raw = rim_vendor.sign(manifest, chain=rim_vendor.chain[:2])
    helped = replace(rim_asked, roots=(rim_vendor.root.der,))
    assert examine_rim(raw, helped).proved().version == "590.12"
    other = replace(rim_asked, roots=(RimVendor.create().root.der,))
    assert only(examine_rim(raw, other)) == ("RIM chain", Reason.RIM_CHAIN_INVALID)


def test_a_root_that_is_shown_and_given_stands_once(
    rim_vendor: RimVendor, rim_asked: RimAsked, manifest: str
) -> None:
    helped = replace(rim_asked, roots=(rim_vendor.root.der,))
    assert len(examine_rim(rim_vendor.sign(manifest), helped).path) == 3
    both = replace(rim_asked, roots=(certify("another root", None).der, rim_vendor.root.der))
    raw = rim_vendor.sign(manifest, chain=rim_vendor.chain[:2])
    assert examine_rim(raw, both).proved().version == "590.12"


def test_what_a_refused_manifest_says_is_shown_but_not_proved(
    rim_vendor: RimVendor, rim_asked: RimAsked, manifest: str
) -> None:
    late = replace(rim_asked, now=datetime(2030, 1, 1, tzinfo=UTC))
    examined = examine_rim(rim_vendor.sign(manifest), late)
    assert examined.said is not None
    assert (examined.said.version, examined.rim) == ("590.12", None)
    with pytest.raises(REFUSALS) as caught:
        examined.proved()
    assert caught.value.reason is Reason.RIM_CERT_EXPIRED
    with pytest.raises(REFUSALS, match="nothing was proved"):
        replace(examined, refusal=None).proved()
    garbage = examine_rim(b"<a/>", rim_asked)
    assert (garbage.said, garbage.path) == (None, ())
    unreached = [check for check in garbage.checks if check.outcome is Outcome.NOT_MEASURED]
    assert len(unreached) == len(NAMES) - 1


def test_answers_about_the_signer_and_its_ca(rim_vendor, rim_asked, manifest) -> None:  # type: ignore[no-untyped-def]
    raw, now = rim_vendor.sign(manifest), rim_asked.now
    pairs = [(rim_vendor.signer, rim_vendor.ca), (rim_vendor.ca, rim_vendor.root)]
    answers = tuple(OcspAnswer(answer(each, by, now=now), None) for each, by in pairs)
    revocation = Revocation(answers=answers, max_age=timedelta(days=1))
    asked = replace(rim_asked, revocation=revocation)
    assert [fact.subject for fact in examine_rim(raw, asked).ocsp] == [
        "HCC RIM L4 Signer", "NVIDIA Reference Value GH100 CA",
    ]  # fmt: skip
    revoked = answer(*pairs[0], now=now, status=ocsp.OCSPCertStatus.REVOKED)
    bad = replace(revocation, answers=(OcspAnswer(revoked, None), answers[1]))
    found = only(examine_rim(raw, replace(rim_asked, revocation=bad)))
    assert found == ("RIM revocation", Reason.RIM_CERT_REVOKED)


# NVIDIA's own

GENUINE = {
    "driver-gh100-545.00.swidtag": (2024, RimKind.DRIVER, "545.00", 21),
    "driver-gh100-550.144.03.xml": (2025, RimKind.DRIVER, "550.144.03", 21),
    "switch-9610550001.xml": (2026, RimKind.SWITCH_BIOS, "96.10.55.00.01", 31),
    "vbios-96005E0001-prod.swidtag": (2024, RimKind.VBIOS, "96.00.5E.00.01", 12),
    "vbios-96005E0001-test.swidtag": (2024, RimKind.VBIOS, "96.00.5E.00.01", 12),
    "vbios-9600740020-prod.swidtag": (2025, RimKind.VBIOS, "96.00.74.00.20", 12),
    "store/1010_0210_886_9600740011_PROD.swidtag": (2025, RimKind.VBIOS, "96.00.74.00.11", 12),
    "store/1010_0215_866_9600740010_PROD.swidtag": (2025, RimKind.VBIOS, "96.00.74.00.10", 12),
    "store/g520_0200_885_9600740001_PROD.swidtag": (2025, RimKind.VBIOS, "96.00.74.00.01", 12),
    "store/g520_0200_885_960074000D_PROD.swidtag": (2025, RimKind.VBIOS, "96.00.74.00.0D", 12),
}


def hardware(year: int) -> RimAsked:
    return RimAsked(
        anchors=HARDWARE_ANCHORS, now=datetime(year, 6, 1, tzinfo=UTC), cache=ChainCache()
    )


@pytest.mark.parametrize("name", GENUINE)
def test_every_recorded_manifest_is_genuine(vectors_dir: Path, name: str) -> None:
    year, kind, version, active = GENUINE[name]
    raw = (vectors_dir / "nvidia/rims" / name).read_bytes()
    asked = hardware(year)
    if name.startswith("switch"):
        asked = replace(asked, now=datetime(2026, 9, 1, tzinfo=UTC))
    examined = examine_rim(raw, asked)
    rim = examined.proved()
    assert (rim.kind, rim.version, len(rim.active)) == (kind, version, active)
    assert not examined.simulated


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("driver-535.86.09-measurement-mismatch.xml", Reason.RIM_SIGNATURE_INVALID),
        ("driver-550.144.03-bad-signature.xml", Reason.RIM_SIGNATURE_INVALID),
        ("driver-wrong-chain.xml", Reason.RIM_CHAIN_INVALID),
        ("switch-9610550001-invalid.xml", Reason.RIM_SIGNATURE_INVALID),
    ],
)
def test_the_vendors_negatives_are_refused(vectors_dir, name, reason) -> None:  # type: ignore[no-untyped-def]
    raw = (vectors_dir / "nvidia/negative" / name).read_bytes()
    examined = examine_rim(raw, hardware(2025))
    assert examined.refusal is not None
    assert examined.refusal.reason is reason


def test_the_pinned_root_is_the_one_that_the_vendor_published(vectors_dir: Path) -> None:
    pem = (vectors_dir / "nvidia/roots/nvidia-rim-root-ca.pem").read_bytes()
    (root,) = pem_certificates(pem)
    raw = (vectors_dir / "nvidia/rims/driver-gh100-550.144.03.xml").read_bytes()
    examined = examine_rim(raw, replace(hardware(2025), roots=(root,)))
    assert examined.path[-1].der == root
