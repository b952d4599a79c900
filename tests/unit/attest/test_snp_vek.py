"""VEK extensions (AMD 57230), on a recorded Turin VCEK and on changed ones."""

from dataclasses import replace
from types import MappingProxyType

import pytest

from keyturn.attest.certificates import Certificate, Extension, parse_certificate
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.snp_tcb import SnpProduct
from keyturn.attest.snp_vek import VekKind, read_vek
from keyturn_sim import SimNode

ARC = "1.3.6.1.4.1.3704.1."


@pytest.fixture
def vcek(node: SimNode) -> Certificate:
    return parse_certificate(node.vek)


def changed(certificate: Certificate, number: str, value: bytes | None) -> Certificate:
    extensions = dict(certificate.extensions)
    extensions.pop(ARC + number, None)
    if value is not None:
        extensions[ARC + number] = Extension(False, value)
    return replace(certificate, extensions=MappingProxyType(extensions))


def test_a_recorded_turin_vcek(vectors_dir) -> None:  # type: ignore[no-untyped-def]
    raw = (vectors_dir / "snp/certs-only/turin-vcek.der").read_bytes()
    vek = read_vek(parse_certificate(raw), VekKind.VCEK, SnpProduct.TURIN)
    # vectors/snp/README: FMC, bootloader, SNP 0, microcode 9, structure 1, 8-byte HWID.
    assert (vek.product_name, vek.tcb.raw.hex()) == ("Turin", "0000000000000009")
    assert vek.hwid is not None
    assert len(vek.hwid) == 8


def test_a_simulated_vcek_reads_as_it_was_made(vcek: Certificate, node: SimNode) -> None:
    vek = read_vek(vcek, VekKind.VCEK, SnpProduct.GENOA)
    assert vek.tcb.raw == node.launch.tcb.to_bytes("Genoa")
    assert (vek.hwid, vek.csp_id) == (node.launch.chip_id, None)


def test_another_product_than_the_chain_is_refused(vcek: Certificate) -> None:
    for product in (SnpProduct.MILAN, SnpProduct.TURIN):
        with pytest.raises(UntrustedEvidence) as caught:
            read_vek(vcek, VekKind.VCEK, product)
        assert caught.value.reason is Reason.PRODUCT_MISMATCH


@pytest.mark.parametrize("number", ["1", "2", "3.1", "3.2", "3.3", "3.8", "4"])
def test_a_missing_extension_is_refused(vcek: Certificate, number: str) -> None:
    with pytest.raises(MalformedEvidence, match="lacks extension"):
        read_vek(changed(vcek, number, None), VekKind.VCEK, SnpProduct.GENOA)


@pytest.mark.parametrize(
    ("number", "value"),
    [
        ("3.1", b"\x02\x02\x01\x00"),  # 256
        ("3.1", b"\x02\x01\xff"),  # -1
        ("3.1", b"\x02\x01\x01\x00"),  # a byte too many
        ("3.9", b"\x02\x01\x00"),  # an FMC on Genoa
        ("2", b"\x0c\x05Genoa"),  # UTF8String
        ("2", b"\x16\x05Genoa\0"),
        ("4", bytes(8)),  # a Turin HWID
        ("4", b"\x04\x40" + bytes(64)),  # tagged
        ("5", b"\x16\x01x"),  # a provider on a VCEK
    ],
)
def test_a_wrong_extension_is_refused(vcek: Certificate, number: str, value: bytes) -> None:
    with pytest.raises(MalformedEvidence):
        read_vek(changed(vcek, number, value), VekKind.VCEK, SnpProduct.GENOA)


def test_a_vlek_names_a_provider_and_no_chip(vcek: Certificate) -> None:
    with pytest.raises(MalformedEvidence, match="names a chip"):
        read_vek(vcek, VekKind.VLEK, SnpProduct.GENOA)
    vlek = changed(changed(vcek, "4", None), "5", b"\x16\x04CN=x")
    assert read_vek(vlek, VekKind.VLEK, SnpProduct.GENOA).csp_id == "CN=x"


@pytest.mark.parametrize("name", [b"\x16\x00", b"\x16\x01\xff", b"\x16\x01x\0"])
def test_a_provider_has_a_name(vcek: Certificate, name: bytes) -> None:
    with pytest.raises(MalformedEvidence):
        read_vek(changed(changed(vcek, "4", None), "5", name), VekKind.VLEK, SnpProduct.GENOA)


def test_the_structure_is_the_products(vcek: Certificate) -> None:
    with pytest.raises(UntrustedEvidence) as caught:
        read_vek(changed(vcek, "1", b"\x02\x01\x01"), VekKind.VCEK, SnpProduct.GENOA)
    assert caught.value.reason is Reason.PRODUCT_MISMATCH
