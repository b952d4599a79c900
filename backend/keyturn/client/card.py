"""An officer's signing key on a PKCS#11 card: opened by a PIN, used, closed.

The module runs in this process (docs/decisions/0017). The PIN is asked for once, given to the
card once, wiped, and kept nowhere; while a `CardSigner` is open the card is logged in for this
process. Whatever the card returns is verified here before anybody gets it.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from keyturn.base.dsse import Envelope, Signature, pae
from keyturn.base.signatures import Algorithm, KeyId
from keyturn.client.cardwords import explained, has_pin_pad, locked, login_refused, pin_state
from keyturn.client.errors import (
    CardRefused,
    CardUnreachable,
    CardUntrusted,
    NotFound,
    PinState,
)
from keyturn.hsm.card import (
    CardPair,
    asks_each_time,
    cards,
    make_pair,
    pairs,
    pairs_named,
    private_half,
    sign,
)
from keyturn.hsm.errors import HsmError
from keyturn.hsm.modules import SOFTHSM, find_card_modules
from keyturn.hsm.pkcs11 import Handle, Library, Session
from keyturn.hsm.shared import shared_library
from keyturn.hsm.softhsm import login_turn
from keyturn.hsm.tokeninfo import TokenInfo
from keyturn.officerkeys.errors import KeyExists, PassphraseError
from keyturn.officerkeys.location import OnCard

__all__ = [
    "CardInfo",
    "CardKey",
    "CardSigner",
    "PinState",
    "create_card_key",
    "find_card_key",
    "find_card_modules",
    "list_cards",
    "open_card",
]


@dataclass(frozen=True, slots=True)
class CardInfo:
    """The card whose PIN is asked for. All of it is the card's own word."""

    module: Path
    token: str
    serial: str
    maker: str
    key: str
    pin: PinState
    pin_pad: bool
    """The PIN is typed at the reader: tell the officer so. What is answered here is not used."""
    once_more: bool = False
    """For one signature: the card is open, and this key wants its PIN each time."""


AskPin = Callable[[CardInfo], bytearray]
"""Called when a PIN is needed; what it returns is wiped, so it must be new each time."""


