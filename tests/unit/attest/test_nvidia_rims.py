"""A device against manifests: kind, version, product, and every active measurement."""

from dataclasses import replace

import pytest

from keyturn.attest.checks import Outcome, failures
from keyturn.attest.errors import Reason
from keyturn.attest.nvidia import Asked, examine_gpu, examine_switch
from keyturn.attest.nvidia_claims import DeviceClaims, GpuClaims
from keyturn.attest.nvidia_rims import (
    Rim,
    RimKind,
    appraise_rims,
    kind_of,
    mismatched,
    missing_rims,
    reference_of,
    rim_names,
)
from support.nvdevices import Vendor as Maker

NONCE = bytes(range(32))
TWO, THREE = b"\x02" * 48, b"\x03" * 48
VALUES = {1: TWO, 2: THREE, 35: b"\x24" * 48}
DRIVER = Rim(RimKind.DRIVER, "GH100", "590.12", {1: frozenset({THREE, TWO})}, "driver")
VBIOS = Rim(RimKind.VBIOS, "GH100", "96.00.A5.00.01", {2: frozenset({THREE})}, "vbios")
BIOS = Rim(RimKind.SWITCH_BIOS, "LS10", "96.10.73.00.01", {0: frozenset({b"\x09" * 48})}, "bios")


@pytest.fixture(scope="module")
def gpu(maker: Maker, asked: Asked) -> GpuClaims:
    device = maker.gpu(values=VALUES)
    return examine_gpu(device.report(NONCE), device.chain, asked).proved()


@pytest.fixture(scope="module")
def switch(maker: Maker, asked: Asked) -> DeviceClaims:
    device = maker.switch(b"\x01" * 8, ())
    return examine_switch(device.report(NONCE), device.chain, asked).proved()


def reasons(claims: DeviceClaims, *rims: Rim) -> list[Reason | None]:
    return [check.reason for check in failures(appraise_rims(claims, rims))]


@pytest.mark.parametrize(
    ("edition", "version", "kind"),
    [
        ("GPU", "545.00", RimKind.DRIVER),
        ("GPU", "550.144.03", RimKind.DRIVER),
        ("GPU", "96.00.5E.00.01", RimKind.VBIOS),
        ("SWITCH", "96.10.55.00.01", RimKind.SWITCH_BIOS),
        ("SWITCH", "590.12", None),
        ("CPU", "590.12", None),
        ("GPU", "96.00.5e.00.01", None),
        ("GPU", "590.12\n", None),
        ("GPU", "", None),
    ],
)
def test_the_kind_of_a_manifest(edition: str, version: str, kind: RimKind | None) -> None:
    assert kind_of(edition, version) is kind


def test_a_gpu_that_both_manifests_describe_meets_every_check(gpu: GpuClaims) -> None:
    checks = appraise_rims(gpu, (DRIVER, VBIOS))
    assert {check.outcome for check in checks} == {Outcome.MET}
    assert mismatched(checks) == (2, ())
    assert failures(missing_rims(gpu, (DRIVER, VBIOS))) == ()


def test_a_switch_has_one_manifest(switch: DeviceClaims) -> None:
    assert reasons(switch, BIOS) == []
    assert [check.name for check in missing_rims(switch, ())] == ["switch-bios RIM"]
    assert Reason.RIM_KIND_MISMATCH in reasons(switch, VBIOS)
    assert Reason.RIM_KIND_MISMATCH in reasons(switch, DRIVER)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (replace(DRIVER, version="590.13"), Reason.RIM_VERSION_MISMATCH),
        (replace(VBIOS, version="96.00.A5.00.02"), Reason.RIM_VERSION_MISMATCH),
        (replace(DRIVER, product="GB100"), Reason.RIM_PRODUCT_MISMATCH),
        (replace(DRIVER, active={1: frozenset({THREE})}), Reason.MEASUREMENT_MISMATCH),
        (replace(DRIVER, active={1: frozenset({TWO[:32]})}), Reason.MEASUREMENT_MISMATCH),
        (replace(DRIVER, active={99: frozenset({TWO})}), Reason.MEASUREMENT_MISMATCH),
        (replace(DRIVER, active={}), Reason.NO_REFERENCE_VALUES),
    ],
)
def test_one_difference_fails(gpu: GpuClaims, changed: Rim, reason: Reason) -> None:
    assert reasons(gpu, changed) == [reason]


