"""`keyturn log`: the keyholder's log, read, exported and verified without trusting anybody."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from keyturn.base.encoding import parse_digest
from keyturn.base.strictjson import JsonObject, load_object
from keyturn.base.times import format_time
from keyturn.cli.output import errors_explained, print_json, stderr, stdout
from keyturn.cli.profile import AsJson, PassphraseFd, ProfileDir, at_desk, warn_simulated
from keyturn.cli.receipts import show_receipt
from keyturn.client.client import KeyturnClient
from keyturn.client.logexport import VerifiedExport, read_export, write_export
from keyturn.client.offline import write_new_file
from keyturn.quorum.entries import MAX_ENTRY, EntryKind
from keyturn.tlog.checkpoints import cosignatures_of

app = typer.Typer(help="The log.", no_args_is_help=True)

_PAGE = 2560
"""Entries read at once, ten blocks."""


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
        with reading_log(desk.client, quiet=as_json):
            checkpoint, _leaves = desk.client.leaves()
            entries = _newest(desk.client.entries, checkpoint.checkpoint.size, kind, last)
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
        with reading_log(desk.client, quiet=as_json):
            checkpoint, _leaves = desk.client.leaves()
            entries = desk.client.entries(0, checkpoint.checkpoint.size)
            written = write_export(output, checkpoint, entries, desk.client.read_object)
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
def receipt(
    index: Annotated[int, typer.Argument(min=0, help="The entry's number.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A new file.")],
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Write one entry with its proof and the cosigned checkpoint, for `log verify` anywhere."""
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        entry, document = desk.client.receipt_document(index)
        witnesses = desk.client.seen().state.roster
        write_new_file(output, document)
        at = entry.checkpoint
        keys = () if witnesses is None else witnesses.witnesses.keys
        count = len(cosignatures_of(at.note, keys))
        needed = 0 if witnesses is None else witnesses.witnesses.k
        if as_json:
            print_json(
                {
                    "file": str(output),
                    "index": index,
                    "size": at.checkpoint.size,
                    "witnesses": count,
                    "witnesses_needed": needed,
                }
            )
            return
        text = f"Entry {index} of {at.checkpoint.size} written to {output}, cosigned by {count}"
        stdout.print(f"{text} witnesses; {needed} are asked for.", markup=False)


@app.command()
def verify(
    path: Annotated[
        Path, typer.Argument(help="What `log export` or `log receipt` wrote.", exists=True)
    ],
    fingerprint: Annotated[str, typer.Option(help="The authority fingerprint, sha256:….")],
    authority: Annotated[
        Path | None, typer.Option(help="For a receipt: the authority bundle.", dir_okay=False)
    ] = None,
    any_witnesses: Annotated[
        bool,
        typer.Option("--any-witnesses", help="Take a receipt with fewer witnesses than needed."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Prove an export or a receipt, offline. An export by the fingerprint alone: tree, quorums,
    decisions, grants; a receipt by the authority's bundle too."""
    if path.is_dir() == (authority is not None):
        raise typer.BadParameter(
            "a receipt needs --authority, an export has it inside", param_hint="--authority"
        )
    with errors_explained(as_json=as_json):
        digest = parse_digest(fingerprint, what="--fingerprint")
        if authority is not None:
            show_receipt(path, authority, digest, any_witnesses=any_witnesses, as_json=as_json)
            return
        found = read_export(path, digest)
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
        "before": {
            each.origin: each.last for each in audited.state.log_names if each.last is not None
        },
    }


@contextmanager
def reading_log(client: KeyturnClient, *, quiet: bool) -> Iterator[None]:
    """Show how far the log is read, where it takes long; and say what could not be used."""
    columns = (TextColumn("Reading the log"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=stderr, transient=True, disable=quiet) as bar:
        task = bar.add_task("log", total=None)
        client.reading = lambda done, total: bar.update(task, completed=done, total=total)
        yield
    told = client.told
    if told:
        stderr.print(f"What was kept of the log was thrown away: {told}.", markup=False)


def _newest(
    read: Callable[[int, int], Iterable[bytes]], size: int, kind: EntryKind | None, last: int
) -> list[tuple[int, JsonObject]]:
    """The newest entries of a kind, oldest first; read from the end, as far as it takes."""
    found: list[tuple[int, JsonObject]] = []
    end = size
    while end > 0 and len(found) < last:
        start = max(0, end - max(_PAGE, last if kind is None else 0))
        page = [
            (index, load_object(leaf, limit=MAX_ENTRY, what="log entry"))
            for index, leaf in enumerate(read(start, end), start)
        ]
        found[:0] = [each for each in page if kind is None or each[1]["kind"] == kind.value]
        end = start
    return found[-last:]


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
    if entry["kind"] == EntryKind.CEREMONY.value:
        destroyed = f", destroys the key of {entry['destroys']}" if entry["destroys"] else ""
        what = f"{entry['ceremony_kind']} {entry['ceremony']}"
        return f"{what}, record {entry['seq']}: {entry['event']}{destroyed}"
    return ""
