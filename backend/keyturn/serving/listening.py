"""What our HTTP servers share: TLS with time limits, a line once they listen, a stop by signal."""

import asyncio
import contextlib
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from keyturn.serving.errors import CannotListen
from keyturn.wire.serveridentity import ServerIdentity, server_context

HEADER_SECONDS = 10.0
HANDSHAKE_SECONDS = 10.0
STOP_SECONDS = 5
GOODBYE_SECONDS = 0.3
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


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


class ListeningServer(uvicorn.Server):
    """Tells its URL when it listens. `name`: "the server", as people are told of it."""

    def __init__(self, config: uvicorn.Config, name: str, on_ready: Callable[[str], None]) -> None:
        super().__init__(config)
        self._name = name
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
                f"{self._name} cannot listen",
                found=f"{self.config.host} port {self.config.port}: {error.strerror or error}",
                hint="Is another one running? Else set `host` and `port`.",
            ) from error
        self.servers = [server]
        self.started = True
        host, port = server.sockets[0].getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        self._on_ready(f"https://{shown}:{port}")

    def _make_protocol(self) -> asyncio.Protocol:
        return DeadlineProtocol(self.config, self.server_state, self.lifespan.state)


def listening_config(
    app: ASGIApp,
    identity: ServerIdentity,
    address: tuple[str, int],
    *,
    connections: int,
    keep_alive: int,
) -> uvicorn.Config:
    """TLS 1.3 by our own context, no access log, no header that names the software.

    `connections`: how many at once; `keep_alive`: seconds that an idle one is kept.
    """

    def context(_config: Any, _default: Any) -> ssl.SSLContext:
        return server_context(identity)

    host, port = address
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=DeadlineProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ssl_context_factory=context,
        limit_concurrency=connections,
        timeout_keep_alive=keep_alive,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