def test_the_manifest_of_another_device_is_refused_by_its_kind(gpu: GpuClaims) -> None:
    assert Reason.RIM_KIND_MISMATCH in reasons(gpu, BIOS)


def test_mismatches_are_counted_by_index(gpu: GpuClaims) -> None:
    wrong = replace(DRIVER, active={1: frozenset({THREE}), 2: frozenset({THREE})})
    assert mismatched(appraise_rims(gpu, (wrong,))) == (2, (1,))


def test_two_manifests_must_not_speak_of_one_index(gpu: GpuClaims) -> None:
    # Each alone would pass: one of them could widen what the other allows.
    lax = replace(VBIOS, active={1: frozenset({TWO, bytes(48)})})
    assert reasons(gpu, DRIVER, lax) == [Reason.RIM_INDEX_CONFLICT]
    apart = replace(VBIOS, active={1: frozenset({bytes(48)})})
    assert reasons(gpu, DRIVER, apart) == [
        Reason.RIM_INDEX_CONFLICT,
        Reason.NO_REFERENCE_VALUES,
    ]


def test_one_kind_of_manifest_stands_once(gpu: GpuClaims) -> None:
    other = replace(DRIVER, active={2: frozenset({THREE})})
    assert reasons(gpu, DRIVER, other) == [Reason.RIM_INDEX_CONFLICT]


def test_no_manifest_is_no_comparison(gpu: GpuClaims) -> None:
    assert reasons(gpu) == [Reason.NO_REFERENCE_VALUES]
    lacking = failures(missing_rims(gpu, (DRIVER,)))
    assert [(check.name, check.reason) for check in lacking] == [
        ("vbios RIM", Reason.NO_REFERENCE_VALUES)
    ]


@pytest.mark.parametrize(("status", "compared"), [(b"\x55", 1), (b"\xaa", 0)])
def test_index_35_is_left_out_while_the_decoder_is_off(maker, asked, status, compared) -> None:  # type: ignore[no-untyped-def]
    device = maker.gpu(values=VALUES, f11=status)
    claims = examine_gpu(device.report(NONCE), device.chain, asked).proved()
    rim = replace(DRIVER, active={35: frozenset({bytes(48)})})
    assert mismatched(appraise_rims(claims, (rim,))) == (compared, (35,) * compared)


def test_both_manifests_make_one_reference(gpu: GpuClaims) -> None:
    reference = reference_of(DRIVER, VBIOS)
    assert (reference.driver, reference.vbios) == ("590.12", "96.00.A5.00.01")
    assert reference.measurements == {1: frozenset({TWO, THREE}), 2: frozenset({THREE})}
    assert reference.source == "driver; vbios"


def test_where_manifests_may_be_found(maker, asked, gpu, switch) -> None:  # type: ignore[no-untyped-def]
    assert rim_names(gpu) == {
        RimKind.DRIVER: ("NV_GPU_DRIVER_GH100_590.12",),
        RimKind.VBIOS: ("NV_GPU_VBIOS_G520_0200_885_9600A50001",),
    }
    # As the recorded manifest of a switch is called.
    assert rim_names(switch) == {RimKind.SWITCH_BIOS: ("NV_SWITCH_BIOS_5612_0002_890_9610730001",)}
    device = maker.gpu("GB100").with_fields(f17=None)
    blackwell = examine_gpu(device.report(NONCE), device.chain, asked).proved()
    assert rim_names(blackwell) == {
        RimKind.DRIVER: ("NV_GPU_DRIVER_GB100_590.12", "NV_GPU_CC_DRIVER_GB100_590.12"),
        RimKind.VBIOS: (),
    }
