"""A share's box opens for its custodian in its place alone, and an entry at its host alone."""

import secrets

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import x25519

from keyturn.base.encoding import Digest
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused, MalformedCeremony
from keyturn.ceremony.script import ShareUse
from keyturn.ceremony.shareboxes import (
    BOX_SUITE,
    HOST_KEY,
    box_info,
    entry_info,
    make_host_key,
    open_entry,
    seal_box,
    seal_entry,
)

WORDS = b"academic acid acrobat"
PLAN = Digest("sha256:" + "ab" * 32)
PREVIOUS = Digest("sha256:" + "cd" * 32)
BOX = box_info("first", PLAN, ShareUse.USER, "ada", 0, 1)
ENTRY = entry_info("00" * 16, "first", PREVIOUS, ShareUse.USER, "ada")


def test_a_box_opens_with_the_custodians_key_and_its_own_info() -> None:
    private = x25519.X25519PrivateKey.generate()
    box = seal_box(WORDS, private.public_key().public_bytes_raw(), BOX)
    assert BOX_SUITE.decrypt(box, private, BOX) == WORDS


@pytest.mark.parametrize(
    "info",
    [
        box_info("other", PLAN, ShareUse.USER, "ada", 0, 1),
        box_info("first", PREVIOUS, ShareUse.USER, "ada", 0, 1),
        box_info("first", PLAN, ShareUse.SO, "ada", 0, 1),
        box_info("first", PLAN, ShareUse.USER, "bela", 0, 1),
        box_info("first", PLAN, ShareUse.USER, "ada", 1, 0),
    ],
    ids=["ceremony", "plan", "use", "officer", "place"],
)
def test_a_box_is_of_one_place_in_one_ceremony(info: bytes) -> None:
    private = x25519.X25519PrivateKey.generate()
    box = seal_box(WORDS, private.public_key().public_bytes_raw(), BOX)
    with pytest.raises(InvalidTag):
        BOX_SUITE.decrypt(box, private, info)


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(32)], ids=["none", "short", "zeros"])
def test_what_is_no_officers_key_gets_no_box(key: bytes) -> None:
    with pytest.raises(MalformedCeremony):
        seal_box(WORDS, key, BOX)


def test_an_entered_share_opens_at_its_host() -> None:
    private, public = make_host_key(secrets.token_bytes(96))
    assert open_entry(seal_entry(WORDS, public, ENTRY), private, ENTRY) == WORDS


@pytest.mark.parametrize(
    "info",
    [
        entry_info("11" * 16, "first", PREVIOUS, ShareUse.USER, "ada"),
        entry_info("00" * 16, "other", PREVIOUS, ShareUse.USER, "ada"),
        entry_info("00" * 16, "first", PLAN, ShareUse.USER, "ada"),
        entry_info("00" * 16, "first", PREVIOUS, ShareUse.SO, "ada"),
        entry_info("00" * 16, "first", PREVIOUS, ShareUse.USER, "bela"),
    ],
    ids=["boot", "ceremony", "previous", "use", "officer"],
)
def test_an_entered_share_is_for_one_step_at_one_host(info: bytes) -> None:
    private, public = make_host_key(secrets.token_bytes(96))
    with pytest.raises(CeremonyRefused) as refused:
        open_entry(seal_entry(WORDS, public, ENTRY), private, info)
    assert refused.value.reason is CeremonyReason.WRONG_SHARE


@pytest.mark.parametrize("sealed", [b"", b"x", bytes(2000)], ids=["none", "short", "zeros"])
def test_what_is_no_entered_share_is_refused(sealed: bytes) -> None:
    private, _ = make_host_key(secrets.token_bytes(96))
    with pytest.raises(CeremonyRefused):
        open_entry(sealed, private, ENTRY)


@pytest.mark.parametrize("key", [b"", bytes(HOST_KEY), b"\xff" * HOST_KEY])
def test_what_is_no_hosts_key_gets_no_share(key: bytes) -> None:
    with pytest.raises(MalformedCeremony):
        seal_entry(WORDS, key, ENTRY)
