"""Wrap a data key to the ingest key by RSA-OAEP (our protocol §3.3)."""

import ctypes

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from keyturn.base.signatures import key_id_of
from keyturn.seal.errors import MalformedSealedModel
from keyturn.seal.keys import KeyBuffer, check_dek
from keyturn.seal.sealedkey import OaepHash, WrappedDek

MIN_BITS = 2048

_HASHES: dict[OaepHash, hashes.HashAlgorithm] = {
    OaepHash.SHA1: hashes.SHA1(),  # noqa: S303  # OAEP needs no collision resistance (RFC 8017 §7.1)
    OaepHash.SHA256: hashes.SHA256(),
    OaepHash.SHA384: hashes.SHA384(),
}


def wrap_dek_rsa_oaep(spki: bytes, oaep_hash: OaepHash, dek: KeyBuffer) -> WrappedDek:
    """Encrypt `dek` (32 bytes) to the RSA key in DER `spki`; MGF1 with the same hash, no label.

    Raises MalformedSealedModel when the key is not RSA of 2048 bits or more. The padding's
    randomness is the cryptographic library's own.
    """
    check_dek(dek)
    key = _load(spki)
    algorithm = _HASHES[oaep_hash]
    scheme = padding.OAEP(padding.MGF1(algorithm), algorithm, None)
    secret = bytes(dek)  # the library takes nothing else; overwritten below
    try:
        value = key.encrypt(secret, scheme)
    finally:
        _overwrite(secret)
    return WrappedDek(key_id_of(spki), oaep_hash, value)


def _load(spki: bytes) -> rsa.RSAPublicKey:
    try:
        key = serialization.load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MalformedSealedModel(f"ingest key cannot be read: {error}") from error
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < MIN_BITS:
        raise MalformedSealedModel(
            "ingest key is of the wrong kind",
            found=type(key).__name__,
            expected=f"RSA of {MIN_BITS} bits or more",
        )
    return key


def _overwrite(secret: bytes) -> None:
    """Zero a `bytes` that only this module knows: CPython keeps its data at the object's end."""
    ctypes.memset(id(secret) + bytes.__basicsize__ - 1, 0, len(secret))
