"""What claims say of themselves."""

from dataclasses import replace

import pytest

from keyturn.attest.nvidia import verify_gpu
from keyturn.attest.nvidia_chain import Architecture
from keyturn.attest.nvidia_claims import GpuClaims, SwitchClaims
from keyturn.attest.spdm import Opaque


@pytest.fixture
def claims(node, anchors, now) -> GpuClaims:  # type: ignore[no-untyped-def]
    report = node.gpu_report(0, bytes(32))
    chain = node.gpus[0].chain
    return verify_gpu(report, chain, anchors=anchors, now=now, expected_nonce=None).claims


def with_field(claims: GpuClaims, kind: Opaque, value: bytes | None) -> GpuClaims:
    opaque = {**claims.report.opaque, kind.value: value}
    kept = {number: each for number, each in opaque.items() if each is not None}
    return replace(claims, report=replace(claims.report, opaque=kept))


def test_measurements_and_nonce_are_the_reports(claims: GpuClaims) -> None:
    assert claims.nonce == bytes(32)
    assert claims.measurements[3] == b"\x04" * 48


@pytest.mark.parametrize(
    ("status", "enabled"), [(b"\x55", True), (b"\xaa", False), (b"\0", True), (None, True)]
)
def test_a_decoder_counts_as_on_unless_it_is_said_off(claims, status, enabled) -> None:  # type: ignore[no-untyped-def]
    assert with_field(claims, Opaque.NVDEC0_STATUS, status).nvdec0_enabled is enabled


@pytest.mark.parametrize(
    ("feature", "status", "mode"),
    [
        ("SPT", b"\xaa", "SPT"),
        ("PPCIE", b"\x55", "PPCIE"),
        (None, b"\xaa", "PPCIE"),
        (None, b"\x55", "not reported"),
        (None, None, "not reported"),
    ],
)
def test_the_mode_of_early_firmware_is_its_status(claims, feature, status, mode) -> None:  # type: ignore[no-untyped-def]
    changed = with_field(replace(claims, feature=feature), Opaque.PROTECTED_PCIE_STATUS, status)
    assert changed.mode == mode


def test_every_index_of_a_switch_counts(claims: GpuClaims) -> None:
    changed = with_field(claims, Opaque.NVDEC0_STATUS, b"\xaa")
    switch = SwitchClaims(
        report=changed.report,
        architecture=Architecture.LS10,
        arch="LS10",
        vbios="96.10.73.00.01",
        device_id="nvidia-ls10-x",
        leaf_digest=bytes(32),
        leaf_serial=1,
        chain_names=(),
        fwid=None,
        pdi=bytes(8),
        certified_pdi=None,
        gpu_pdis=(),
        ocsp=(),
        simulated=True,
    )
    assert switch.nvdec0_enabled
    assert (switch.nonce, switch.measurements[3]) == (bytes(32), b"\x04" * 48)
