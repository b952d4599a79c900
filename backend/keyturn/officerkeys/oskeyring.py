"""Officers' keys in the operating system's keyring, where there is a real one.

Real means a store that the desktop session protects: Secret Service, KWallet, macOS Keychain,
Windows Credential Locker. The package `keyring` also knows stores that keep secrets in clear
or not at all; those are turned down. The value is JSON in one entry per officer: the keyring
encrypts it, so no passphrase of ours is needed.
"""

from typing import Protocol

import keyring
import keyring.errors

from keyturn.base.encoding import b64, unb64
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import Algorithm, load_verify_key
from keyturn.base.strictjson import dump, parse_object
from keyturn.officerkeys.errors import (
    KeyExists,
    KeyNotFound,
    KeyStoreUnavailable,
    MalformedKeyFile,
)
from keyturn.officerkeys.keypair import HPKE_SIZE, SECRET_SIZE, OfficerPublic, OfficerSecret

SERVICE = "keyturn officer key"
_REAL = (
    "keyring.backends.SecretService",
    "keyring.backends.libsecret",
    "keyring.backends.kwallet",
    "keyring.backends.macOS",
    "keyring.backends.Windows",
)
_TYPE = "officer-keyring-entry"
_MAX_ENTRY = 4096


class Backend(Protocol):
    """The part of `keyring.backend.KeyringBackend` that is used here."""

    def get_password(self, service: str, username: str) -> str | None: ...

    def set_password(self, service: str, username: str, password: str) -> None: ...


def system_keyring() -> Backend:
    """The session's keyring. Raises KeyStoreUnavailable when there is no real one."""
    found = keyring.get_keyring()
    inner = getattr(found, "backends", None)  # the chainer asks several; the first one answers
    first = next(iter(inner), found) if inner else found
    module = type(first).__module__
    if not module.startswith(_REAL):
        raise KeyStoreUnavailable(
            "this session has no OS keyring",
            found=module,
            hint="Keep the key in an encrypted key file: --key-file FILE.",
        )
    return first


def has_system_keyring() -> bool:
    try:
        system_keyring()
    except KeyStoreUnavailable:
        return False
    return True


def store_secret(backend: Backend, secret: OfficerSecret) -> None:
    """Put the keys into the keyring. Raises KeyExists rather than overwrite."""
    officer = secret.public.officer
    private = secret.private_copy()
    try:
        if backend.get_password(SERVICE, officer) is not None:
            raise KeyExists(f"the keyring already has keys of officer {officer!r}")
        backend.set_password(SERVICE, officer, _encode(secret.public, private))
    except keyring.errors.KeyringError as error:
        raise KeyStoreUnavailable(f"the keyring refused: {type(error).__name__}") from error
    finally:
        private[:] = bytes(len(private))


def load_secret(backend: Backend, officer: str) -> OfficerSecret:
    """Raises KeyNotFound, KeyStoreUnavailable, MalformedKeyFile or KeyMismatch."""
    try:
        text = backend.get_password(SERVICE, officer)
    except keyring.errors.KeyringError as error:
        raise KeyStoreUnavailable(f"the keyring refused: {type(error).__name__}") from error
    if text is None:
        raise KeyNotFound(f"the keyring has no keys of officer {officer!r}")
    try:
        return _decode(text, officer)
    except MalformedError as error:
        # The message names fields and sizes, never values: this text holds private keys.
        raise MalformedKeyFile("keyring entry is not an officer's key") from error


def _encode(public: OfficerPublic, private: bytearray) -> str:
    return dump(
        {
            "type": _TYPE,
            "format": 1,
            "officer": public.officer,
            "name": public.name,
            "algorithm": public.algorithm.value,
            "spki": b64(public.spki),
            "hpke": b64(public.hpke),
            "private": b64(bytes(private)),
        }
    ).decode()


def _decode(text: str, officer: str) -> OfficerSecret:
    fields = parse_object(text.encode(), limit=_MAX_ENTRY, what="keyring entry")
    fields.literal("type", _TYPE)
    fields.literal("format", 1)
    fields.literal("officer", officer)
    name = fields.text("name", limit=200)
    algorithm = fields.choice("algorithm", Algorithm)
    spki = load_verify_key(fields.b64("spki", limit=512)).spki
    public = OfficerPublic(officer, name, algorithm, spki, fields.b64("hpke", size=HPKE_SIZE))
    private = bytearray(unb64(fields.text("private", limit=200), size=SECRET_SIZE))
    fields.done()
    return OfficerSecret(public, private)
