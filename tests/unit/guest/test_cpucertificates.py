"""An SNP chip's certificates: the host's table read strictly, and a file of the node."""

import struct
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from keyturn.guest.cpucertificates import certificates_of_table, read_certificates
from keyturn.guest.errors import CertificatesUnusable, DeviceAnswerMalformed
from keyturn_sim import SimNode, SimVendors
from support.configfs import GUIDS, certificate_table


@pytest.fixture(scope="module")
def snp(vendors: SimVendors) -> SimNode:
    return SimNode.create(vendors, measurement=b"\x42" * 48)


def entry(guid: str, offset: int, length: int) -> bytes:
    return bytes.fromhex(guid) + struct.pack("<II", offset, length)


def test_a_whole_table(snp: SimNode) -> None:
    found = certificates_of_table(certificate_table(snp))
    assert found is not None
    assert (found.vek, found.intermediate, found.root) == tuple(snp.collateral().values())


def test_a_table_without_one_of_them_has_none() -> None:
    assert certificates_of_table(b"") is None
    assert certificates_of_table(bytes(24)) is None
    assert certificates_of_table(entry(GUIDS["vek"], 48, 1) + bytes(24) + b"v") is None


@pytest.mark.parametrize(
    "raw",
    [
        bytes(23),
        entry(GUIDS["vek"], 24, 1),
        entry(GUIDS["vek"], 48, 2) + bytes(24) + b"v",
        entry(GUIDS["vek"], 48, 0) + bytes(24),
        2 * entry(GUIDS["vek"], 72, 1) + bytes(24) + b"v",
        entry(GUIDS["vek"], 0xFFFFFFFF, 0xFFFFFFFF) + bytes(24),
        b"".join(entry(f"{at:032x}", 0, 1) for at in range(1, 30)) + bytes(24),
    ],
)
def test_a_table_that_does_not_hold_together_is_refused(raw: bytes) -> None:
    with pytest.raises(DeviceAnswerMalformed):
        certificates_of_table(raw)


@given(st.binary(max_size=400))
def test_any_table_is_read_or_refused(raw: bytes) -> None:
    try:
        certificates_of_table(raw)
    except DeviceAnswerMalformed:
        return


def test_a_file_has_three_in_order(snp: SimNode, tmp_path: Path) -> None:
    shown = [x509.load_der_x509_certificate(each) for each in snp.collateral().values()]
    pem = [each.public_bytes(Encoding.PEM) for each in shown]
    path = tmp_path / "cpu.pem"
    path.write_bytes(b"".join(pem))
    assert read_certificates(path).vek == snp.vek
    for wrong in (b"".join(pem[:2]), b"".join((*pem, pem[0])), b"none", b""):
        path.write_bytes(wrong)
        with pytest.raises(CertificatesUnusable):
            read_certificates(path)
    with pytest.raises(CertificatesUnusable):
        read_certificates(tmp_path / "absent")
