"""TPM 2.0 algorithms that are known here (TCG Algorithm Registry, table "TPM_ALG_ID")."""

import hashlib
from collections.abc import Callable
from enum import Enum
from functools import partial

from cryptography.hazmat.primitives import hashes

from keyturn.attest.errors import MalformedEvidence

_HASHES: dict[int, Callable[[bytes], "hashlib._Hash"]] = {
    0x0004: partial(hashlib.sha1, usedforsecurity=False),
    0x000B: hashlib.sha256,
    0x000C: hashlib.sha384,
    0x000D: hashlib.sha512,
}
_OF_SIGNATURES: dict[int, hashes.HashAlgorithm] = {
    0x000B: hashes.SHA256(),
    0x000C: hashes.SHA384(),
    0x000D: hashes.SHA512(),
}


class HashAlgorithm(Enum):
    """A hash by its TPM_ALG_ID; `bank` is its name on screens and in policies, `size` are the
    bytes of a digest."""

    SHA1 = 0x0004
    SHA256 = 0x000B
    SHA384 = 0x000C
    SHA512 = 0x000D

    def __init__(self, identifier: int) -> None:
        self._hash = _HASHES[identifier]
        empty = self._hash(b"")
        self.bank, self.size = empty.name, empty.digest_size

    def digest(self, data: bytes) -> bytes:
        return self._hash(data).digest()

    @property
    def of_signatures(self) -> hashes.HashAlgorithm:
        """As `cryptography` names it. Raises MalformedEvidence for SHA-1, which signs nothing."""
        found = _OF_SIGNATURES.get(self.value)
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
