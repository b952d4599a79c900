"""`keyturn ceremony rewrap`: hand the inventory's wrapped keys to a KEK rotation; see how far."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from keyturn.cli.output import errors_explained, print_json, stderr, stdout

if TYPE_CHECKING:
    from keyturn.control.rewrapping import Feeding

Ceremony = Annotated[str, typer.Argument(help="The rotation's id.")]
ConfigFile = Annotated[
    Path, typer.Option("--config", help="control.toml", exists=True, dir_okay=False)
]
Status = Annotated[bool, typer.Option("--status", help="Only say how far it is.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


def rewrap(
    ceremony: Ceremony, config: ConfigFile, status: Status = False, as_json: AsJson = False
) -> None:
    """Wrap every model's key under the new KEK of a rotation, at `rewrap` and `destroy-kek`.

    On the control plane's machine, which does the same by itself. It may be stopped at any point
    and run again: what was wrapped stays wrapped. Exit 1 while any key is left.
    """
    with errors_explained(as_json=as_json):
        done = asyncio.run(_run(ceremony, config, only_look=status, quiet=as_json))
    if as_json:
        print_json({**done.to_data(), "done": done.done})
    else:
        _print(done)
    if not done.done:
        raise typer.Exit(1)


async def _run(ceremony: str, config: Path, *, only_look: bool, quiet: bool) -> "Feeding":
    from keyturn.control.config import load_config  # not installed with every part of the command
    from keyturn.control.rewrapping import Direct, Feeding, feed, look
    from keyturn.store.database import open_database
    from keyturn.wire.keyholder_client import KeyholderClient

    settings = load_config(config, os.environ)
    database = open_database(settings.database_url)
    keyholder = KeyholderClient(settings.keyholder)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    try:
        if only_look:
            feeding = Feeding(ceremony)
            await look(Direct(database), keyholder.ask, feeding)
            return feeding
        with Progress(*columns, console=stderr, transient=True, disable=quiet) as bar:
            task = bar.add_task("keys under the new KEK", total=None)

            def report(feeding: Feeding) -> None:
                bar.update(task, total=feeding.total, completed=feeding.under)

            return await feed(Direct(database), keyholder.ask, ceremony, report)
    finally:
        await keyholder.aclose()
        database.close()


def _print(done: "Feeding") -> None:
    stdout.print(f"new KEK {done.kek}", markup=False)
    stdout.print(f"{done.under} of {done.total} keys of the inventory lie under it", markup=False)
    for model, outcome in done.failed:
        reason = outcome.name.lower().replace("_", " ")
        stdout.print(f"model {model}: {reason}", markup=False)
    left = "every model of the log is there" if done.done else f"{done.left} models are left"
    stdout.print(left, markup=False)
