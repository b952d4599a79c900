import pytest

from keyturn.ceremony.tokenreport import Level
from keyturn.hsm.cryptoki import Rv
from keyturn.hsm.errors import HsmError, TokenError
from keyturn.hsm.trials import Place, Trial, refused
from support.trialplaces import place


def _broken(_: Place) -> tuple[Level, str]:
    raise HsmError("C_WrapKey", Rv.GENERAL_ERROR)


def test_a_trial_that_fails_is_red_with_what_to_do() -> None:
    check = Trial("name", "wanted", "do this", _broken).tried(place())
    assert (check.level, check.expected, check.hint) == (Level.RED, "wanted", "do this")
    assert "CKR_GENERAL_ERROR" in check.found


def test_a_green_trial_asks_for_nothing() -> None:
    check = Trial("name", "wanted", "do this", lambda _: (Level.GREEN, "fine")).tried(place())
    assert (check.level, check.found, check.hint) == (Level.GREEN, "fine", "")


def test_what_must_be_refused_and_is_not_is_an_error() -> None:
    refused("is read", lambda: _broken(place()))
    with pytest.raises(TokenError, match="must refuse: is read"):
        refused("is read", lambda: None)
