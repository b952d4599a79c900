"""TPM2_MakeCredential: a secret that only the TPM with both keys, EK and AK, gives back.

Source: TPM 2.0 Library, Part 1, §24 "Credential Protection", §11.4.10 (KDFa, KDFe), Annex B.10.4
(RSA: OAEP with the label "IDENTITY\\0") and C.6.4 (ECC: one-pass ECDH); Part 2, TPMT_PUBLIC,
TPMS_ID_OBJECT. Big endian.

All randomness comes from the caller, which must not use it twice.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from enum import Enum

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from keyturn.attest.cursor import Cursor
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.attest.tpm_key import Attribute, TpmKey, parse_tpm_public

LABEL = b"IDENTITY\0"
_AES, _CFB = 0x0006, 0x0043
_BLOCK = 16
_OF_AN_EK = (
    Attribute.FIXED_TPM
    | Attribute.FIXED_PARENT
    | Attribute.SENSITIVE_DATA_ORIGIN
    | Attribute.RESTRICTED
    | Attribute.DECRYPT
)


class AesSize(Enum):
    """Bits of the key that an EK protects things under it with."""

    AES_128 = 128
    AES_256 = 256


@dataclass(frozen=True, slots=True)
class EndorsementKey:
    """An EK that a credential can be made for. Whose it is, its certificate says."""

    key: TpmKey
    aes: AesSize


@dataclass(frozen=True, slots=True)
class Credential:
    """`blob` is TPM2B_ID_OBJECT's content, `secret` TPM2B_ENCRYPTED_SECRET's."""

    blob: bytes = field(repr=False)
    secret: bytes = field(repr=False)


def parse_endorsement_key(raw: bytes) -> EndorsementKey:
    """Read an EK's TPMT_PUBLIC.

    Raises MalformedEvidence, and UntrustedEvidence (ek-attributes) for a key that is no restricted
    decryption key of its TPM.
    """
    key = parse_tpm_public(raw)
    missing = [each for each in _OF_AN_EK if not key.has(each)]
    if missing or key.has(Attribute.SIGN):
        raise UntrustedEvidence(
            "the EK is no restricted decryption key of its TPM",
            reason=Reason.EK_ATTRIBUTES,
            found=f"{key.attributes:#x}",
            expected="fixedTPM, fixedParent, sensitiveDataOrigin, restricted, decrypt, not sign",
        )
    body = Cursor(raw, "EK", "big")
    body.take(8)
    body.sized(2, 64)
    algorithm, bits, mode = (body.number(2) for _ in range(3))
    if algorithm != _AES or mode != _CFB or bits not in {each.value for each in AesSize}:
        raise MalformedEvidence(
            "the EK protects with another cipher",
            found=f"{algorithm:#06x}, {bits} bits, mode {mode:#06x}",
            expected="AES-128 or AES-256 in CFB",
        )
    if key.name_hash is HashAlgorithm.SHA1:
        raise MalformedEvidence("the EK protects with SHA-1", found="sha1")
    return EndorsementKey(key, AesSize(bits))


def make_credential_rsa(
    ek: EndorsementKey, ak_name: bytes, credential: bytes, *, seed: bytes, padding: bytes
) -> Credential:
    """For an RSA EK. `seed` and `padding` are random, each of the EK's hash's size.

    Raises ValueError for another kind of EK and for wrong sizes.
    """
    public, hashing = ek.key.public_key, ek.key.name_hash
    if not isinstance(public, rsa.RSAPublicKey):
        raise ValueError("the EK is not RSA")
    if len(seed) != hashing.size or len(padding) != hashing.size:
        raise ValueError(f"seed and padding have {hashing.size} bytes")
    numbers = public.public_numbers()
    size = public.key_size // 8
    padded = _oaep(seed, padding, size, hashing)
    secret = pow(int.from_bytes(padded, "big"), numbers.e, numbers.n).to_bytes(size, "big")
    return Credential(_protect(ek, seed, ak_name, credential), secret)


def make_credential_ecc(
    ek: EndorsementKey,
    ak_name: bytes,
    credential: bytes,
    *,
    ephemeral: ec.EllipticCurvePublicKey,
    shared: bytes,
) -> Credential:
    """For an ECC EK; `shared` is the ECDH of the EK and a new key, whose public half is
    `ephemeral`: the x coordinate, of the curve's size.

    Raises ValueError for another kind of EK, curve or size.
    """
    public, hashing = ek.key.public_key, ek.key.name_hash
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise ValueError("the EK is not ECC")
    size = (public.key_size + 7) // 8
    if ephemeral.curve.name != public.curve.name or len(shared) != size:
        raise ValueError("the ephemeral key is of another curve than the EK")
    ours, theirs = ephemeral.public_numbers(), public.public_numbers()
    x, y, other = (number.to_bytes(size, "big") for number in (ours.x, ours.y, theirs.x))
    seed = kdf_e(hashing, shared, LABEL, x, other, 8 * hashing.size)
    return Credential(_protect(ek, seed, ak_name, credential), _tpm2b(x) + _tpm2b(y))


def kdf_a(
    hashing: HashAlgorithm, key: bytes, label: bytes, party_u: bytes, party_v: bytes, bits: int
) -> bytes:
    """SP 800-108 in counter mode with HMAC (§11.4.10.2). `label` without its NUL; whole bytes."""
    size, made = bits // 8, b""
    rest = label + b"\0" + party_u + party_v + bits.to_bytes(4, "big")
    for counter in range(1, -(-size // hashing.size) + 1):
        made += hmac.digest(key, counter.to_bytes(4, "big") + rest, hashing.bank)
    return made[:size]


def kdf_e(
    hashing: HashAlgorithm, shared: bytes, label: bytes, party_u: bytes, party_v: bytes, bits: int
) -> bytes:
    """SP 800-56A's concatenation KDF (§11.4.10.3). `label` with its NUL; whole bytes."""
    size, made = bits // 8, b""
    for counter in range(1, -(-size // hashing.size) + 1):
        made += hashing.digest(counter.to_bytes(4, "big") + shared + label + party_u + party_v)
    return made[:size]


def _protect(ek: EndorsementKey, seed: bytes, ak_name: bytes, credential: bytes) -> bytes:
    """TPMS_ID_OBJECT: an HMAC over the encrypted credential and the AK's name."""
    hashing = ek.key.name_hash
    if len(credential) > hashing.size:
        raise ValueError(f"a credential for this EK has at most {hashing.size} bytes")
    cipher_key = kdf_a(hashing, seed, b"STORAGE", ak_name, b"", ek.aes.value)
    encryptor = Cipher(AES(cipher_key), CFB(bytes(_BLOCK))).encryptor()
    hidden = encryptor.update(_tpm2b(credential)) + encryptor.finalize()
    mac_key = kdf_a(hashing, seed, b"INTEGRITY", b"", b"", 8 * hashing.size)
    return _tpm2b(hmac.digest(mac_key, hidden + ak_name, hashing.bank)) + hidden


def _oaep(message: bytes, seed: bytes, size: int, hashing: HashAlgorithm) -> bytes:
    """EME-OAEP (RFC 8017 §7.1.1) with the label of credentials, of `size` bytes."""
    room = size - 2 * hashing.size - 2
    if len(message) > room:
        raise ValueError("the EK is too small for its hash")
    block = hashing.digest(LABEL) + bytes(room - len(message)) + b"\x01" + message
    masked = _xor(block, _mgf1(seed, len(block), hashing))
    return b"\0" + _xor(seed, _mgf1(masked, len(seed), hashing)) + masked


def _mgf1(seed: bytes, size: int, hashing: HashAlgorithm) -> bytes:
    made = b"".join(
        hashlib.new(hashing.bank, seed + counter.to_bytes(4, "big")).digest()
        for counter in range(-(-size // hashing.size))
    )
    return made[:size]


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def _tpm2b(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data
