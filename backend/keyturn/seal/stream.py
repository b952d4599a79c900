"""Tink streaming AEAD, AES256-GCM-HKDF with 1 MiB segments: where each byte lies, and its keys.

Source: https://developers.google.com/tink/streaming-aead/aes_gcm_hkdf_streaming; any Tink
opens these files. A sealed file is blocks of 1 MiB. Block 0 begins with the header
(length byte 40, salt 32, nonce prefix 7); every block ends with its 16-byte tag; the last
one may be shorter. Nonce: prefix 7 ‖ segment number u32 ‖ 1 if last, else 0. File key:
HKDF-SHA256(key = DEK, salt, info = associated data). Associated data, ours:
`keyturn/1` NUL model id NUL path, so that no file can stand in for another.
"""

from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keyturn.base.encoding import u32
from keyturn.seal.errors import MalformedSealedModel, SealBroken
from keyturn.seal.identity import ModelId
from keyturn.seal.keys import KeyBuffer, check_dek, wipe
from keyturn.seal.paths import ModelPath

BLOCK_SIZE = 1 << 20
HEADER_SIZE = 40
SALT_SIZE = 32
PREFIX_SIZE = 7
TAG_SIZE = 16
CAPACITY = BLOCK_SIZE - TAG_SIZE
"""Plaintext bytes of a full segment; the first one holds HEADER_SIZE less."""
MAX_SIZE = (CAPACITY << 32) - HEADER_SIZE
"""Plaintext bytes of a file: segments are counted in 32 bits."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment's place. Block: header (only in the first), ciphertext and tag, in the file."""

    index: int
    last: bool
    block_at: int
    block_size: int
    plain_at: int
    plain_size: int

    @property
    def skip(self) -> int:
        """Bytes of the block before its ciphertext."""
        return 0 if self.index else HEADER_SIZE


def segment_count(plain_size: int) -> int:
    """How many segments a file of `plain_size` bytes has: at least 1."""
    return max(1, -(-(plain_size + HEADER_SIZE) // CAPACITY))


def sealed_size(plain_size: int) -> int:
    """Bytes of the sealed file, header and tags included."""
    return HEADER_SIZE + plain_size + TAG_SIZE * segment_count(plain_size)


def segment_at(plain_size: int, index: int) -> Segment:
    """Where segment `index` of a file of `plain_size` bytes lies."""
    last = index == segment_count(plain_size) - 1
    plain_at = max(0, index * CAPACITY - HEADER_SIZE)
    end = plain_size if last else (index + 1) * CAPACITY - HEADER_SIZE
    skip = 0 if index else HEADER_SIZE
    block_size = skip + end - plain_at + TAG_SIZE
    return Segment(index, last, index * BLOCK_SIZE, block_size, plain_at, end - plain_at)


@dataclass(frozen=True, slots=True)
class Header:
    """The 40 bytes that a sealed file begins with; public."""

    salt: bytes
    prefix: bytes

    def __post_init__(self) -> None:
        if (len(self.salt), len(self.prefix)) != (SALT_SIZE, PREFIX_SIZE):
            raise MalformedSealedModel(
                "header has the wrong size", expected=f"salt {SALT_SIZE}, prefix {PREFIX_SIZE}"
            )

    def to_bytes(self) -> bytes:
        return bytes([HEADER_SIZE]) + self.salt + self.prefix


def parse_header(raw: bytes) -> Header:
    """Read exactly 40 bytes. Raises MalformedSealedModel."""
    if len(raw) != HEADER_SIZE or raw[0] != HEADER_SIZE:
        raise MalformedSealedModel(
            "sealed file does not begin with a header",
            found=f"{len(raw)} bytes, the first {raw[:1].hex() or 'absent'}",
            expected=f"{HEADER_SIZE} bytes, the first {HEADER_SIZE:02x}",
        )
    return Header(raw[1 : 1 + SALT_SIZE], raw[1 + SALT_SIZE :])


def associated_data(model_id: ModelId, path: ModelPath) -> bytes:
    """What ties a sealed file to its model and place (our protocol §3)."""
    return b"keyturn/1\0" + model_id.encode() + b"\0" + path.encode()


class FileCipher:
    """Opens and seals the segments of one file; may be shared by threads.

    Holds the file's own key inside the cryptographic library, which wipes it when this
    object goes. The data key can be wiped as soon as this is built.
    """

    def __init__(self, dek: KeyBuffer, model_id: ModelId, path: ModelPath, header: Header) -> None:
        check_dek(dek)
        self._path = path
        self._prefix = header.prefix
        key = bytearray(32)
        try:
            HKDF(
                algorithm=hashes.SHA256(),
                length=len(key),
                salt=header.salt,
                info=associated_data(model_id, path),
            ).derive_into(dek, key)
            self._aead = AESGCM(key)
        finally:
            wipe(key)

    def open_into(self, segment: Segment, block: memoryview, out: memoryview) -> None:
        """Decrypt one whole block into `out` (`segment.plain_size` bytes).

        Raises SealBroken when the tag is wrong. `out` then holds unauthenticated bytes:
        the caller must wipe it.
        """
        if len(block) != segment.block_size:
            raise SealBroken(
                self._path,
                segment.index,
                "the block has the wrong size",
                found=f"{len(block)} bytes",
                expected=f"{segment.block_size} bytes",
            )
        try:
            self._aead.decrypt_into(self._nonce(segment), block[segment.skip :], None, out)
        except InvalidTag as error:
            raise SealBroken(
                self._path, segment.index, "not authentic; it is not what was sealed under this key"
            ) from error

    def seal_into(self, segment: Segment, plain: memoryview, out: memoryview) -> None:
        """Encrypt `plain` into `out`: ciphertext and tag, `segment.block_size - skip` bytes."""
        self._aead.encrypt_into(self._nonce(segment), plain, None, out)

    def _nonce(self, segment: Segment) -> bytes:
        return self._prefix + u32(segment.index) + (b"\1" if segment.last else b"\0")
