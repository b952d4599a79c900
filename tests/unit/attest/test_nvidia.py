"""`verify_gpu`: what it proves, each refusal with its reason."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.attest import nvidia
from keyturn.attest.anchors import HARDWARE_ANCHORS
from keyturn.attest.certificates import Extension, parse_certificate, pem_certificates
from keyturn.attest.chains import ChainCache
from keyturn.attest.checks import Outcome
from keyturn.attest.errors import REFUSALS, MalformedEvidence, Reason
from keyturn.attest.nvidia import VerifiedGpu, verify_gpu
from keyturn.attest.spdm import parse_gpu_report
from keyturn_sim import Fault, SimGpu, SimNode, SimVendors
from keyturn_sim.pki import der_tlv

NONCE = bytes(range(32))
CACHE = ChainCache()


@pytest.fixture
def verify(node: SimNode, anchors, now: datetime):  # type: ignore[no-untyped-def]
    def run(report: bytes, **changed: object) -> VerifiedGpu:
        arguments = {
            "chain": node.gpus[0].chain,
            "anchors": anchors,
            "now": now,
            "expected_nonce": NONCE,
            "cache": CACHE,
        } | changed
        return verify_gpu(report, **arguments)  # type: ignore[arg-type]

    return run


def refused(run, report: bytes, **changed: object) -> Reason:  # type: ignore[no-untyped-def]
    with pytest.raises(REFUSALS) as caught:
        run(report, **changed)
    return caught.value.reason


def test_a_simulated_gpu_is_proved_and_marked(verify, node) -> None:  # type: ignore[no-untyped-def]
    verified = verify(node.gpu_report(0, NONCE))
    claims = verified.claims
    assert (claims.simulated, claims.arch, claims.nonce) == (True, "GH100", NONCE)
    assert (claims.driver, claims.vbios) == ("590.12", "96.00.A5.00.01")
    assert (claims.fwid, claims.feature) == (node.gpus[0].fwid, "SPT")
    outcomes = {check.name: check.outcome for check in verified.checks}
    assert outcomes.pop("revocation") is Outcome.NOT_MEASURED
    assert set(outcomes.values()) == {Outcome.MET}


def test_simulated_evidence_is_refused_where_only_hardware_counts(verify, node) -> None:  # type: ignore[no-untyped-def]
    # vectors/nvidia/README: a chain to another root is `chain-invalid`.
    report = node.gpu_report(0, NONCE)
    verify(report)
    assert refused(verify, report, anchors=HARDWARE_ANCHORS) is Reason.CHAIN_INVALID


def test_another_nonce_is_refused(verify, node) -> None:  # type: ignore[no-untyped-def]
    lying = node.misbehaving(Fault.OTHER_NONCE)
    assert refused(verify, lying.gpu_report(0, NONCE)) is Reason.NONCE_MISMATCH
    verified = verify(node.gpu_report(0, NONCE), expected_nonce=None)
    (check,) = (c for c in verified.checks if c.name == "nonce")
    assert check.outcome is Outcome.NOT_MEASURED


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_one_flipped_signed_bit_never_verifies(anchors, now, node, data) -> None:  # type: ignore[no-untyped-def]
    report = bytearray(node.gpu_report(0, NONCE))
    bit = data.draw(st.integers(0, len(report) * 8 - 1))
    report[bit // 8] ^= 1 << bit % 8
    chain = node.gpus[0].chain
    with pytest.raises(REFUSALS):
        verify_gpu(bytes(report), chain, anchors=anchors, now=now, expected_nonce=None, cache=CACHE)


def test_another_gpus_chain_does_not_serve(verify, node, vendors: SimVendors) -> None:  # type: ignore[no-untyped-def]
    other = vendors.issue_gpu({})
    found = refused(verify, node.gpu_report(0, NONCE), chain=other.chain)
    assert found is Reason.SIGNATURE_INVALID


def test_firmware_that_is_not_the_certified_is_refused(verify, node) -> None:  # type: ignore[no-untyped-def]
    other = replace(node.gpus[0], fwid=bytes(48))
    report = other.report(NONCE, bytes(32))
    assert refused(verify, report) is Reason.FWID_MISMATCH


def test_the_chain_is_whole_and_in_order(verify, node) -> None:  # type: ignore[no-untyped-def]
    report, chain = node.gpu_report(0, NONCE), node.gpus[0].chain
    for changed in ((), chain[1:], chain[:-1], chain[::-1], (*chain, chain[-1])):
        assert refused(verify, report, chain=changed) is Reason.CHAIN_INVALID
    early = datetime(2019, 1, 1, tzinfo=UTC)
    assert refused(verify, report, now=early) is Reason.CERT_NOT_YET_VALID


def test_the_device_outlives_its_firmware(verify, node, vendors) -> None:  # type: ignore[no-untyped-def]
    ids = {verify(node.gpu_report(0, NONCE)).claims.device_id for _ in range(2)}
    other = vendors.issue_gpu({})
    ids.add(verify(other.report(NONCE, bytes(32)), chain=other.chain).claims.device_id)
    assert len(ids) == 2
    assert all(each.startswith("nvidia-gh100-") for each in ids)


def test_a_switch_is_no_gpu(vectors_dir: Path) -> None:
    folder = vectors_dir / "nvidia/switch-ls10-96105500"
    with pytest.raises(REFUSALS) as caught:
        verify_gpu(
            (folder / "report.bin").read_bytes(),
            pem_certificates((folder / "chain.pem").read_bytes()),
            anchors=HARDWARE_ANCHORS,
            now=datetime(2026, 9, 1, tzinfo=UTC),
            expected_nonce=None,
        )
    assert caught.value.reason is Reason.WRONG_DEVICE_KIND


def test_an_early_report_names_no_firmware_id(vectors_dir: Path) -> None:
    folder = vectors_dir / "nvidia/hopper-545-full"
    verified = verify_gpu(
        (folder / "report.bin").read_bytes(),
        pem_certificates((folder / "chain.pem").read_bytes()),
        anchors=HARDWARE_ANCHORS,
        now=datetime(2024, 6, 1, tzinfo=UTC),
        expected_nonce=None,
    )
    (check,) = (c for c in verified.checks if c.name == "fwid")
    assert check.outcome is Outcome.NOT_MEASURED
    assert not verified.claims.simulated


SHA384 = bytes.fromhex("0609608648016503040202")
SHA256 = bytes.fromhex("0609608648016503040201")


def fwid_of(algorithm: bytes, digest: bytes) -> bytes:
    return der_tlv(0x30, algorithm + der_tlv(0x04, digest))


@pytest.mark.parametrize(
    ("fwids", "refused_"),
    [
        (fwid_of(SHA384, b"\x05" * 48), False),
        (fwid_of(SHA384, b"\x05" * 32), True),
        (fwid_of(SHA256, b"\x05" * 48), True),
        (fwid_of(SHA384, b"\x05" * 48) * 2, True),
        (b"", True),
    ],
)
def test_later_chips_certify_their_firmware_as_dice_tcb_info(node, fwids, refused_) -> None:  # type: ignore[no-untyped-def]
    # TCG DICE Attestation Architecture 1.1 §6.1.1: vendor [0], svn [3], fwids [6], flags [7].
    body = der_tlv(0x80, b"NVIDIA") + der_tlv(0x83, b"\x01")
    body += der_tlv(0xA6, fwids) + der_tlv(0x87, b"\0\0")
    leaf = parse_certificate(node.gpus[0].chain[0])
    changed = replace(leaf, extensions={"2.23.133.5.4.1.1": Extension(False, der_tlv(0x30, body))})
    if refused_:
        with pytest.raises(MalformedEvidence):
            nvidia._certified_fwid(changed)
    else:
        assert nvidia._certified_fwid(changed) == b"\x05" * 48


def test_a_reported_firmware_id_must_be_certified(node: SimNode) -> None:
    leaf = replace(parse_certificate(node.gpus[0].chain[0]), extensions={})
    report = parse_gpu_report(node.gpu_report(0, NONCE))
    with pytest.raises(REFUSALS) as caught:
        nvidia._check_fwid(report, leaf)
    assert caught.value.reason is Reason.FWID_MISMATCH


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (3, None),
        (3, b"590.12"),
        (3, b"\0"),
        (3, b"590\n\0"),
        (3, b"\xff\0"),
        (6, None),
        (6, bytes(7)),
        (6, bytes(7) + b"\x01"),
        (22, bytes(9)),
    ],
)
def test_fields_of_another_form_are_refused(verify, node, monkeypatch, kind, value) -> None:  # type: ignore[no-untyped-def]
    fields = {**SimGpu._opaque(node.gpus[0]), kind: value}
    fields = {number: each for number, each in fields.items() if each is not None}
    monkeypatch.setattr(SimGpu, "_opaque", lambda _self: fields)
    assert refused(verify, node.gpu_report(0, NONCE)) is Reason.MALFORMED


@pytest.mark.parametrize(
    ("flag", "feature"), [(b"\x01\0", "MPT"), (b"\x02\0", "PPCIE"), (b"\x09\0", "unknown (9)")]
)
def test_the_feature_flag(verify, node, monkeypatch, flag, feature) -> None:  # type: ignore[no-untyped-def]
    fields = {**SimGpu._opaque(node.gpus[0]), 36: flag}
    monkeypatch.setattr(SimGpu, "_opaque", lambda _self: fields)
    assert verify(node.gpu_report(0, NONCE)).claims.feature == feature
