"""Quotes, keys and logs in the TPM's form, made here byte by byte from the specification.

No TPM: what a real one makes is tested with recorded evidence.
"""

import hashlib
import struct
from collections.abc import Mapping, Sequence

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

AK_ATTRIBUTES = 0x00050072
SHA1, SHA256, SHA384 = 0x0004, 0x000B, 0x000C
SIZES = {SHA1: 20, SHA256: 32, SHA384: 48}
NAMES = {SHA1: "sha1", SHA256: "sha256", SHA384: "sha384"}


def tpm2b(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


def ecc_public(key: ec.EllipticCurvePrivateKey, attributes: int = AK_ATTRIBUTES) -> bytes:
    """TPMT_PUBLIC of a P-256 key that signs with ECDSA and SHA-256."""
    numbers = key.public_key().public_numbers()
    head = struct.pack(">HHI", 0x0023, SHA256, attributes) + tpm2b(b"")
    rest = struct.pack(">HHHHH", 0x0010, 0x0018, SHA256, 0x0003, 0x0010)
    point = tpm2b(numbers.x.to_bytes(32, "big")) + tpm2b(numbers.y.to_bytes(32, "big"))
    return head + rest + point


def rsa_public(key: rsa.RSAPrivateKey, attributes: int = AK_ATTRIBUTES) -> bytes:
    """TPMT_PUBLIC of an RSA key that signs with RSASSA and SHA-256."""
    modulus = key.public_key().public_numbers().n.to_bytes(key.key_size // 8, "big")
    head = struct.pack(">HHI", 0x0001, SHA256, attributes) + tpm2b(b"")
    rest = struct.pack(">HHHHI", 0x0010, 0x0014, SHA256, key.key_size, 0)
    return head + rest + tpm2b(modulus)


def quote(
    pcrs: Mapping[int, Mapping[int, bytes]],
    nonce: bytes,
    *,
    magic: int = 0xFF544347,
    kind: int = 0x8018,
    digest: bytes | None = None,
) -> bytes:
    """TPMS_ATTEST over PCR values by bank and number, as a TPM with SHA-256 makes it."""
    selection = struct.pack(">I", len(pcrs))
    joined = b""
    for bank, values in pcrs.items():
        bits = sum(1 << number for number in values)
        selection += struct.pack(">HB", bank, 3) + bits.to_bytes(3, "little")
        joined += b"".join(values[number] for number in sorted(values))
    made = digest if digest is not None else hashlib.sha256(joined).digest()
    head = struct.pack(">IH", magic, kind) + tpm2b(b"\0\x0b" + bytes(32)) + tpm2b(nonce)
    clock = struct.pack(">QIIBQ", 1234, 7, 0, 1, 0x2019102300163636)
    return head + clock + selection + tpm2b(made)


def sign(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, message: bytes) -> bytes:
    """TPMT_SIGNATURE with SHA-256."""
    if isinstance(key, rsa.RSAPrivateKey):
        value = key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return struct.pack(">HH", 0x0014, SHA256) + tpm2b(value)
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    both = tpm2b(r.to_bytes(32, "big")) + tpm2b(s.to_bytes(32, "big"))
    return struct.pack(">HH", 0x0018, SHA256) + both


def old_record(register: int, kind: int, data: bytes, digest: bytes | None = None) -> bytes:
    """TCG_PCR_EVENT, with SHA-1 of the data unless another digest is given."""
    made = digest if digest is not None else hashlib.sha1(data, usedforsecurity=False).digest()
    return struct.pack("<II", register, kind) + made + struct.pack("<I", len(data)) + data


def spec_id(banks: Sequence[int] = (SHA1, SHA256)) -> bytes:
    """The first record of a crypto-agile log."""
    data = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, len(banks))
    data += b"".join(struct.pack("<HH", bank, SIZES[bank]) for bank in banks) + b"\0"
    return old_record(0, 3, data, bytes(20))


def record(
    register: int,
    kind: int,
    data: bytes,
    *,
    banks: Sequence[int] = (SHA1, SHA256),
    measured: bytes | None = None,
) -> bytes:
    """TCG_PCR_EVENT2. `measured`: what was hashed, where that is not the data."""
    digests = b""
    for bank in banks:
        covered = data if measured is None else measured
        found = hashlib.new(NAMES[bank], covered, usedforsecurity=False).digest()
        digests += struct.pack("<H", bank) + found
    head = struct.pack("<III", register, kind, len(banks))
    return head + digests + struct.pack("<I", len(data)) + data


def variable(name: str, value: bytes, guid: bytes | None = None) -> bytes:
    """UEFI_VARIABLE_DATA, of EFI_GLOBAL_VARIABLE unless another GUID is given."""
    found = guid or bytes.fromhex("61dfe48bca93d211aa0d00e098032b8c")
    return found + struct.pack("<QQ", len(name), len(value)) + name.encode("utf-16-le") + value
