"""The keyholder's sockets against clients that hold, stall, flood and break off."""

import contextlib
import errno
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from keyturn.base.encoding import u32
from keyturn.base.strictjson import JsonObject, dump
from keyturn.keyholder import connections, server
from keyturn.keyholder.errors import KeyholderStopped
from keyturn.keyholder.server import KeyholderServer, local_socket
from keyturn.wire.frames import receive_frame, send_frame
from keyturn.wire.keyholder import AnyRequest, AskCheckpoint, Submit, Withdraw

LIMIT = 4
HELLO: JsonObject = {"op": "checkpoint"}
GOOD: dict[str, object] = {"ok": True, "note": "a note"}


@dataclass
class Served:
    """A server whose answer can be held back."""

    path: Path
    faults: list[str] = field(default_factory=list)
    seen: list[AnyRequest] = field(default_factory=list)
    wait: Callable[[], object] = lambda: None

    def answer(self, request: AnyRequest) -> dict[str, object]:
        self.seen.append(request)
        self.wait()
        return GOOD

    def connect(self, path: Path | None = None) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.settimeout(10)
        made.connect(str(path or self.path))
        return made

    def ask(self, document: JsonObject = HELLO, path: Path | None = None) -> JsonObject | None:
        with self.connect(path) as connection:
            send_frame(connection, document)
            return receive_frame(connection)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(server, "MAX_CONNECTIONS", LIMIT)
    made = Served(tmp_path / "k")
    running = KeyholderServer(made.path, made.answer, made.faults.append)
    thread = threading.Thread(target=running.serve)
    thread.start()
    yield made
    running.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert not made.path.exists()
    assert not local_socket(made.path).exists()


