"""HTTP at the edge: bodies in with limits of size and time, one table from error to status out."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from keyturn.base.errors import (
    KeyturnError,
    MalformedError,
    NotFoundError,
    UnreachableError,
    UntrustedError,
)
from keyturn.base.strictjson import JsonObject, dump, load_object
from keyturn.control.errors import (
    Conflict,
    NotAllowed,
    NotFound,
    NotSignedIn,
    TooLarge,
    TooMany,
    TooSlow,
)
from keyturn.control.proposalview import error_body
from keyturn.store.errors import StoreConflict
from keyturn.wire.errors import PeerRefused

log = logging.getLogger("keyturn.control")

DEFAULT_LIMIT = 64 << 10
LIMITS = {
    "/v1/releases": 256 << 10,
    "/v1/heartbeats": 16 << 10,
    "/v1/enrolments": 96 << 10,
    "/v1/proposals": 32 << 20,
    "/v1/models": 24 << 20,
    "/v1/collateral": 16 << 20,
    "/v1/unseal/shares": 256 << 10,
    "/v1/seal": 256 << 10,
    "/v1/ceremonies/ask": 8 << 20,
}
"""Bytes of a request's body, by path; everything else takes DEFAULT_LIMIT."""
BODY_SECONDS = 20.0
PARSED_AT_ONCE = 256 << 10
"""Bytes of JSON that are parsed on the event loop; longer bodies wait for a thread."""
PARSERS = ThreadPoolExecutor(2, thread_name_prefix="parse")
MAX_VALUES = 10_000
"""JSON values in one body. What is long in this API is base64 in few values."""

STATUS: tuple[tuple[type[KeyturnError], int], ...] = (
    (NotSignedIn, 401),
    (NotAllowed, 403),
    (NotFoundError, 404),
    (Conflict, 409),
    (StoreConflict, 409),
    (TooLarge, 413),
    (TooSlow, 408),
    (TooMany, 429),
    (PeerRefused, 502),
    (MalformedError, 400),
    (UntrustedError, 403),
    (UnreachableError, 503),
)
"""The first that fits; any other KeyturnError is a 400."""


def status_of(error: KeyturnError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, PeerRefused) and error.kind == "not-found":
        return 404
    if isinstance(error, PeerRefused) and error.kind == "unreachable":  # sealed, for instance
        return 503
    return next((status for kind, status in STATUS if isinstance(error, kind)), 400)


def error_response(error: KeyturnError) -> JSONResponse:
    """The error as every route answers it."""
    headers = {"www-authenticate": "Bearer"} if isinstance(error, NotSignedIn) else None
    if isinstance(error, TooMany):
        headers = {"retry-after": "1"}
    if isinstance(error, TooLarge | TooSlow):
        headers = {"connection": "close"}  # the rest of the body is not waited for
    document = {"error": error_body(error).model_dump()}
    return JSONResponse(document, status_of(error), headers)


class StrictJsonResponse(JSONResponse):
    """Compact JSON that refuses NaN."""

    def render(self, content: Any) -> bytes:
        return dump(content)


class Edge:
    """The outermost application: limits on the way in, errors told on the way out."""

    def __init__(self, app: ASGIApp, *, body_seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            if message["type"] == "http.response.start":
                message.setdefault("headers", [])
                message["headers"] = [*message["headers"], *SECURITY_HEADERS]
            await send(message)

        try:
            limited = LimitedBody(receive, limit_of(scope), self._body_seconds)
            limited.check_announced(scope)
            await self._app(scope, limited, sending)
        except KeyturnError as error:
            if started:
                raise
            await error_response(error)(scope, receive, sending)
        except Exception as error:  # the outermost loop: a fault must not tell its inside
            log.exception("a request failed", extra={"path": scope["path"]})
            if started:
                raise
            fault = KeyturnError(f"the server has a fault ({type(error).__name__})")
            response = error_response(fault)
            response.status_code = 500
            await response(scope, receive, sending)


SECURITY_HEADERS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
]


class LimitedBody:
    """ASGI `receive` that counts the body's bytes and its time."""

    def __init__(self, receive: Receive, limit: int, seconds: float) -> None:
        self._receive = receive
        self._limit = limit
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._size = 0
        self._done = False

    def check_announced(self, scope: Scope) -> None:
        """Raises TooLarge by the announced length, before a byte is read."""
        for name, value in scope["headers"]:
            if name == b"content-length" and int(value) > self._limit:
                raise self._too_large(int(value))

    async def __call__(self) -> Message:
        if self._done:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError as error:
            raise TooSlow("the request's body did not arrive in time") from error
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self._done = not message.get("more_body", False)
            if self._size > self._limit:
                raise self._too_large(self._size)
        return message

    def _too_large(self, size: int) -> TooLarge:
        return TooLarge(
            "the request's body is too large",
            found=f"{size} bytes",
            expected=f"at most {self._limit} bytes",
        )


def check_few_values(raw: bytes) -> None:
    """Raises TooLarge before millions of tiny values become objects of ours."""
    found = raw.count(b",") + raw.count(b"[") + raw.count(b"{")
    if found > MAX_VALUES:
        raise TooLarge(
            "the request's body holds too many values",
            found=f"up to {found}",
            expected=f"at most {MAX_VALUES}",
        )


async def read_json(raw: bytes) -> JsonObject:
    """A body read strictly; a long one in a thread, two at a time. Raises MalformedError."""
    check_few_values(raw)
    read = partial(load_object, raw, limit=max(LIMITS.values()), what="request body")
    if len(raw) <= PARSED_AT_ONCE:
        return read()
    return await asyncio.get_running_loop().run_in_executor(PARSERS, read)


def limit_of(scope: Scope) -> int:
    """Bytes that this request may carry."""
    return LIMITS.get(scope["path"], DEFAULT_LIMIT)


Handler = Callable[[Request], Awaitable[Response]]


async def tell_keyturn_error(_request: Request, error: Exception) -> Response:
    """Starlette's hook for our own errors."""
    if not isinstance(error, KeyturnError):
        raise error
    return error_response(error)


async def tell_http_error(_request: Request, error: Exception) -> Response:
    """Starlette's hook for unknown paths and methods, in our form."""
    if not isinstance(error, HTTPException):
        raise error
    known = NotFound("there is nothing at this path") if error.status_code == 404 else None
    told = known or KeyturnError(str(error.detail))
    response = error_response(told)
    response.status_code = error.status_code
    response.headers.update(error.headers or {})
    return response
