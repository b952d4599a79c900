"""A server of ours: its time limits, its line when it listens, and what it says when it cannot."""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from keyturn.serving import listening
from keyturn.serving.errors import CannotListen
from keyturn.serving.listening import ListeningServer, listening_config
from keyturn.wire.serveridentity import server_identity
from keyturn.wire.tls import Pin, pinned_client, pinned_context

SOON = 0.2


def make(directory: Path, port: int, told: "list[str]", ready: threading.Event) -> ListeningServer:
    def on_ready(url: str) -> None:
        told.append(url)
        ready.set()

    app = Starlette(routes=[Route("/", lambda _: PlainTextResponse("here"))])
    identity = server_identity(directory, (), datetime.now(UTC))
    config = listening_config(app, identity, ("127.0.0.1", port), connections=10, keep_alive=5)
    told.append(identity.pin)
    return ListeningServer(config, "the example", on_ready)


@contextlib.contextmanager
def running(directory: Path) -> Iterator[tuple[str, Pin]]:
    """(its URL, its pin), until the end of the block."""
    told: list[str] = []
    ready = threading.Event()
    server = make(directory, 0, told, ready)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        assert ready.wait(20)
        yield told[1], Pin(told[0])
    finally:
        server.stop()
        thread.join(30)
        assert not thread.is_alive()


def address(url: str) -> tuple[str, int]:
    host, port = url.removeprefix("https://").split(":")
    return host, int(port)


def test_it_answers_names_no_software_and_stops(tmp_path: Path) -> None:
    with running(tmp_path) as (url, pin), pinned_client(url, pin, timeout=20) as client:
        answer = client.get("/")
    assert answer.text == "here"
    assert "server" not in answer.headers


def test_whoever_says_nothing_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "HANDSHAKE_SECONDS", SOON)
    with (
        running(tmp_path) as (url, _),
        socket.create_connection(address(url), timeout=20) as silent,
    ):
        assert silent.recv(1) == b""


@pytest.mark.parametrize("before", [0, 1])
def test_a_header_that_never_ends_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    """At once, and after a request that was answered."""
    monkeypatch.setattr(listening, "HEADER_SECONDS", SOON)
    with (
        running(tmp_path) as (url, pin),
        socket.create_connection(address(url), timeout=20) as line,
        pinned_context(pin).wrap_socket(line, server_hostname="127.0.0.1") as secured,
    ):
        for _ in range(before):
            secured.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            while not secured.recv(4096).endswith(b"here"):
                pass
        secured.sendall(b"GET / HT")
        with contextlib.suppress(ConnectionResetError, ssl.SSLEOFError):
            assert secured.recv(1) == b""


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = make(tmp_path, port, [], threading.Event())
        with pytest.raises(CannotListen, match="the example cannot listen") as caught:
            asyncio.run(server.serve())
    assert str(port) in caught.value.found
