"""KEK files as the token's side writes them: in their form, but nothing opens them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

from cryptography.hazmat.primitives.asymmetric import rsa

from keyturn.base.signatures import KeyId, key_id_of
from keyturn.base.strictjson import JsonObject
from keyturn.ceremony.keyfacts import KeyPurpose
from keyturn.hsm.backup import BackupKey, KekBackup, wrapped_document
from keyturn.hsm.kekwork import WrappedKek
from keyturn.hsm.protocol import OaepHash
from keyturn.hsm.publickeys import spki_of
from support.ceremonies import key_facts

MADE = datetime(2026, 11, 29, 12, tzinfo=UTC)


def made_up_spki(number: int = 1) -> bytes:
    """Of an RSA-4096 public key whose private half nobody has."""
    return spki_of(rsa.RSAPublicNumbers(65537, (1 << 4095) + 2 * number + 1).public_key())


def backup_file(kek: str, *, made: datetime = MADE, token: str = "keyturn 0123") -> bytes:
    key = BackupKey(made_up_spki(), b"s" * 32, b"n" * 12, b"c" * 64)
    return KekBackup(_wrapped(kek, key.spki), key, made, "backup-7", token).to_bytes()


def wrapped_file(kek: str, spki: bytes) -> bytes:
    return wrapped_document(_wrapped(kek, spki))


def transport_made(spki: bytes) -> JsonObject:
    """What the record of `make-transport-key` says."""
    made = replace(key_facts(KeyPurpose.TRANSPORT), id=key_id_of(spki))
    return {"key": cast("JsonObject", made.document())}


def _wrapped(kek: str, spki: bytes) -> WrappedKek:
    return WrappedKek(KeyId(kek), b"w" * 512, OaepHash.SHA256, spki, b"y" * 72)
