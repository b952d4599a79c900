import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keyturn.base.encoding import digest_of
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import KeyId
from keyturn.hsm.backup import (
    BackupKey,
    KekBackup,
    check_backup_spki,
    open_backup_key,
    parse_backup,
    parse_backup_key,
    parse_wrapped,
    seal_backup_key,
    wrapped_document,
)
from keyturn.hsm.errors import BackupRefused, HsmRequestError
from keyturn.hsm.kekwork import WrappedKek
from keyturn.hsm.protocol import OaepHash
from support.hsmtoken import spki

SECRET = bytearray(range(32))


@pytest.fixture(scope="module")
def private() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 4096)


@pytest.fixture(scope="module")
def key(private: rsa.RSAPrivateKey) -> BackupKey:
    return seal_backup_key(private, SECRET, b"s" * 32, b"n" * 12)


@pytest.fixture(scope="module")
def backup(key: BackupKey) -> KekBackup:
    value, canary = secrets.token_bytes(512), secrets.token_bytes(72)
    wrapped = WrappedKek(KeyId("ab" * 32), value, OaepHash.SHA1, key.spki, canary)
    made = datetime(2026, 11, 29, 12, tzinfo=UTC)
    return KekBackup(wrapped, key, made, "backup-7", "keyturn 0123")


def test_the_private_half_is_encrypted_as_the_protocol_says(
    private: rsa.RSAPrivateKey, key: BackupKey
) -> None:
    context = b"keyturn-backup-key-v1" + len(key.spki).to_bytes(4, "big") + key.spki
    derived = HKDF(hashes.SHA256(), 32, key.salt, context).derive(bytes(SECRET))
    plain = AESGCM(derived).decrypt(key.nonce, key.ciphertext, context)
    assert plain == private.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    assert open_backup_key(key, SECRET).private_numbers() == private.private_numbers()


def test_another_secret_and_a_changed_file_open_nothing(key: BackupKey) -> None:
    for wrong in (bytearray(32), bytearray(31), bytearray()):
        with pytest.raises(BackupRefused):
            open_backup_key(key, wrong)
    torn = bytes([key.ciphertext[0] ^ 1]) + key.ciphertext[1:]
    for changed in (
        replace(key, ciphertext=torn),
        replace(key, salt=bytes(32)),
        replace(key, nonce=bytes(12)),
        replace(key, spki=spki(rsa.generate_private_key(65537, 4096).public_key())),
    ):
        with pytest.raises(BackupRefused):
            open_backup_key(changed, SECRET)


def test_a_backup_is_read_as_written(backup: KekBackup, key: BackupKey) -> None:
    raw = backup.to_bytes()
    assert parse_backup(raw) == backup
    assert backup.digest == digest_of(raw)
    assert parse_backup_key(key.to_bytes()) == key


def _paths(document: dict[str, Any]) -> list[tuple[str, ...]]:
    return [(name,) for name in document] + [("key", name) for name in document["key"]]


def test_a_missing_or_unknown_field_and_an_extra_byte_are_refused(backup: KekBackup) -> None:
    whole = json.loads(backup.to_bytes())
    for path in _paths(whole):
        document = json.loads(backup.to_bytes())
        holder = document if len(path) == 1 else document["key"]
        del holder[path[-1]]
        with pytest.raises(MalformedError, match=path[-1]):
            parse_backup(_bytes(document))
        holder["extra"] = 1
        with pytest.raises(MalformedError):
            parse_backup(_bytes(document))
    for raw in (backup.to_bytes() + b"\n", b" " + backup.to_bytes(), b"", b"x" * (17 << 10)):
        with pytest.raises(MalformedError):
            parse_backup(raw)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "kek-backup-2"),
        ("format", 2),
        ("profile", "never-extractable"),
        ("kek", "AB" * 32),
        ("made", "2026-11-29 12:00:00"),
        ("ceremony", "Not an id"),
        ("oaep_hash", "md5"),
        ("wrapped", ""),
        ("canary", "AAAA"),
        ("token", 7),
    ],
)
def test_a_field_of_another_form_is_refused(backup: KekBackup, field: str, value: object) -> None:
    document = json.loads(backup.to_bytes())
    document[field] = value
    with pytest.raises(MalformedError):
        parse_backup(_bytes(document))


def test_a_backup_names_the_key_that_its_kek_is_wrapped_to(backup: KekBackup) -> None:
    with pytest.raises(HsmRequestError, match="another key"):
        replace(backup, wrapped=replace(backup.wrapped, spki=b"other"))


def test_only_an_rsa_4096_key_in_der_is_a_backup_key(private: rsa.RSAPrivateKey) -> None:
    check_backup_spki(spki(private.public_key()))
    small = spki(rsa.generate_private_key(65537, 3072).public_key())
    for wrong in (small, b"", b"x" * 550, spki(private.public_key()) + b"\0"):
        with pytest.raises(HsmRequestError):
            check_backup_spki(wrong)


def _bytes(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def test_a_wrapped_kek_is_read_as_written_and_strictly(backup: KekBackup) -> None:
    raw = wrapped_document(backup.wrapped)
    assert parse_wrapped(raw) == backup.wrapped
    for name in json.loads(raw):
        document = json.loads(raw)
        del document[name]
        with pytest.raises(MalformedError, match=name):
            parse_wrapped(_bytes(document))
    with pytest.raises(MalformedError, match="extra"):
        parse_wrapped(_bytes({**json.loads(raw), "extra": 1}))
    small = spki(rsa.generate_private_key(65537, 3072).public_key())
    with pytest.raises(HsmRequestError):
        parse_wrapped(wrapped_document(replace(backup.wrapped, spki=small)))
