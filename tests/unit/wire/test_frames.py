"""Frames: every cut, every size, every reader."""

import asyncio
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.wire.errors import MalformedFrame, PeerUnreachable
from keyturn.wire.frames import (
    FrameReader,
    encode_frame,
    read_frame,
    receive_frame,
    send_frame,
)

DOCUMENTS = st.dictionaries(
    st.text(max_size=8),
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20),
    max_size=5,
)


def test_layout_is_big_endian_length_then_json() -> None:
    assert encode_frame({"op": "hello"}) == b'\x00\x00\x00\x0e{"op":"hello"}'


@given(st.lists(DOCUMENTS, max_size=5), st.integers(1, 64))
def test_any_cutting_gives_the_same_frames(documents: list[dict[str, object]], size: int) -> None:
    stream = b"".join(encode_frame(each) for each in documents)
    reader = FrameReader()
    found: list[object] = []
    for start in range(0, len(stream), size):
        found.extend(reader.feed(stream[start : start + size]))
    reader.end()
    assert found == documents


def test_a_length_over_the_limit_is_refused_before_its_body() -> None:
    with pytest.raises(MalformedFrame, match="too large"):
        list(FrameReader(limit=100).feed(b"\x00\x00\x00\x65"))


def test_what_is_sent_obeys_the_limit_too() -> None:
    with pytest.raises(MalformedFrame, match="too large"):
        encode_frame({"a": "x" * 100}, limit=50)


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":1.5}', b""])
def test_the_body_is_strict_json(body: bytes) -> None:
    with pytest.raises(MalformedFrame):
        list(FrameReader().feed(len(body).to_bytes(4, "big") + body))


def test_an_end_in_the_middle_is_told() -> None:
    reader = FrameReader()
    list(reader.feed(b"\x00\x00\x00\x0e{"))
    with pytest.raises(MalformedFrame, match="cut short"):
        reader.end()


def _pair() -> tuple[socket.socket, socket.socket]:
    one, other = socket.socketpair()
    one.settimeout(0.2)
    other.settimeout(0.2)
    return one, other


def test_blocking_sockets_carry_frames_and_see_the_end() -> None:
    one, other = _pair()
    with one, other:
        send_frame(one, {"op": "a"})
        send_frame(one, {"op": "b"})
        one.shutdown(socket.SHUT_WR)
        assert receive_frame(other) == {"op": "a"}
        assert receive_frame(other) == {"op": "b"}
        assert receive_frame(other) is None


@pytest.mark.parametrize("cut", [1, 3, 4, 10])
def test_a_cut_connection_is_malformed_not_an_end(cut: int) -> None:
    one, other = _pair()
    with one, other:
        one.sendall(encode_frame({"op": "hello"})[:cut])
        one.close()
        with pytest.raises(MalformedFrame, match="cut short"):
            receive_frame(other)


def test_a_silent_peer_is_unreachable() -> None:
    one, other = _pair()
    with one, other:
        one.sendall(b"\x00\x00")
        with pytest.raises(PeerUnreachable):
            receive_frame(other)


def test_writing_to_a_closed_peer_is_unreachable() -> None:
    one, other = _pair()
    other.close()
    with one, pytest.raises(PeerUnreachable):
        send_frame(one, {"op": "hello"})


@pytest.mark.parametrize(
    ("data", "ok"), [(b"", True), (b"\x00", False), (b"\x00\x00\x00\x02{", False)]
)
def test_asyncio_reader_tells_end_from_cut(data: bytes, ok: bool) -> None:
    async def read() -> object:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return await read_frame(reader)

    if ok:
        assert asyncio.run(read()) is None
    else:
        with pytest.raises(MalformedFrame):
            asyncio.run(read())
