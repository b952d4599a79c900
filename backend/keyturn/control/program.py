"""The control plane as a process: TLS, uvicorn, a ready line, a clean stop on SIGTERM."""

import asyncio
import contextlib
import json
import logging
import os
import resource
import secrets
import socket
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from keyturn.control.app import make_app, running
from keyturn.control.config import ControlConfig
from keyturn.control.context import Context
from keyturn.control.errors import BadDataDirectory
from keyturn.control.mirror import Mirror
from keyturn.control.parts import Parts, make_parts
from keyturn.serving.listening import ListeningServer, listening_config
from keyturn.store.database import Database, open_database
from keyturn.store.migrate import upgrade
from keyturn.wire.keyholder_client import KeyholderClient, PoolLimits
from keyturn.wire.serveridentity import ServerIdentity, nonce_key, server_identity

log = logging.getLogger("keyturn.control")

KEEP_ALIVE_SECONDS = 75
MAX_CONNECTIONS = 12_000
URGENT = PoolLimits(connections=3, waiting=64)
DATABASE_FILES = ("keyturn.db", "keyturn.db-wal", "keyturn.db-shm")


class ControlServer(ListeningServer):
    """Lets event streams end before it stops."""

    def __init__(
        self, config: uvicorn.Config, parts: Parts, on_ready: Callable[[str], None]
    ) -> None:
        super().__init__(config, "the server", on_ready)
        self.parts = parts

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.parts.context.hub.close()
        await super().shutdown(sockets)


def clock() -> datetime:
    return datetime.now(UTC)


def run_control(config: ControlConfig, ready_fd: int | None) -> None:
    """Until SIGTERM or SIGINT.

    Raises StoreUnreachable, StoreOutdated, BrokenIdentity, BadDataDirectory, CannotListen, and
    TaskFailed after a fault of ours.
    """
    raise_file_limit()
    prepare_data(config.data)
    identity = server_identity(config.data / "tls", config.names, clock())
    database = open_database(config.database_url)
    ready_file = config.data / "ready.json"
    try:
        before, after = upgrade(database)
        if before != after:
            log.info("the database was brought to version %s", after)

        def on_ready(url: str) -> None:
            _announce({"ready": True, "url": url, "pin": identity.pin}, ready_file, ready_fd)

        server = make_server(config, identity, database, on_ready)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serve(server))
    finally:
        ready_file.unlink(missing_ok=True)
        database.close()


def prepare_data(directory: Path) -> None:
    """The data directory is this user's alone, and so is all that is made from now on.

    Raises BadDataDirectory.
    """
    os.umask(0o077)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        for name in DATABASE_FILES:
            file = directory / name
            if file.exists():
                file.chmod(0o600)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise BadDataDirectory(
            "the data directory cannot be used",
            found=f"{directory}: {error.strerror or error}",
            expected="a directory that this user may write and nobody else reads",
            hint="Mend it, or set `data` to another directory.",
        ) from error


def raise_file_limit() -> None:
    """As many descriptors as this process may have: each connection takes one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def make_server(
    config: ControlConfig,
    identity: ServerIdentity,
    database: Database,
    on_ready: Callable[[str], None],
    clock: Callable[[], datetime] = clock,
) -> ControlServer:
    """A server that is not running yet; `on_ready` is given its URL once it listens."""
    context = Context(
        config=config,
        pin=identity.pin,
        database=database,
        keyholder=KeyholderClient(config.keyholder),
        urgent=KeyholderClient(config.keyholder, URGENT),
        clock=clock,
        randomness=secrets.token_bytes,
        nonce_key=nonce_key(identity),
        mirror=Mirror(config.fingerprint),
    )
    parts = make_parts(context)
    settings = listening_config(
        make_app(parts),
        identity,
        (config.host, config.port),
        connections=MAX_CONNECTIONS,
        keep_alive=KEEP_ALIVE_SECONDS,
    )
    return ControlServer(settings, parts, on_ready)


async def serve(server: ControlServer) -> None:
    """Run a server in this event loop until it is told to stop."""
    try:
        async with running(server.parts, server.stop):
            await server.serve()
    finally:
        server.parts.context.close()
    log.info("stopped")


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    return uvicorn.Config(app=lambda: None, log_config=None).get_loop_factory()


def _announce(document: dict[str, object], file: Path, ready_fd: int | None) -> None:
    """Write ready.json whole or not at all, then say so on the descriptor or stdout."""
    line = json.dumps(document) + "\n"
    temporary = file.with_suffix(".new")
    temporary.write_text(line, encoding="utf-8")
    temporary.replace(file)
    if ready_fd is None:
        os.write(1, line.encode())
    else:
        os.write(ready_fd, line.encode())
        os.close(ready_fd)
