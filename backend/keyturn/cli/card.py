"""Cards on the command line: naming one, asking for its PIN, showing what is on it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from keyturn.base.errors import KeyturnError
from keyturn.base.signatures import Algorithm, key_id_of
from keyturn.cli.output import explain, print_json, shown, stderr, stdout
from keyturn.client.card import (
    CardInfo,
    CardKey,
    create_card_key,
    find_card_modules,
    list_cards,
    open_card,
)
from keyturn.client.errors import CardUnreachable, PinState
from keyturn.officerkeys.location import OnCard, parse_card_location
from keyturn.officerkeys.passphrase import read_passphrase

CardOption = Annotated[
    str | None,
    typer.Option("--card", help="MODULE:TOKEN:KEY, as `officer list --cards` shows it."),
]

_TRIAL_TYPE = "application/vnd.keyturn.card-trial"  # no reader of ours takes it
_WARNINGS = {
    PinState.LOW: "A wrong PIN was given before: few tries are left.",
    PinState.FINAL: "ONE TRY IS LEFT before this card locks.",
}


def parse_card(text: str) -> OnCard:
    """With or without the word `card:` before it. Raises MalformedError."""
    return parse_card_location(text if text.startswith("card:") else f"card:{text}")


def ask_pin(info: CardInfo, fd: int | None) -> bytearray:
    """The card's PIN, from `fd` or the terminal; the caller wipes it. Raises PassphraseError."""
    if warning := _WARNINGS.get(info.pin):
        stderr.print(warning, markup=False, style="bold yellow")
    card = shown(info.token)
    if info.pin_pad:
        stderr.print(f"Type the PIN of card '{card}' at its reader.", markup=False)
        return bytearray()
    again = ", once more for this signature" if info.once_more else ""
    return read_passphrase(f"PIN of card '{card}'{again}", fd=fd)


def enrolled(
    card: OnCard, officer: str, algorithm: Algorithm, pin_fd: int | None, *, existing: bool
) -> tuple[Algorithm, bytes]:
    """Algorithm and SPKI of the card's key, made now unless it is `existing`; either has signed."""

    def ask(info: CardInfo) -> bytearray:
        return ask_pin(info, pin_fd)

    if not existing:
        made = create_card_key(card, algorithm, ask)
        return made.algorithm, made.spki
    with open_card(card, officer, ask) as signer:
        signer.sign(_TRIAL_TYPE, b"")
        return signer.algorithm, signer.spki


def show_cards(modules: Sequence[Path], *, as_json: bool) -> None:
    """Every key that is seen without a PIN. Modules that nobody named may fail: said, passed."""
    keys = _seen(modules)
    if as_json:
        print_json({"cards": [_document(key) for key in keys]})
        return
    table = Table("card", "serial", "key", "id", "algorithm", "key id", "PIN", "place")
    for key in keys:
        row = _document(key)
        names = ("token", "serial", "label", "id", "algorithm")
        table.add_row(
            *(str(row[name]) for name in names),
            str(row["key_id"])[:16],
            "at the reader" if key.pin_pad else key.pin.value,
            str(row["place"]),
        )
    stdout.print(table)


def _seen(modules: Sequence[Path]) -> tuple[CardKey, ...]:
    if modules:
        return list_cards(modules)
    usual = find_card_modules()
    if not usual:
        raise CardUnreachable(
            "no PKCS#11 module in the usual places", hint="Name your card's with --module."
        )
    found: list[CardKey] = []
    for module in usual:
        try:
            found += list_cards([module])
        except KeyturnError as error:
            explain(error)
    return tuple(found)


def _document(key: CardKey) -> dict[str, object]:
    return {
        "module": str(key.module),
        "token": key.token,
        "serial": key.serial,
        "label": key.label,
        "id": key.id,
        "algorithm": key.algorithm.value,
        "key_id": key_id_of(key.spki),
        "pin": key.pin.value,
        "pin_pad": key.pin_pad,
        "place": str(key.location),
    }
