"""The witness as a process: its key and state, TLS, a ready line, a clean stop on SIGTERM."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from keyturn.quorum.bundle import MAX_BUNDLE
from keyturn.wire.serveridentity import ServerIdentity, server_context, server_identity
from keyturn.witness.config import WitnessConfig
from keyturn.witness.disk import Disk, Files
from keyturn.witness.errors import UnknownLog, WitnessUnwritable
from keyturn.witness.http import WitnessHttp
from keyturn.witness.keyfile import open_key_file, witness_of
from keyturn.witness.watched import Clock, WatchedLog

logger = logging.getLogger(__name__)

HEADER_SECONDS = 10.0
HANDSHAKE_SECONDS = 10.0
MAX_CONNECTIONS = 256
STOP_SECONDS = 5
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class HeaderDeadline(HttpToolsProtocol):
    """A connection that sends no whole header in time is closed: idle ones would keep all out."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEADER_SECONDS, self.transport.abort)

    def on_headers_complete(self) -> None:
        self._forget()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(HEADER_SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class WitnessServer(uvicorn.Server):
    """Tells its URL when it listens."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[str], None]) -> None:
        super().__init__(config)
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

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002
        """Raises WitnessUnwritable when it cannot listen."""
        try:
            server = await asyncio.get_running_loop().create_server(
                self._make_protocol,
                host=self.config.host,
                port=self.config.port,
                ssl=self.config.ssl,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
            )
        except OSError as error:
            raise WitnessUnwritable(
                "the witness cannot listen",
                found=f"{self.config.host} port {self.config.port}: {error.strerror or error}",
                hint="Is another one running? Else set `host` and `port`.",
            ) from error
        self.servers = [server]
        self.started = True
        host, port = server.sockets[0].getsockname()[:2]
        self._on_ready(f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}")

    def _make_protocol(self) -> asyncio.Protocol:
        return HeaderDeadline(self.config, self.server_state, self.lifespan.state)


def clock() -> datetime:
    return datetime.now(UTC)


@contextlib.contextmanager
def opened_logs(
    config: WitnessConfig, passphrase: bytes | None, clock: Clock, disk: Disk | None = None
) -> Iterator[dict[str, WatchedLog]]:
    """The logs by origin, with this process as the only one that has their state.

    Raises WitnessKeyRefused, WitnessUnwritable, DamagedState, UnknownLog, and as `load_bundle`.
    """
    witness, sign = witness_of(config.name, open_key_file(config.key, passphrase))
    files = Files(config.data, disk)
    files.lock()
    try:
        logs: dict[str, WatchedLog] = {}
        for each in config.logs:
            bundle = _read_bundle(each.bundle)
            log = WatchedLog(bundle, each.fingerprint, witness, sign, files, clock)
            if log.origin in logs:
                raise UnknownLog("two logs of one origin", found=log.origin)
            logs[log.origin] = log
        yield logs
    finally:
        files.unlock()


def make_server(
    config: WitnessConfig,
    logs: dict[str, WatchedLog],
    identity: ServerIdentity,
    on_ready: Callable[[str], None],
) -> WitnessServer:
    """A server that is not running yet."""

    def context(_config: Any, _default: Any) -> ssl.SSLContext:
        return server_context(identity)

    settings = uvicorn.Config(
        WitnessHttp(logs).app(),
        host=config.host,
        port=config.port,
        http=HeaderDeadline,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ssl_context_factory=context,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    settings.load()
    return WitnessServer(settings, on_ready)


def run_witness(config: WitnessConfig, passphrase: bytes | None, ready_fd: int | None) -> None:
    """Until SIGTERM or SIGINT. Raises as `opened_logs`, BrokenIdentity, WitnessUnwritable."""
    os.umask(0o077)
    with opened_logs(config, passphrase, clock) as logs:
        identity = server_identity(config.data / "tls", config.names, clock())

        def on_ready(url: str) -> None:
            line = json.dumps({"ready": True, "url": url, "pin": identity.pin}) + "\n"
            os.write(1 if ready_fd is None else ready_fd, line.encode())
            if ready_fd is not None:
                os.close(ready_fd)

        server = make_server(config, logs, identity, on_ready)
        asyncio.run(server.serve())
    logger.info("stopped")


def _read_bundle(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BUNDLE + 1)
    except OSError as error:
        raise WitnessUnwritable(
            f"the authority bundle cannot be read: {error.strerror or error}", found=str(path)
        ) from error
