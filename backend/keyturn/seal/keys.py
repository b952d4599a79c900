"""Data keys: their size, how they are wiped, and the tag that binds one to one model.

Keys travel in `bytearray` or `memoryview`, never in `bytes`: what cannot be overwritten
stays in memory (I8). The tag also commits to the key, which GCM alone does not
(our protocol §3).
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, hmac

from keyturn.base.encoding import Digest, digest_bytes
from keyturn.seal.errors import MalformedSealedModel, WrongModelKey

KeyBuffer = bytearray | memoryview

DEK_SIZE = 32
"""Bytes of a data key: the Tink key material of AES256-GCM-HKDF."""
TAG_SIZE = 32
"""Bytes of the binding tag: HMAC-SHA256, not shortened."""

_CONTEXT = b"keyturn-model-v1"


def wipe(secret: KeyBuffer) -> None:
    """Overwrite a buffer with zeroes, in place."""
    secret[:] = bytes(len(secret))


def check_dek(dek: KeyBuffer) -> None:
    """Raises MalformedSealedModel unless `dek` is 32 bytes."""
    if len(dek) != DEK_SIZE:
        raise MalformedSealedModel(
            "data key has the wrong size", found=f"{len(dek)} bytes", expected=f"{DEK_SIZE} bytes"
        )


def model_tag(dek: KeyBuffer, model_digest: Digest) -> bytes:
    """HMAC-SHA256(DEK, "keyturn-model-v1" ‖ 32 bytes of the model digest); 32 bytes."""
    return _tag_of(dek, model_digest).finalize()


def verify_model_tag(dek: KeyBuffer, model_digest: Digest, tag: bytes) -> None:
    """Raises WrongModelKey unless `tag` binds `dek` to the model; in constant time."""
    try:
        _tag_of(dek, model_digest).verify(tag)
    except InvalidSignature as error:
        raise WrongModelKey(
            "the data key does not belong to this model: its tag does not verify",
            expected=f"a key and a tag made for model {model_digest[:23]}…",
        ) from error


def _tag_of(dek: KeyBuffer, model_digest: Digest) -> hmac.HMAC:
    check_dek(dek)
    mac = hmac.HMAC(dek, hashes.SHA256())
    mac.update(_CONTEXT + digest_bytes(model_digest))
    return mac
