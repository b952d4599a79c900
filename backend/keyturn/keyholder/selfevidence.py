"""The keyholder's own evidence: its CPU's, over the key that shares are sealed to (§10.12).

Not judged here: custodians' programs do that, each for itself. A keyholder outside a confidential
VM has none, and they say so.
"""

import logging
import socket
from pathlib import Path
from typing import Protocol

from keyturn.base.errors import KeyturnError, MalformedError, UnreachableError
from keyturn.base.strictjson import Fields
from keyturn.ceremony.hostdocument import parse_host
from keyturn.guest.cpucertificates import read_certificates
from keyturn.guest.tsm import REPORTS, KernelReports
from keyturn.keyholder.config import CpuFrom, KeyholderConfig
from keyturn.keyrelease.hostevidence import host_evidence_bytes, unseal_report_data
from keyturn.keyrelease.request import MAX_QUOTE, SnpEvidence, TdxEvidence
from keyturn.quorum.tee_rules import Tee
from keyturn.wire.frames import receive_frame, send_frame

logger = logging.getLogger(__name__)

MAX_FRAME = 1 << 20
MAX_CERTIFICATE = 16 << 10
MAX_DEVICES = 64
SNP_REPORT_SIZE = 1184
"""Bytes, AMD publication 56860, table ATTESTATION_REPORT."""
SECONDS = 10.0


class EvidenceUnreachable(UnreachableError):
    """The process that owns the devices does not answer, or not as agreed (our protocol §7.4)."""


class EvidenceDevice(Protocol):
    """A machine whose CPU can be quoted."""

    def cpu(self, report_data: bytes) -> SnpEvidence | TdxEvidence:
        """Over 64 bytes. Raises KeyturnError."""


def evidence_device(config: KeyholderConfig) -> EvidenceDevice | None:
    """Who quotes this machine's CPU, by the settings; None where they name nobody.

    Raises CertificatesUnusable.
    """
    if config.cpu is CpuFrom.KERNEL:
        path = config.cpu_certificates
        certificates = None if path is None else read_certificates(path)
        return KernelReports(config.tsm_reports or REPORTS, certificates)
    return CpuSocket(config.evidence) if config.evidence is not None else None


def host_evidence(device: EvidenceDevice | None, host: bytes) -> bytes | None:
    """Evidence over a host key document as it is given out; None where there is no device.

    Also where it gives none now: a policy that asks for evidence is not met by that, and a
    keyholder that did not start would tell nobody why.
    """
    if device is None:
        return None
    said = parse_host(host)
    payload = host if said.envelope is None else said.envelope.payload
    try:
        return host_evidence_bytes(device.cpu(unseal_report_data(payload)))
    except KeyturnError as error:
        logger.error("no evidence of this machine: %s", error)
        return None


class CpuSocket:
    """The CPU behind a unix socket (our protocol §7.4), one connection a question."""

    def __init__(self, path: Path, *, seconds: float = SECONDS) -> None:
        self._path, self._seconds = path, seconds

    def cpu(self, report_data: bytes) -> SnpEvidence | TdxEvidence:
        try:
            if self._tee() is Tee.TDX:
                return self._tdx(report_data)
            return self._snp(report_data)
        except MalformedError as error:
            raise EvidenceUnreachable(
                f"the device process: {error.message}", found=error.found, expected=error.expected
            ) from error

    def _tee(self) -> Tee:
        fields = self._ask({"op": "describe"})
        tee = fields.choice("tee", Tee)
        fields.items("devices", limit=MAX_DEVICES)
        fields.boolean("simulated")
        fields.done()
        return tee

    def _tdx(self, report_data: bytes) -> TdxEvidence:
        fields = self._ask({"op": "tdx", "report_data": report_data.hex()})
        quote = fields.b64("quote", limit=MAX_QUOTE)
        fields.done()
        return TdxEvidence(quote)

    def _snp(self, report_data: bytes) -> SnpEvidence:
        fields = self._ask({"op": "snp", "report_data": report_data.hex()})
        report = fields.b64("report", size=SNP_REPORT_SIZE)
        names = ("vek", "intermediate", "root")
        vek, intermediate, root = (fields.b64(each, limit=MAX_CERTIFICATE) for each in names)
        fields.done()
        return SnpEvidence(report, vek, intermediate, root)

    def _ask(self, request: dict[str, object]) -> Fields:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(self._seconds)
                connection.connect(str(self._path))
                send_frame(connection, request, limit=MAX_FRAME)
                answer = receive_frame(connection, limit=MAX_FRAME)
        except (OSError, UnreachableError) as error:
            raise EvidenceUnreachable(
                f"the device process does not answer: {error}",
                hint=f"Is it listening at {self._path}?",
            ) from error
        if answer is None:
            raise EvidenceUnreachable("the device process closed without an answer")
        return Fields(answer, "device answer")
