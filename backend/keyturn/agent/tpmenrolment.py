"""A TPM without an AK certificate: its AK is vouched for by its certified EK (our protocol §4.6).

Asked for once, and again when the keyholder was started anew; no release waits for it otherwise.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from keyturn.agent.tpm import EndorsementKey, Tpm
from keyturn.agent.tpmline import tpm_line
from keyturn.agent.tpmsource import LocalTpm
from keyturn.attest.tpm_credential import Credential
from keyturn.guest.errors import DeviceUnreachable
from keyturn.keyrelease.tpmpart import EkPart, TpmPart


class CredentialSource(Protocol):
    """The control plane, as far as it is needed here."""

    def tpm_credential(self, ak: bytes, ek: bytes, chain: Sequence[bytes]) -> Credential:
        """A secret sealed to the EK for the AK, TPMT_PUBLICs both; `chain` DER, leaf first."""


class EnrollingTpm:
    """A `LocalTpm` whose parts show an activated AK where nothing else vouches for it."""

    def __init__(self, tpm: LocalTpm, control: CredentialSource) -> None:
        self._tpm = tpm
        self._control = control
        self._ek: EkPart | None = None

    def ak_name(self) -> bytes:
        return self._tpm.ak_name()

    def quote(self, nonce: bytes) -> TpmPart:
        """Raises DeviceUnreachable, DeviceAnswerMalformed, and what asking for a secret does."""
        part = self._tpm.quote(nonce)
        if part.ak_chain or self._tpm.ak is not None:
            return part
        if self._ek is None:
            self._ek = self._enrol()
        return replace(part, ek=self._ek)

    def forget(self) -> None:
        """The keyholder does not know the proof any more."""
        self._ek = None

    def _enrol(self) -> EkPart:
        with tpm_line(self._tpm.path) as line:
            tpm = Tpm(line)
            for kind in (EndorsementKey.ECC, EndorsementKey.RSA):
                certificate = tpm.stored(kind.index)
                if certificate is None:
                    continue
                chain = (certificate, *self._tpm.issuers)
                ak, ek = tpm.ak().raw, tpm.endorsement_key(kind)
                credential = self._control.tpm_credential(ak, ek, chain)
                proof = tpm.activate(kind, credential.blob, credential.secret)
                return EkPart(ek, chain, proof)
        raise DeviceUnreachable(
            "the TPM holds no certificate of its keys",
            hint="a TPM that nobody vouches for proves nothing; leave the setting 'tpm' out",
        )
