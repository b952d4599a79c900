"""The OS keyring: only real ones, never overwriting, nothing believed unchecked."""

import json

import keyring
import keyring.backends.fail
import keyring.backends.null
import keyring.errors
import pytest

from keyturn.base.signatures import Algorithm
from keyturn.officerkeys.errors import (
    KeyExists,
    KeyMismatch,
    KeyNotFound,
    KeyStoreUnavailable,
    MalformedKeyFile,
)
from keyturn.officerkeys.keypair import generate
from keyturn.officerkeys.oskeyring import (
    SERVICE,
    has_system_keyring,
    load_secret,
    store_secret,
    system_keyring,
)


class MemoryKeyring:
    """A keyring of this test's own."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password


class LockedKeyring(MemoryKeyring):
    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.KeyringLocked("locked")


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_round_trip(algorithm: Algorithm) -> None:
    backend, secret = MemoryKeyring(), generate("ada", "Ada", algorithm)
    store_secret(backend, secret)
    with load_secret(backend, "ada") as found:
        assert found.public == secret.public
        assert found.private_copy() == secret.private_copy()


def test_an_entry_is_never_overwritten() -> None:
    backend = MemoryKeyring()
    store_secret(backend, generate("ada", "Ada", Algorithm.ED25519))
    before = dict(backend.entries)
    with pytest.raises(KeyExists):
        store_secret(backend, generate("ada", "Ada", Algorithm.ED25519))
    assert backend.entries == before


def test_absent_and_locked_are_told_apart() -> None:
    with pytest.raises(KeyNotFound):
        load_secret(MemoryKeyring(), "ada")
    with pytest.raises(KeyStoreUnavailable, match="KeyringLocked"):
        load_secret(LockedKeyring(), "ada")
    with pytest.raises(KeyStoreUnavailable, match="KeyringLocked"):
        store_secret(LockedKeyring(), generate("ada", "Ada", Algorithm.ED25519))


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("officer", "bob", MalformedKeyFile),
        ("format", 2, MalformedKeyFile),
        ("private", "AAAA", MalformedKeyFile),
        ("surplus", 1, MalformedKeyFile),
        ("private", "A" * 86 + "==", KeyMismatch),
    ],
)
def test_a_changed_entry_is_refused(field: str, value: object, error: type[Exception]) -> None:
    backend = MemoryKeyring()
    store_secret(backend, generate("ada", "Ada", Algorithm.ED25519))
    document = json.loads(backend.entries[SERVICE, "ada"])
    backend.entries[SERVICE, "ada"] = json.dumps({**document, field: value})
    with pytest.raises(error):
        load_secret(backend, "ada")


@pytest.mark.parametrize("backend", [keyring.backends.fail.Keyring, keyring.backends.null.Keyring])
def test_stores_that_keep_nothing_are_no_keyring(
    backend: type[keyring.backend.KeyringBackend], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "get_keyring", backend)
    assert not has_system_keyring()
    with pytest.raises(KeyStoreUnavailable, match="no OS keyring"):
        system_keyring()
