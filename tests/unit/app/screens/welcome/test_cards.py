"""The first page with a card, on SoftHSM: looked for without a PIN, chosen, and in the profile."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from keyturn.base.encoding import b64
from keyturn.base.signatures import Algorithm
from keyturn.officerkeys.keyfile import open_key_file, read_key_file
from keyturn_app.screens.welcome.cards import CardDraft, look_for_cards
from keyturn_app.screens.welcome.joining import KeyKind
from keyturn_app.screens.welcome.viewmodel import Field, Step
from support.card import TOKEN, Reader, card_reader
from support.cardkeys import put_on_card
from unit.app.screens.welcome.desks import PASSPHRASE, FirstPage


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with card_reader(tmp_path / "cards") as found:
        yield found


@pytest.fixture
def page(tmp_path: Path) -> FirstPage:
    made = FirstPage(tmp_path)
    made.at_key()
    made.presenter.choose_key(KeyKind.CARD)
    return made


def test_the_only_key_is_chosen_and_its_owner_has_still_to_say_who_he_is(
    page: FirstPage, reader: Reader
) -> None:
    made = reader.make(Algorithm.P256)
    page.presenter.set_module(str(reader.module))
    page.presenter.look_for_cards()
    view = page.presenter.view()
    assert (len(view.cards), view.card) == (1, 0)
    assert TOKEN in view.cards[0]
    assert (view.draft.card.token, view.draft.card.key) == (TOKEN, "sign")
    assert view.asks_officer
    assert view.asks_passphrase
    assert "officer id" in view.why_not
    page.presenter.set_officer("fay")
    page.presenter.set_name("Fay Moss")
    page.presenter.next(bytearray(b"short"), bytearray(b"short"))
    assert page.presenter.view().error_field is Field.KEY
    page.presenter.next(bytearray(PASSPHRASE), bytearray(PASSPHRASE))
    done = page.presenter.view()
    assert done.step is Step.DONE
    entry = json.loads(done.entry)
    assert entry["keys"] == [{"algorithm": "p256", "spki": b64(made.spki)}]
    (known,) = page.store.all()
    assert known.profile.key == made.location
    (file,) = (page.directory / "app" / "keys").iterdir()
    with open_key_file(read_key_file(file), bytearray(PASSPHRASE)) as companion:
        assert b64(companion.public.hpke) == entry["hpke"]


def test_a_card_that_the_roster_knows_needs_nothing_more(page: FirstPage, reader: Reader) -> None:
    key = page.server.authority.people["bela"].keys[0]
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    with reader.as_its_tool() as session:
        put_on_card(session, "sign", key)
    page.presenter.set_module(str(reader.module))
    page.presenter.look_for_cards()
    view = page.presenter.view()
    assert "bela" in view.imported
    assert not view.why_not
    assert not view.asks_passphrase
    page.presenter.set_officer("mallory")  # the roster says whose it is
    page.presenter.next(bytearray(), bytearray())
    done = page.presenter.view()
    assert "You can sign in" in done.standing
    assert json.loads(done.entry)["hpke"] is None
    assert page.store.all()[0].profile.officer == "bela"
    assert page.files() == ["app.sqlite"]


def test_of_several_keys_the_officer_chooses_and_other_words_forget_it(
    page: FirstPage, reader: Reader
) -> None:
    made = [reader.make(Algorithm.ED25519, name) for name in ("one", "two")]
    page.presenter.set_module(str(reader.module))
    page.presenter.look_for_cards()
    assert page.presenter.view().card == -1
    page.presenter.choose_card(5)
    assert page.presenter.view().card == -1
    page.presenter.choose_card(1)
    chosen = page.presenter.view().draft.card.chosen
    assert chosen in made
    page.presenter.set_token("another")
    assert page.presenter.view().draft.key.card is None
    assert page.presenter.view().cards == ()
    page.presenter.look_for_cards()
    view = page.presenter.view()
    assert "no such key" in view.error
    assert view.error_field is Field.KEY


def test_another_kind_of_key_forgets_the_card(page: FirstPage, reader: Reader) -> None:
    reader.make(Algorithm.P256)
    page.presenter.set_module(str(reader.module))
    page.presenter.look_for_cards()
    page.presenter.choose_key(KeyKind.NEW_FILE)
    draft = page.presenter.view().draft
    assert draft.key.card is None
    assert draft.card.chosen is None
    page.presenter.look_for_cards()
    assert page.presenter.view().cards == ()


def test_a_card_taken_out_before_the_end_leaves_nothing(page: FirstPage, reader: Reader) -> None:
    reader.make(Algorithm.P256)
    page.presenter.set_module(str(reader.module))
    page.presenter.look_for_cards()
    page.presenter.set_officer("fay")
    page.presenter.set_name("Fay")
    reader.take_out()
    page.presenter.next(bytearray(PASSPHRASE), bytearray(PASSPHRASE))
    assert "not there" in page.presenter.view().error
    assert page.files() == []


def test_a_module_that_is_none_is_said(page: FirstPage, tmp_path: Path) -> None:
    page.presenter.set_module(str(tmp_path / "none.so"))
    page.presenter.look_for_cards()
    assert "not there" in page.presenter.view().error
    assert "Look for cards" in page.presenter.view().why_not


@pytest.mark.parametrize(
    ("token", "key", "found"),
    [("", "", 2), (TOKEN, "", 2), ("", "two", 1), (f" {TOKEN} ", " one ", 1)],
)
def test_what_is_typed_narrows_what_is_found(
    reader: Reader, token: str, key: str, found: int
) -> None:
    for name in ("one", "two"):
        reader.make(Algorithm.ED25519, name)
    assert len(look_for_cards(CardDraft(str(reader.module), token, key))) == found
