"""A wait for an answer that never comes is ended from another thread."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from keyturn.base.errors import KeyturnError
from keyturn.client.errors import ServerUnreachable
from keyturn.client.transport import Transport
from keyturn.wire.serveridentity import server_context, server_identity
from support.authority import START


class Mute:
    """Takes connections over TLS, reads what is asked, and answers with what it is given."""

    def __init__(self, directory: Path, said: bytes) -> None:
        self.identity = server_identity(directory / "tls", (), START)
        self._said = said
        self.asked = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._held: list[ssl.SSLSocket] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def _serve(self) -> None:
        context = server_context(self.identity)
        with suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                held = context.wrap_socket(plain, server_side=True)
                self._held.append(held)
                held.recv(65536)
                held.sendall(self._said)
                self.asked.set()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)
        for each in self._held:
            each.close()


STREAM = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"1d\r\nid: 1\nevent: grant\ndata: {}\n\n\r\n"
)


@pytest.fixture(params=[b"", STREAM], ids=["no answer", "a stream without an end"])
def mute(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mute]:
    made = Mute(tmp_path, request.param)
    yield made
    made.close()


def ask(transport: Transport) -> None:
    transport.get("/v1/hello", "hello")


def listen(transport: Transport) -> None:
    with transport.events("/v1/events", None) as stream:
        for _ in stream:
            pass


@pytest.mark.parametrize("wait", [ask, listen])
def test_ended_at_once(mute: Mute, wait: Callable[[Transport], None]) -> None:
    ended: list[KeyturnError] = []
    with Transport.pinned(mute.url, mute.identity.pin) as transport:

        def waiting() -> None:
            try:
                wait(transport)
            except KeyturnError as error:
                ended.append(error)

        thread = threading.Thread(target=waiting)
        thread.start()
        assert mute.asked.wait(10)
        assert thread.is_alive() or ended == []
        transport.hang_up()
        thread.join(5)
        assert not thread.is_alive()
        with pytest.raises(ServerUnreachable, match="ended here"):
            ask(transport)


def test_hung_up_before_anything_was_asked() -> None:
    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    transport = Transport(client)
    transport.hang_up()
    with pytest.raises(ServerUnreachable):
        ask(transport)
