"""`keyturn ceremony export`: ceremonies that are in the log, and a transcript of one."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from keyturn.base.encoding import digest_of
from keyturn.base.times import format_time
from keyturn.cli.output import print_json, stdout
from keyturn.cli.profile import AsJson, PassphraseFd, ProfileDir, at_desk
from keyturn.client.ceremonylog import LoggedCeremony, logged_ceremonies, transcript_from_log
from keyturn.client.offline import write_new_file


def add_to(app: typer.Typer) -> None:
    """Add it to `keyturn ceremony`."""
    app.command()(export)


def export(
    ceremony: Annotated[
        str | None, typer.Argument(help="The ceremony's id (default: list those in the log).")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; must be new.")
    ] = None,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Write a ceremony's transcript from the log, for `verify` anywhere; unseal and seal too."""
    if (ceremony is None) is not (output is None):
        raise typer.BadParameter("name a ceremony and --output, or neither")
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        if ceremony is None or output is None:
            _show(logged_ceremonies(desk.client), as_json)
            return
        raw = transcript_from_log(desk.client, ceremony)
        write_new_file(output, raw)
        if as_json:
            print_json({"ceremony": ceremony, "file": str(output), "digest": digest_of(raw)})
            return
        stdout.print(f"Transcript of {ceremony}, proved: {output}", markup=False)


def _show(found: tuple[LoggedCeremony, ...], as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "ceremonies": [
                    {
                        "ceremony": each.ceremony,
                        "kind": each.kind,
                        "began": format_time(each.began),
                        "last": each.records[-1].event,
                        "records": len(each.records),
                        "first_entry": each.records[0].index,
                        "last_entry": each.records[-1].index,
                    }
                    for each in found
                ]
            }
        )
        return
    table = Table("ceremony", "kind", "began", "last record", "records")
    for each in found:
        many = str(len(each.records))
        row = (each.ceremony, each.kind, format_time(each.began), each.records[-1].event, many)
        table.add_row(*row)
    stdout.print(table)
