"""The node's HTTPS server: bytes in, one call, one table from error to status.

TLS 1.3 with the attested key. Nothing of a request is logged (I7): no access log, and errors
name fields, never their content.
"""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from keyturn.agent.connections import BODY_SECONDS, CONNECTIONS, PatientProtocol
from keyturn.agent.errors import NotServing, Overloaded, RequestInvalid
from keyturn.agent.openai import (
    MAX_BODY,
    error_response,
    models_response,
    parse_embedding_request,
)
from keyturn.agent.service import Closed, Service
from keyturn.base.errors import KeyturnError
from keyturn.base.strictjson import dump

MAX_HEAD = 16 << 10
"""Bytes of a request's head."""

Handler = Callable[[Request], Awaitable[Response]]

_STATUS: tuple[tuple[type[KeyturnError], int, str], ...] = (
    (NotServing, 503, "unavailable_error"),
    (Overloaded, 429, "rate_limit_error"),
    (RequestInvalid, 400, "invalid_request_error"),
)


class BodyTooLarge(RequestInvalid):
    """More than `MAX_BODY` bytes."""


def build_app(service: Service) -> Starlette:
    """The routes of a node. `service` may open and close while they run."""
    started = int(time.time())

    async def embeddings(request: Request) -> Response:
        service.enter()  # before a byte of the body is read
        asked = parse_embedding_request(await _body(request))
        return _json(await run_in_threadpool(service.answer, asked))

    async def models(_: Request) -> Response:
        return _json(models_response((service.model_name,), started))

    async def health(_: Request) -> Response:
        gate = service.gate
        if isinstance(gate, Closed):
            return _json(dump({"state": gate.reason, "lease_seconds_left": None}), 503)
        left = int(gate.until - service.clock())
        if service.clock() >= gate.until:
            return _json(dump({"state": "lease-ended", "lease_seconds_left": 0}), 503)
        return _json(dump({"state": "serving", "lease_seconds_left": left}))

    async def proof(_: Request) -> Response:
        service.enter()
        if service.proof is None:
            raise NotServing("not serving: no proof yet")
        return _json(dump(service.proof.to_document()))

    return Starlette(
        routes=[
            Route("/v1/embeddings", _explained(embeddings), methods=["POST"]),
            Route("/v1/models", _explained(models), methods=["GET"]),
            Route("/healthz", _explained(health), methods=["GET"]),
            Route("/.well-known/keyturn", _explained(proof), methods=["GET"]),
        ]
    )


class NodeServer:
    """uvicorn on a socket that is already bound; whoever made it handles the signals."""

    def __init__(self, service: Service, listener: socket.socket, context: ssl.SSLContext) -> None:
        config = uvicorn.Config(
            build_app(service),
            ssl_context_factory=lambda _config, _default: context,
            http=PatientProtocol,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="error",  # a warning for each piece of junk would fill the disk
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=MAX_HEAD,
            limit_concurrency=CONNECTIONS + 1,  # never met: connections are dropped before
            timeout_keep_alive=30,
            timeout_graceful_shutdown=2,
        )
        self._server = _Server(config)
        self._listener = listener

    async def run(self) -> None:
        """Serve until `stop`."""
        await self._server.serve(sockets=[self._listener])

    def stop(self) -> None:
        self._server.should_exit = True


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A bound TCP socket, so that the port is known before anything is attested."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(CONNECTIONS)  # from here on nobody is refused who was told the address
    except BaseException:
        listener.close()
        raise
    return listener


def _explained(handler: Handler) -> Handler:
    async def call(request: Request) -> Response:
        try:
            return await handler(request)
        except BodyTooLarge as error:
            return _json(error_response(error, "invalid_request_error"), 413)
        except tuple(kind for kind, _, _ in _STATUS) as error:
            status, name = next((s, n) for kind, s, n in _STATUS if isinstance(error, kind))
            return _json(error_response(error, name, param=getattr(error, "param", None)), status)

    return call


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > MAX_BODY:
                    raise BodyTooLarge("request is too large", expected=f"at most {MAX_BODY} bytes")
    except (TimeoutError, ClientDisconnect) as error:
        raise RequestInvalid("the request's body did not arrive") from error
    return bytes(body)


def _json(body: bytes, status: int = 200) -> Response:
    return Response(
        body, status, media_type="application/json", headers={"cache-control": "no-store"}
    )
