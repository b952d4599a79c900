import socket
from collections.abc import Iterator

import pytest

from keyturn.hsm.errors import FrameError
from keyturn.hsm.frames import receive_frame, send_frame

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_frame_comes_through(pair: Pair) -> None:
    send_frame(pair[0], b"one")
    send_frame(pair[0], b"two")
    assert [receive_frame(pair[1]), receive_frame(pair[1])] == [b"one", b"two"]


def test_a_frame_is_a_big_endian_length_and_bytes(pair: Pair) -> None:
    send_frame(pair[0], b"abc")
    assert pair[1].recv(100) == b"\0\0\0\x03abc"


def test_an_end_between_frames_is_an_end(pair: Pair) -> None:
    pair[0].close()
    assert receive_frame(pair[1]) is None


@pytest.mark.parametrize("raw", [b"\0", b"\0\0\0", b"\0\0\0\x03", b"\0\0\0\x03ab"])
def test_an_end_within_a_frame_is_an_error(pair: Pair, raw: bytes) -> None:
    pair[0].sendall(raw)
    pair[0].close()
    with pytest.raises(FrameError, match="middle"):
        receive_frame(pair[1])


@pytest.mark.parametrize("size", [0, (64 << 10) + 1, 0xFFFFFFFF])
def test_other_sizes_are_refused_before_they_are_read(pair: Pair, size: int) -> None:
    pair[0].sendall(size.to_bytes(4, "big"))
    with pytest.raises(FrameError, match="size"):
        receive_frame(pair[1])


@pytest.mark.parametrize("size", [0, (64 << 10) + 1])
def test_other_sizes_are_not_sent(pair: Pair, size: int) -> None:
    with pytest.raises(FrameError, match="size"):
        send_frame(pair[0], bytes(size))
