"""Error numbers and PIN flags, in words that an officer can act on."""

import pytest

from keyturn.base.errors import KeyturnError, UnreachableError, UntrustedError
from keyturn.client.cardwords import explained, has_pin_pad, locked, login_refused, pin_state
from keyturn.client.errors import (
    CardPinRefused,
    CardRefused,
    CardUnreachable,
    CardUntrusted,
    PinState,
)
from keyturn.hsm.cryptoki import Rv
from keyturn.hsm.errors import HsmError, HsmUnreachable, TokenError


@pytest.mark.parametrize(
    ("flags", "state"),
    [
        (0x40D, PinState.FINE),  # hardware RNG, login required, PIN set, initialised
        (0x10000, PinState.LOW),
        (0x30000, PinState.FINAL),
        (0x70000, PinState.LOCKED),
        (0x40000, PinState.LOCKED),
        (0x700000, PinState.FINE),  # the same of the SO's PIN: not ours
    ],
)
def test_the_worst_that_the_flags_say_counts(flags: int, state: PinState) -> None:
    assert pin_state(flags) is state


def test_a_pad_is_told_by_its_flag() -> None:
    assert has_pin_pad(0x100)
    assert not has_pin_pad(0x60D)


@pytest.mark.parametrize(
    ("rv", "flags", "state", "hint"),
    [
        (Rv.PIN_INCORRECT, 0, PinState.FINE, "right PIN"),
        (Rv.PIN_INCORRECT, 0x10000, PinState.LOW, "few tries"),
        (Rv.PIN_INCORRECT, 0x20000, PinState.FINAL, "ONE TRY"),
        (Rv.PIN_INCORRECT, 0x40000, PinState.LOCKED, "PUK"),
        (Rv.PIN_LOCKED, 0, PinState.LOCKED, "PUK"),
        (Rv.PIN_LEN_RANGE, 0, PinState.FINE, "right PIN"),
        (Rv.PIN_EXPIRED, 0, PinState.FINE, "own tool"),
        (Rv.USER_PIN_NOT_INITIALIZED, 0, PinState.FINE, "own tool"),
    ],
)
def test_a_refused_pin_says_how_the_card_stands(
    rv: Rv, flags: int, state: PinState, hint: str
) -> None:
    found = login_refused(HsmError("C_Login", rv), flags)
    assert isinstance(found, CardPinRefused)
    assert isinstance(found, UntrustedError)
    assert found.state is state
    assert hint in found.hint
    assert found.found == f"CKR_{rv.name}"


def test_a_login_that_is_not_ours_is_refused_and_other_answers_are_no_login_answers() -> None:
    for rv in (Rv.USER_ALREADY_LOGGED_IN, Rv.USER_ANOTHER_ALREADY_LOGGED_IN):
        assert isinstance(login_refused(HsmError("C_Login", rv), 0), CardRefused)
    assert login_refused(HsmError("C_Login", Rv.DEVICE_REMOVED), 0) is None
    assert login_refused(HsmError("C_Login", 0x80000001), 0) is None
    assert locked().state is PinState.LOCKED


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (HsmUnreachable("no module"), CardUnreachable),
        (TokenError("two keys"), CardUntrusted),
        (HsmError("C_Sign", Rv.DEVICE_REMOVED), CardUnreachable),
        (HsmError("C_Sign", Rv.SESSION_HANDLE_INVALID), CardUnreachable),
        (HsmError("C_Sign", Rv.FUNCTION_CANCELED), CardRefused),
        (HsmError("C_Sign", 0x80000001), CardRefused),
    ],
)
def test_errors_of_the_binding_are_an_officers(
    error: KeyturnError, kind: type[KeyturnError]
) -> None:
    with pytest.raises(kind) as found, explained("Ada's card"):
        raise error
    assert found.value.__cause__ is error
    assert isinstance(found.value, UnreachableError) is (kind is CardUnreachable)


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), explained("x"):
        raise ZeroDivisionError
