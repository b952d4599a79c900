"""The place of an officer's keys, as text and as what opens them."""

from pathlib import Path

import pytest

from keyturn.base.errors import MalformedError
from keyturn.base.signatures import Algorithm
from keyturn.officerkeys.errors import KeyNotOpened
from keyturn.officerkeys.keyfile import KdfCost, write_key_file
from keyturn.officerkeys.keypair import OfficerPublic, generate
from keyturn.officerkeys.location import InFile, InKeyring, open_keys, parse_location
from keyturn.officerkeys.oskeyring import SERVICE, store_secret


class MemoryKeyring:
    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password


@pytest.mark.parametrize("location", [InFile(Path("/keys/a:b.key")), InKeyring("ada")])
def test_text_and_back(location: InFile | InKeyring) -> None:
    assert parse_location(str(location)) == location


@pytest.mark.parametrize("text", ["", "file:", "keyring:", "ada", "FILE:/x", "http://x"])
def test_other_places_are_malformed(text: str) -> None:
    with pytest.raises(MalformedError, match="not the place of a key"):
        parse_location(text)


def test_a_file_opens_by_the_passphrase_asked_for_which_is_then_wiped(tmp_path: Path) -> None:
    secret = generate("ada", "Ada", Algorithm.ED25519)
    typed = bytearray(b"correct horse")
    write_key_file(tmp_path / "k", secret, typed, cost=KdfCost(1, 1, 8))
    asked: list[OfficerPublic] = []

    def ask(public: OfficerPublic) -> bytearray:
        asked.append(public)
        return typed

    with open_keys(InFile(tmp_path / "k"), ask) as found:
        assert found.public == secret.public
    assert asked == [secret.public]
    assert typed == bytes(len(b"correct horse"))


def test_a_wrong_passphrase_is_wiped_too(tmp_path: Path) -> None:
    secret = generate("ada", "Ada", Algorithm.ED25519)
    write_key_file(tmp_path / "k", secret, bytearray(b"right"), cost=KdfCost(1, 1, 8))
    typed = bytearray(b"wrong")
    with pytest.raises(KeyNotOpened):
        open_keys(InFile(tmp_path / "k"), lambda _: typed)
    assert typed == bytes(5)


def test_a_keyring_needs_no_passphrase() -> None:
    backend, secret = MemoryKeyring(), generate("ada", "Ada", Algorithm.P256)
    store_secret(backend, secret)
    assert (SERVICE, "ada") in backend.entries

    def ask(public: OfficerPublic) -> bytearray:
        raise AssertionError(public)

    with open_keys(InKeyring("ada"), ask, keyring=lambda: backend) as found:
        assert found.public == secret.public
