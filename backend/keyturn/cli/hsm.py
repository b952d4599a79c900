"""`keyturn hsm`: what an operator asks of a token before a ceremony."""

import os
import termios
from pathlib import Path
from typing import Annotated

import typer

from keyturn.cli.output import errors_explained, print_json, stdout
from keyturn.hsm.errors import HsmRequestError
from keyturn.hsm.hardening import harden
from keyturn.hsm.modules import check_module, find_softhsm
from keyturn.hsm.pins import read_pin
from keyturn.hsm.pkcs11 import Library, wipe
from keyturn.hsm.preflight import Level, Report, run_preflight
from keyturn.hsm.softhsm import login_turn

_MARKS = {Level.GREEN: "green", Level.AMBER: "yellow", Level.RED: "bold red"}


def register(app: typer.Typer) -> None:
    hsm = typer.Typer(help="Hardware security modules.", no_args_is_help=True)
    hsm.command()(preflight)

    @hsm.callback()
    def group() -> None:
        """Hardware security modules."""

    app.add_typer(hsm, name="hsm")


def preflight(
    token_label: Annotated[str, typer.Option(help="The token's label.")],
    module: Annotated[
        Path | None, typer.Option(help="The PKCS#11 module; SoftHSM 2 where it is usual.")
    ] = None,
    pin_fd: Annotated[
        int | None, typer.Option(help="Read the user PIN from this descriptor, not the terminal.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Prove by use what a token can do; leaves nothing on it. Exit status 1 if anything is red."""
    with errors_explained(as_json=as_json):
        hardened = harden()
        found = check_module(module) if module else find_softhsm()
        pin = _terminal_pin() if pin_fd is None else read_pin(pin_fd)
        try:
            with login_turn():
                report = run_preflight(Library(found), token_label, pin, hardened)
        finally:
            wipe(pin)
    if as_json:
        print_json(report_document(report))
    else:
        _print(report)
    if report.level is Level.RED:
        raise typer.Exit(1)


def report_document(report: Report) -> dict[str, object]:
    """The report for machines."""
    token = report.token
    return {
        "level": report.level.value,
        "assurance": report.assurance.value,
        "module": report.module,
        "token": {
            "label": token.label,
            "manufacturer": token.manufacturer,
            "model": token.model,
            "serial": token.serial,
        },
        "checks": [
            {"name": check.name, "level": check.level.value, "found": check.found}
            for check in report.checks
        ],
    }


def _print(report: Report) -> None:
    token = report.token
    stdout.print(
        f"{token.label}: {token.manufacturer} {token.model} {token.serial}, {report.module}",
        markup=False,
    )
    for check in report.checks:
        stdout.print(f"{check.level.value:6}", style=_MARKS[check.level], end="")
        stdout.print(f" {check.name}: {check.found}", markup=False)
    stdout.print(f"{report.level.value:6}", style=_MARKS[report.level], end="")
    stdout.print(f" {report.assurance.value} assurance", markup=False)


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
