"""The edge: limits of size and time, strict JSON, every error in one form."""

import threading
import time
from typing import Any

import pytest

from keyturn.base.errors import (
    KeyturnError,
    MalformedError,
    NotFoundError,
    UnreachableError,
    UntrustedError,
)
from keyturn.base.strictjson import JsonObject, load_object
from keyturn.control import http
from keyturn.control.errors import Conflict, NotAllowed, NotFound, NotSignedIn, TooLarge, TooMany
from keyturn.control.http import status_of
from keyturn.serving import listening
from keyturn.store.errors import StoreUnreachable
from keyturn.wire.errors import PeerRefused, PeerUnreachable
from support.control import World


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotSignedIn("x"), 401),
        (NotAllowed("x"), 403),
        (UntrustedError("x"), 403),
        (NotFound("x"), 404),
        (Conflict("x"), 409),
        (TooLarge("x"), 413),
        (MalformedError("x"), 400),
        (TooMany("x"), 429),
        (PeerRefused("untrusted", "x"), 502),
        (PeerRefused("not-found", "x"), 404),
        (NotFoundError("x"), 404),
        (PeerUnreachable("x"), 503),
        (StoreUnreachable("x"), 503),
        (UnreachableError("x"), 503),
        (KeyturnError("x"), 400),
    ],
)
def test_one_table_from_error_to_status(error: KeyturnError, status: int) -> None:
    assert status_of(error) == status


@pytest.mark.parametrize(
    "body",
    [
        b'{"envelope":"","envelope":""}',
        b'{"envelope":NaN}',
        b'{"envelope":1.5}',
        b'{"envelope":"","more":1}',
        b"[]",
        b"{",
        b"",
        b"\xff",
        b'{"envelope":"' + b"a" * 70_000 + b'"}',
    ],
)
def test_bodies_are_read_strictly(world: World, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    with world.client() as client:
        answer = client.post("/v1/sessions", content=body, headers=headers)
    assert answer.status_code in (400, 413)
    assert set(answer.json()["error"]) == {"kind", "message", "found", "expected", "hint"}


def test_a_body_without_an_announced_length_is_counted(world: World) -> None:
    with world.client() as client:
        answer = client.post("/v1/heartbeats", content=(b"x" * 4096 for _ in range(20)))
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/v1/challenges", 404),
        ("DELETE", "/v1/hello", 405),
        ("POST", "/v1/nodes/x/y", 404),
    ],
)
def test_unknown_paths_and_methods_are_told_in_our_form(
    world: World, method: str, path: str, status: int
) -> None:
    with world.client() as client:
        answer = client.request(method, path)
    assert answer.status_code == status
    assert "message" in answer.json()["error"]


def test_answers_are_not_cached_and_name_no_server(world: World) -> None:
    with world.client() as client:
        headers = client.get("/v1/hello").headers
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


def test_a_slow_body_is_cut_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.server.config.loaded_app, "_body_seconds", 0.2)
    received = world.raw(b"POST /v1/releases HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
    assert received.startswith(b"HTTP/1.1 408")


def test_a_header_that_never_ends_is_cut_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "HEADER_SECONDS", 0.2)
    assert world.raw(b"GET /v1/hello HTTP/1.1\r\nhost: x\r\n") == b""


def test_a_client_that_hangs_up_in_the_middle_harms_nobody(world: World) -> None:
    for cut in (b"", b"GET", b"POST /v1/releases HTTP/1.1\r\ncontent-length: 9\r\n\r\n{"):
        world.raw(cut, end=True)
    with world.client() as client:
        assert client.get("/v1/hello").status_code == 200


def test_without_a_session_no_byte_of_a_body_is_read(world: World) -> None:
    head = b"POST /v1/proposals HTTP/1.1\r\nhost: x\r\ncontent-length: 30000000\r\n"
    answered = world.raw(head + b"connection: close\r\n\r\n{")
    assert answered.startswith(b"HTTP/1.1 401")


def test_a_body_of_very_many_values_is_refused_unread(world: World) -> None:
    body = b'{"a":[' + b"[]," * 2_000_000 + b"[]]}"
    json_type = {"content-type": "application/json"}
    with world.sign_in() as client:
        started = time.monotonic()
        answer = client.post("/v1/proposals", content=body, headers=json_type)
        taken = time.monotonic() - started
    assert answer.status_code == 413
    assert "values" in answer.json()["error"]["message"]
    assert taken < 2


def test_a_release_request_of_very_many_values_is_refused_unread(world: World) -> None:
    with world.client() as client:
        answer = client.post("/v1/releases", content=b'{"a":[' + b"[]," * 80_000 + b"[]]}")
    assert answer.status_code == 413


def test_a_long_body_is_parsed_off_the_event_loop(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []

    def noting(raw: bytes, **options: Any) -> JsonObject:
        threads.append(threading.current_thread().name)
        return load_object(raw, **options)

    monkeypatch.setattr(http, "load_object", noting)
    with world.sign_in() as client:
        threads.clear()
        for size in (1_000, 1 << 20):
            client.post("/v1/proposals", json={"statement": "A" * size})
    assert len(set(threads)) == 2
