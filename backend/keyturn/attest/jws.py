"""Compact JWS with ECDSA (RFC 7515, RFC 7518 §3.4), as attestation results of others come.

The algorithm is what the verifier allows and what the key can make, never what the token asks
for: `none`, an HMAC under a public key, a key in the header are refused before any arithmetic.
"""

from collections.abc import Set
from enum import Enum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.base.encoding import unb64url
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import JsonObject, load_object, parse_object

MAX_TOKEN = 256 << 10
_MAX_HEADER = 4096
_MAX_KEY = 4096
_HEADER = frozenset({"alg", "typ", "kid"})


class JwsAlgorithm(Enum):
    ES256 = "ES256"
    ES384 = "ES384"


_HASHES: dict[JwsAlgorithm, hashes.HashAlgorithm] = {
    JwsAlgorithm.ES256: hashes.SHA256(),
    JwsAlgorithm.ES384: hashes.SHA384(),
}
_OF_CURVE: dict[str, tuple[JwsAlgorithm, ec.EllipticCurve]] = {
    "P-256": (JwsAlgorithm.ES256, ec.SECP256R1()),
    "P-384": (JwsAlgorithm.ES384, ec.SECP384R1()),
}


def read_jwk(raw: bytes) -> tuple[ec.EllipticCurvePublicKey, JwsAlgorithm]:
    """A public EC key (RFC 7517, RFC 7518 §6.2) and the one algorithm that it signs with.

    Raises MalformedEvidence, also for a private key: it has no business here.
    """
    try:
        fields = parse_object(raw, limit=_MAX_KEY, what="JWK")
        fields.literal("kty", "EC")
        found = _OF_CURVE.get(fields.text("crv"))
        x, y = (unb64url(fields.text(each), what=f"JWK {each}") for each in ("x", "y"))
        fields.done()
        if found is None:
            raise MalformedEvidence("JWK is of another curve than P-256 and P-384")
        algorithm, curve = found
        numbers = ec.EllipticCurvePublicNumbers(
            int.from_bytes(x, "big"), int.from_bytes(y, "big"), curve
        )
        return numbers.public_key(), algorithm
    except MalformedError as error:
        raise MalformedEvidence(error.message, found=error.found) from error
    except ValueError as error:
        raise MalformedEvidence("JWK is no point of its curve") from error


def verify_jws(token: bytes, key: bytes, allowed: Set[str]) -> JsonObject:
    """The claims of a token that the JWK `key` signed.

    Raises MalformedEvidence, UntrustedEvidence (algorithm-not-allowed, signature-invalid).
    """
    public, algorithm = read_jwk(key)
    try:
        head, body, raw = _parts(token)
        header = load_object(
            unb64url(head, what="JWS header"), limit=_MAX_HEADER, what="JWS header"
        )
    except MalformedError as error:
        raise MalformedEvidence(error.message, found=error.found) from error
    named = header.get("alg")
    if (
        named != algorithm.value
        or named not in allowed
        or not header.keys() <= {"alg", "typ", "kid"}
    ):
        raise UntrustedEvidence(
            "the token asks for what this verifier does not allow",
            reason=Reason.ALGORITHM_NOT_ALLOWED,
            found=f"{named!r} with {', '.join(sorted(header))}"[:100],
            expected=f"{algorithm.value}, of the key, among {', '.join(sorted(allowed))}",
        )
    _verify(public, algorithm, raw, f"{head}.{body}".encode())
    try:
        return load_object(unb64url(body, what="JWS"), limit=MAX_TOKEN, what="JWS")
    except MalformedError as error:
        raise MalformedEvidence(error.message, found=error.found) from error


def _parts(token: bytes) -> tuple[str, str, str]:
    text = token.strip()
    parts = text.split(b".")
    if len(parts) != 3 or len(text) > MAX_TOKEN or not text.isascii():
        raise MalformedEvidence("not a compact JWS", found=f"{len(parts)} parts")
    return parts[0].decode(), parts[1].decode(), parts[2].decode()


def _verify(
    key: ec.EllipticCurvePublicKey, algorithm: JwsAlgorithm, text: str, message: bytes
) -> None:
    size = (key.key_size + 7) // 8
    try:
        raw = unb64url(text, what="JWS signature")
        if len(raw) != 2 * size:
            raise InvalidSignature(f"{len(raw)} bytes")
        r, s = int.from_bytes(raw[:size], "big"), int.from_bytes(raw[size:], "big")
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(_HASHES[algorithm]))
    except (InvalidSignature, MalformedError, ValueError) as error:
        raise UntrustedEvidence(
            "the token's signature does not verify",
            reason=Reason.SIGNATURE_INVALID,
            expected=f"{2 * size} bytes of {algorithm.value} by the given key",
        ) from error
