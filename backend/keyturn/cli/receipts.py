"""A receipt shown to people and machines, after it was proved without a server."""

from datetime import UTC, datetime
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from keyturn.base.encoding import Digest
from keyturn.base.strictjson import load_object
from keyturn.base.times import format_time
from keyturn.cli.output import print_json, stdout
from keyturn.cli.profile import now, warn_simulated
from keyturn.client.offline import read_file
from keyturn.client.receipts import ProvedReceipt, prove_receipt
from keyturn.quorum.bundle import MAX_BUNDLE
from keyturn.quorum.entries import MAX_ENTRY
from keyturn.tlog.receipts import MAX_RECEIPT


def show_receipt(
    path: Path, authority: Path, fingerprint: Digest, *, any_witnesses: bool, as_json: bool
) -> None:
    """Raises what `prove_receipt` raises, and TooFewWitnesses unless any number will do."""
    found = prove_receipt(
        read_file(path, MAX_RECEIPT), read_file(authority, MAX_BUNDLE), fingerprint, now()
    )
    if not any_witnesses:
        found.check_witnessed()
    document = _document(found)
    if as_json:
        print_json(document)
        return
    warn_simulated(found.authority.roster.simulation)
    table = Table(show_header=False, box=None)
    for label, value in _rows(found, document):
        table.add_row(f"[bold]{label}[/bold]", escape(value))
    stdout.print(table)
    stdout.print("[green]The entry is in the log.[/green]")
    if not found.enough:
        stdout.print("[yellow]Too few witnesses: it is the log key's word alone.[/yellow]")


def _document(found: ProvedReceipt) -> dict[str, object]:
    at = found.entry.checkpoint.checkpoint
    witnesses = found.authority.roster.witnesses
    return {
        "verified": True,
        "authority": found.authority.fingerprint,
        "origin": at.origin,
        "index": found.entry.index,
        "size": at.size,
        "root": at.root.hex(),
        "entry": load_object(found.entry.leaf, limit=MAX_ENTRY, what="log entry"),
        "witnesses": [
            {
                "name": each.witness.name,
                "key_id": each.witness.key.key_id,
                "time": _time(each.time),
            }
            for each in found.cosigned
        ],
        "witnesses_needed": witnesses.k,
        "witnesses_in_roster": len(witnesses.keys),
        "enough_witnesses": found.enough,
        "lines_of_others": found.others,
        "simulated": found.authority.roster.simulation,
    }


def _rows(found: ProvedReceipt, document: dict[str, object]) -> list[tuple[str, str]]:
    witnesses = found.authority.roster.witnesses
    rows = [
        (name, str(document[name])) for name in ("authority", "origin", "index", "size", "root")
    ]
    rows.append(("entry", found.entry.leaf.decode("utf-8", "replace")))
    count = f"{len(found.cosigned)} of {len(witnesses.keys)}, {witnesses.k} needed"
    rows.append(("witnesses", count))
    rows += [("", f"{each.witness.name} at {_time(each.time)}") for each in found.cosigned]
    if found.others:
        rows.append(("", f"{found.others} lines of keys that the roster does not name"))
    return rows


def _time(seconds: int) -> str:
    try:
        return format_time(datetime.fromtimestamp(seconds, UTC))
    except (OverflowError, ValueError, OSError):
        return f"{seconds} seconds after 1970"
