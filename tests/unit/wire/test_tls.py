"""Pinned TLS against real TLS servers on loopback, one with the pinned key and one without."""

import asyncio
import datetime
import hashlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from keyturn.base.errors import MalformedError
from keyturn.wire.errors import PinMismatch
from keyturn.wire.tls import Pin, parse_pin, pin_of_certificate, pinned_async_client, pinned_client

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"


@dataclass
class TlsServer:
    url: str
    pin: Pin
    received: list[bytes]


def _identity(directory: Path) -> tuple[ssl.SSLContext, Pin]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = directory / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return context, Pin(hashlib.sha256(spki).hexdigest())


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TlsServer]:
    context, pin = _identity(tmp_path)
    listener = socket.create_server(("127.0.0.1", 0))
    received: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            with plain:
                plain.settimeout(5)
                try:
                    with context.wrap_socket(plain, server_side=True) as connection:
                        data = connection.recv(65536)
                        if data:
                            received.append(data)
                            connection.sendall(ANSWER)
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    yield TlsServer(f"https://127.0.0.1:{listener.getsockname()[1]}", pin, received)
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(10)
    assert not thread.is_alive()


def test_the_pinned_key_is_spoken_to(server: TlsServer) -> None:
    with pinned_client(server.url, server.pin) as client:
        assert client.get("/").text == "ok"


def test_another_key_receives_nothing(server: TlsServer) -> None:
    other = Pin("00" * 32)
    with pinned_client(server.url, other) as client, pytest.raises(PinMismatch) as caught:
        client.post("/", content=b"secret")
    assert caught.value.found == server.pin
    assert caught.value.expected == other
    assert server.received == []


def test_asyncio_checks_the_same(server: TlsServer) -> None:
    async def ask(pin: Pin) -> str:
        async with pinned_async_client(server.url, pin) as client:
            return (await client.get("/")).text

    assert asyncio.run(ask(server.pin)) == "ok"
    with pytest.raises(PinMismatch):
        asyncio.run(ask(Pin("11" * 32)))
    assert len(server.received) == 1


@pytest.mark.parametrize("text", ["", "00" * 31, "00" * 33, "AA" * 32, "zz" * 32])
def test_a_pin_has_one_spelling(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_pin(text)


def test_plain_http_is_refused() -> None:
    with pytest.raises(PinMismatch):
        pinned_client("http://127.0.0.1:1", Pin("00" * 32))


def test_an_unreadable_certificate_is_no_pin() -> None:
    with pytest.raises(PinMismatch):
        pin_of_certificate(b"\x30\x00")


def test_tls_1_2_is_refused(tmp_path: Path) -> None:
    context, pin = _identity(tmp_path)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        plain, _ = listener.accept()
        with plain, pytest.raises(ssl.SSLError):
            context.wrap_socket(plain, server_side=True)

    thread = threading.Thread(target=serve)
    thread.start()
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    with pinned_client(url, pin) as client, pytest.raises(httpx.ConnectError):
        client.get("/")
    thread.join(10)
    listener.close()
