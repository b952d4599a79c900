"""`keyturn.key`: the data key wrapped to the ingest key, and the tag that binds it to the model.

Anyone can make one, nobody outside the HSM can open one (our protocol §3.3). The OAEP hash
is written down, never guessed; its MGF1 uses the same hash and the label is empty.
"""

from dataclasses import dataclass
from enum import Enum

from keyturn.base.encoding import b64
from keyturn.base.signatures import KeyId
from keyturn.base.strictjson import dump, parse_object
from keyturn.seal.errors import MalformedSealedModel
from keyturn.seal.keys import TAG_SIZE

MAX_KEY_FILE = 8 << 10
TYPE = "sealed-key"

_WRAPPED_SIZES = range(256, 1025)
"""Bytes: RSA moduli of 2048 to 8192 bits (PKCS #1, RFC 8017 §7.1.1)."""


class OaepHash(Enum):
    """Hash of RSA-OAEP; fixed by the `keys` statement. SHA-1 is what some tokens only have."""

    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA384 = "sha384"


@dataclass(frozen=True, slots=True)
class WrappedDek:
    """A data key, RSA-OAEP encrypted to the ingest key of this id."""

    ingest_key_id: KeyId
    oaep_hash: OaepHash
    value: bytes

    def __post_init__(self) -> None:
        if len(self.value) not in _WRAPPED_SIZES:
            raise MalformedSealedModel(
                "wrapped data key has the wrong size",
                found=f"{len(self.value)} bytes",
                expected=f"{_WRAPPED_SIZES[0]} to {_WRAPPED_SIZES[-1]} bytes",
            )


@dataclass(frozen=True, slots=True)
class SealedKey:
    """The key file: wrapped data key, and the 32-byte tag over DEK and model digest."""

    wrapped: WrappedDek
    tag: bytes

    def to_bytes(self) -> bytes:
        return dump(
            {
                "type": TYPE,
                "format": 1,
                "ingest_key": self.wrapped.ingest_key_id,
                "algorithm": "rsa-oaep",
                "oaep_hash": self.wrapped.oaep_hash.value,
                "wrapped": b64(self.wrapped.value),
                "tag": self.tag.hex(),
            }
        )


def parse_sealed_key(raw: bytes) -> SealedKey:
    """Read a key file strictly. Raises MalformedError."""
    fields = parse_object(raw, limit=MAX_KEY_FILE, what="sealed key")
    fields.literal("type", TYPE)
    fields.literal("format", 1)
    key_id = KeyId(fields.hex("ingest_key", size=32).hex())
    fields.literal("algorithm", "rsa-oaep")
    wrapped = WrappedDek(
        key_id, fields.choice("oaep_hash", OaepHash), fields.b64("wrapped", limit=2048)
    )
    tag = fields.hex("tag", size=TAG_SIZE)
    fields.done()
    return SealedKey(wrapped, tag)
