"""Public keys between the token's attributes and SPKI, and which node keys are wrapped to."""

from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from keyturn.hsm.errors import HsmRequestError, TokenError

PublicHalf = rsa.RSAPublicKey | ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey

MIN_NODE_BITS = 3072
MAX_NODE_BITS = 4096
EXPONENT = 65537
MAX_SPKI = 1024  # bytes; an RSA-4096 SPKI has 550


@dataclass(frozen=True, slots=True)
class NodeKey:
    """An RSA public key that a DEK may be wrapped to."""

    modulus: bytes
    """Big endian, no leading zero."""
    exponent: bytes


def parse_node_key(spki: bytes) -> NodeKey:
    """Read a node's RSA key: 3072 to 4096 bits, exponent 65537, canonical DER.

    The node chose it, and its evidence is bound to it. Raises HsmRequestError.
    """
    key = _rsa(spki)
    numbers = key.public_numbers()
    if not MIN_NODE_BITS <= key.key_size <= MAX_NODE_BITS:
        raise HsmRequestError(
            "the node's RSA key has a size that no DEK is wrapped to",
            found=f"{key.key_size} bits",
            expected=f"{MIN_NODE_BITS} to {MAX_NODE_BITS} bits",
        )
    if numbers.e != EXPONENT or not numbers.n & 1:
        raise HsmRequestError(
            "the node's RSA key is unusual",
            found=f"exponent {numbers.e % 2**64}, modulus {'odd' if numbers.n & 1 else 'even'}",
            expected=f"exponent {EXPONENT} and an odd modulus",
        )
    return NodeKey(_big_endian(numbers.n), _big_endian(numbers.e))


def _rsa(spki: bytes) -> rsa.RSAPublicKey:
    if len(spki) > MAX_SPKI:
        raise HsmRequestError("the node's key is too long", found=f"{len(spki)} bytes")
    try:
        key = serialization.load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise HsmRequestError("the node's key is not a public key") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise HsmRequestError("the node's key is not RSA", found=type(key).__name__)
    if spki_of(key) != spki:
        raise HsmRequestError("the node's key is not in its canonical DER form")
    return key


def rsa_key(modulus: bytes, exponent: bytes) -> rsa.RSAPublicKey:
    """From CKA_MODULUS and CKA_PUBLIC_EXPONENT, big endian. Raises TokenError."""
    numbers = rsa.RSAPublicNumbers(int.from_bytes(exponent, "big"), int.from_bytes(modulus, "big"))
    try:
        return numbers.public_key()
    except ValueError as error:
        raise TokenError("the token's ingest key is not an RSA key") from error


def ed25519_key(ec_point: bytes) -> ed25519.Ed25519PublicKey:
    """From CKA_EC_POINT: 34 bytes, a DER OCTET STRING of 32 (v3.0 §2.3.3). Raises TokenError."""
    return ed25519.Ed25519PublicKey.from_public_bytes(_octets(ec_point, 32))


def p256_key(ec_point: bytes) -> ec.EllipticCurvePublicKey:
    """From CKA_EC_POINT: 67 bytes, a DER OCTET STRING of the uncompressed point (65)."""
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _octets(ec_point, 65))
    except ValueError as error:
        raise TokenError("the token's result key is not a point of P-256") from error


def spki_of(key: PublicHalf) -> bytes:
    """DER SubjectPublicKeyInfo."""
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _octets(der: bytes, size: int) -> bytes:
    if len(der) != size + 2 or der[:2] != bytes((0x04, size)):
        raise TokenError(
            "a public key's point on the token has an unexpected form",
            found=f"{len(der)} bytes, starts {der[:2].hex()}",
            expected=f"OCTET STRING of {size} bytes",
        )
    return der[2:]


def _big_endian(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
