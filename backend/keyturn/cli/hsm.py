"""`keyturn hsm`: what an operator asks of a token before a ceremony."""

import json
import os
import termios
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from keyturn.base.errors import KeyturnError
from keyturn.ceremony.keyfacts import SOFTWARE_LOG_KEY
from keyturn.ceremony.tokeninventory import KeyAttribute, TokenInventory, inventory_document
from keyturn.ceremony.tokenreport import (
    Level,
    PreflightReport,
    TokenAssurance,
    encode_report,
    report_digest,
    token_document,
    vendor_document,
)
from keyturn.cli.output import errors_explained, print_json, stdout
from keyturn.hsm.errors import HsmRequestError
from keyturn.hsm.hardening import harden
from keyturn.hsm.inventory import describe_token, take_inventory
from keyturn.hsm.modules import check_module, find_softhsm
from keyturn.hsm.pins import read_pin
from keyturn.hsm.pkcs11 import Library, wipe
from keyturn.hsm.preflight import run_preflight
from keyturn.hsm.softhsm import login_turn
from keyturn.hsm.vendors import start_module
from keyturn.vault.files import write_new

_MARKS = {Level.GREEN: "green", Level.AMBER: "yellow", Level.RED: "bold red"}


def register(app: typer.Typer) -> None:
    hsm = typer.Typer(help="Hardware security modules.", no_args_is_help=True)
    hsm.command()(preflight)
    hsm.command("list")(list_tokens)

    @hsm.callback()
    def group() -> None:
        """Hardware security modules."""

    app.add_typer(hsm, name="hsm")


