"""One way to an officer's signing key, wherever the profile says that it lies."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from keyturn.client.card import CardInfo, open_card
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
