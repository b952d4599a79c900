"""The commands `keyturn control` and `keyturn db migrate|check|rebuild`."""

import asyncio
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from keyturn.cli.output import errors_explained, print_json, stderr, stdout
from keyturn.control import rebuild, recovery
from keyturn.control.config import ControlConfig, load_config
from keyturn.control.follower import fetch_log, state_after
from keyturn.control.logs import log_to_stderr
from keyturn.control.program import run_control
from keyturn.control.rebuild import LogContent
from keyturn.store import logcopy, migrate
from keyturn.store.database import Database, open_database
from keyturn.wire.keyholder import AskHello
from keyturn.wire.keyholder_client import KeyholderClient

ConfigFile = Annotated[
    Path, typer.Option("--config", help="control.toml", exists=True, dir_okay=False)
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]


def register(app: typer.Typer) -> None:
    """Add the control plane's commands."""
    app.command("control")(control)
    database = typer.Typer(help="The control plane's database.", no_args_is_help=True)
    database.command("migrate")(db_migrate)
    database.command("check")(db_check)
    database.command("rebuild")(db_rebuild)
    app.add_typer(database, name="db")


def control(
    config: ConfigFile,
    ready_fd: Annotated[
        int | None, typer.Option(help="Descriptor for the ready line; default: stdout.")
    ] = None,
) -> None:
    """Serve the HTTP API until SIGTERM."""
    log_to_stderr()
    with errors_explained():
        run_control(load_config(config, os.environ), ready_fd)


def db_migrate(config: ConfigFile, as_json: Json = False) -> None:
    """Bring the tables to this program's version."""
    with errors_explained(as_json=as_json):
        database = _open(config)
        try:
            before, after = migrate.upgrade(database)
        finally:
            database.close()
    if as_json:
        print_json({"before": before, "after": after})
    else:
        stdout.print(f"version {before or 'none'} -> {after}")


def db_check(config: ConfigFile, as_json: Json = False) -> None:
    """Compare tables and rows with the schema and the keyholder's log. Exit 1 if they differ."""
    with errors_explained(as_json=as_json):
        settings = load_config(config, os.environ)
        database = open_database(settings.database_url)
        try:
            migrate.require_current(database)
            content = asyncio.run(_fetch(settings))
            found = migrate.differences(database)
            with database.read() as connection:
                found += rebuild.differences(connection, content)
                keyless = _without_key(connection, settings, content)
        finally:
            database.close()
    if as_json:
        print_json(
            {
                "agrees": not found,
                "entries": len(content.leaves),
                "differences": found,
                "without_key": list(keyless),
            }
        )
    else:
        for each in found:
            stdout.print(each, markup=False)
        _say_without_key(keyless)
        stdout.print(f"{len(found)} differences from a log of {len(content.leaves)} entries")
    if found:
        stderr.print("`keyturn db rebuild` writes anew what the log determines.", markup=False)
        raise typer.Exit(1)


def db_rebuild(config: ConfigFile, as_json: Json = False) -> None:
    """Write everything that the log determines anew. Stop the control plane first."""
    with errors_explained(as_json=as_json):
        settings = load_config(config, os.environ)
        database = open_database(settings.database_url)
        try:
            migrate.upgrade(database)
            content = asyncio.run(_fetch(settings))
            with database.read() as connection:
                found = rebuild.differences(connection, content)
            state, now = state_after(settings.fingerprint, content), datetime.now(UTC)
            with database.write() as writing:
                empty = logcopy.size(writing) == 0
                rebuild.rebuild(writing, content)
                told = recovery.tell(writing, "by `keyturn db rebuild`", state, now, empty=empty)
        finally:
            database.close()
    if as_json:
        print_json({"mended": found, **told.to_data()})
    else:
        for each in found:
            stdout.print(f"mended: {each}", markup=False)
        for each in recovery.LOST if told.empty else ():
            stdout.print(f"lost, since the database was empty: {each}", markup=False)
        _say_without_key(told.without_key)
        stdout.print(f"rebuilt from a log of {len(content.leaves)} entries")


def _without_key(
    connection: Connection, settings: ControlConfig, content: LogContent
) -> tuple[str, ...]:
    state = state_after(settings.fingerprint, content)
    return recovery.without_key(connection, state, datetime.now(UTC))


def _say_without_key(digests: Iterable[str]) -> None:
    for each in digests:
        stdout.print(
            f"model {each}: its key is not here and it cannot be released; "
            "hand its keyturn.key in again with `keyturn model register`",
            markup=False,
        )


def _open(config: Path) -> Database:
    return open_database(load_config(config, os.environ).database_url)


async def _fetch(config: ControlConfig) -> LogContent:
    """The keyholder's whole log."""
    keyholder = KeyholderClient(config.keyholder)
    try:
        hello = await keyholder.ask(AskHello())
        return await fetch_log(keyholder, hello.size)
    finally:
        await keyholder.aclose()
