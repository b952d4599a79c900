"""`verify_gpu`: what it proves, each refusal with its reason."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.attest.anchors import HARDWARE_ANCHORS
from keyturn.attest.certificates import pem_certificates
from keyturn.attest.chains import ChainCache
from keyturn.attest.checks import Outcome, failures
from keyturn.attest.errors import REFUSALS, Reason, UntrustedEvidence
from keyturn.attest.nvidia import (
    Asked,
    VerifiedGpu,
    examine_device,
    examine_gpu,
    examine_switch,
    verify_gpu,
    verify_switch,
)
from keyturn.attest.nvidia_chain import Architecture
from keyturn.attest.ocsp import OcspAnswer, Revocation
from keyturn_sim import Fault, SimNode, SimVendors
from support.nvdevices import Vendor as Maker
from support.ocspmaker import answer

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


def test_a_path_that_was_verified_before_is_judged_again(verify, node, now) -> None:  # type: ignore[no-untyped-def]
    report = node.gpu_report(0, NONCE)
    first = verify(report)
    assert verify(report) == first
    assert refused(verify, report, anchors=HARDWARE_ANCHORS) is Reason.CHAIN_INVALID
    assert refused(verify, report, now=now + timedelta(days=36_500)) is Reason.CERT_EXPIRED
    assert refused(verify, report, now=now - timedelta(days=36_500)) is Reason.CERT_NOT_YET_VALID
    shorter = node.gpus[0].chain[1:]
    assert refused(verify, report, chain=shorter) is not None
    verify(report)


def test_a_simulated_gpu_is_proved_and_marked(verify, node) -> None:  # type: ignore[no-untyped-def]
    verified = verify(node.gpu_report(0, NONCE))
    claims = verified.claims
    assert (claims.simulated, claims.arch, claims.nonce) == (True, "GH100", NONCE)
    assert (claims.driver, claims.vbios) == ("590.12", "96.00.A5.00.01")
    assert (claims.fwid, claims.feature) == (node.gpus[0].fwid, "SPT")
    outcomes = {check.name: check.outcome for check in verified.checks}
    assert outcomes.pop("revocation") is Outcome.NOT_MEASURED
    assert set(outcomes.values()) == {Outcome.MET}
    assert [check.name for check in verified.checks] == [
        "form", "root", "chain", "device-kind", "fields", "dates", "revocation", "signature",
        "fwid", "nonce",
    ]  # fmt: skip


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


# Devices of every kind, of a made-up vendor

PDI, OTHER = bytes.fromhex("2921ce551e4eeda3"), bytes.fromhex("666e93e19dec7d2d")


def test_a_blackwell_gpu_is_proved(maker: Maker, asked: Asked) -> None:
    gpu = maker.gpu("GB100", pdi=PDI)
    claims = examine_gpu(gpu.report(NONCE), gpu.chain, asked).proved()
    assert (claims.arch, claims.architecture) == ("GB100", Architecture.BLACKWELL)
    assert (claims.pdi, claims.fwid) == (PDI, gpu.fields[20])


def test_an_id_in_the_other_chips_extension_does_not_serve(maker: Maker, asked: Asked) -> None:
    hopper = maker.gpu("GH100")
    fwid = hopper.fields[20]
    for chip, extension in (("GB100", "2.23.133.5.4.1"), ("GH100", "2.23.133.5.4.1.1")):
        found = hopper.path[0].certificate.extensions
        (value,) = (e.value.value for e in found if e.oid.dotted_string == "2.23.133.5.4.1")
        gpu = maker.device(chip, {**hopper.fields, 20: fwid}, extension=(extension, value))
        examined = examine_gpu(gpu.report(NONCE), gpu.chain, asked)
        assert examined.refusal is not None
        assert examined.refusal.reason is Reason.FWID_MISMATCH


def test_a_switch_is_proved(maker: Maker, asked: Asked) -> None:
    switch = maker.switch(OTHER, (PDI,))
    examined = examine_switch(switch.report(NONCE), switch.chain, asked)
    claims = examined.proved()
    assert (claims.arch, claims.vbios, claims.pdi) == ("LS10", "96.10.73.00.01", OTHER)
    assert (claims.certified_pdi, claims.gpu_pdis) == (OTHER, (PDI,))
    (fwid,) = (check for check in examined.checks if check.name == "fwid")
    assert fwid.outcome is Outcome.NOT_MEASURED


def test_a_device_of_the_other_kind_is_refused(maker: Maker, asked: Asked) -> None:
    switch, gpu = maker.switch(OTHER, (PDI,)), maker.gpu()
    for examined in (
        examine_gpu(switch.report(NONCE), switch.chain, asked),
        examine_switch(gpu.report(NONCE), gpu.chain, asked),
    ):
        assert examined.refusal is not None
        assert examined.refusal.reason is Reason.WRONG_DEVICE_KIND


def test_a_device_is_examined_as_what_its_chain_names(maker: Maker, asked: Asked) -> None:
    gpu, switch = maker.gpu(), maker.switch(OTHER, (PDI,))
    for device in (gpu, switch):
        assert examine_device(device.report(NONCE), device.chain, asked).refusal is None
    for chain in ((), gpu.chain[:1], (b"x",)):
        refusal = examine_device(gpu.report(NONCE), chain, asked).refusal
        assert refusal is not None
        assert refusal.reason is Reason.CHAIN_INVALID


def refusals(maker: Maker, asked: Asked) -> dict[str, Callable[[], tuple[object, Reason]]]:
    """Each check by its name, with evidence that only this check refuses."""
    gpu = maker.gpu()
    report, other = gpu.report(NONCE), maker.gpu()
    trusted = HARDWARE_ANCHORS
    early = datetime(2020, 6, 1, tzinfo=UTC)
    revocation = Revocation(answers=(), max_age=timedelta(days=1))
    no_driver = gpu.with_fields(f3=b"x").report(NONCE)
    wrong_fwid = gpu.with_fields(f20=bytes(48)).report(NONCE)
    odd = maker.device("GX100", gpu.fields)

    def one(raw: bytes, chain: tuple[bytes, ...] = gpu.chain, **changed: object) -> object:
        return examine_gpu(raw, chain, replace(asked, **changed))  # type: ignore[arg-type]

    swapped = (gpu.chain[0], other.chain[1], *gpu.chain[2:])
    return {
        "form": lambda: (one(report + b"\0\0"), Reason.MALFORMED),
        "root": lambda: (one(report, anchors=trusted), Reason.CHAIN_INVALID),
        "chain": lambda: (one(report, swapped), Reason.CHAIN_INVALID),
        "device-kind": lambda: (one(odd.report(NONCE), odd.chain), Reason.WRONG_DEVICE_KIND),
        "fields": lambda: (one(no_driver), Reason.MALFORMED),
        "dates": lambda: (one(report, now=early), Reason.CERT_NOT_YET_VALID),
        "revocation": lambda: (one(report, revocation=revocation), Reason.OCSP_INCOMPLETE),
        "signature": lambda: (one(other.report(NONCE)), Reason.SIGNATURE_INVALID),
        "fwid": lambda: (one(wrong_fwid), Reason.FWID_MISMATCH),
        "nonce": lambda: (one(gpu.report(bytes(32))), Reason.NONCE_MISMATCH),
    }


def test_each_check_refuses_alone_and_the_others_are_still_made(maker: Maker, asked: Asked) -> None:
    for name, run in refusals(maker, asked).items():
        examined, reason = run()
        assert examined.refusal is not None, name  # type: ignore[attr-defined]
        assert examined.refusal.reason is reason, name  # type: ignore[attr-defined]
        assert examined.claims is None, name  # type: ignore[attr-defined]
        checks = examined.checks  # type: ignore[attr-defined]
        assert len(checks) == 10, name
        # A report of another device breaks its firmware id as well as its signature.
        assert failures(checks)[0].name == name
        assert {each.name for each in failures(checks)} <= {name, "fwid"}, name


def test_a_refused_report_still_shows_its_parts(maker: Maker, asked: Asked) -> None:
    gpu = maker.gpu()
    examined = examine_gpu(gpu.report(bytes(32)), gpu.chain, asked)
    assert examined.report is not None
    assert [each.common_name for each in examined.path][:1] == ["GH100 A01 GSP FMC LF"]
    with pytest.raises(REFUSALS) as caught:
        examined.proved()
    assert caught.value.reason is Reason.NONCE_MISMATCH
    day = Revocation(answers=(), max_age=timedelta(days=1))
    garbage = examine_gpu(b"", (b"",) * 5, replace(asked, revocation=day))
    assert (garbage.report, garbage.path) == (None, ())
    names = {check.name for check in garbage.checks if check.outcome is Outcome.NOT_MEASURED}
    assert names >= {"device-kind", "dates", "signature", "fwid", "nonce", "fields", "revocation"}
    with pytest.raises(UntrustedEvidence, match="nothing was proved"):
        replace(examined, refusal=None).proved()


def test_answers_about_every_certificate_that_nvidia_issued(maker: Maker, asked: Asked) -> None:
    gpu = maker.gpu()
    pairs = list(zip(gpu.path[1:], gpu.path[2:], strict=False))
    answers = tuple(OcspAnswer(answer(each, issuer, now=asked.now), None) for each, issuer in pairs)
    day = timedelta(days=1)
    good = replace(asked, revocation=Revocation(answers=answers, max_age=day))
    claims = examine_gpu(gpu.report(NONCE), gpu.chain, good).proved()
    assert [fact.subject for fact in claims.ocsp] == [
        "GH100 A01 GSP BROM", "NVIDIA GH100 Provisioner ICA 1", "NVIDIA GH100 Identity",
    ]  # fmt: skip
    lacking = replace(asked, revocation=Revocation(answers=answers[1:], max_age=day))
    refusal = examine_gpu(gpu.report(NONCE), gpu.chain, lacking).refusal
    assert refusal is not None
    assert refusal.reason is Reason.OCSP_INCOMPLETE


# Recorded evidence

RECORDED = {
    "hopper-545-full": datetime(2024, 6, 1, tzinfo=UTC),
    "switch-ls10-96105500": datetime(2026, 9, 1, tzinfo=UTC),
}


def test_a_recorded_switch_is_proved(vectors_dir: Path) -> None:
    folder = vectors_dir / "nvidia/switch-ls10-96105500"
    verified = verify_switch(
        (folder / "report.bin").read_bytes(),
        pem_certificates((folder / "chain.pem").read_bytes()),
        anchors=HARDWARE_ANCHORS,
        now=RECORDED["switch-ls10-96105500"],
        expected_nonce=None,
    )
    claims = verified.claims
    assert claims.pdi == claims.certified_pdi
    assert not claims.simulated
