"""What a card's answers mean to an officer: error numbers and PIN flags of PKCS#11 in our words."""

from collections.abc import Iterator
from contextlib import contextmanager

from keyturn.client.errors import (
    CardPinRefused,
    CardRefused,
    CardUnreachable,
    CardUntrusted,
    PinState,
)
from keyturn.hsm.cryptoki import (
    CKF_PROTECTED_AUTHENTICATION_PATH,
    CKF_USER_PIN_COUNT_LOW,
    CKF_USER_PIN_FINAL_TRY,
    CKF_USER_PIN_LOCKED,
    LOST,
    Rv,
)
from keyturn.hsm.errors import HsmError, HsmUnreachable, TokenError

_FLAGS = (
    (CKF_USER_PIN_LOCKED, PinState.LOCKED),
    (CKF_USER_PIN_FINAL_TRY, PinState.FINAL),
    (CKF_USER_PIN_COUNT_LOW, PinState.LOW),
)
_HINTS = {
    PinState.FINE: "Try again with the right PIN; a card locks after few wrong ones.",
    PinState.LOW: "Try again with the right PIN, and be sure of it: few tries are left.",
    PinState.FINAL: "ONE TRY IS LEFT. Be sure of the PIN, or unlock the card with its PUK first.",
    PinState.LOCKED: "Unlock the card with its PUK and its maker's tool.",
}
_PIN_ANSWERS = {
    Rv.PIN_INCORRECT: "the card refused the PIN",
    Rv.PIN_INVALID: "the card refused the PIN",
    Rv.PIN_LEN_RANGE: "the card refused the PIN: its size",
    Rv.PIN_EXPIRED: "the card's PIN has expired",
    Rv.PIN_LOCKED: "the card's PIN is locked",
    Rv.USER_PIN_NOT_INITIALIZED: "the card has no user PIN yet",
}
_SET_PIN = "Set a PIN with the card's own tool, then try again."
_BUSY = (Rv.USER_ALREADY_LOGGED_IN, Rv.USER_ANOTHER_ALREADY_LOGGED_IN)


def pin_state(flags: int) -> PinState:
    """From CK_TOKEN_INFO.flags; the worst that is said counts."""
    return next((state for flag, state in _FLAGS if flags & flag), PinState.FINE)


def has_pin_pad(flags: int) -> bool:
    """The PIN is typed at the reader and never comes to this machine."""
    return bool(flags & CKF_PROTECTED_AUTHENTICATION_PATH)


def locked() -> CardPinRefused:
    """The card says beforehand that it takes no PIN: nobody needs to type one."""
    state = PinState.LOCKED
    return CardPinRefused("the card's PIN is locked", state, hint=_HINTS[state])


def login_refused(error: HsmError, flags: int) -> CardPinRefused | CardRefused | None:
    """What a login's answer means, None when it is not about logins. `flags`: read after it."""
    said = _PIN_ANSWERS.get(Rv(error.rv)) if error.rv in set(Rv) else None
    if said is not None:
        state = PinState.LOCKED if error.rv == Rv.PIN_LOCKED else pin_state(flags)
        unset = error.rv in (Rv.USER_PIN_NOT_INITIALIZED, Rv.PIN_EXPIRED)
        return CardPinRefused(
            said, state, found=error.found, hint=_SET_PIN if unset else _HINTS[state]
        )
    if error.rv in _BUSY:
        return CardRefused(
            "the card is open already in this program",
            found=error.found,
            hint="Lock it there first: what another part unlocked is not used.",
        )
    return None


@contextmanager
def explained(card: str) -> Iterator[None]:
    """Errors of the binding as an officer's: not there, refused, or not to be trusted."""
    try:
        yield
    except HsmUnreachable as error:
        raise CardUnreachable(
            error.message, found=error.found, expected=error.expected, hint=error.hint
        ) from error
    except TokenError as error:
        raise CardUntrusted(error.message, found=error.found, expected=error.expected) from error
    except HsmError as error:
        if error.rv in LOST:
            raise CardUnreachable(
                f"the card '{card}' is not there any more",
                found=f"{error.function}: {error.found}",
                hint="Put it back, unlock it again, and sign again: nothing was signed.",
            ) from error
        raise CardRefused(
            f"the card '{card}' refused", found=f"{error.function}: {error.found}"
        ) from error
