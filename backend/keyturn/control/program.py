"""The control plane as a process: TLS, uvicorn, a ready line, a clean stop on SIGTERM."""

import asyncio
import contextlib
import json
import logging
import os
import resource
import secrets
import signal
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from keyturn.control.app import make_app, running
from keyturn.control.config import ControlConfig
from keyturn.control.context import Context
from keyturn.control.errors import BadDataDirectory, CannotListen
from keyturn.control.mirror import Mirror
from keyturn.control.parts import Parts, make_parts
from keyturn.store.database import Database, open_database
from keyturn.store.migrate import upgrade
from keyturn.wire.keyholder_client import KeyholderClient, PoolLimits
from keyturn.wire.serveridentity import ServerIdentity, nonce_key, server_context, server_identity

log = logging.getLogger("keyturn.control")

HEADER_SECONDS = 10.0
HANDSHAKE_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 75
STOP_SECONDS = 5
GOODBYE_SECONDS = 0.3
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
MAX_CONNECTIONS = 12_000
URGENT = PoolLimits(connections=3, waiting=64)
DATABASE_FILES = ("keyturn.db", "keyturn.db-wal", "keyturn.db-shm")


class DeadlineProtocol(HttpToolsProtocol):
    """Uvicorn's protocol, and a connection that sends no whole header in time is closed."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_header()

    def data_received(self, data: bytes) -> None:
        idle = self.cycle is None or self.cycle.response_complete
        if idle and self._deadline is None:
            self._expect_header()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._forget_deadline()
        super().on_headers_complete()

    def shutdown(self) -> None:
        """An idle client that does not answer TLS's goodbye must not hold the stop up."""
        idle = self.cycle is None or self.cycle.response_complete
        super().shutdown()
        if idle:
            self.loop.call_later(GOODBYE_SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        super().connection_lost(exc)

    def _expect_header(self) -> None:
        self._deadline = self.loop.call_later(HEADER_SECONDS, self.transport.abort)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class ControlServer(uvicorn.Server):
    """Tells when it listens, and lets event streams end before it stops."""

    def __init__(
        self, config: uvicorn.Config, parts: Parts, on_ready: Callable[[str], None]
    ) -> None:
        super().__init__(config)
        self.parts = parts
        self._on_ready = on_ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn's, but a signal that was obeyed is not raised again: our clean-up follows."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {each: signal.signal(each, self.handle_exit) for each in STOP_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def stop(self) -> None:
        """End `serve` as a signal does."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002
        """Uvicorn's, with a limit on TLS handshakes. Raises CannotListen."""
        try:
            server = await asyncio.get_running_loop().create_server(
                self._make_protocol,
                host=self.config.host,
                port=self.config.port,
                ssl=self.config.ssl,
                backlog=self.config.backlog,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
            )
        except OSError as error:
            raise CannotListen(
                "the server cannot listen",
                found=f"{self.config.host} port {self.config.port}: {error.strerror or error}",
                hint="Is another control plane running? Else set `host` and `port`.",
            ) from error
        self.servers = [server]
        self.started = True
        host, port = server.sockets[0].getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        self._on_ready(f"https://{shown}:{port}")

    def _make_protocol(self) -> asyncio.Protocol:
        return DeadlineProtocol(self.config, self.server_state, self.lifespan.state)

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
    return ControlServer(uvicorn_config(config, identity, parts), parts, on_ready)


async def serve(server: ControlServer) -> None:
    """Run a server in this event loop until it is told to stop."""
    try:
        async with running(server.parts, server.stop):
            await server.serve()
    finally:
        server.parts.context.close()
    log.info("stopped")


def uvicorn_config(config: ControlConfig, identity: ServerIdentity, parts: Parts) -> uvicorn.Config:
    """TLS 1.3 by our own context, no access log, no header that names the software."""

    def context(_config: Any, _default: Any) -> ssl.SSLContext:
        return server_context(identity)

    return uvicorn.Config(
        make_app(parts),
        host=config.host,
        port=config.port,
        http=DeadlineProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ssl_context_factory=context,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )


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
