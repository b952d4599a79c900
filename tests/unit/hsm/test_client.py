"""The client against a peer that misbehaves; real workers: tests/contract."""

import socket
from pathlib import Path

import pytest

from keyturn.hsm.client import StartingWorker, WorkerConfig, exchange
from keyturn.hsm.errors import HsmUnreachable
from keyturn.hsm.frames import receive_frame, send_frame


def test_an_answer_comes_back() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send_frame(theirs, b"answer")
        assert exchange(ours, b"question", 5) == b"answer"
        assert receive_frame(theirs) == b"question"


@pytest.mark.parametrize("sent", [b"", b"\0\0", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x05ab"])
def test_a_peer_that_ends_or_babbles_is_dead(sent: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(sent)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(HsmUnreachable, match="died"):
            exchange(ours, None, 5)


def test_a_silent_peer_is_given_up() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(HsmUnreachable, match="did not answer"):
        exchange(ours, None, 0.01)


def test_a_worker_that_cannot_start_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    with pytest.raises(HsmUnreachable, match="does not start"):
        StartingWorker(WorkerConfig(Path("m"), "label"), 0)
