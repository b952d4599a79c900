"""Activating AKs: a secret sealed to a certified EK, known again by this process (§4.6).

Nothing is kept: the secret is a MAC over both names under a key of this process, so that a restart
voids all. Making one costs a public-key operation, as verifying evidence does.
"""

import hmac
import secrets
from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from keyturn.attest.tpm_certificate import verify_ek_certificate
from keyturn.attest.tpm_credential import (
    Credential,
    make_credential_ecc,
    make_credential_rsa,
    parse_endorsement_key,
)
from keyturn.attest.tpm_key import check_ak_attributes, parse_tpm_public
from keyturn.keyholder.journal import Journal
from keyturn.keyrelease.tpmevidence import activation_proof
from keyturn.policy.trust import anchors_in_force

_KEY_SIZE = 32


class Activations:
    """What one keyholder process says of AKs and EKs. Safe for many threads."""

    def __init__(
        self, journal: Journal, randomness: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._journal = journal
        self._randomness = randomness
        self._key = randomness(_KEY_SIZE)

    def credential(self, ak: bytes, ek: bytes, chain: Sequence[bytes]) -> Credential:
        """For the TPMT_PUBLIC of an AK and of an EK, whose certificate's chain is DER, leaf first.

        Raises MalformedEvidence, UntrustedEvidence.
        """
        name = check_ak_attributes(parse_tpm_public(ak)).name
        endorsement = parse_endorsement_key(ek)
        public, size = endorsement.key.public_key, endorsement.key.name_hash.size
        anchors, _ = anchors_in_force(self._journal.state, self._journal.now())
        verify_ek_certificate(chain, public, anchors, self._journal.now())
        proof = activation_proof(self._key, name, endorsement.key.name)
        if isinstance(public, rsa.RSAPublicKey):
            seed, padding = self._randomness(size), self._randomness(size)
            return make_credential_rsa(endorsement, name, proof, seed=seed, padding=padding)
        own = ec.generate_private_key(public.curve)
        shared, ephemeral = own.exchange(ec.ECDH(), public), own.public_key()
        return make_credential_ecc(endorsement, name, proof, ephemeral=ephemeral, shared=shared)

    def holds(self, ak_name: bytes, ek_name: bytes, proof: bytes) -> bool:
        """Whether this process sealed exactly this to the EK for the AK."""
        return hmac.compare_digest(proof, activation_proof(self._key, ak_name, ek_name))