def ended(connection: socket.socket) -> bool:
    """Whether the server ends it within the connection's time."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_both_sockets_answer_and_are_for_their_owner_alone(served: Served) -> None:
    for path in (served.path, local_socket(served.path)):
        assert served.ask(path=path) == GOOD
        assert path.stat().st_mode & 0o777 == 0o600
    assert served.seen == [AskCheckpoint(), AskCheckpoint()]


def test_connections_that_ask_nothing_keep_nobody_out(served: Served) -> None:
    held = [served.connect() for _ in range(5 * LIMIT)]

    assert served.ask() == GOOD
    assert ended(held[0])
    for each in held:
        each.close()


def test_frames_that_were_begun_keep_nobody_out(served: Served) -> None:
    held = [served.connect() for _ in range(LIMIT)]
    for each in held:
        each.sendall(u32(1000) + b"{")

    assert served.ask() == GOOD
    for each in held:
        each.close()


def test_answers_that_nobody_takes_keep_nobody_out(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(GOOD, "note", "x" * (4 << 20))
    held = [served.connect() for _ in range(LIMIT)]
    for each in held:
        send_frame(each, HELLO)

    assert served.ask() == GOOD
    for each in held:
        each.close()


def test_who_asked_last_is_not_the_one_to_go(served: Served) -> None:
    held = [served.connect() for _ in range(LIMIT)]
    for each in held:
        send_frame(each, HELLO)
        assert receive_frame(each) == GOOD
    send_frame(held[0], HELLO)
    assert receive_frame(held[0]) == GOOD

    assert served.ask() == GOOD

    gone, _, _ = select.select(held, [], [], 10)
    assert len(gone) == 1
    assert held[0] not in gone
    send_frame(held[0], HELLO)
    assert receive_frame(held[0]) == GOOD
    for each in held:
        each.close()


def test_a_question_under_way_is_not_cut_off(served: Served) -> None:
    """All answer: the next waits, and nobody loses an answer."""
    go, answers = threading.Event(), []
    served.wait = lambda: go.wait(10)

    def ask(clients: int) -> list[threading.Thread]:
        made = [
            threading.Thread(target=lambda: answers.append(served.ask())) for _ in range(clients)
        ]
        for each in made:
            each.start()
        return made

    threads = ask(LIMIT)
    while len(served.seen) < LIMIT:
        threading.Event().wait(0.01)
    threads += ask(1)
    go.set()
    for each in threads:
        each.join(10)

    assert answers == [GOOD] * (LIMIT + 1)


def test_the_local_command_gets_in_when_every_slot_answers(served: Served) -> None:
    """Each slot is taken by a question before more connect: one without would be evicted."""
    go = threading.Event()
    served.wait = lambda: go.wait(10)
    with contextlib.ExitStack() as held:
        for asked in range(1, LIMIT + 1):
            send_frame(held.enter_context(served.connect()), HELLO)
            while len(served.seen) < asked:
                threading.Event().wait(0.01)
        for _ in range(LIMIT):
            send_frame(held.enter_context(served.connect()), HELLO)
        served.wait = lambda: None

        assert served.ask(path=local_socket(served.path)) == GOOD
        go.set()


def test_a_frame_must_be_whole_soon(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "FRAME_SECONDS", 0.2)
    with served.connect() as slow:
        began = time.monotonic()
        slow.sendall(u32(1000) + b"{")
        assert ended(slow)
        assert time.monotonic() - began < 5
    assert served.faults == []


# ---- large frames ----


def framed(body: bytes) -> bytes:
    return u32(len(body)) + body


def large(kind: str) -> bytes:
    return framed(dump({"op": kind, "pad": "x" * (1 << 20)}))


@pytest.mark.parametrize(
    "request_",
    [Submit(b"s" * (1 << 20), (b"a" * 1000,) * 64), Withdraw(b"s" * (1 << 20), b"w")],
    ids=["submit", "withdraw"],
)
def test_statements_may_be_large(served: Served, request_: Submit | Withdraw) -> None:
    assert served.ask(request_.document()) == GOOD
    assert served.seen == [request_]


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(large("release"), id="another question"),
        pytest.param(framed(b'{"op":"submit","x":[' + b"0," * (1 << 20) + b"0]}"), id="much JSON"),
        pytest.param(framed(b'{"op":"submit","x":' + b"[" * (1 << 20)), id="deep"),
        pytest.param(u32((8 << 20) + 1), id="longer than any"),
    ],
)
def test_no_other_frame_may_be_large(served: Served, frame: bytes) -> None:
    with served.connect() as connection:
        connection.sendall(frame)
        assert ended(connection)
    assert served.seen == []
    assert served.ask() == GOOD


def test_only_few_large_frames_are_read_at_once(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "FRAME_SECONDS", 0.5)
    held = [served.connect() for _ in range(LIMIT)]
    for each in held:
        each.sendall(u32(2 << 20) + b"{")

    assert all(ended(each) for each in held)
    for each in held:
        each.close()
    assert served.ask(Submit(b"s" * (1 << 20), ()).document()) == GOOD


# ---- a system that is short of something ----


class Scarce:
    """A listener that cannot accept, a few times."""

    def __init__(self, real: socket.socket, number: int) -> None:
        self.real, self.number, self.left = real, number, 3

    def accept(self) -> tuple[socket.socket, object]:
        if self.left:
            self.left -= 1
            raise OSError(self.number, os.strerror(self.number))
        return self.real.accept()

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)


def scarce(tmp_path: Path, number: int, faults: list[str]) -> tuple[KeyholderServer, Served]:
    made = Served(tmp_path / "k", faults)
    running = KeyholderServer(made.path, made.answer, faults.append)
    door = running._door
    door._listener = Scarce(door._listener, number)  # type: ignore[assignment]
    return running, made


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOMEM], ids=errno.errorcode.get)
def test_a_shortage_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    monkeypatch.setattr(server, "_SCARCE_SECONDS", 0.01)
    faults: list[str] = []
    running, served = scarce(tmp_path, number, faults)
    thread = threading.Thread(target=running.serve)
    thread.start()

    assert served.ask() == GOOD
    running.stop()
    thread.join(10)
    assert caplog.text.count("no connection can be accepted now") == 3
    assert faults == []


def test_another_error_ends_the_listener(tmp_path: Path) -> None:
    running, _ = scarce(tmp_path, errno.EBADF, [])
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        running.serve()
    running.stop()


def test_no_socket_is_no_service(tmp_path: Path) -> None:
    with pytest.raises(KeyholderStopped, match="cannot listen"):
        KeyholderServer(tmp_path / ("x" * 98), lambda _: GOOD, lambda _: None)


def test_an_answer_that_stops_the_keyholder_is_told_at_once(served: Served) -> None:
    def stop() -> None:
        raise KeyholderStopped("the disk is gone")

    served.wait = stop
    answer = served.ask()

    assert answer is not None
    assert answer["ok"] is False
    assert served.faults == ["the disk is gone"]


def test_a_fault_is_told_at_once_and_not_in_words(served: Served) -> None:
    def fail() -> None:
        raise ZeroDivisionError("where the secret lies")

    served.wait = fail
    answer = served.ask()

    assert "secret" not in str(answer)
    assert served.faults == ["fault: ZeroDivisionError"]


def test_what_is_no_frame_ends_only_its_connection(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(framed(b"[]"))
        assert ended(connection)
    with served.connect() as connection:
        connection.sendall(u32(10))
        connection.shutdown(socket.SHUT_WR)
        assert ended(connection)
    assert served.ask() == GOOD
    assert served.faults == []
