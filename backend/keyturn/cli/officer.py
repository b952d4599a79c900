"""`keyturn officer`: an officer's own keys, made and looked at on the officer's machine."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from keyturn.base.signatures import Algorithm
from keyturn.base.strictjson import dump, parse_object
from keyturn.base.times import format_time
from keyturn.cli.output import errors_explained, print_json, stderr, stdout
from keyturn.cli.profile import (
    AsJson,
    PassphraseFd,
    ProfileDir,
    at_desk,
    now,
    warn_simulated,
)
from keyturn.officerkeys.errors import KeyExists
from keyturn.officerkeys.keyfile import read_key_file, write_key_file
from keyturn.officerkeys.keypair import OfficerSecret, generate
from keyturn.officerkeys.location import InFile, InKeyring
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
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Make a signing key and an encryption key, and print your entry for the roster."""
    with errors_explained(as_json=as_json):
        roles = [each.value for each in role or (Role.PROPOSER, Role.APPROVER)]
        with generate(officer, name or officer, algorithm) as secret:
            entry = secret.public.roster_entry(roles)
            # The roster's own reader decides whether this could ever be an officer.
            parse_officer(parse_object(dump(entry), limit=1 << 16, what="officer"))
            place = _store(secret, key_file, passphrase_fd)
        print_json(entry)
        if not as_json:
            stderr.print(f"Keys written to {place}.", markup=False)


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
            place: InFile | InKeyring = InFile(key_file)
        elif officer is not None:
            place = InKeyring(officer)
        else:
            with at_desk(profile, as_json=as_json) as desk:
                place = desk.profile.key
        if isinstance(place, InFile):
            public = read_key_file(place.path).public
        else:
            with load_secret(system_keyring(), place.officer) as secret:
                public = secret.public
        document = {
            "officer": public.officer,
            "name": public.name,
            "algorithm": public.algorithm.value,
            "key_id": public.key_id,
            "place": str(place),
        }
        if as_json:
            print_json(document)
            return
        table = Table(show_header=False, box=None)
        for label, value in document.items():
            table.add_row(label, value)
        stdout.print(table)


@app.command("list")
def list_officers(
    profile: ProfileDir = None, passphrase_fd: PassphraseFd = None, as_json: AsJson = False
) -> None:
    """The officers of the roster in force, their roles and the thresholds."""
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


def _store(secret: OfficerSecret, key_file: Path | None, passphrase_fd: int | None) -> str:
    if key_file is None:
        store_secret(system_keyring(), secret)
        return f"the OS keyring, for {secret.public.officer}"
    if key_file.exists():  # before anybody types a passphrase; writing checks again
        raise KeyExists(f"{key_file} is there already and is not overwritten")
    passphrase = read_passphrase(
        f"New passphrase for {key_file.name}", fd=passphrase_fd, confirm=True
    )
    try:
        write_key_file(key_file, secret, passphrase)
    finally:
        passphrase[:] = bytes(len(passphrase))
    return str(key_file)
