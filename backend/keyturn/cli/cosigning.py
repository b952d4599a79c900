"""This profile as a witness of the log: its key, and what it waits for."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from keyturn.base.encoding import b64
from keyturn.base.times import format_time
from keyturn.cli.output import print_json, stdout
from keyturn.cli.profile import AsJson, PassphraseFd, ProfileDir, at_desk
from keyturn.client.offline import write_new_file


def cosigner(
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """This profile's key as a witness of the log, made when there is none: for the roster.

    The app cosigns with it while your key is open. It is bound to this profile: another machine
    has another one.
    """
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        witness = desk.client.cosigner()
        spki = b64(witness.key.spki)
        if as_json:
            print_json(
                {
                    "name": witness.name,
                    "key_id": witness.key.key_id,
                    "spki": spki,
                    "vkey": witness.note_key.to_text(),
                    "roster_entry": {"algorithm": witness.key.algorithm.value, "spki": spki},
                }
            )
            return
        for label, value in (
            ("name", witness.name),
            ("key id", witness.key.key_id),
            ("SPKI", spki),
            ("verifier key", witness.note_key.to_text()),
        ):
            stdout.print(f"{label:<13} {value}", markup=False, soft_wrap=True)


def owed(
    save: Annotated[
        Path | None, typer.Option(help="Directory to write each as a proposal file to.")
    ] = None,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Revocations that this profile was shown with their quorum, and that the log lacks.

    Until it has them, this profile cosigns nothing. With --save each becomes a file for
    `keyturn keyholder submit`, past the control plane.
    """
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        found = []
        for each, document in desk.client.owed():
            file = None
            if save is not None and document is not None:
                save.mkdir(parents=True, exist_ok=True)
                file = save / f"revocation-{each.statement.rpartition(':')[2][:16]}.json"
                write_new_file(file, document)
            found.append(
                {
                    "statement": each.statement,
                    "subject": each.subject,
                    "version": each.version,
                    "since": format_time(datetime.fromtimestamp(each.time, UTC)),
                    "file": None if file is None else str(file),
                }
            )
        if as_json:
            print_json({"owed": found})
            return
        for row in found:
            where = "" if row["file"] is None else f"  {row['file']}"
            text = f"{row['subject']}, version {row['version']}, since {row['since']}{where}"
            stdout.print(text, markup=False, soft_wrap=True)
        if not found:
            stdout.print("The log lacks nothing that this profile was shown.")
