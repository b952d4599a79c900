"""Azure's HCL report: a report of the TEE with the paravisor's runtime data bound to it.

Source: Azure confidential VM guest attestation design ("attestation report": header 32 bytes,
hardware report 1184, runtime data header 20, JSON) and recorded evidence. The paravisor owns
report data: its first half is SHA-256 of the runtime data, which holds the vTPM's AK, and the
second is zero. So freshness comes from the vTPM's quote, never from report data. On TDX the
hardware report is a TDREPORT, which only its own machine can verify: the quote made of it is what
proves the report data.
"""

import hmac
import struct
from dataclasses import dataclass
from enum import Enum

from cryptography.hazmat.primitives.asymmetric import rsa

from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.snp_report import REPORT_SIZE
from keyturn.base.encoding import sha256, unb64url
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, load_object

MAGIC = b"HCLA"
MAX_HCL_REPORT = 64 << 10
TDREPORT_SIZE = 1024
_HEADER = struct.Struct("<4sIIIIIII")
_RUNTIME_HEADER = struct.Struct("<IIIII")
_REPORT_AT = _HEADER.size
_RUNTIME_AT = _REPORT_AT + REPORT_SIZE
_REQUEST_TYPE = 2  # the same for both TEEs
_HASH_SHA256 = 1
_AK = "HCLAkPub"
_MAX_KEYS = 16


class HclTee(Enum):
    """Report type in the runtime data's header."""

    SNP = 2
    TDX = 4

    @property
    def report_size(self) -> int:
        """Bytes of the hardware report; the rest of its 1184 bytes is zero."""
        return REPORT_SIZE if self is HclTee.SNP else TDREPORT_SIZE


@dataclass(frozen=True, slots=True)
class HclReport:
    """The parts, unverified: `report` of the hardware, `runtime_data` exact JSON bytes."""

    report: bytes
    runtime_data: bytes


def hcl_tee(raw: bytes) -> HclTee | None:
    """Of which TEE an HCL report says it is; None where it does not say."""
    if len(raw) < _RUNTIME_AT + _RUNTIME_HEADER.size:
        return None
    kind = _RUNTIME_HEADER.unpack_from(raw, _RUNTIME_AT)[2]
    return next((tee for tee in HclTee if tee.value == kind), None)


def unwrap_hcl(raw: bytes, tee: HclTee = HclTee.SNP) -> HclReport:
    """Split an HCL report of `tee`; zero padding behind the runtime data is the only rest allowed.

    Raises MalformedEvidence.
    """
    start = _RUNTIME_AT + _RUNTIME_HEADER.size
    if not start <= len(raw) <= MAX_HCL_REPORT:
        raise MalformedEvidence(
            "HCL report has the wrong size",
            found=f"{len(raw)} bytes",
            expected=f"{start} to {MAX_HCL_REPORT} bytes",
        )
    magic, version, total, request, status, *reserved = _HEADER.unpack_from(raw)
    if magic != MAGIC or version not in (1, 2) or status or any(reserved):
        raise MalformedEvidence("HCL report has an unknown header", found=raw[:32].hex())
    data_size, data_version, kind, hashing, size = _RUNTIME_HEADER.unpack_from(raw, _RUNTIME_AT)
    if request != _REQUEST_TYPE or kind != tee.value or hashing != _HASH_SHA256:
        raise MalformedEvidence(
            f"HCL report is not one of {tee.name} with SHA-256",
            found=f"request {request}, report {kind}, hash {hashing}",
            expected=f"request {_REQUEST_TYPE}, report {tee.value}, hash {_HASH_SHA256}",
        )
    end = start + size
    sizes_agree = data_size == size + _RUNTIME_HEADER.size and total == end
    if data_version != 1 or not sizes_agree or end > len(raw):
        raise MalformedEvidence("HCL report's runtime data has a wrong length")
    if any(raw[end:]):
        raise MalformedEvidence("HCL report has bytes after its runtime data")
    report_end = _REPORT_AT + tee.report_size
    if any(raw[report_end:_RUNTIME_AT]):
        raise MalformedEvidence("HCL report has bytes after its hardware report")
    return HclReport(raw[_REPORT_AT:report_end], raw[start:end])


def runtime_report_data(runtime_data: bytes) -> bytes:
    """The 64 bytes of report data that bind runtime data (exact JSON bytes)."""
    return sha256(runtime_data) + bytes(32)


def check_runtime_data(report_data: bytes, runtime_data: bytes) -> None:
    """Raises UntrustedEvidence unless a *verified* report's data binds the runtime data."""
    expected = runtime_report_data(runtime_data)
    if not hmac.compare_digest(report_data, expected):
        raise UntrustedEvidence(
            "runtime data is not what the report is bound to",
            reason=Reason.RUNTIME_DATA_MISMATCH,
            found=report_data.hex(),
            expected=expected.hex(),
        )


def runtime_key(runtime_data: bytes) -> rsa.RSAPublicKey:
    """The vTPM's AK that runtime data names: an RSA JWK (RFC 7518 §6.3) called HCLAkPub.

    It is worth what binds the runtime data. Raises MalformedEvidence.
    """
    try:
        document = load_object(runtime_data, limit=MAX_HCL_REPORT, what="runtime data")
        listed = Fields(document, "runtime data").objects("keys", limit=_MAX_KEYS)
        named = [each for each in listed if each.raw("kid") == _AK]
        if len(named) != 1:
            raise MalformedEvidence(f"runtime data has another number of keys {_AK} than one")
        named[0].literal("kty", "RSA")
        modulus, exponent = (
            int.from_bytes(unb64url(named[0].text(each, limit=2048), what=f"JWK {each}"), "big")
            for each in ("n", "e")
        )
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except (MalformedError, ValueError) as error:
        raise MalformedEvidence(f"runtime data's key {_AK} cannot be read: {error}") from error
