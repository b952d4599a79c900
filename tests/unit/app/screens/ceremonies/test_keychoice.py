"""Where a key is: what is asked for, and what it comes to."""

import pytest

from keyturn.base.errors import MalformedError
from keyturn.officerkeys.location import InFile, InKeyring, OnCard
from keyturn_app.screens.ceremonies.keychoice import KeyChoice
from keyturn_app.screens.ceremonies.signingview import KeyPlace


def test_a_file_is_asked_for_and_a_keyring_needs_no_place() -> None:
    choice = KeyChoice()
    assert choice.missing()
    choice.text = " /keys/ada.key "
    assert not choice.missing()
    location = choice.location("ada")
    assert isinstance(location, InFile)
    assert str(location.path) == "/keys/ada.key"
    choice.put(KeyPlace.KEYRING)
    assert choice.text == ""
    assert not choice.missing()
    assert choice.location("ada") == InKeyring("ada")


def test_a_card_is_named_with_or_without_its_word() -> None:
    choice = KeyChoice(place=KeyPlace.CARD)
    assert choice.missing()
    for text in ("/lib/card.so:Ada:key", "card:/lib/card.so:Ada:key"):
        choice.text = text
        assert isinstance(choice.location("ada"), OnCard)
    choice.text = "nothing"
    with pytest.raises(MalformedError):
        choice.location("ada")


def test_the_key_that_is_open_here_is_offered_to_its_officer_alone() -> None:
    choice = KeyChoice()
    choice.of(own=True)
    assert choice.is_own
    assert next(place for place, _title, _why in choice.view().places) is KeyPlace.OPEN
    assert choice.view().secret_title == ""
    choice.of(own=False)
    assert choice.place is KeyPlace.FILE
    assert KeyPlace.OPEN not in [place for place, _title, _why in choice.view().places]
