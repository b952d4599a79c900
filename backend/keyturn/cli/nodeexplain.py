"""`keyturn node explain` and `node evidence`; `keyturn evidence explain`, without a server."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from keyturn.attest.fields import Field, Section
from keyturn.base.encoding import Digest, parse_digest
from keyturn.base.errors import MalformedError
from keyturn.cli.output import errors_explained, print_json, stderr, stdout
from keyturn.cli.profile import AsJson, PassphraseFd, ProfileDir, at_desk, now, warn_simulated
from keyturn.client.errors import FileUnusable
from keyturn.client.explainbundle import MAX_BUNDLE, recheck
from keyturn.client.explaining import (
    Explained,
    explanation_document,
    explanation_lines,
    finding_document,
)
from keyturn.client.profile import places_of, read_profile
from keyturn.keyrelease.request import parse_request
from keyturn.keyrelease.showing import sections_of
from keyturn.policy.findings import Finding

Name = Annotated[str, typer.Argument(help="The node's name.")]
Bundle = Annotated[
    Path | None, typer.Option("--output", "-o", help="Bundle (.zip) to write; must be new.")
]
HexField = Annotated[
    str | None, typer.Option("--hex", help="Print the bytes of this field, in hex, and no more.")
]


def add_commands(app: typer.Typer) -> None:
    """To `keyturn node`."""
    app.command("explain")(explain)
    app.command("evidence")(evidence)


def explain(
    name: Name,
    output: Bundle = None,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Why a node's newest word in the log is what it is: each fault, who set the expectation, who
    shares it, and the safest repair. Everything is verified here again."""
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        seen = desk.client.seen()
        found = desk.client.explain(name, seen=seen)
        if output is not None:
            _write_new(output, desk.client.carry(found, seen))
        if as_json:
            print_json(_document(found))
            return
        warn_simulated(seen.authority.roster.simulation)
        for line in explanation_lines(found.explanation):
            stdout.print(line, markup=False)
        if output is not None:
            stderr.print(f"written: {output}", markup=False)


def evidence(
    name: Name,
    hex_field: HexField = None,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """A node's last evidence: every check, and every field under its specification's name."""
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        seen = desk.client.seen()
        examination = desk.client.examine(name, seen=seen)
        raw = desk.client.fleet_evidence.raw(examination.evidence)
        sections = () if raw is None else sections_of(parse_request(raw))
        if hex_field is not None:
            stdout.print(_one(sections, hex_field).raw.hex(), markup=False)
            return
        if as_json:
            print_json(
                {
                    "node": name,
                    "index": examination.index,
                    "evidence": examination.evidence,
                    "kept": raw is not None,
                    "checks": [finding_document(each) for each in examination.checks],
                    "sections": [section_document(each) for each in sections],
                }
            )
            return
        warn_simulated(seen.authority.roster.simulation)
        stdout.print(_checks(examination.checks))
        for section in sections:
            stdout.print(_section(section))


def explain_bundle(
    bundle: Path, fingerprint: str | None, profile: Path | None, *, as_json: bool
) -> None:
    """`keyturn evidence explain`."""
    with errors_explained(as_json=as_json):
        pinned = _pinned(fingerprint, profile)
        found = recheck(_read(bundle), pinned, now())
        if as_json:
            print_json(
                {
                    **_document(found.explained),
                    "proved_by": found.authority.fingerprint,
                    "differing": list(found.differing),
                }
            )
        else:
            for line in explanation_lines(found.explained.explanation):
                stdout.print(line, markup=False)
            for check in found.differing:
                stderr.print(f"the bundle says otherwise of: {check}", markup=False)
        if found.differing:
            raise typer.Exit(1)


def section_document(section: Section) -> dict[str, object]:
    return {
        "title": section.title,
        "specification": section.specification,
        "fields": [
            {
                "name": each.name,
                "offset": each.offset,
                "size": each.size,
                "value": each.value,
                "note": each.note,
            }
            for each in section.fields
        ],
    }


def _document(found: Explained) -> dict[str, object]:
    return {
        **explanation_document(found.explanation),
        "index": found.logged.index,
        "verdict": found.examination.verdict.value,
        "checks": [finding_document(each) for each in found.examination.checks],
    }


def _one(sections: tuple[Section, ...], name: str) -> Field:
    """`MEASUREMENT`, or `SEV-SNP report/MEASUREMENT` where several sections have the name."""
    title, _, field = name.rpartition("/")
    found = [
        each
        for section in sections
        for each in section.fields
        if each.name == field and title in ("", section.title)
    ]
    if len(found) != 1:
        raise MalformedError(
            f"{len(found)} fields are called {name!r}",
            expected="one: TITLE/NAME as `keyturn node evidence` lists them",
        )
    return found[0]


def _checks(checks: tuple[Finding, ...]) -> Table:
    table = Table("check", "outcome", "found", "expected", "reason")
    for each in checks:
        table.add_row(
            *(escape(text) for text in (each.check, each.outcome.value)),
            *(escape(text[:100]) for text in (each.found, each.expected)),
            escape(each.reason or ""),
        )
    return table


def _section(section: Section) -> Table:
    table = Table(
        "offset", "size", "field", "value", "note",
        title=escape(f"{section.title} ({section.specification})"),
    )  # fmt: skip
    for each in section.fields:
        table.add_row(
            "" if each.offset is None else f"{each.offset:#x}",
            str(each.size),
            *(escape(text) for text in (each.name, each.value[:100], each.note)),
        )
    return table


def _pinned(fingerprint: str | None, profile: Path | None) -> Digest:
    if fingerprint is not None:
        return parse_digest(fingerprint, what="--fingerprint")
    return read_profile(places_of(profile, os.environ)).fingerprint


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BUNDLE + 1)
    except OSError as error:
        raise FileUnusable(f"cannot read {path}: {error.strerror}") from error


def _write_new(path: Path, data: bytes) -> None:
    """Raises FileUnusable where something is there already."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
    except OSError as error:
        raise FileUnusable(f"cannot write {path}: {error.strerror}") from error
