"""Answers and failures of HTTP, each with its own type."""

from collections.abc import Callable

import httpx
import pytest

from keyturn.base.errors import KeyturnError
from keyturn.client import transport as transport_module
from keyturn.client.errors import (
    MalformedAnswer,
    MalformedProfile,
    ServerRefused,
    ServerUnreachable,
)
from keyturn.client.transport import Transport
from keyturn.wire.errors import PinMismatch

Handler = Callable[[httpx.Request], httpx.Response]


def transport(handler: Handler) -> Transport:
    client = httpx.Client(transport=httpx.MockTransport(handler), base_url="https://test")
    return Transport(client)


def answering(response: httpx.Response) -> Transport:
    return transport(lambda request: response)


def failing(error: Exception) -> Transport:
    def handler(request: httpx.Request) -> httpx.Response:
        raise error

    return transport(handler)


def test_a_post_sends_json_and_the_token() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"a": 1})

    with transport(handler) as http:
        http.use_token("secret")
        assert http.post("/v1/x", "x", {"b": [2]}).integer("a") == 1
    assert seen[0].content == b'{"b":[2]}'
    assert seen[0].headers["Authorization"] == "Bearer secret"
    assert seen[0].headers["Content-Type"] == "application/json"


def test_a_refusal_carries_what_the_server_said() -> None:
    error = {"kind": "quorum", "message": "no", "found": "1", "expected": "2", "hint": "ask"}
    with pytest.raises(ServerRefused) as caught:
        answering(httpx.Response(403, json={"error": error})).get("/x", "x")
    refused = caught.value
    assert (refused.status, refused.kind, refused.message) == (403, "quorum", "no")
    assert (refused.found, refused.expected, refused.hint) == ("1", "2", "ask")


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"error": "no"}'])
def test_a_refusal_without_an_error_still_is_one(content: bytes) -> None:
    with pytest.raises(ServerRefused, match="HTTP status 502"):
        answering(httpx.Response(502, content=content)).get("/x", "x")


def test_a_redirect_is_not_followed() -> None:
    moved = httpx.Response(302, headers={"Location": "https://elsewhere/"})
    with pytest.raises(ServerRefused, match="302"):
        answering(moved).get("/x", "x")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (httpx.ConnectError("refused"), ServerUnreachable),
        (httpx.ReadTimeout("slow"), ServerUnreachable),
        (httpx.RemoteProtocolError("cut"), ServerUnreachable),
        (httpx.DecodingError("gzip"), MalformedAnswer),
        (PinMismatch("another key", found="aa", expected="bb"), PinMismatch),
    ],
)
def test_failures_are_told_apart(error: Exception, expected: type[KeyturnError]) -> None:
    with pytest.raises(expected):
        failing(error).get("/x", "x")


def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "MAX_ANSWER", 100)
    with pytest.raises(MalformedAnswer, match="too large"):
        answering(httpx.Response(200, content=b"x" * 101)).get("/x", "x")


def test_what_is_no_address_is_malformed() -> None:
    with pytest.raises(MalformedProfile, match="server"):
        Transport.pinned("https://host:port", "ab" * 32)  # type: ignore[arg-type]


def test_pinned_towards_http_is_refused() -> None:
    with pytest.raises(PinMismatch, match="https only"):
        Transport.pinned("http://test", "ab" * 32)  # type: ignore[arg-type]
