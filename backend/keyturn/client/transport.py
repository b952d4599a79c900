"""HTTP towards the one pinned server; each kind of failure has a type of its own."""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from time import monotonic
from types import TracebackType
from typing import Any, Self

import httpx
import httpx_sse

from keyturn.base.strictjson import Fields, dump
from keyturn.client.answers import MAX_ANSWER, parse_answer, refusal_of
from keyturn.client.errors import (
    MalformedAnswer,
    MalformedProfile,
    RoleLacking,
    ServerUnreachable,
)
from keyturn.wire.errors import PinMismatch
from keyturn.wire.tls import Pin, pinned_client

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
LONGEST = 300.0
"""Seconds for one whole answer: a byte now and then would keep the other timeouts from passing."""
MAX_EVENT = 256 << 10
"""Bytes from one event of the stream to the next."""


REPIN = (
    "Do not go on unless its key was changed on purpose: somebody may sit between you and the "
    "server. Ask whoever runs it for the new pin, by another way than this connection; then "
    "`keyturn connect --repin`."
)


class Transport:
    """One connection pool, one bearer token at most. Close it, or use it as a context manager."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._token: str | None = None
        self._lines = _Lines()

    @classmethod
    def pinned(cls, url: str, pin: Pin) -> Self:
        """Towards `url`, talking only to the holder of the pinned TLS key.

        Raises MalformedProfile when `url` is none, PinMismatch when it is not https.
        """
        try:
            return cls(pinned_client(url, pin, timeout=TIMEOUT, follow_redirects=False))
        except httpx.InvalidURL as error:
            raise MalformedProfile(f"server: {error}", found=repr(url[:80])) from error

    def use_token(self, token: str | None) -> None:
        self._token = token

    def get(self, path: str, what: str, params: Mapping[str, str | int] | None = None) -> Fields:
        """The answer's JSON object. Raises ServerUnreachable, ServerRefused, MalformedAnswer."""
        return parse_answer(self._ask("GET", path, params=params), what)

    def post(self, path: str, what: str, document: Mapping[str, object]) -> Fields:
        """As `get`, sending one JSON object."""
        return parse_answer(self._ask("POST", path, content=dump(document)), what)

    def delete(self, path: str, what: str) -> Fields:
        """As `get`."""
        return parse_answer(self._ask("DELETE", path), what)

    @contextmanager
    def events(
        self, path: str, last_id: str | None
    ) -> Iterator[Iterator[httpx_sse.ServerSentEvent]]:
        """A stream of server-sent events, resumed after `last_id`, until the server ends it."""
        headers = {**self._headers(), "Accept": "text/event-stream"}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        timeout = httpx.Timeout(10.0, read=60.0)  # the server keeps alive every 15 s
        with (
            _failures_named(),
            httpx_sse.connect_sse(
                self._http,
                "GET",
                path,
                headers=headers,
                timeout=timeout,
                extensions=self._lines.traced(),
            ) as source,
        ):
            if source.response.status_code != httpx.codes.OK:
                raise refusal_of(source.response.status_code, _read(source.response))
            _check_plain(source.response)
            yield _bounded(source)

    def hang_up(self) -> None:
        """From any thread: end what is being waited for. It and all that follows is unreachable.

        Only a connection that is still being made is waited out (10 s at most).
        """
        self._lines.hang_up()

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        content: bytes | None = None,
    ) -> bytes:
        headers = self._headers()
        if content is not None:
            headers["Content-Type"] = "application/json"
        with (
            _failures_named(),
            self._http.stream(
                method,
                path,
                params=params,
                content=content,
                headers=headers,
                extensions=self._lines.traced(),
            ) as response,
        ):
            body = _read(response)
        if not response.is_success:
            refusal = refusal_of(response.status_code, body)
            if isinstance(refusal, RoleLacking):
                refusal.asked = (method, path)
            raise refusal
        return body

    def _headers(self) -> dict[str, str]:
        """Nothing compressed: a few bytes of that can be more than there is memory for."""
        token = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return {"Accept-Encoding": "identity", **token}


class _Lines:
    """The sockets of one connection pool, so that another thread can end them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._ended = False

    def traced(self) -> dict[str, Any]:
        """For one request. Raises ServerUnreachable once hung up."""
        if self._ended:
            raise ServerUnreachable("the connection was ended here")
        return {"trace": self._told}

    def _told(self, event: str, info: Mapping[str, Any]) -> None:
        if event != "connection.start_tls.complete":  # httpcore's name for a new connection
            return
        made = info["return_value"].get_extra_info("socket")
        with self._lock:
            self._open = [each for each in self._open if each.fileno() >= 0]
            self._open.append(made)
            ended = self._ended
        if ended:
            _shut(made)

    def hang_up(self) -> None:
        with self._lock:
            self._ended = True
            lines, self._open = self._open, []
        for each in lines:
            _shut(each)


def _shut(line: socket.socket) -> None:
    with suppress(OSError):
        # Not the TLS layer's own: another thread is inside of that.
        socket.socket.shutdown(line, socket.SHUT_RDWR)


def _read(response: httpx.Response) -> bytes:
    _check_plain(response)
    body, began = bytearray(), monotonic()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MAX_ANSWER:
            raise MalformedAnswer("the answer is too large", expected=f"at most {MAX_ANSWER} bytes")
        if monotonic() - began > LONGEST:
            raise ServerUnreachable("the answer takes too long", expected=f"{LONGEST:.0f} s")
    return bytes(body)


def _check_plain(response: httpx.Response) -> None:
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding.strip().lower() != "identity":
        raise MalformedAnswer(
            "the answer is compressed, which nobody asked for", found=repr(encoding[:80])
        )


class _Metered(httpx.SyncByteStream):
    """Passes a stream on, and ends it where too much of it comes between two events."""

    def __init__(self, inner: httpx.SyncByteStream) -> None:
        self._inner = inner
        self.since = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._inner:
            self.since += len(chunk)
            if self.since > MAX_EVENT:
                raise MalformedAnswer("an event is too large", expected=f"at most {MAX_EVENT}")
            yield chunk

    def close(self) -> None:
        self._inner.close()


def _bounded(source: httpx_sse.EventSource) -> Iterator[httpx_sse.ServerSentEvent]:
    response = source.response
    assert isinstance(response.stream, httpx.SyncByteStream)
    response.stream = metered = _Metered(response.stream)
    for sent in source.iter_sse():
        metered.since = 0
        yield sent


@contextmanager
def _failures_named() -> Iterator[None]:
    try:
        yield
    except PinMismatch as error:
        error.hint = REPIN
        raise
    except (httpx.DecodingError, httpx_sse.SSEError) as error:
        raise MalformedAnswer(f"the answer cannot be read: {type(error).__name__}") from error
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise ServerUnreachable(
            f"the server cannot be reached: {type(error).__name__}: {error}",
            hint="Check the address in the profile, and that the control plane runs.",
        ) from error
