"""TPM 2.0 algorithms that are known here (TCG Algorithm Registry, table "TPM_ALG_ID")."""

import hashlib
from enum import Enum

from cryptography.hazmat.primitives import hashes

from keyturn.attest.errors import MalformedEvidence


class HashAlgorithm(Enum):
    """A hash by its TPM_ALG_ID; `bank` is its name on screens and in policies."""

    SHA1 = 0x0004
    SHA256 = 0x000B
    SHA384 = 0x000C
    SHA512 = 0x000D

    @property
    def bank(self) -> str:
        return self.name.lower()

    @property
    def size(self) -> int:
        """Bytes of a digest."""
        return hashlib.new(self.bank).digest_size

    def digest(self, data: bytes) -> bytes:
        return hashlib.new(self.bank, data, usedforsecurity=self is not HashAlgorithm.SHA1).digest()

    @property
    def of_signatures(self) -> hashes.HashAlgorithm:
        """As `cryptography` names it. Raises MalformedEvidence for SHA-1, which signs nothing."""
        algorithms: dict[HashAlgorithm, hashes.HashAlgorithm] = {
            HashAlgorithm.SHA256: hashes.SHA256(),
            HashAlgorithm.SHA384: hashes.SHA384(),
            HashAlgorithm.SHA512: hashes.SHA512(),
        }
        found = algorithms.get(self)
        if found is None:
            raise MalformedEvidence("a signature over SHA-1 proves nothing", found=self.bank)
        return found


class Scheme(Enum):
    """A signature scheme by its TPM_ALG_ID."""

    RSASSA = 0x0014
    RSAPSS = 0x0016
    ECDSA = 0x0018


RSA = 0x0001
ECC = 0x0023
NULL = 0x0010


def hash_of(identifier: int, what: str) -> HashAlgorithm:
    """Raises MalformedEvidence for a hash that is not known here."""
    try:
        return HashAlgorithm(identifier)
    except ValueError as error:
        raise MalformedEvidence(
            f"{what} names a hash that is not known", found=f"{identifier:#06x}"
        ) from error