@dataclass(frozen=True, slots=True)
class CardKey:
    """A key on a card that an officer could sign with, seen without a PIN."""

    module: Path
    token: str
    serial: str
    label: str
    id: str
    """In hex."""
    algorithm: Algorithm
    spki: bytes
    pin: PinState
    pin_pad: bool

    @property
    def location(self) -> OnCard:
        """By serial number and id where there are any: labels repeat sooner."""
        return OnCard(self.module, self.serial or self.token, self.id or self.label)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A logged-in session, and what it signs with."""

    session: Session
    pair: CardPair
    private: Handle
    again: Callable[[], None] | None
    """Gives the PIN once more, for a key that wants it for each signature."""


class CardSigner:
    """A `Signer` over a logged-in card; any thread may use it. `open_card` makes one."""

    def __init__(self, location: OnCard, officer: str, opened: _Opened, end: ExitStack) -> None:
        """Takes over `end`: logs out, ends the session, lets go of the module."""
        self._location = location
        self._officer = officer
        self._opened = opened
        self._end: ExitStack | None = end
        self._lock = Lock()

    @property
    def officer(self) -> str:
        return self._officer

    @property
    def key_id(self) -> KeyId:
        return self._opened.pair.key.key_id

    @property
    def spki(self) -> bytes:
        return self._opened.pair.key.spki

    @property
    def algorithm(self) -> Algorithm:
        return self._opened.pair.key.algorithm

    @property
    def asks_each_time(self) -> bool:
        """Whether this key wants the PIN for each signature, and not only at the opening."""
        return self._opened.again is not None

    def sign(self, payload_type: str, payload: bytes) -> Envelope:
        """Raises CardUnreachable, CardRefused, CardUntrusted, CardPinRefused, PassphraseError."""
        message = pae(payload_type, payload)
        with self._lock:
            if self._end is None:
                raise CardUnreachable("the card is locked again", hint="Unlock it with its PIN.")
            value = self._signed(message)
        return Envelope(payload_type, payload, (Signature(self.key_id, value),))

    def derived(self, info: bytes) -> bytes:
        """Nothing: a card signs, and its X25519 key, if there is one, lies elsewhere."""
        del info
        return b""

    def close(self) -> None:
        """Log out and let the card go; waits for a signature that is being made. May repeat."""
        with self._lock:
            end, self._end = self._end, None
            if end is not None:
                end.close()

    def __repr__(self) -> str:
        return f"CardSigner({self._officer!r}, {self.key_id[:16]})"

    def _signed(self, message: bytes) -> bytes:
        opened = self._opened
        with explained(self._location.token):
            return sign(opened.session, opened.private, opened.pair.key, message, opened.again)


@contextmanager
def open_card(location: OnCard, officer: str, ask_pin: AskPin) -> Iterator[CardSigner]:
    """Find the one card and key, ask for the PIN, log in; log out and close at the end.

    Raises CardUnreachable (module or card not there), NotFound (no such key, or several cards or
    keys of that name), CardPinRefused (never tried again), CardUntrusted, CardRefused,
    PassphraseError (no PIN was given: the card was not asked).
    """
    with ExitStack() as stack:
        with explained(location.token):
            opened = _open(location, ask_pin, stack)
        signer = CardSigner(location, officer, opened, stack.pop_all())
        try:
            yield signer
        finally:
            signer.close()


def list_cards(modules: Iterable[Path]) -> tuple[CardKey, ...]:
    """Every key on every card of these modules that can be seen without a PIN.

    Raises CardUnreachable or CardUntrusted for a module that cannot be used.
    """
    found: list[CardKey] = []
    for module in modules:
        with explained(str(module)), _loaded(module) as library:
            for info in cards(library):
                found += _seen(module, library, info)
    return tuple(found)


def find_card_key(location: OnCard) -> CardKey:
    """The one key of that name, seen without a PIN; that it signs is not proved.

    Raises CardUnreachable, NotFound, CardUntrusted, CardRefused.
    """
    with explained(location.token), ExitStack() as stack:
        library = stack.enter_context(_loaded(location.module))
        info = _the_card(library, location)
        return _key(location.module, info, _the_pair(_session(library, info, stack), location))


def create_card_key(location: OnCard, algorithm: Algorithm, ask_pin: AskPin) -> CardKey:
    """Make a pair on the card, under `location.key` as its label; it never leaves the card.

    Raises KeyExists when the name is taken, and what `open_card` raises.
    """
    with explained(location.token), ExitStack() as stack:
        library = stack.enter_context(_loaded(location.module))
        info = _the_card(library, location)
        session = _session(library, info, stack, writable=True)
        _check_free(session, location)
        _give_pin(library, info, session, _info(location, info), ask_pin)
        stack.callback(_quietly, session.logout)
        _check_free(session, location)  # public keys may be private objects
        pair = make_pair(session, location.key, algorithm)
        return _key(location.module, info, pair)


def _open(location: OnCard, ask_pin: AskPin, stack: ExitStack) -> _Opened:
    library = stack.enter_context(_loaded(location.module))
    info = _the_card(library, location)
    session = _session(library, info, stack)
    if len(seen := pairs_named(session, location.key)) > 1:  # before anybody types a PIN
        raise _not_one(location, seen)
    about = _info(location, info)
    _give_pin(library, info, session, about, ask_pin)
    stack.callback(_quietly, session.logout)
    pair = _the_pair(session, location)
    private = private_half(session, pair)
    if not asks_each_time(session, private):
        return _Opened(session, pair, private, None)
    again = replace(about, once_more=True)
    return _Opened(
        session, pair, private, lambda: _give_pin(library, info, session, again, ask_pin)
    )


@contextmanager
def _loaded(module: Path) -> Iterator[Library]:
    """The module, checked first: it is code, and will run as the officer."""
    _check_module(module)
    with ExitStack() as stack:
        with _turn(module):
            library = stack.enter_context(shared_library(module))
        yield library


def _check_module(module: Path) -> None:
    try:
        found = module.stat()
    except OSError as error:
        raise CardUnreachable(
            f"the PKCS#11 module {module} is not there", found=error.strerror or ""
        ) from error
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or found.st_uid not in (0, os.getuid()):
        raise CardUntrusted(
            f"others may change the module {module}",
            found=f"mode {stat.S_IMODE(found.st_mode):04o}, owner {found.st_uid}",
            expected="writable only by you or the system",
        )


def _turn(module: Path) -> AbstractContextManager[None]:
    return login_turn() if module.name == SOFTHSM else nullcontext()


def _the_card(library: Library, location: OnCard) -> TokenInfo:
    found = [each for each in cards(library) if location.token in (each.label, each.serial)]
    if not found:
        raise CardUnreachable(
            f"the card '{location.token}' is not there",
            found=", ".join(f"'{each.label}'" for each in cards(library)) or "no card",
            hint="Put the card into the reader, then try again.",
        )
    if len(found) > 1:
        raise NotFound(
            f"{len(found)} cards are called '{location.token}'",
            found=", ".join(f"serial {each.serial}" for each in found),
            hint="Take the other one out, or name the card by its serial number.",
        )
    return found[0]


def _the_pair(session: Session, location: OnCard) -> CardPair:
    found = pairs_named(session, location.key)
    if len(found) != 1:
        raise _not_one(location, found or pairs(session))
    return found[0]


def _not_one(location: OnCard, seen: tuple[CardPair, ...]) -> NotFound:
    named = [each for each in seen if location.key in (each.label, each.id.hex())]
    if len(named) > 1:
        message = f"{len(named)} keys on the card are called '{location.key}'"
        hint = "Name the key by its id."
    else:
        message = f"the card '{location.token}' has no key '{location.key}' that signs here"
        hint = "`keyturn officer list --cards` shows the keys; P-256 and Ed25519 sign."
    found = ", ".join(f"'{each.label}' (id {each.id.hex()})" for each in seen)
    return NotFound(message, found=found or "none", expected="one key", hint=hint)


def _session(
    library: Library, info: TokenInfo, stack: ExitStack, *, writable: bool = False
) -> Session:
    session = library.open_session(info.slot, writable=writable)
    stack.callback(_quietly, session.close)
    return session


def _quietly(ending: Callable[[], None]) -> None:
    """A card that was taken out has logged out already."""
    with suppress(HsmError):
        ending()


def _give_pin(
    library: Library, info: TokenInfo, session: Session, about: CardInfo, ask_pin: AskPin
) -> None:
    """Once. A login that another part of this process made is not ours to use: refused."""
    if about.pin is PinState.LOCKED:
        raise locked()
    pin = ask_pin(about)
    try:
        _check_pin(pin, info, about)
        with _turn(about.module):
            session.login_user(None if about.pin_pad else pin, once_more=about.once_more)
    except HsmError as error:
        refused = login_refused(error, library.token(info.slot).flags)
        if refused is None:
            raise
        raise refused from error
    finally:
        pin[:] = bytes(len(pin))


def _check_pin(pin: bytearray, info: TokenInfo, about: CardInfo) -> None:
    """What cannot be the PIN is not given to the card: it would cost one of its tries."""
    if about.pin_pad:
        return
    if not any(pin):
        raise PassphraseError("no PIN was given", hint="The card was not asked.")
    if info.pin_sizes.stop > 1 and len(pin) not in info.pin_sizes:
        raise PassphraseError(
            "the PIN has a size that this card's PIN cannot have",
            expected=f"{info.pin_sizes.start} to {info.pin_sizes.stop - 1} bytes",
            hint="The card was not asked.",
        )


def _check_free(session: Session, location: OnCard) -> None:
    if pairs_named(session, location.key):
        raise KeyExists(
            f"the card has a key '{location.key}' already",
            hint="Choose another name, or use the key that is there (--existing).",
        )


def _seen(module: Path, library: Library, info: TokenInfo) -> list[CardKey]:
    try:
        with library.session(info.slot) as session:
            return [_key(module, info, pair) for pair in pairs(session)]
    except HsmError as error:
        raise CardRefused(
            f"the card '{info.label}' cannot be looked at", found=error.found
        ) from error


def _key(module: Path, info: TokenInfo, pair: CardPair) -> CardKey:
    return CardKey(
        module,
        info.label,
        info.serial,
        pair.label,
        pair.id.hex(),
        pair.key.algorithm,
        pair.key.spki,
        pin_state(info.flags),
        has_pin_pad(info.flags),
    )


def _info(location: OnCard, info: TokenInfo) -> CardInfo:
    return CardInfo(
        location.module,
        info.label,
        info.serial,
        info.manufacturer,
        location.key,
        pin_state(info.flags),
        has_pin_pad(info.flags),
    )
