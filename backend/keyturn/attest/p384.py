"""ECDSA P-384 with SHA-384 over raw (r, s), as AMD and NVIDIA sign reports (FIPS 186-5 §6.4)."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from keyturn.attest.certificates import PublicKey
from keyturn.attest.errors import Reason, UntrustedEvidence

# Order of P-384, SP 800-186 §3.2.1.4.
ORDER = int(
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    16,
)
_SHA384 = ec.ECDSA(hashes.SHA384())


def verify_p384(key: PublicKey, r: int, s: int, message: bytes, what: str) -> None:
    """Raises UntrustedEvidence (signature-invalid); r and s must lie in 1 to order - 1."""
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        raise UntrustedEvidence(
            f"{what} is not signed by a P-384 key", reason=Reason.SIGNATURE_INVALID
        )
    if not (0 < r < ORDER and 0 < s < ORDER):
        raise UntrustedEvidence(
            f"{what}: signature is out of range", reason=Reason.SIGNATURE_INVALID
        )
    try:
        key.verify(encode_dss_signature(r, s), message, _SHA384)
    except InvalidSignature as error:
        raise UntrustedEvidence(
            f"{what}: signature does not verify", reason=Reason.SIGNATURE_INVALID
        ) from error
