"""Azure's HCL report: an SNP report with the paravisor's runtime data bound to it.

Source: Azure confidential VM guest attestation design ("attestation report": header 32 bytes,
hardware report 1184, runtime data header 20, JSON) and recorded evidence. The paravisor owns
report data: its first half is SHA-256 of the runtime data, which holds the vTPM's AK, and the
second is zero. So freshness comes from the vTPM's quote, never from report data.
"""

import struct
from dataclasses import dataclass

from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.snp_report import REPORT_SIZE
from keyturn.base.encoding import sha256

MAGIC = b"HCLA"
MAX_HCL_REPORT = 64 << 10
_HEADER = struct.Struct("<4sIIIIIII")
_RUNTIME_HEADER = struct.Struct("<IIIII")
_REPORT_AT = _HEADER.size
_RUNTIME_AT = _REPORT_AT + REPORT_SIZE
_REQUEST_TYPE_SNP = 2
_HASH_SHA256 = 1


@dataclass(frozen=True, slots=True)
class HclReport:
    """The parts, unverified: `snp_report` 1184 bytes, `runtime_data` exact JSON bytes."""

    snp_report: bytes
    runtime_data: bytes

    @property
    def expected_report_data(self) -> bytes:
        """The 64 bytes that bind the runtime data to the report."""
        return sha256(self.runtime_data) + bytes(32)


def unwrap_hcl(raw: bytes) -> HclReport:
    """Split an HCL report; zero padding behind the runtime data is the only rest allowed.

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
    if request != _REQUEST_TYPE_SNP or kind != _REQUEST_TYPE_SNP or hashing != _HASH_SHA256:
        raise MalformedEvidence(
            "HCL report is not one of SEV-SNP with SHA-256",
            found=f"request {request}, report {kind}, hash {hashing}",
        )
    end = start + size
    sizes_agree = data_size == size + _RUNTIME_HEADER.size and total == end
    if data_version != 1 or not sizes_agree or end > len(raw):
        raise MalformedEvidence("HCL report's runtime data has a wrong length")
    if any(raw[end:]):
        raise MalformedEvidence("HCL report has bytes after its runtime data")
    return HclReport(raw[_REPORT_AT:_RUNTIME_AT], raw[start:end])


def check_runtime_data(report_data: bytes, hcl: HclReport) -> None:
    """Raises UntrustedEvidence unless a *verified* report's data binds the runtime data."""
    if report_data != hcl.expected_report_data:
        raise UntrustedEvidence(
            "runtime data is not what the SNP report is bound to",
            reason=Reason.RUNTIME_DATA_MISMATCH,
            found=report_data.hex(),
            expected=hcl.expected_report_data.hex(),
        )
