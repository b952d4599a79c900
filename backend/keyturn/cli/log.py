"""`keyturn log`: the keyholder's log, read, exported and verified without trusting anybody."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from keyturn.base.encoding import parse_digest
from keyturn.base.strictjson import JsonObject, load_object
from keyturn.base.times import format_time
from keyturn.cli.output import errors_explained, print_json, stdout
from keyturn.cli.profile import AsJson, PassphraseFd, ProfileDir, at_desk, warn_simulated
from keyturn.client.logexport import VerifiedExport, read_export, write_export
from keyturn.quorum.entries import MAX_ENTRY, EntryKind

app = typer.Typer(help="The log.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="log")


@app.command()
def show(
    last: Annotated[int, typer.Option(min=1, help="How many of the newest entries.")] = 50,
    kind: Annotated[EntryKind | None, typer.Option(help="Only entries of this kind.")] = None,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """The newest entries, proved to be in the history that this profile has seen."""
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        checkpoint, leaves = desk.client.leaves()
        entries = _entries(leaves, kind)[-last:]
        if as_json:
            at = checkpoint.checkpoint
            print_json(
                {
                    "origin": at.origin,
                    "size": at.size,
                    "root": at.root.hex(),
                    "entries": [{"index": index, **entry} for index, entry in entries],
                }
            )
            return
        warn_simulated(desk.client.authority().roster.simulation)
        table = Table("index", "time", "kind", "about")
        for index, entry in entries:
            about = escape(_about(entry))
            table.add_row(str(index), str(entry["time"]), str(entry["kind"]), about)
        stdout.print(table)


@app.command()
def export(
    output: Annotated[Path, typer.Option("--output", "-o", help="Directory; must be new.")],
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Write the whole log with its objects, for `log verify` anywhere."""
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        checkpoint, leaves = desk.client.leaves()
        written = write_export(output, checkpoint, leaves, desk.client.read_object)
        if as_json:
            print_json(
                {
                    "directory": str(output),
                    "entries": written.entries,
                    "objects": written.objects,
                    "missing": list(written.missing),
                }
            )
            return
        text = f"{written.entries} entries and {written.objects} objects written to {output}."
        stdout.print(text, markup=False)
        if written.missing:
            stdout.print(f"{len(written.missing)} objects that no proof needs were not there.")


@app.command()
def verify(
    directory: Annotated[Path, typer.Argument(help="What `log export` wrote.")],
    fingerprint: Annotated[str, typer.Option(help="The authority fingerprint, sha256:….")],
    as_json: AsJson = False,
) -> None:
    """Prove an export, offline, by the fingerprint alone: tree, quorums, decisions, grants."""
    with errors_explained(as_json=as_json):
        digest = parse_digest(fingerprint, what="--fingerprint")
        found = read_export(directory, digest)
        document = _verdict(found)
        if as_json:
            print_json(document)
            return
        warn_simulated(bool(document["simulated"]))
        table = Table(show_header=False, box=None)
        for label, value in document.items():
            shown = (
                ", ".join(f"{v} {k}" for k, v in value.items())
                if isinstance(value, dict)
                else value
            )
            table.add_row(f"[bold]{label}[/bold]", escape(str(shown)))
        stdout.print(table)
        stdout.print("[green]The log holds.[/green]")


def _verdict(found: VerifiedExport) -> dict[str, object]:
    audited = found.audited
    roster = audited.state.roster
    at = found.log.checkpoint.checkpoint
    return {
        "verified": True,
        "authority": audited.state.fingerprint,
        "origin": at.origin,
        "size": at.size,
        "root": at.root.hex(),
        "entries": dict(audited.counts),
        "first": audited.first_time and format_time(audited.first_time),
        "last": audited.last_time and format_time(audited.last_time),
        "simulated": roster is not None and roster.simulation,
    }


def _entries(leaves: Sequence[bytes], kind: EntryKind | None) -> list[tuple[int, JsonObject]]:
    read = [
        (index, load_object(leaf, limit=MAX_ENTRY, what="log entry"))
        for index, leaf in enumerate(leaves)
    ]
    return [each for each in read if kind is None or each[1]["kind"] == kind.value]


def _about(entry: JsonObject) -> str:
    """One line about an entry."""
    if entry["kind"] == EntryKind.STATEMENT.value:
        return f"{entry['statement_kind']} {entry['subject']} version {entry['version']}"
    if entry["kind"] == EntryKind.GRANT.value:
        return f"{entry['purpose']} to {entry['node']} until {entry['until']}"
    if entry["kind"] == EntryKind.REFUSAL.value:
        reasons = entry["reasons"]
        shown = ", ".join(str(each) for each in reasons) if isinstance(reasons, list) else ""
        return f"{entry['purpose']} to {entry['node']}: {shown}"
    if entry["kind"] == EntryKind.WITHDRAWAL.value:
        return str(entry["statement"])
    return _about_later(entry)


def _about_later(entry: JsonObject) -> str:
    if entry["kind"] == EntryKind.DECISION.value:
        return f"{entry['officer']}: {entry['decision']} {entry['statement']}"
    if entry["kind"] == EntryKind.REPORT.value:
        who = entry["officer"] or "nobody known"
        return (
            f"reported by the control plane, not proved: {entry['count']} failed sign-ins as "
            f"{who}: {entry['reason']}"
        )
    if entry["kind"] == EntryKind.CONFIGURATION.value:
        changed = entry["changed"]
        names = ", ".join(str(each) for each in changed) if isinstance(changed, list) else ""
        told = "" if entry["program"] == "keyholder" else " (reported by it, not proved)"
        return f"{entry['program']}{told}, {entry['software']}: {names or 'software'} changed"
    return ""
