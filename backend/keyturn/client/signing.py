"""One way to an officer's signing key, wherever the profile says that it lies."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from keyturn.client.card import CardInfo, CardSigner, open_card
from keyturn.client.errors import CardRefused
from keyturn.officerkeys.errors import KeyMismatch
from keyturn.officerkeys.keypair import OfficerPublic
from keyturn.officerkeys.location import KeyLocation, OnCard, open_keys
from keyturn.officerkeys.signer import OfficerSigner, Signer

KeyQuestion = OfficerPublic | CardInfo
"""What is asked for: the passphrase of the key file with these public keys, or a card's PIN."""


@contextmanager
def open_signer(
    location: KeyLocation, officer: str, ask: Callable[[KeyQuestion], bytearray]
) -> Iterator[Signer]:
    """The officer's signer, until the end of the block: then keys are wiped, cards logged out.

    `ask` is called when a secret is needed, not at all for a keyring, and for some cards once
    more at each signature (`CardInfo.once_more`). What it returns is wiped: give a new buffer
    each time. Raises the errors of `open_keys` and `open_card`, and KeyMismatch when the keys
    found are another officer's. A card does not know whose it is: the roster does.
    """
    if isinstance(location, OnCard):
        with open_card(location, officer, ask) as signer:
            yield signer
        return
    with open_keys(location, ask) as secret:
        if secret.public.officer != officer:
            raise KeyMismatch(
                "the keys are another officer's",
                found=secret.public.officer,
                expected=officer,
                hint="Choose this officer's key, or connect as the other one.",
            )
        yield OfficerSigner(secret)


@dataclass(frozen=True, slots=True)
class Unlocked:
    """A signer that stays open until `close`, which any thread may call, and more than once."""

    signer: Signer
    close: Callable[[], None]


def unlock(
    location: KeyLocation,
    officer: str,
    secret: bytearray,
    again: Callable[[CardInfo], bytearray] | None = None,
) -> Unlocked:
    """For a window: the passphrase or PIN was typed beforehand. It is wiped, whatever happens.

    `again` is asked for the PIN of a key that wants it for each signature; without it such a key
    is refused here (CardRefused) rather than at the first signature. Else as `open_signer`.
    """

    def ask(question: KeyQuestion) -> bytearray:
        if isinstance(question, CardInfo) and question.once_more:
            if again is None:
                raise _each_time()
            return again(question)
        return secret

    with ExitStack() as stack:
        stack.callback(_wipe, secret)
        opened = ExitStack()
        stack.push(opened)
        signer = opened.enter_context(open_signer(location, officer, ask))
        if isinstance(signer, CardSigner) and signer.asks_each_time and again is None:
            raise _each_time()
        return Unlocked(signer, opened.pop_all().close)


def _wipe(secret: bytearray) -> None:
    secret[:] = bytes(len(secret))


def _each_time() -> CardRefused:
    return CardRefused(
        "this key wants its PIN for each signature, and cannot be asked for it here",
        hint="Sign with the command line, or use a key that is open until it is locked.",
    )
