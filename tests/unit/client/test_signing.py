"""One door to a key file, a keyring entry and a card."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.base.dsse import parse_envelope, verified_signers
from keyturn.base.signatures import Algorithm, load_verify_key
from keyturn.client.card import CardInfo
from keyturn.client.errors import CardPinRefused, CardRefused, CardUnreachable
from keyturn.client.signing import KeyQuestion, open_signer, unlock
from keyturn.hsm.cryptoki import Attr
from keyturn.officerkeys.errors import KeyMismatch, KeyNotOpened
from keyturn.officerkeys.keyfile import KdfCost, write_key_file
from keyturn.officerkeys.keypair import OfficerPublic, generate
from keyturn.officerkeys.location import InFile, KeyLocation
from support.card import PIN, Hand, Reader, card_reader
from support.cardkeys import pair_of_a_tool

PASSPHRASE = b"correct horse battery"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with card_reader(tmp_path / "cards") as found:
        yield found


def key_file(directory: Path, officer: str = "ada") -> InFile:
    path = directory / f"{officer}.key"
    cheap = KdfCost(iterations=1, lanes=1, memory_kib=8)
    with generate(officer, "Ada", Algorithm.ED25519) as secret:
        write_key_file(path, secret, bytearray(PASSPHRASE), cost=cheap)
    return InFile(path)


def answer(question: KeyQuestion) -> bytearray:
    if isinstance(question, CardInfo):
        return bytearray(PIN)
    assert isinstance(question, OfficerPublic)
    return bytearray(PASSPHRASE)


@pytest.mark.parametrize("kind", ["file", "card"])
def test_whatever_the_profile_names_signs_and_is_closed(
    tmp_path: Path, reader: Reader, kind: str
) -> None:
    reader.make(Algorithm.P256)
    places: dict[str, KeyLocation] = {"file": key_file(tmp_path), "card": reader.place("sign")}
    with open_signer(places[kind], "ada", answer) as signer:
        raw = signer.sign("text/plain", b"hello").to_bytes()
        key = load_verify_key(signer.spki)
        assert signer.officer == "ada"
    assert verified_signers(parse_envelope(raw), {key.key_id: key}) == (signer.key_id,)
    with pytest.raises((ValueError, CardUnreachable)):
        signer.sign("text/plain", b"again")


def test_another_officers_file_is_not_opened_as_mine(tmp_path: Path) -> None:
    place = key_file(tmp_path, "bela")
    with pytest.raises(KeyMismatch) as refused, open_signer(place, "ada", answer):
        pass
    assert (refused.value.found, refused.value.expected) == ("bela", "ada")


def test_a_wrong_secret_is_wiped_and_asked_for_once(tmp_path: Path, reader: Reader) -> None:
    reader.make(Algorithm.ED25519)
    typed: list[bytearray] = []

    def wrong(question: KeyQuestion) -> bytearray:
        typed.append(bytearray(b"wrong but long"))
        return typed[-1]

    with pytest.raises(KeyNotOpened), open_signer(key_file(tmp_path), "ada", wrong):
        pass
    with pytest.raises(CardPinRefused), open_signer(reader.place("sign"), "ada", wrong):
        pass
    assert [bytes(each) for each in typed] == [bytes(14), bytes(14)]


@pytest.mark.parametrize("kind", ["file", "card"])
def test_what_is_unlocked_stays_open_until_it_is_closed(
    tmp_path: Path, reader: Reader, kind: str
) -> None:
    reader.make(Algorithm.ED25519)
    places: dict[str, KeyLocation] = {"file": key_file(tmp_path), "card": reader.place("sign")}
    typed = bytearray(PASSPHRASE if kind == "file" else PIN)
    unlocked = unlock(places[kind], "ada", typed)
    assert not any(typed)
    unlocked.signer.sign("text/plain", b"one")
    unlocked.signer.sign("text/plain", b"two")
    unlocked.close()
    unlocked.close()
    with pytest.raises((ValueError, CardUnreachable)):
        unlocked.signer.sign("text/plain", b"three")


def test_a_secret_that_does_not_open_is_wiped_and_nothing_stays_open(
    tmp_path: Path, reader: Reader
) -> None:
    reader.make(Algorithm.ED25519)
    for place, error in (
        (key_file(tmp_path), KeyNotOpened),
        (reader.place("sign"), CardPinRefused),
    ):
        typed = bytearray(b"wrong but long")
        with pytest.raises(error):
            unlock(place, "ada", typed)
        assert not any(typed)
    unlock(reader.place("sign"), "ada", bytearray(PIN)).close()


def test_a_key_that_wants_its_pin_each_time_needs_somebody_to_ask(reader: Reader) -> None:
    with reader.as_its_tool() as session:
        pair_of_a_tool(session, "9c", (Attr.ALWAYS_AUTHENTICATE, True))
    with pytest.raises(CardRefused, match="each signature"):
        unlock(reader.place("9c"), "ada", bytearray(PIN))
    hand = Hand()
    unlocked = unlock(reader.place("9c"), "ada", bytearray(PIN), hand)
    unlocked.signer.sign("text/plain", b"one")
    unlocked.close()
    assert [each.once_more for each in hand.asked] == [True]
