"""The unix socket: every frame gets an answer, a fault ends the process, nothing hangs."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.keyholder.errors import KeyholderStopped
from keyturn.keyholder.server import KeyholderServer
from keyturn.wire.errors import PeerRefused, PeerUnreachable
from keyturn.wire.frames import receive_frame, send_frame
from keyturn.wire.keyholder import AnyRequest, AskCheckpoint, ok_answer
from keyturn.wire.keyholder_client import ask_once


class Served:
    """A server on a socket, what it answers, and why it could not go on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.answer: Callable[[AnyRequest], dict[str, object]] = lambda _: ok_answer({"note": "x"})
        self.fatal: list[str] = []
        self.server = KeyholderServer(path, lambda it: self.answer(it), self.fatal.append)
        self.thread = threading.Thread(target=self.server.serve)
        self.thread.start()

    def ask(self) -> str:
        return ask_once(self.path, AskCheckpoint(), seconds=10)

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(str(self.path))  # blocking: it waits for a place in the queue
        connection.settimeout(10)
        return connection

    def stop(self) -> None:
        self.server.stop()
        self.thread.join(10)
        assert not self.thread.is_alive()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path / "keyholder.sock")
    yield made
    made.stop()


def is_closed(connection: socket.socket) -> bool:
    """By the other end, in order or with a reset."""
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True


def raising(error: Exception) -> Callable[[AnyRequest], dict[str, object]]:
    def answer(_: AnyRequest) -> dict[str, object]:
        raise error

    return answer


def test_a_question_is_answered(served: Served) -> None:
    assert served.ask() == "x"


def test_several_questions_on_one_connection(served: Served) -> None:
    with served.connect() as connection:
        for _ in range(3):
            send_frame(connection, AskCheckpoint().document())
            assert receive_frame(connection) == {"ok": True, "note": "x"}


def test_a_refusal_carries_found_and_expected(served: Served) -> None:
    served.answer = raising(UntrustedError("no", found="this", expected="that", hint="do"))

    with pytest.raises(PeerRefused) as refused:
        served.ask()

    error = refused.value
    assert (error.kind, error.found, error.expected) == ("untrusted", "this", "that")
    assert served.fatal == []


@pytest.mark.parametrize(
    "document", [{"op": "unknown"}, {}, {"op": "hello", "extra": 1}, {"op": 7}]
)
def test_what_is_no_question_is_refused_and_the_connection_lives(
    served: Served, document: dict[str, object]
) -> None:
    with served.connect() as connection:
        send_frame(connection, document)
        answer = receive_frame(connection)
        assert answer is not None
        assert answer["ok"] is False
        send_frame(connection, AskCheckpoint().document())
        assert receive_frame(connection) == {"ok": True, "note": "x"}


@pytest.mark.parametrize(
    "raw", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x02[]", b"\x00\x00\x00\x01{", b"GET / HTTP/1.1\r\n"]
)
def test_what_is_no_frame_ends_its_connection_and_no_other(served: Served, raw: bytes) -> None:
    with served.connect() as connection:
        connection.sendall(raw)
        with contextlib.suppress(OSError):  # it is gone already
            connection.shutdown(socket.SHUT_WR)
        assert is_closed(connection)

    assert served.ask() == "x"
    assert served.fatal == []


def test_a_peer_that_leaves_in_the_middle_costs_nothing(served: Served) -> None:
    for _ in range(200):  # more than there are places
        with served.connect() as connection:
            connection.sendall(b"\x00\x00\x00\x20{")

    assert served.ask() == "x"


def test_a_stopped_keyholder_says_so_and_ends(served: Served) -> None:
    served.answer = raising(KeyholderStopped("the disk failed"))

    with pytest.raises(PeerRefused, match="the disk failed"):
        served.ask()

    assert served.fatal == ["the disk failed"]


def test_a_fault_says_nothing_of_itself_and_ends(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    served.answer = raising(ValueError("something internal"))

    with pytest.raises(PeerRefused) as refused:
        served.ask()

    assert "something internal" not in str(refused.value)
    assert served.fatal == ["fault: ValueError"]
    assert "a fault in the keyholder" in caplog.text


def test_a_refused_question_is_no_fault(served: Served) -> None:
    served.answer = raising(MalformedError("not so"))

    with pytest.raises(PeerRefused, match="not so"):
        served.ask()
    assert served.fatal == []


def test_the_socket_is_its_owners_and_goes_with_the_server(tmp_path: Path) -> None:
    path = tmp_path / "keyholder.sock"
    path.write_text("what a killed one left")
    served = Served(path)
    assert path.is_socket()
    assert path.stat().st_mode & 0o777 == 0o600
    connection = served.connect()
    served.stop()

    assert not path.exists()
    assert is_closed(connection)
    connection.close()
    with pytest.raises(PeerUnreachable):
        ask_once(path, AskCheckpoint())


@pytest.mark.parametrize("name", ["x" * 200, "missing/keyholder.sock"])
def test_where_there_is_no_listening_it_says_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeyholderStopped, match="cannot listen"):
        KeyholderServer(tmp_path / name, lambda _: {}, lambda _: None)
