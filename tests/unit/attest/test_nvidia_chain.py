"""Five certificates to the pinned root, and what their names make of a device."""

from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.attest import nvidia_chain
from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, TrustAnchors, Vendor
from keyturn.attest.certificates import parse_certificate, pem_certificates
from keyturn.attest.chains import ChainCache
from keyturn.attest.errors import REFUSALS, Reason
from keyturn.attest.nvidia_chain import (
    Architecture,
    DeviceKind,
    certified_pdi,
    check_device,
    device_named,
    find_anchor,
    read_path,
    verify_path,
)
from keyturn.attest.nvidia_fwid import FwidExtension
from keyturn_sim.pki import der_oid, der_tlv
from support.nvdevices import Device, certify
from support.nvdevices import Vendor as Maker

PDI = bytes.fromhex("2921ce551e4eeda3")


@pytest.fixture(scope="module")
def gpu(maker: Maker) -> Device:
    return maker.gpu(pdi=PDI)


def test_a_chain_ends_at_an_anchor_and_is_signed_link_by_link(gpu, maker_anchors) -> None:  # type: ignore[no-untyped-def]
    cache = ChainCache()
    anchor = find_anchor(gpu.chain, maker_anchors, cache)
    assert len(cache) == 0  # nothing is remembered below a root that nobody asked for
    path = verify_path(gpu.chain, cache)
    assert path[0].common_name == "GH100 A01 GSP FMC LF"
    found = check_device(path, anchor, DeviceKind.GPU)
    assert (found.chip, found.architecture) == ("GH100", Architecture.HOPPER)
    assert read_path(gpu.chain) == path


def test_another_number_of_certificates_is_refused(
    gpu: Device, maker_anchors: TrustAnchors
) -> None:
    for chain in ((), gpu.chain[:4], (*gpu.chain, gpu.chain[-1])):
        with pytest.raises(REFUSALS) as caught:
            find_anchor(chain, maker_anchors, ChainCache())
        assert caught.value.reason is Reason.CHAIN_INVALID


def test_a_root_that_is_not_pinned_is_refused(gpu: Device) -> None:
    with pytest.raises(REFUSALS) as caught:
        find_anchor(gpu.chain, HARDWARE_ANCHORS, ChainCache())
    assert caught.value.reason is Reason.CHAIN_INVALID


def test_the_root_of_manifests_is_no_root_of_devices(maker: Maker, gpu: Device) -> None:
    roots = {Vendor.NVIDIA_RIM: [SpkiDigest(maker.spki)]}
    anchors = HARDWARE_ANCHORS.with_simulated(roots, source="test")
    with pytest.raises(REFUSALS):
        find_anchor(gpu.chain, anchors, ChainCache())


def test_a_link_that_another_signed_is_refused(maker: Maker, gpu: Device) -> None:
    other = maker.gpu()
    for place in range(2):
        chain = list(gpu.chain)
        chain[place] = other.chain[place]
        with pytest.raises(REFUSALS) as caught:
            verify_path(chain, ChainCache())
        assert caught.value.reason is Reason.CHAIN_INVALID


def test_a_leaf_that_is_a_ca_is_refused(gpu: Device) -> None:
    leaf = certify("GH100 A01 GSP FMC LF", gpu.path[1])
    with pytest.raises(REFUSALS, match="CA"):
        verify_path((leaf.der, *gpu.chain[1:]), ChainCache())


def test_what_cannot_be_read_shows_nothing(gpu: Device) -> None:
    assert read_path((b"\x30\x00", *gpu.chain[1:])) == ()
    assert len(read_path(gpu.chain * 3)) == 5


