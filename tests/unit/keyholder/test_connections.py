"""One connection: frames in whatever pieces they come, and how long it may keep us."""

import socket
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from keyturn.base.encoding import u32
from keyturn.keyholder import connections
from keyturn.keyholder.connections import Connections, Doing, Held, give
from keyturn.wire.errors import MalformedFrame, PeerUnreachable
from keyturn.wire.frames import encode_frame


class Line(NamedTuple):
    held: Held
    peer: socket.socket
    all: Connections


def connected() -> Line:
    ours, theirs = socket.socketpair()
    every = Connections(4)
    held = every.hold(ours)
    assert held is not None
    return Line(held, theirs, every)


@pytest.fixture
def line() -> Iterator[Line]:
    made = connected()
    with made.held.socket, made.peer:
        yield made


ONE, TWO = {"op": "one"}, {"op": "two", "pad": "x" * 200_000}


def test_frames_that_come_together_are_read_one_after_another(line: Line) -> None:
    line.peer.sendall(encode_frame(ONE) * 3)
    assert [line.all.receive(line.held) for _ in range(3)] == [ONE] * 3


@pytest.mark.parametrize("cut", [1, 4, 5, 17, 18, 30])
def test_a_frame_may_come_in_pieces_behind_another(line: Line, cut: int) -> None:
    """The next one's beginning came with the last: nothing of it is lost, or read as JSON."""
    raw = encode_frame(ONE) + encode_frame({"op": "three"})
    line.peer.sendall(raw[:cut])
    line.peer.sendall(raw[cut:])
    assert line.all.receive(line.held) == ONE
    assert line.all.receive(line.held) == {"op": "three"}
    line.peer.close()
    assert line.all.receive(line.held) is None


def test_a_frame_longer_than_a_piece_comes_whole(line: Line) -> None:
    line.peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    line.peer.sendall(encode_frame(TWO) + encode_frame(ONE))
    assert line.all.receive(line.held) == TWO
    assert line.all.receive(line.held) == ONE


@pytest.mark.parametrize("begun", [b"\0", u32(10), u32(10) + b"{}"], ids=["header", "none", "some"])
def test_the_next_frames_beginning_is_cut_off(line: Line, begun: bytes) -> None:
    line.peer.sendall(encode_frame(ONE) + begun)
    line.peer.close()
    assert line.all.receive(line.held) == ONE
    with pytest.raises(MalformedFrame, match="cut short"):
        line.all.receive(line.held)


def test_a_beginning_that_came_with_the_last_frame_must_be_whole_soon(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "FRAME_SECONDS", 0.05)
    line.peer.sendall(encode_frame(ONE) + u32(10) + b"{")
    assert line.all.receive(line.held) == ONE
    with pytest.raises(PeerUnreachable):
        line.all.receive(line.held)


@pytest.mark.parametrize("before", [b"", encode_frame(ONE)[:7]], ids=["whole", "pieces"])
def test_who_asks_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch, before: bytes) -> None:
    """Also after a frame that came in pieces, for which other limits held."""
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.25)
    line = connected()
    with line.held.socket, line.peer:
        line.peer.sendall(before)
        line.peer.sendall(encode_frame(ONE)[len(before) :])
        assert line.all.receive(line.held) == ONE
        began = time.monotonic()
        with pytest.raises(PeerUnreachable, match="sends nothing"):
            line.all.receive(line.held)
        assert time.monotonic() - began > 0.2


def test_an_answer_that_nobody_takes_ends(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "FRAME_SECONDS", 0.05)
    with pytest.raises(PeerUnreachable, match="does not take"):
        give(line.held.socket, bytes(8 << 20))


def test_an_answer_to_nobody_ends(line: Line) -> None:
    line.peer.close()
    with pytest.raises(PeerUnreachable, match="does not take"):
        give(line.held.socket, b"answer")


def test_an_answer_of_any_size_is_given_whole(line: Line) -> None:
    give(line.held.socket, b"answer")
    assert line.peer.recv(100) == b"answer"


def test_the_longest_idle_goes_and_none_that_is_answered() -> None:
    every, pairs = Connections(2), [socket.socketpair() for _ in range(3)]
    held = [every.hold(ours) for ours, _ in pairs[:2]]
    assert held[0] is not None
    every.now(held[0], Doing.ANSWERED)
    every.hold(pairs[2][0])
    assert pairs[1][1].recv(1) == b""
    assert pairs[0][0].send(b"x") == 1
    for pair in pairs:
        for each in pair:
            each.close()
