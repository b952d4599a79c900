"""Opaque fields: what a GPU and a switch say, and what is refused."""

from pathlib import Path

import pytest

from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.nvidia_fields import read_gpu_fields, read_switch_fields
from keyturn.attest.spdm import parse_gpu_report
from support.nvdevices import Device
from support.nvdevices import Vendor as Maker

PDI, OTHER = bytes.fromhex("2921ce551e4eeda3"), bytes.fromhex("666e93e19dec7d2d")
NONCE = bytes(32)


@pytest.fixture(scope="module")
def gpu() -> Device:
    return Maker.create().gpu()


@pytest.fixture(scope="module")
def switch() -> Device:
    return Maker.create().switch(OTHER, (PDI, OTHER, PDI))


def test_a_gpu_says_versions_mode_links_and_board(gpu: Device) -> None:
    links = PDI + bytes(8) + PDI
    fields = read_gpu_fields(parse_gpu_report(gpu.with_fields(f22=links).report(NONCE)))
    assert (fields.driver, fields.vbios, fields.feature) == ("590.12", "96.00.A5.00.01", "SPT")
    assert fields.switch_pdis == (PDI, bytes(8), PDI)
    assert fields.vbios_rim_id == "NV_GPU_VBIOS_G520_0200_885_9600A50001"


def test_a_gpu_that_names_no_board_has_no_manifest_id(gpu: Device) -> None:
    for left_out in ("f15", "f17", "f18"):
        report = parse_gpu_report(gpu.with_fields(**{left_out: None}).report(NONCE))
        assert read_gpu_fields(report).vbios_rim_id == ""


@pytest.mark.parametrize(
    ("value", "feature"),
    [
        (b"\0\0", "SPT"),
        (b"\x01\0", "MPT"),
        (b"\x02\0", "PPCIE"),
        (b"\x09\0", "unknown (9)"),
        (None, None),
    ],
)
def test_the_feature_flag(gpu: Device, value: bytes | None, feature: str | None) -> None:
    report = parse_gpu_report(gpu.with_fields(f36=value).report(NONCE))
    assert read_gpu_fields(report).feature == feature


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("f3", None),
        ("f3", b"590.12"),
        ("f3", b"\0"),
        ("f3", b"590\n\0"),
        ("f3", b"\xff\0"),
        ("f6", None),
        ("f6", bytes(7)),
        ("f6", bytes(7) + b"\x01"),
        ("f22", bytes(9)),
        ("f17", b"G520"),
    ],
)
def test_fields_of_another_form_are_refused(gpu: Device, name: str, value: bytes | None) -> None:
    report = parse_gpu_report(gpu.with_fields(**{name: value}).report(NONCE))
    with pytest.raises(MalformedEvidence):
        read_gpu_fields(report)


def test_a_switch_says_its_bios_its_pdi_and_the_gpus_it_sees(switch: Device) -> None:
    fields = read_switch_fields(parse_gpu_report(switch.report(NONCE)))
    assert (fields.bios, fields.pdi) == ("96.10.73.00.01", OTHER)
    assert fields.gpu_pdis == (PDI, OTHER)  # none twice, unused places left out


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("f6", None),
        ("f6", b""),
        ("f6", b"96.10.73.00"),
        ("f6", b"96.10.73.00.01.02"),
        ("f6", b"96.10.73.00.01\n"),
        ("f6", b"96.10.73.00.0G"),
        ("f22", None),
        ("f22", bytes(8)),
        ("f22", PDI + PDI),
        ("f22", bytes(7)),
        ("f26", bytes(9)),
    ],
)
def test_a_switchs_fields_of_another_form(switch: Device, name: str, value: bytes | None) -> None:
    report = parse_gpu_report(switch.with_fields(**{name: value}).report(NONCE))
    with pytest.raises(MalformedEvidence):
        read_switch_fields(report)


def test_a_recorded_switch_sees_eight_gpus(vectors_dir: Path) -> None:
    raw = (vectors_dir / "nvidia/ppcie-8gpu/switch0/report.bin").read_bytes()
    assert len(read_switch_fields(parse_gpu_report(raw)).gpu_pdis) == 8
