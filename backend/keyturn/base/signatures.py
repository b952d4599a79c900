"""Public keys that sign statements, approvals, checkpoints and results: Ed25519 and ECDSA P-256.

Verifying only. A key is known by its SPKI (RFC 5280 SubjectPublicKeyInfo, DER), its id is the
SHA-256 of that. P-256 signatures are DER (RFC 3279), over SHA-256; Ed25519 as RFC 8032.
"""

from dataclasses import dataclass
from enum import Enum
from typing import NewType

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from keyturn.base.encoding import sha256
from keyturn.base.errors import MalformedError, UntrustedError

KeyId = NewType("KeyId", str)
"""64 lower-case hex digits: SHA-256 of the SPKI."""


class Algorithm(Enum):
    ED25519 = "ed25519"
    P256 = "p256"


_P = 2**255 - 19
_Y8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_WEAK_Y = frozenset({0, 1, _P - 1, _Y8, _P - _Y8})
"""The y of every Ed25519 point whose order divides 8 (the tests compute them by RFC 8032 §5.1.4).
Under such a key one signature fits many messages, so its owner could disown what it signed."""


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """One public signing key. Construct with `load_verify_key`."""

    algorithm: Algorithm
    spki: bytes
    key_id: KeyId

    def verify(self, signature: bytes, message: bytes) -> None:
        """Raises UntrustedError unless `signature` over `message` is this key's."""
        key = serialization.load_der_public_key(self.spki)
        try:
            if isinstance(key, ed25519.Ed25519PublicKey):
                key.verify(signature, message)
            elif isinstance(key, ec.EllipticCurvePublicKey):
                key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
            else:
                raise UntrustedError("a key of another kind")
        except InvalidSignature as error:
            raise UntrustedError(f"signature by key {self.key_id[:16]} does not verify") from error


def key_id_of(spki: bytes) -> KeyId:
    """The id of a key: SHA-256 of its SPKI in hex."""
    return KeyId(sha256(spki).hex())


def load_verify_key(spki: bytes) -> VerifyKey:
    """Read a DER SPKI of Ed25519 or P-256; the spelling must be the canonical one.

    Raises MalformedError on anything else.
    """
    try:
        key = serialization.load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MalformedError(f"not a public key: {error}") from error
    if isinstance(key, ed25519.Ed25519PublicKey):
        algorithm = Algorithm.ED25519
        _refuse_weak_point(key.public_bytes_raw())
    elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        algorithm = Algorithm.P256
    else:
        raise MalformedError(
            "public key of a kind that does not sign here", found=type(key).__name__
        )
    canonical = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    if canonical != spki:
        raise MalformedError("public key is not in its canonical DER form")
    return VerifyKey(algorithm, spki, key_id_of(spki))


def _refuse_weak_point(raw: bytes) -> None:
    """`raw`: 32 bytes, y in little endian with the sign of x as top bit (RFC 8032 §5.1.2)."""
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= _P:
        raise MalformedError("Ed25519 public key is not canonical", expected="y below 2^255 - 19")
    if y in _WEAK_Y:
        raise MalformedError("Ed25519 public key is a point of small order")
