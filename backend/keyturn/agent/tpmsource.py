"""The node's TPM as a source of evidence: quote, AK certificate, event log (our protocol §4.5)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from keyturn.agent.config import AgentConfig, CpuFrom
from keyturn.agent.errors import ConfigInvalid
from keyturn.agent.paravisor import AK_HANDLE
from keyturn.agent.tpm import AK_CERTIFICATE, Tpm
from keyturn.agent.tpmline import tpm_line
from keyturn.attest.certificates import pem_certificates
from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.guest.errors import DeviceUnreachable
from keyturn.keyrelease.tpmpart import MAX_LOG, TpmPart

BANK = HashAlgorithm.SHA256
REGISTERS = range(24)
MAX_ISSUERS = 64 << 10
"""Bytes of a file of certificates."""


@dataclass(frozen=True, slots=True)
class LocalTpm:
    """A TPM of this machine. `path`: `/dev/tpmrm0` or a unix socket; `log`: the firmware's log,
    under Linux `/sys/kernel/security/tpm0/binary_bios_measurements`; `issuers`: DER certificates
    from the AK certificate's issuer up to one whose key trust-anchors name; `ak`: the persistent
    handle of an AK that the CPU's evidence vouches for, behind a paravisor."""

    path: Path
    log: Path | None = None
    issuers: Sequence[bytes] = field(default=(), repr=False)
    ak: int | None = None

    def ak_name(self) -> bytes:
        """The name of the AK. Raises DeviceUnreachable, DeviceAnswerMalformed."""
        with tpm_line(self.path) as line:
            return Tpm(line, self.ak).ak().name

    def quote(self, nonce: bytes) -> TpmPart:
        """Every register of the SHA-256 bank. Raises DeviceUnreachable, DeviceAnswerMalformed."""
        with tpm_line(self.path) as line:
            tpm = Tpm(line, self.ak)
            found = tpm.quote(nonce, BANK, REGISTERS)
            certificate = tpm.stored(AK_CERTIFICATE) if self.ak is None else None
        chain = (certificate, *self.issuers) if certificate is not None else ()
        return TpmPart(
            found.quote, found.signature, found.ak, chain, {BANK: found.pcrs}, self._read_log()
        )

    def forget(self) -> None:
        """Nothing is remembered here."""

    def _read_log(self) -> bytes | None:
        """Raises DeviceUnreachable for a log that is too long to travel, or that is not there."""
        if self.log is None:
            return None
        try:
            with self.log.open("rb") as file:
                found = file.read(MAX_LOG + 1)
        except OSError as error:
            raise DeviceUnreachable(f"the TPM's event log cannot be read: {error}") from error
        if len(found) > MAX_LOG:
            raise DeviceUnreachable(
                "the TPM's event log is too long", expected=f"at most {MAX_LOG} bytes"
            )
        return found


def tpm_of(config: AgentConfig) -> LocalTpm | None:
    """The TPM that the settings name. Raises ConfigInvalid."""
    if config.tpm is None:
        return None
    issuers = read_issuers(config.tpm_issuers) if config.tpm_issuers is not None else ()
    ak = AK_HANDLE if config.cpu is CpuFrom.PARAVISOR else None
    return LocalTpm(config.tpm, config.tpm_log, issuers, ak)


def read_issuers(path: Path) -> tuple[bytes, ...]:
    """A PEM file of certificates as DER. Raises ConfigInvalid."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_ISSUERS + 1)
        found = pem_certificates(text[:MAX_ISSUERS])
    except (OSError, MalformedEvidence) as error:
        raise ConfigInvalid(f"issuers of the TPM's certificates: {error}") from error
    if not found or len(text) > MAX_ISSUERS:
        raise ConfigInvalid(
            "issuers of the TPM's certificates", found=str(path), expected="PEM certificates"
        )
    return tuple(found)
