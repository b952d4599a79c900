"""The certificates of an SNP chip: from the host's table, or from a file of the node.

Source: GHCB 2.0 (AMD 56421) §4.1.8.1: entries of a GUID (16 bytes), offset and length (4 bytes
each, little endian), the last one all zeros; certificates in DER. A verifier judges them.
"""

import struct
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from keyturn.attest.certificates import pem_certificates
from keyturn.attest.errors import MalformedEvidence
from keyturn.guest.errors import CertificatesUnusable, DeviceAnswerMalformed

MAX_CERTIFICATES = 64 << 10
"""Bytes of a file."""
_ENTRY = struct.Struct("<16sII")
_MAX_ENTRIES = 16
_VEKS = (
    UUID("63da758d-e664-4564-adc5-f4b93be8accd").bytes,  # VCEK
    UUID("a8074bc2-a25a-483e-aae6-39c045a0b8a1").bytes,  # VLEK
)
_ASK = UUID("4ab7b379-bbac-4fe4-a02f-05aef327c782").bytes
_ARK = UUID("c0b406a4-a803-4952-9743-3fb6014cd0ae").bytes


@dataclass(frozen=True, slots=True)
class CpuCertificates:
    """DER: VCEK or VLEK, ASK or ASVK, ARK."""

    vek: bytes = field(repr=False)
    intermediate: bytes = field(repr=False)
    root: bytes = field(repr=False)


def certificates_of_table(raw: bytes) -> CpuCertificates | None:
    """All three of a host's table; None where it has not got them. Raises DeviceAnswerMalformed."""
    found = _entries(raw) if raw else {}
    vek = next((found[guid] for guid in _VEKS if guid in found), None)
    if vek is None or _ASK not in found or _ARK not in found:
        return None
    return CpuCertificates(vek, found[_ASK], found[_ARK])


def _entries(raw: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for at in range(0, _MAX_ENTRIES * _ENTRY.size, _ENTRY.size):
        if at + _ENTRY.size > len(raw):
            break
        guid, offset, length = _ENTRY.unpack_from(raw, at)
        if not any(guid):
            return found
        if offset + length > len(raw) or not length or guid in found:
            raise DeviceAnswerMalformed("the host's table of certificates does not hold together")
        found[guid] = raw[offset : offset + length]
    raise DeviceAnswerMalformed("the host's table of certificates does not end")


def read_certificates(path: Path) -> CpuCertificates:
    """A PEM file of exactly these three, in this order. Raises CertificatesUnusable."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_CERTIFICATES + 1)
        found = pem_certificates(text[:MAX_CERTIFICATES])
    except (OSError, MalformedEvidence) as error:
        raise CertificatesUnusable(f"certificates of the CPU: {error}") from error
    if len(found) != 3 or len(text) > MAX_CERTIFICATES:
        raise CertificatesUnusable(
            "certificates of the CPU",
            found=f"{len(found)} in {path}",
            expected="three: VCEK or VLEK, ASK or ASVK, ARK",
        )
    return CpuCertificates(*found)
