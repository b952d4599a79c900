import socket
import time
from collections.abc import Iterator

import pytest

from keyturn.hsm.errors import FrameError
from keyturn.hsm.frames import receive_answer, receive_frame, send_frame, send_frame_until

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


# ---- within a time ----


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


@pytest.mark.parametrize("size", [1, 100, 64 << 10])
def test_an_answer_comes_whole(pair: Pair, size: int) -> None:
    pair[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    send_frame(pair[0], b"x" * size)
    assert receive_answer(pair[1], soon()) == b"x" * size


@pytest.mark.parametrize("raw", [b"\0", b"\0\0\0", b"\0\0\0\x03", b"\0\0\0\x03ab"])
def test_an_answer_that_ends_within_is_an_error(pair: Pair, raw: bytes) -> None:
    pair[0].sendall(raw)
    pair[0].close()
    with pytest.raises(FrameError, match="middle"):
        receive_answer(pair[1], soon())


@pytest.mark.parametrize("raw", [b"\0", b"\0\0\0\x03ab", b""])
def test_an_answer_that_is_not_whole_in_time_is_given_up(pair: Pair, raw: bytes) -> None:
    pair[0].sendall(raw)
    with pytest.raises(TimeoutError):
        receive_answer(pair[1], soon(0.05))


def test_an_end_instead_of_an_answer_is_an_end(pair: Pair) -> None:
    pair[0].close()
    assert receive_answer(pair[1], soon()) is None


def test_more_than_one_answer_is_refused(pair: Pair) -> None:
    """Nothing was asked that the second could answer; left there it would answer the next."""
    send_frame(pair[0], b"one")
    send_frame(pair[0], b"two")
    with pytest.raises(FrameError, match="more than a frame"):
        receive_answer(pair[1], soon())


@pytest.mark.parametrize("size", [0, (64 << 10) + 1, 0xFFFFFFFF])
def test_an_answer_of_another_size_is_refused(pair: Pair, size: int) -> None:
    pair[0].sendall(size.to_bytes(4, "big"))
    with pytest.raises(FrameError, match="size"):
        receive_answer(pair[1], soon())


def test_a_question_that_is_not_taken_is_given_up(pair: Pair) -> None:
    pair[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with pytest.raises(TimeoutError):
        send_frame_until(pair[0], bytes(64 << 10), soon(0.05))


def test_a_question_comes_through(pair: Pair) -> None:
    send_frame_until(pair[0], b"what", soon())
    assert receive_frame(pair[1]) == b"what"
    with pytest.raises(FrameError, match="size"):
        send_frame_until(pair[0], b"", soon())
