"""Framed JSON on unix sockets: `u32(length) ‖ JSON object` (our protocol §7.1).

`FrameReader` is the protocol without a socket; below it stand the same reading for blocking
sockets and for asyncio. A frame is limited before a byte of it is buffered, a peer that stops in
the middle of one is an error, and the JSON is read strictly.
"""

import asyncio
import socket
from collections.abc import Iterator, Mapping

from keyturn.base.encoding import u32
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import JsonObject, dump, load_object
from keyturn.wire.errors import MalformedFrame, PeerUnreachable

MAX_FRAME = 8 << 20
"""Bytes of JSON in one frame on the keyholder's socket (our protocol §7.1)."""

_HEADER = 4


def encode_frame(document: Mapping[str, object], *, limit: int = MAX_FRAME) -> bytes:
    """Header and JSON. Raises MalformedFrame when it would exceed `limit` bytes of JSON."""
    body = dump(document)
    if len(body) > limit:
        raise MalformedFrame(
            "frame is too large", found=f"{len(body)} bytes", expected=f"at most {limit} bytes"
        )
    return u32(len(body)) + body


def decode_body(body: bytes, *, limit: int = MAX_FRAME) -> JsonObject:
    """The JSON of one frame, strictly. Raises MalformedFrame."""
    try:
        return load_object(body, limit=limit, what="frame")
    except MalformedError as error:
        raise MalformedFrame(error.message, found=error.found, expected=error.expected) from error


class FrameReader:
    """Bytes in, frames out, no socket. Holds at most one unfinished frame."""

    def __init__(self, *, limit: int = MAX_FRAME) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[JsonObject]:
        """Yield every frame that `data` completes. Raises MalformedFrame."""
        self._buffer += data
        while len(self._buffer) >= _HEADER:
            end = _HEADER + _length(bytes(self._buffer[:_HEADER]), self._limit)
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_HEADER:end])
            del self._buffer[:end]
            yield decode_body(body, limit=self._limit)

    def end(self) -> None:
        """The peer closed. Raises MalformedFrame in the middle of a frame."""
        if self._buffer:
            raise MalformedFrame("frame is cut short", found=f"{len(self._buffer)} bytes of it")


def send_frame(
    connection: socket.socket, document: Mapping[str, object], *, limit: int = MAX_FRAME
) -> None:
    """Write one frame to a blocking socket. Raises MalformedFrame, PeerUnreachable."""
    frame = encode_frame(document, limit=limit)
    try:
        connection.sendall(frame)
    except OSError as error:
        raise PeerUnreachable(f"the peer does not take a frame: {error}") from error


def receive_frame(connection: socket.socket, *, limit: int = MAX_FRAME) -> JsonObject | None:
    """Read one frame from a blocking socket; None when the peer closed between two frames.

    Raises MalformedFrame, and PeerUnreachable on a time-out or a broken connection.
    """
    header = _receive(connection, _HEADER, at_start=True)
    if not header:
        return None
    return decode_body(_receive(connection, _length(header, limit)), limit=limit)


async def read_frame(reader: asyncio.StreamReader, *, limit: int = MAX_FRAME) -> JsonObject | None:
    """As `receive_frame`, in asyncio. The caller sets the time limit."""
    try:
        header = await reader.readexactly(_HEADER)
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        raise MalformedFrame("frame is cut short in its header") from error
    except OSError as error:
        raise PeerUnreachable(f"the peer's connection broke: {error}") from error
    try:
        body = await reader.readexactly(_length(header, limit))
    except asyncio.IncompleteReadError as error:
        raise MalformedFrame("frame is cut short", found=f"{len(error.partial)} bytes") from error
    except OSError as error:
        raise PeerUnreachable(f"the peer's connection broke: {error}") from error
    return decode_body(body, limit=limit)


def _length(header: bytes, limit: int) -> int:
    length = int.from_bytes(header, "big")
    if length > limit:
        raise MalformedFrame(
            "frame is too large", found=f"{length} bytes", expected=f"at most {limit} bytes"
        )
    return length


def _receive(connection: socket.socket, size: int, *, at_start: bool = False) -> bytes:
    data = bytearray()
    while len(data) < size:
        try:
            piece = connection.recv(min(size - len(data), 1 << 20))
        except OSError as error:
            raise PeerUnreachable(f"the peer does not answer: {error}") from error
        if not piece:
            if at_start and not data:
                return b""
            raise MalformedFrame("frame is cut short", found=f"{len(data)} of {size} bytes")
        data += piece
    return bytes(data)
