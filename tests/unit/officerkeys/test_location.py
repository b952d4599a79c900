"""The place of an officer's keys, as text and as what opens them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.base.errors import MalformedError
from keyturn.base.signatures import Algorithm
from keyturn.officerkeys.errors import KeyNotOpened, KeyStoreUnavailable
from keyturn.officerkeys.keyfile import KdfCost, write_key_file
from keyturn.officerkeys.keypair import OfficerPublic, generate
from keyturn.officerkeys.location import (
    InFile,
    InKeyring,
    KeyLocation,
    OnCard,
    open_keys,
    parse_card_location,
    parse_location,
)
from keyturn.officerkeys.oskeyring import SERVICE, store_secret


class MemoryKeyring:
    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password


MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")


@pytest.mark.parametrize(
    "location",
    [
        InFile(Path("/keys/a:b.key")),
        InKeyring("ada"),
        OnCard(MODULE, "Ada's card", "sign"),
        OnCard(Path("/odd: path/50%/ü.so"), "a:b%3A", "\n\x7f\0 tab\t"),
    ],
)
def test_text_and_back(location: KeyLocation) -> None:
    assert parse_location(str(location)) == location


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=255),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=255),
)
def test_any_names_on_a_card_are_written_without_controls_and_read_back(
    token: str, key: str
) -> None:
    place = OnCard(MODULE, token, key)
    text = str(place)
    assert parse_location(text) == parse_card_location(text) == place
    assert not any(ord(each) < 0x20 or ord(each) == 0x7F for each in text)


def test_what_needs_no_sign_is_written_as_it_is() -> None:
    assert str(OnCard(MODULE, "Ada's card", "a/b=c")) == f"card:{MODULE}:Ada's card:a/b=c"
    assert str(OnCard(MODULE, "a:b", "50%")) == f"card:{MODULE}:a%3Ab:50%25"


@pytest.mark.parametrize(
    "text",
    [
        "card:",
        "card:/m.so",
        "card:/m.so:token",
        "card:/m.so:token:key:more",
        "card:m.so:token:key",
        "card::token:key",
        "card:/m.so::key",
        "card:/m.so:token:",
        "card:/m.so:token:key%",
        "card:/m.so:token:key%2",
        "card:/m.so:token:%6Bey",
        "card:/m.so:token:k%3a",
        "card:/m.so:token:%FF",
        "card:/m.so:token:a\nb",
        "card://m.so/../m.so/:token:key",
        "card:/m.so:token:" + "k" * 256,
        "CARD:/m.so:token:key",
    ],
)
def test_a_place_on_a_card_is_written_in_one_way(text: str) -> None:
    with pytest.raises(MalformedError, match="not the place of a key"):
        parse_location(text)


@pytest.mark.parametrize(
    ("module", "token", "key"),
    [
        (Path("m.so"), "t", "k"),
        (MODULE, "", "k"),
        (MODULE, "t", ""),
        (MODULE, "t" * 256, "k"),
        (Path("/\udcff.so"), "t", "k"),
    ],
)
def test_a_place_that_cannot_be_written_is_not_made(module: Path, token: str, key: str) -> None:
    with pytest.raises(MalformedError):
        OnCard(module, token, key)


def test_a_key_on_a_card_does_not_come_out() -> None:
    with pytest.raises(KeyStoreUnavailable, match="does not leave"):
        open_keys(OnCard(MODULE, "t", "k"), lambda _: bytearray(b"pin"))


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