@pytest.mark.parametrize(
    ("leaf", "brom", "expected"),
    [
        ("GH100 A01 GSP FMC LF", "GH100 A01 GSP BROM", ("gpu", "GH100", "hopper")),
        ("GB100 A01 GSP FMC LF", "GB100 A01 GSP BROM", ("gpu", "GB100", "blackwell")),
        ("LS_10 A01 FSP FMC LF", "LS_10 A01 FSP BROM", ("switch", "LS10", "ls10")),
        ("GH100 A01 GSP FMC LF", "GB100 A01 GSP BROM", None),
        ("GH100 A01 GSP BROM", "GH100 A01 GSP BROM", None),
        ("GH100 A01 GSP FMC LF", "GH100 A01 GSP FMC LF", None),
        ("GH100 A01 FSP FMC LF", "GH100 A01 FSP BROM", None),
        ("GR100 A01 GSP FMC LF", "GR100 A01 GSP BROM", None),
        ("GA100 A01 GSP FMC LF", "GA100 A01 GSP BROM", None),
        ("GH100 A01 GSP FMC LF\n", "GH100 A01 GSP BROM", None),
        ("SIMULATED GH100 A01 GSP FMC LF", "SIMULATED GH100 A01 GSP BROM", None),
        ("GH100 A01 GSP FMC LF", "boot ROM", None),
        ("", "", None),
    ],
)
def test_names_of_devices(leaf, brom, expected) -> None:  # type: ignore[no-untyped-def]
    found = device_named(leaf, brom)
    shown = None if found is None else (found.kind.value, found.chip, found.architecture.value)
    assert shown == expected


def test_each_chip_has_its_extension(maker: Maker, maker_anchors: TrustAnchors) -> None:
    expected = {
        "GH100": FwidExtension.COMPOSITE_DEVICE_ID,
        "GB100": FwidExtension.DICE_TCB_INFO,
        "LS_10": FwidExtension.COMPOSITE_DEVICE_ID,
    }
    for chip, extension in expected.items():
        processor = "FSP" if chip.startswith("LS") else "GSP"
        found = device_named(f"{chip} A01 {processor} FMC LF", f"{chip} A01 {processor} BROM")
        assert found is not None
        assert found.fwid_extension is extension


def test_a_device_of_another_kind_is_refused(maker: Maker, maker_anchors: TrustAnchors) -> None:
    switch = maker.switch(PDI, ())
    path = verify_path(switch.chain, ChainCache())
    anchor = find_anchor(switch.chain, maker_anchors, ChainCache())
    assert check_device(path, anchor, DeviceKind.SWITCH).chip == "LS10"
    with pytest.raises(REFUSALS) as caught:
        check_device(path, anchor, DeviceKind.GPU)
    assert caught.value.reason is Reason.WRONG_DEVICE_KIND


def test_only_a_simulated_root_lets_a_name_say_so(gpu: Device, maker_anchors: TrustAnchors) -> None:
    path = verify_path(gpu.chain, ChainCache())
    named = tuple(replace(each, common_name=f"SIMULATED {each.common_name}") for each in path)
    anchor = find_anchor(gpu.chain, maker_anchors, ChainCache())
    assert check_device(named, anchor, DeviceKind.GPU).chip == "GH100"
    hardware = replace(anchor, simulated=False)
    with pytest.raises(REFUSALS):
        check_device(named, hardware, DeviceKind.GPU)


def test_the_boot_rom_certifies_the_pdi(maker: Maker, gpu: Device) -> None:
    assert certified_pdi(parse_certificate(gpu.chain[1])) == PDI
    assert certified_pdi(parse_certificate(maker.switch(PDI, ()).chain[1])) == PDI
    assert certified_pdi(parse_certificate(maker.gpu().chain[1])) is None
    for serial in ("4", "4129", "602921CE551E4EEDA3", "412921ce551e4eeda3"):
        odd = certify("GH100 A01 GSP BROM", None, serial=serial)
        assert certified_pdi(parse_certificate(odd.der)) is None, serial
    empty_set = replace(parse_certificate(gpu.chain[1]), subject=bytes.fromhex("30023100"))
    assert certified_pdi(empty_set) is None


def test_recorded_boot_roms_certify_what_switches_see(vectors_dir: Path) -> None:
    folder = vectors_dir / "nvidia/ppcie-8gpu"
    certified = {
        certified_pdi(
            parse_certificate(pem_certificates((folder / f"gpu{n}/chain.pem").read_bytes())[1])
        )
        for n in range(8)
    }
    report = (folder / "switch0/report.bin").read_bytes()
    assert len(certified) == 8
    assert all(pdi is not None and pdi in report for pdi in certified)


def test_a_serial_number_is_text() -> None:
    def named(tag: int) -> bytes:
        pair = der_tlv(0x30, der_oid("2.5.4.5") + der_tlv(tag, b"serial"))
        return der_tlv(0x30, der_tlv(0x31, pair))

    assert nvidia_chain._serial_of(named(0x13)) == "serial"
    assert nvidia_chain._serial_of(named(0x04)) == ""
