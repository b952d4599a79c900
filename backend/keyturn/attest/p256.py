"""ECDSA P-256 with SHA-256 over raw r || s, as Intel signs quotes and collateral.

Sources: FIPS 186-5 §6.4; Intel TDX DCAP quote format (ECDSA-256-with-P-256 signatures and public
keys are 64 bytes, big endian); Intel PCS API v4 (signatures over TCB info and QE identity).
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from keyturn.attest.certificates import PublicKey
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence

SIGNATURE_SIZE = 64
KEY_SIZE = 64
# Order of P-256, SP 800-186 §3.2.1.3.
ORDER = int("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
_SHA256 = ec.ECDSA(hashes.SHA256())


def read_p256_key(raw: bytes, what: str, reason: Reason) -> ec.EllipticCurvePublicKey:
    """The key of 64 bytes x || y. Raises MalformedEvidence, UntrustedEvidence (`reason`)."""
    if len(raw) != KEY_SIZE:
        raise MalformedEvidence(
            f"{what} has the wrong size", found=f"{len(raw)} bytes", expected=f"{KEY_SIZE} bytes"
        )
    x, y = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    try:
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except ValueError as error:
        raise UntrustedEvidence(f"{what} is no point of P-256", reason=reason) from error


def verify_p256(key: PublicKey, signature: bytes, message: bytes, what: str, why: Reason) -> None:
    """Raises UntrustedEvidence (reason `why`) unless `key` made the signature of 64 bytes.

    r and s must lie in 1 to order - 1.
    """
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise UntrustedEvidence(f"{what} is not signed by a P-256 key", reason=why)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if len(signature) != SIGNATURE_SIZE or not (0 < r < ORDER and 0 < s < ORDER):
        raise UntrustedEvidence(f"{what}: signature is out of range", reason=why)
    try:
        key.verify(encode_dss_signature(r, s), message, _SHA256)
    except InvalidSignature as error:
        raise UntrustedEvidence(
            f"{what}: signature does not verify",
            reason=why,
            found="another signature",
            expected="ECDSA P-256, SHA-256",
        ) from error
