"""What `keyturn baseline` reads, writes and prints: bodies of reference values."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from keyturn.base.strictjson import JsonObject, load_object, parse_object
from keyturn.base.times import format_time, parse_time
from keyturn.cli.output import print_json, stderr, stdout
from keyturn.cli.profile import now
from keyturn.client.baselines import Term
from keyturn.client.offline import read_file, write_new_file
from keyturn.policy.baseline_document import document_of, merged
from keyturn.policy.baseline_use import Ending, origins
from keyturn.policy.boot_values import BootEvent
from keyturn.policy.comparing import Row
from keyturn.quorum.origin import Origin
from keyturn.quorum.reference_bodies import ReferenceValues, parse_reference_values

MAX_BODY = 1 << 20

Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="File to write the body to; must be new.")
]
Into = Annotated[
    Path | None, typer.Option(help="Body to add the values to; it stays as it is, see -o.")
]
Until = Annotated[
    str | None, typer.Option(help="Until when the values count (RFC 3339, UTC), or days: 90.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a made body goes."""

    output: Path | None
    into: Path | None
    as_json: bool


def term_of(until: str | None, at: datetime | None = None) -> Term:
    """From now on. Raises MalformedError."""
    begin = at or now()
    if until is None:
        return Term(begin)
    if until.isdecimal():
        if not 1 <= int(until[:6]) <= 3650:
            raise typer.BadParameter("1 to 3650 days, or a time", param_hint="--until")
        return Term(begin, begin + timedelta(days=int(until)))
    return Term(begin, parse_time(until, what="--until"))


def read_body(path: Path) -> ReferenceValues:
    """Raises FileUnusable, MalformedError."""
    raw = read_file(path, MAX_BODY)
    return parse_reference_values(parse_object(raw, limit=MAX_BODY, what=str(path)))


def hand_over(values: ReferenceValues, target: Target) -> None:
    """Write the body, or print it; say what is in it. Raises FileUnusable, MalformedError."""
    whole = values if target.into is None else merged(read_body(target.into), values)
    body = document_of(whole)
    if target.output is not None:
        text = json.dumps(body, indent=2, ensure_ascii=False) + "\n"
        load_object(text.encode(), limit=MAX_BODY, what="the body")
        write_new_file(target.output, text.encode())
    if target.as_json:
        written = None if target.output is None else str(target.output)
        print_json({"values": value_documents(values), "body": body, "written": written})
    elif target.output is None:
        print_json(body)
    else:
        print_values(values)
        stdout.print(f"written to {target.output}", markup=False)
        stderr.print(
            "propose it with: keyturn proposal new reference-values --subject NAME "
            f"--body {target.output} --reason …",
            markup=False,
        )


def value_documents(values: ReferenceValues) -> list[JsonObject]:
    return [{"what": what, **origin.to_document()} for what, origin in origins(values)]


def print_values(values: ReferenceValues) -> None:
    """Each value with where it comes from and until when it counts."""
    table = Table("what", "from", "signer", "until")
    for what, origin in origins(values):
        signer, until = _signer(origin)
        table.add_row(*(escape(each) for each in (what, origin.source, signer, until)))
    stdout.print(table)


def print_rows(rows: Sequence[Row], left: str, right: str, *, every: bool) -> None:
    """Side by side; only what differs unless `every`."""
    table = Table("kind", "what", escape(left), escape(right), "")
    for row in rows:
        if every or not row.same:
            mark = "same" if row.same else "[bold]differs[/bold]"
            table.add_row(row.kind, escape(row.what), escape(row.left), escape(row.right), mark)
    different = sum(not row.same for row in rows)
    if every or different:
        stdout.print(table)
    stdout.print(f"{different} of {len(rows)} values differ", markup=False)


def row_documents(rows: Sequence[Row]) -> list[JsonObject]:
    return [
        {
            "kind": row.kind,
            "what": row.what,
            "left": row.left,
            "right": row.right,
            "same": row.same,
        }
        for row in rows
    ]


def ending_documents(endings: Sequence[tuple[str, Ending]]) -> list[JsonObject]:
    return [
        {"baseline": name, "what": each.what, "until": format_time(each.until)}
        for name, each in endings
    ]


def print_endings(
    endings: Sequence[tuple[str, Ending]], named: Mapping[str, Sequence[str]]
) -> None:
    """What ends when; `named`: the policies that name each baseline in force."""
    table = Table("until", "baseline", "what", "named by policies")
    for name, each in endings:
        policies = ", ".join(named.get(name, ())) or "none"
        cells = (format_time(each.until), name, each.what, policies)
        table.add_row(*(escape(cell) for cell in cells))
    stdout.print(table)


def print_events(events: Sequence[BootEvent]) -> None:
    table = Table("event", "PCR", "kind", "digest", "data proved", "data")
    for each in events:
        proved = "yes" if each.proved else "no"
        cells = (str(each.index), str(each.register), each.kind, each.digest, proved, each.said)
        table.add_row(*(escape(cell) for cell in cells))
    stdout.print(table)


def event_documents(events: Sequence[BootEvent]) -> list[JsonObject]:
    return [
        {
            "index": each.index,
            "pcr": each.register,
            "kind": each.kind,
            "digest": each.digest,
            "proved": each.proved,
            "data": each.said,
        }
        for each in events
    ]


def _signer(origin: Origin) -> tuple[str, str]:
    found = origin.provenance
    if found is None:
        return "", ""
    return found.signer or "", "" if found.until is None else format_time(found.until)
