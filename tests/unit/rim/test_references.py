"""Proved manifests as reference values: one device's, until its signer's certificate ends."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS
from keyturn.attest.certificates import pem_certificates
from keyturn.attest.chains import ChainCache
from keyturn.attest.errors import REFUSALS, Reason, UntrustedEvidence
from keyturn.base.encoding import digest_of
from keyturn.base.strictjson import Fields
from keyturn.policy.baseline_document import document_of
from keyturn.quorum.origin import Method
from keyturn.quorum.reference_bodies import ReferenceValues, parse_reference_values
from keyturn.rim.references import prove, references_of
from keyturn.rim.verify import RimAsked
from support.rimmaker import TWO_YEARS, RimVendor, body, resource

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
VALUE, OTHER = "02" * 48, "03" * 48
DRIVER = body(resource(1, VALUE, OTHER), resource(2, OTHER, active="False"))
VBIOS = body(resource(5, OTHER), version="96.00.5E.00.01")
GPU = (DRIVER, VBIOS)
SWITCH = body(resource(0, VALUE), version="96.10.55.00.01", product="LS10", edition="SWITCH")


def reason_of(step: Callable[[], object]) -> Reason | None:
    """Why it is refused."""
    try:
        step()
    except REFUSALS as refusal:
        return refusal.reason
    return None


def made(
    vendor: RimVendor, asked: RimAsked, *texts: str, until: datetime | None = None
) -> ReferenceValues:
    proved = [prove(vendor.sign(text), asked) for text in texts]
    return references_of(proved, obtained=asked.now, until=until)


def test_a_gpus_two_manifests_are_one_set_of_values(
    rim_vendor: RimVendor, rim_asked: RimAsked
) -> None:
    driver, vbios = rim_vendor.sign(DRIVER), rim_vendor.sign(VBIOS)
    proved = [prove(driver, rim_asked), prove(vbios, rim_asked)]
    values = references_of(proved[::-1], obtained=NOW, until=None)
    assert parse_reference_values(Fields(document_of(values), "body")) == values
    (gpu,) = values.gpu
    assert (gpu.architecture, gpu.driver, gpu.vbios) == ("GH100", "590.12", "96.00.5E.00.01")
    assert gpu.measurements == {1: frozenset({VALUE, OTHER}), 5: frozenset({OTHER})}
    origin = gpu.origin.provenance
    assert origin is not None
    assert (origin.method, origin.document) == (Method.RIM, digest_of(driver))
    assert origin.signer == "'HCC RIM L4 Signer' under 'NVIDIA CoRIM signing Root CA'"
    assert origin.until == TWO_YEARS[1]
    assert gpu.origin.source.startswith("SIMULATED: NVIDIA RIM driver 590.12")
    assert digest_of(vbios) in gpu.origin.source


def test_a_switchs_manifest(rim_vendor: RimVendor, rim_asked: RimAsked) -> None:
    (switch,) = made(rim_vendor, rim_asked, SWITCH).switches
    assert (switch.architecture, switch.bios) == ("LS10", "96.10.55.00.01")
    assert switch.measurements == {0: frozenset({VALUE})}


def test_an_end_may_come_sooner_but_not_later(rim_vendor: RimVendor, rim_asked: RimAsked) -> None:
    for until, kept in (
        (NOW + timedelta(days=1), NOW + timedelta(days=1)),
        (TWO_YEARS[1] + timedelta(days=1), TWO_YEARS[1]),
    ):
        (switch,) = made(rim_vendor, rim_asked, SWITCH, until=until).switches
        assert switch.origin.provenance is not None
        assert switch.origin.provenance.until == kept


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ((), Reason.RIM_KIND_MISMATCH),
        ((DRIVER,), Reason.RIM_KIND_MISMATCH),
        ((VBIOS,), Reason.RIM_KIND_MISMATCH),
        ((DRIVER, VBIOS, SWITCH), Reason.RIM_KIND_MISMATCH),
        ((DRIVER, DRIVER), Reason.RIM_INDEX_CONFLICT),
        ((DRIVER, VBIOS.replace('index="5"', 'index="1"')), Reason.RIM_INDEX_CONFLICT),
        ((DRIVER, VBIOS.replace("GH100", "GB100")), Reason.RIM_PRODUCT_MISMATCH),
        ((DRIVER, VBIOS.replace("GH100", "LS10")), Reason.RIM_PRODUCT_MISMATCH),
        ((DRIVER, VBIOS.replace("GH100", "RTX")), Reason.RIM_PRODUCT_MISMATCH),
        ((SWITCH.replace("LS10", "GH100"),), Reason.RIM_PRODUCT_MISMATCH),
        (tuple(each.replace("GH100", "LS10") for each in GPU), Reason.RIM_PRODUCT_MISMATCH),
        (tuple(each.replace("GH100", "GTX") for each in GPU), Reason.RIM_PRODUCT_MISMATCH),
    ],
)
def test_manifests_that_are_not_one_devices(
    rim_vendor: RimVendor, rim_asked: RimAsked, texts: tuple[str, ...], reason: Reason
) -> None:
    assert reason_of(lambda: made(rim_vendor, rim_asked, *texts)) is reason


def test_what_is_not_proved_becomes_no_value(rim_vendor: RimVendor, rim_asked: RimAsked) -> None:
    signed = rim_vendor.sign(DRIVER)
    changed = signed.replace(VALUE.encode(), OTHER.encode(), 1)
    late = replace(rim_asked, now=datetime(2028, 6, 1, tzinfo=UTC))
    for raw, asked, reason in (
        (changed, rim_asked, Reason.RIM_SIGNATURE_INVALID),
        (signed, late, Reason.RIM_CERT_EXPIRED),
        (RimVendor.create().sign(DRIVER), rim_asked, Reason.RIM_CHAIN_INVALID),
        (b"<x/>", rim_asked, Reason.RIM_SIGNATURE_INVALID),
        (b"no XML", rim_asked, Reason.MALFORMED),
    ):
        assert reason_of(partial(prove, raw, asked)) is reason
    with pytest.raises(UntrustedEvidence):
        references_of([prove(rim_vendor.sign(SWITCH), rim_asked)], obtained=late.now, until=None)


def test_nvidias_own_manifest_of_a_switch(vectors_dir: Path) -> None:
    nvidia = vectors_dir / "nvidia"
    asked = RimAsked(
        anchors=HARDWARE_ANCHORS,
        now=NOW,
        cache=ChainCache(),
        roots=tuple(pem_certificates((nvidia / "roots" / "nvidia-rim-root-ca.pem").read_bytes())),
    )
    proved = prove((nvidia / "rims" / "switch-9610550001.xml").read_bytes(), asked)
    (switch,) = references_of([proved], obtained=asked.now, until=None).switches
    assert (switch.architecture, switch.bios) == ("LS10", "96.10.55.00.01")
    assert not switch.origin.source.startswith("SIMULATED")
    assert switch.origin.provenance is not None
    assert switch.origin.provenance.until == proved.ends
