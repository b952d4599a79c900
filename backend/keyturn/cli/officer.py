"""`keyturn officer`: an officer's own keys, made and looked at on the officer's machine."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from keyturn.base.signatures import Algorithm, key_id_of
from keyturn.base.strictjson import dump, parse_object
from keyturn.base.times import format_time
from keyturn.cli.card import CardOption, enrolled, parse_card, show_cards
from keyturn.cli.cosigning import cosigner, owed
from keyturn.cli.enrolling import enrol, show_enrolment, show_requests
from keyturn.cli.output import errors_explained, print_json, stderr, stdout
from keyturn.cli.profile import (
    AsJson,
    PassphraseFd,
    ProfileDir,
    at_desk,
    now,
    warn_simulated,
)
from keyturn.client.card import find_card_key
from keyturn.officerkeys.errors import KeyExists
from keyturn.officerkeys.keyfile import read_key_file, write_key_file
from keyturn.officerkeys.keypair import OfficerPublic, OfficerSecret, generate
from keyturn.officerkeys.location import InFile, InKeyring, KeyLocation, OnCard
from keyturn.officerkeys.oskeyring import load_secret, store_secret, system_keyring
from keyturn.officerkeys.passphrase import read_passphrase
from keyturn.quorum.kinds import Role
from keyturn.quorum.roster import parse_officer

app = typer.Typer(help="Your own keys.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="officer")


@app.command()
def new(
    officer: Annotated[str, typer.Argument(help="Your id: letters, digits, hyphens.")],
    name: Annotated[str, typer.Option(help="Your name as colleagues will read it.")] = "",
    role: Annotated[
        list[Role] | None, typer.Option(help="Roles to write into the entry; may repeat.")
    ] = None,
    algorithm: Annotated[Algorithm, typer.Option(help="Signing key.")] = Algorithm.ED25519,
    key_file: Annotated[
        Path | None, typer.Option(help="Encrypted key file (default: the OS keyring).")
    ] = None,
    card: CardOption = None,
    existing: Annotated[
        bool, typer.Option("--existing", help="The card has that key already; make none.")
    ] = False,
    passphrase_fd: PassphraseFd = None,
    pin_fd: Annotated[
        int | None, typer.Option("--pin-fd", help="Read the card's PIN from this descriptor.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a signing key and an encryption key, and print your entry for the roster.

    With --card the signing key is the card's; the key file or keyring has the encryption key,
    which no card keeps, and the file's own signing key is in no roster and signs for nobody.
    """
    with errors_explained(as_json=as_json):
        if existing and card is None:
            raise typer.BadParameter("--existing is said of a key on a --card")
        place_of_card = parse_card(card) if card is not None else None
        roles = [each.value for each in role or (Role.PROPOSER, Role.APPROVER)]
        with generate(officer, name or officer, algorithm) as secret:
            entry = _entry(secret.public, roles)
            _check_place(key_file)
            if place_of_card is not None:
                key = enrolled(place_of_card, officer, algorithm, pin_fd, existing=existing)
                entry = _entry(_with_key(secret.public, *key), roles)
            place = _store(secret, key_file, passphrase_fd)
        print_json(entry)
        if not as_json:
            what = "Keys" if place_of_card is None else "The encryption key was"
            stderr.print(f"{what} written to {place}.", markup=False)


app.command("cosigner")(cosigner)
app.command("owed")(owed)
app.command("enrol")(enrol)
app.command("enrolment")(show_enrolment)
app.command("requests")(show_requests)


@app.command()
def show(
    key_file: Annotated[Path | None, typer.Option(help="Encrypted key file.")] = None,
    officer: Annotated[str | None, typer.Option(help="Id in the OS keyring.")] = None,
    profile: ProfileDir = None,
    as_json: AsJson = False,
) -> None:
    """Show your public keys; no passphrase is needed."""
    with errors_explained(as_json=as_json):
        if key_file is not None:
            place: KeyLocation = InFile(key_file)
        elif officer is not None:
            place = InKeyring(officer)
        else:
            with at_desk(profile, as_json=as_json) as desk:
                place, officer = desk.profile.key, desk.profile.officer
        document = _public_document(place, officer or "")
        if as_json:
            print_json(document)
            return
        table = Table(show_header=False, box=None)
        for label, value in document.items():
            table.add_row(label, value)
        stdout.print(table)


@app.command("list")
def list_officers(
    cards: Annotated[
        bool, typer.Option("--cards", help="Keys on cards at this machine instead; no PIN.")
    ] = False,
    module: Annotated[
        list[Path] | None, typer.Option(help="PKCS#11 module of the cards; may repeat.")
    ] = None,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """The officers of the roster in force, their roles and the thresholds."""
    if cards:
        with errors_explained(as_json=as_json):
            show_cards([each.absolute() for each in module or ()], as_json=as_json)
        return
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        authority = desk.client.authority()
        roster = authority.roster
        if as_json:
            print_json(
                {
                    "simulated": roster.simulation,
                    "fingerprint": authority.fingerprint,
                    "officers": [each.to_document() for each in roster.officers.values()],
                    "thresholds": {kind.value: n for kind, n in roster.thresholds.items()},
                    "time": format_time(now()),
                }
            )
            return
        warn_simulated(roster.simulation)
        table = Table("officer", "name", "roles", "keys")
        for each in roster.officers.values():
            roles = ", ".join(sorted(role.value for role in each.roles))
            keys = ", ".join(f"{key.algorithm.value} {key.key_id[:16]}" for key in each.keys)
            table.add_row(each.id, each.name, roles, keys)
        stdout.print(table)


def _entry(public: OfficerPublic, roles: list[str]) -> dict[str, object]:
    """The roster's own reader decides whether this could ever be an officer."""
    entry = public.roster_entry(roles)
    parse_officer(parse_object(dump(entry), limit=1 << 16, what="officer"))
    return entry


def _with_key(public: OfficerPublic, algorithm: Algorithm, spki: bytes) -> OfficerPublic:
    return replace(public, algorithm=algorithm, spki=spki)


def _public_document(place: KeyLocation, officer: str) -> dict[str, str]:
    if isinstance(place, OnCard):  # a card has a key, and no idea whose it is
        key = find_card_key(place)
        found = {"officer": officer, "name": "", "algorithm": key.algorithm.value}
        return {**found, "key_id": key_id_of(key.spki), "place": str(place)}
    if isinstance(place, InFile):
        public = read_key_file(place.path).public
    else:
        with load_secret(system_keyring(), place.officer) as secret:
            public = secret.public
    return {
        "officer": public.officer,
        "name": public.name,
        "algorithm": public.algorithm.value,
        "key_id": public.key_id,
        "place": str(place),
    }


def _check_place(key_file: Path | None) -> None:
    """Before anybody types a passphrase or a card makes a key; writing checks again."""
    if key_file is None:
        system_keyring()
    elif key_file.exists():
        raise KeyExists(f"{key_file} is there already and is not overwritten")


def _store(secret: OfficerSecret, key_file: Path | None, passphrase_fd: int | None) -> str:
    if key_file is None:
        store_secret(system_keyring(), secret)
        return f"the OS keyring, for {secret.public.officer}"
    passphrase = read_passphrase(
        f"New passphrase for {key_file.name}", fd=passphrase_fd, confirm=True
    )
    try:
        write_key_file(key_file, secret, passphrase)
    finally:
        passphrase[:] = bytes(len(passphrase))
    return str(key_file)
