"""Slow, silent and junk connections to a node: cut off, bounded, and not worth a log line."""

import logging
import socket
import ssl
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from keyturn.agent import connections
from keyturn.agent.keys import NodeKeys, tls_digest
from keyturn.agent.service import Service
from keyturn.wire.tls import Pin, pinned_client
from unit.agent.test_server import ask, running, service  # noqa: F401 - the fixture

PATIENCE = 10.0  # seconds that a test waits for what should come in a fraction of one


@pytest.fixture
def url(
    service: Service,  # noqa: F811
    node_keys: NodeKeys,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(connections, "BODY_SECONDS", 0.2)
    monkeypatch.setattr(connections, "GRACE_SECONDS", 0.1)
    monkeypatch.setattr(connections, "CONNECTIONS", 4)
    with running(service, node_keys) as where:
        yield where


def connect(url: str) -> ssl.SSLSocket:
    where = urlsplit(url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    plain = socket.create_connection((where.hostname, where.port or 0), timeout=PATIENCE)
    return context.wrap_socket(plain)


def closed_after(sock: ssl.SSLSocket) -> float:
    """Seconds until the server has closed. Raises TimeoutError when it does not."""
    began = time.monotonic()
    try:
        while sock.recv(4096):
            pass
    except (ConnectionError, ssl.SSLError):
        pass
    return time.monotonic() - began


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nhost: n\r\n",
        b"POST /v1/embeddings HTTP/1.1\r\nhost: n\r\ncontent-length: 99\r\n\r\n{",
        b"GET /healthz HTTP/1.1\r\nhost: n\r\ncontent-length: 99\r\n\r\n{",  # read by nobody
        b"GET /healthz HTTP/1.1\r\nhost: n\r\n\r\nGET /healthz HTTP",  # the second head
    ],
)
def test_whoever_does_not_finish_is_cut_off(url: str, sent: bytes) -> None:
    with connect(url) as sock:
        sock.sendall(sent)
        assert closed_after(sock) < PATIENCE


def test_when_all_places_are_taken_the_slowest_gives_his_up(
    url: str, node_keys: NodeKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 600.0)
    silent = [connect(url) for _ in range(4)]
    try:
        with pinned_client(url, Pin(tls_digest(node_keys)), timeout=PATIENCE) as client:
            assert ask(client).status_code == 200
        assert closed_after(silent[0]) < PATIENCE
    finally:
        for each in silent:
            each.close()


def test_a_client_that_finishes_keeps_its_connection(url: str, node_keys: NodeKeys) -> None:
    with pinned_client(url, Pin(tls_digest(node_keys)), timeout=PATIENCE) as client:
        streams = {_stream(ask(client)) for _ in range(3)}
    assert len(streams) == 1


def _stream(answer: httpx.Response) -> int:
    assert answer.status_code == 200
    return id(answer.extensions["network_stream"])


def test_junk_is_not_worth_a_log_line(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for junk in (b"\x16\x03\x01 nonsense\r\n\r\n", b"GET\r\n\r\n"):
        with connect(url) as sock:
            sock.sendall(junk)
            closed_after(sock)
    assert [each for each in caplog.records if each.name.startswith("uvicorn")] == []
