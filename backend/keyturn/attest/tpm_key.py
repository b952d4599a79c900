"""A TPM key's public area (TPM 2.0 Library, Part 2, TPMT_PUBLIC) and its name.

The name is what a TPM, a credential and a quote's qualified signer call a key; it covers the
attributes, so they are read from the very bytes that the name is of.
"""

from dataclasses import dataclass, field
from enum import Flag

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from keyturn.attest.cursor import Cursor
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.tpm_algorithms import ECC, NULL, RSA, HashAlgorithm, Scheme, hash_of

MAX_PUBLIC = 2048
_MAX_PART = 512
_DEFAULT_EXPONENT = 65537
_CURVES: dict[int, ec.EllipticCurve] = {0x0003: ec.SECP256R1(), 0x0004: ec.SECP384R1()}
TpmPublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


class Attribute(Flag):
    """TPMA_OBJECT, the bits that matter here."""

    FIXED_TPM = 1 << 1
    FIXED_PARENT = 1 << 4
    SENSITIVE_DATA_ORIGIN = 1 << 5
    RESTRICTED = 1 << 16
    DECRYPT = 1 << 17
    SIGN = 1 << 18


_OF_AN_AK = (
    Attribute.FIXED_TPM
    | Attribute.FIXED_PARENT
    | Attribute.SENSITIVE_DATA_ORIGIN
    | Attribute.RESTRICTED
    | Attribute.SIGN
)
_JUDGED = (_OF_AN_AK | Attribute.DECRYPT).value


@dataclass(frozen=True, slots=True)
class TpmKey:
    """A public area as it was shown. `scheme` None: the key itself names none."""

    kind: int
    name_hash: HashAlgorithm
    attributes: int
    scheme: Scheme | None
    public_key: TpmPublicKey = field(repr=False, compare=False)
    raw: bytes = field(repr=False)

    @property
    def name(self) -> bytes:
        """Hash algorithm, 2 bytes, and the digest of the public area (Part 1, "Names")."""
        return self.name_hash.value.to_bytes(2, "big") + self.name_hash.digest(self.raw)

    def has(self, attribute: Attribute) -> bool:
        return self.attributes & attribute.value == attribute.value


def parse_tpm_public(raw: bytes) -> TpmKey:
    """Read a TPMT_PUBLIC of an RSA or ECC key. Raises MalformedEvidence."""
    what = "TPM public area"
    if len(raw) > MAX_PUBLIC:
        raise MalformedEvidence(f"{what} is too large", found=f"{len(raw)} bytes")
    body = Cursor(raw, what, "big")
    kind, name_hash = body.number(2), hash_of(body.number(2), what)
    attributes = body.number(4)
    body.sized(2, _MAX_PART)  # authPolicy
    if body.number(2) != NULL:  # symmetric: of storage keys
        body.take(4)
    scheme = _scheme(body.number(2), body, what)
    if kind == RSA:
        key: TpmPublicKey = _rsa_key(body)
    elif kind == ECC:
        key = _ecc_key(body)
    else:
        raise MalformedEvidence(f"{what} is of another kind than RSA and ECC", found=f"{kind:#06x}")
    body.done()
    return TpmKey(kind, name_hash, attributes, scheme, key, raw)


def parse_pem_key(text: bytes) -> TpmPublicKey:
    """A public key without attributes. Raises MalformedEvidence."""
    if len(text) > MAX_PUBLIC:
        raise MalformedEvidence("AK's PEM file is too large", found=f"{len(text)} bytes")
    try:
        key = load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MalformedEvidence("AK's PEM file holds no public key") from error
    if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return key
    raise MalformedEvidence("AK is of another kind than RSA and ECC", found=type(key).__name__)


def check_ak_attributes(key: TpmKey) -> TpmKey:
    """Raises UntrustedEvidence unless the TPM made the key, keeps it, and signs with it only what
    it made itself (Part 1, "Attestation"): restricted, signing, not decrypting, fixed, born there.
    """
    if key.attributes & _JUDGED != _OF_AN_AK.value:
        missing = [a for a in _OF_AN_AK if not key.has(a)]
        wrong = [f"not {each.name}" for each in missing if each.name]
        wrong += ["DECRYPT"] if key.has(Attribute.DECRYPT) else []
        raise UntrustedEvidence(
            "the AK is no restricted signing key of its TPM",
            reason=Reason.AK_ATTRIBUTES,
            found=f"{key.attributes:#x} ({', '.join(wrong).lower()})",
            expected="fixedTPM, fixedParent, sensitiveDataOrigin, restricted, sign, not decrypt",
        )
    return key


def _scheme(identifier: int, body: Cursor, what: str) -> Scheme | None:
    if identifier == NULL:
        return None
    try:
        scheme = Scheme(identifier)
    except ValueError as error:
        raise MalformedEvidence(
            f"{what} names an unknown signature scheme", found=f"{identifier:#06x}"
        ) from error
    hash_of(body.number(2), what)
    return scheme


def _rsa_key(body: Cursor) -> rsa.RSAPublicKey:
    bits, exponent = body.number(2), body.number(4)
    modulus = body.sized(2, _MAX_PART)
    if bits not in (2048, 3072, 4096) or len(modulus) * 8 != bits:
        raise MalformedEvidence("TPM's RSA key has another size than it says", found=f"{bits} bits")
    try:
        numbers = rsa.RSAPublicNumbers(
            exponent or _DEFAULT_EXPONENT, int.from_bytes(modulus, "big")
        )
        return numbers.public_key()
    except ValueError as error:
        raise MalformedEvidence("TPM's RSA key is none") from error


def _ecc_key(body: Cursor) -> ec.EllipticCurvePublicKey:
    curve = _CURVES.get(body.number(2))
    if curve is None or body.number(2) != NULL:  # kdf: NULL for all signing keys
        raise MalformedEvidence("TPM's ECC key is of an unknown curve or has a KDF")
    x, y = (int.from_bytes(body.sized(2, 66), "big") for _ in range(2))
    try:
        return ec.EllipticCurvePublicNumbers(x, y, curve).public_key()
    except ValueError as error:
        raise MalformedEvidence("TPM's ECC key is no point of its curve") from error