def preflight(
    token_label: Annotated[str, typer.Option(help="The token's label.")],
    module: Annotated[
        Path | None, typer.Option(help="The PKCS#11 module; SoftHSM 2 where it is usual.")
    ] = None,
    token_directory: Annotated[
        Path | None, typer.Option(help="Where the module keeps its tokens, if it must be told.")
    ] = None,
    pin_fd: Annotated[
        int | None, typer.Option(help="Read the user PIN from this descriptor, not the terminal.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Keep the report in this new file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Prove by use what a token can do; leaves nothing on it. Exit status 1 if anything is red."""
    with errors_explained(as_json=as_json):
        if out is not None:
            _check_new(out)
        hardened = harden()
        found = check_module(module) if module else find_softhsm()
        pin = _terminal_pin() if pin_fd is None else read_pin(pin_fd)
        try:
            with login_turn():
                library = start_module(found, token_directory)
                report = run_preflight(library, token_label, pin, hardened, datetime.now(UTC))
        finally:
            wipe(pin)
        raw = encode_report(report)
        if out is not None:
            write_new(out, raw)
    if as_json:
        print_json(json.loads(raw))
    else:
        _print(report, report_digest(raw), out)
    if report.level is Level.RED:
        raise typer.Exit(1)


def list_tokens(
    token_label: Annotated[
        str | None, typer.Option(help="Log in to this token and show its keys.")
    ] = None,
    module: Annotated[
        Path | None, typer.Option(help="The PKCS#11 module; SoftHSM 2 where it is usual.")
    ] = None,
    token_directory: Annotated[
        Path | None, typer.Option(help="Where the module keeps its tokens, if it must be told.")
    ] = None,
    pin_fd: Annotated[
        int | None, typer.Option(help="Read the user PIN from this descriptor, not the terminal.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """The tokens of a module; with --token-label a token's keys, attributes and states."""
    with errors_explained(as_json=as_json):
        harden()
        found = check_module(module) if module else find_softhsm()
        if token_label is None:
            with login_turn():
                _list_all(start_module(found, token_directory), as_json=as_json)
            return
        pin = _terminal_pin() if pin_fd is None else read_pin(pin_fd)
        try:
            with login_turn():
                library = start_module(found, token_directory)
                inventory = take_inventory(library, token_label, pin, datetime.now(UTC))
        finally:
            wipe(pin)
    if as_json:
        print_json(inventory_document(inventory))
    else:
        _print_inventory(inventory)


def _list_all(library: Library, *, as_json: bool) -> None:
    module = library.about()
    rows = [(each, *describe_token(module, each)) for each in library.tokens()]
    if as_json:
        tokens: list[dict[str, object]] = [
            token_document(said)
            | {"initialised": token.initialised, "vendor": vendor_document(vendor)}
            for token, said, vendor in rows
        ]
        print_json({"module": library.describe(), "tokens": tokens})
        return
    stdout.print(library.describe(), markup=False)
    for token, said, vendor in rows:
        name = said.label if token.initialised else "(not initialised)"
        tested = "tested" if vendor.tested else "not tested here"
        stdout.print(
            f"{name}: {said.manufacturer} {said.model} {said.serial}; {vendor.name} ({tested})",
            markup=False,
        )


def _print_inventory(inventory: TokenInventory) -> None:
    token = inventory.token
    stdout.print(
        f"{token.label}: {token.manufacturer} {token.model} {token.serial}, {inventory.module}",
        markup=False,
    )
    stdout.print(f"{inventory.assurance.value} assurance: {_WORTH[inventory.assurance]}")
    for kek in inventory.keks:
        head = f"KEK {kek.id[:16]}… {kek.state.value}, {kek.profile.value}, {kek.origin.value}"
        _print_key(head, kek.attributes)
    for key in inventory.keys:
        part = SOFTWARE_LOG_KEY if key.in_software else key.part
        _print_key(f"{key.label} {part} {key.id[:16]}…", key.attributes)
    if not inventory.keks and not inventory.keys:
        stdout.print("no keys of Keyturn's")


def _print_key(head: str, attributes: tuple[KeyAttribute, ...]) -> None:
    stdout.print(head, markup=False, style="bold")
    for each in attributes:
        other = "" if each.as_made else "   not as its profile demands"
        stdout.print(f"  {each.name:18} {each.value}{other}", markup=False)


_WORTH = {
    TokenAssurance.SOFTWARE: "attributes are what a software token says; its files can say else",
    TokenAssurance.HARDWARE: "attributes are what the token says",
}


def _check_new(out: Path) -> None:
    """Before the token is asked for anything. Raises ReportExists."""
    if out.exists():
        raise ReportExists(
            "a report is never overwritten", found=str(out), hint="name a new file after -o"
        )


class ReportExists(KeyturnError):
    """The file for the report is there already."""


def _print(report: PreflightReport, digest: str, out: Path | None) -> None:
    token, vendor = report.token, report.vendor
    stdout.print(
        f"{token.label}: {token.manufacturer} {token.model} {token.serial}, {report.module}",
        markup=False,
    )
    tested = "tested" if vendor.tested else "not tested here"
    stdout.print(f"profile: {vendor.name} ({tested}; {vendor.source})", markup=False)
    for check in report.checks:
        stdout.print(f"{check.level.value:6}", style=_MARKS[check.level], end="")
        stdout.print(f" {check.name}: {check.found}", markup=False)
        if check.level is not Level.GREEN:
            stdout.print(f"         expected: {check.expected}", markup=False)
            stdout.print(f"         what to do: {check.hint}", markup=False)
    stdout.print(f"{report.level.value:6}", style=_MARKS[report.level], end="")
    stdout.print(f" {report.assurance.value} assurance", markup=False)
    stdout.print(f"report {digest}" + (f" in {out}" if out else ""), markup=False)


def _terminal_pin() -> bytearray:
    """The PIN typed on the terminal, without echo and without a text copy of it."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError as error:
        raise HsmRequestError(
            "no terminal to read the PIN from", hint="pass it with --pin-fd"
        ) from error
    before = termios.tcgetattr(terminal)
    quiet = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    try:
        os.write(terminal, b"PIN: ")
        termios.tcsetattr(terminal, termios.TCSAFLUSH, quiet)
        return read_pin(terminal)
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
        os.write(terminal, b"\n")
        os.close(terminal)
