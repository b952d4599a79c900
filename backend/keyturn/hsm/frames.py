"""Frames over a stream socket: u32 length, big endian, then so many bytes, 1 to 64 KiB."""

import socket

from keyturn.base.encoding import lp
from keyturn.hsm.errors import FrameError
from keyturn.hsm.messages import MAX_FRAME


def send_frame(channel: socket.socket, body: bytes) -> None:
    """Raises FrameError when the body is too long, OSError when the peer is gone."""
    if not 0 < len(body) <= MAX_FRAME:
        raise FrameError("frame has a wrong size", found=f"{len(body)} bytes")
    channel.sendall(lp(body))


def receive_frame(channel: socket.socket) -> bytes | None:
    """The next body; None when the peer closed between frames. Raises FrameError, OSError."""
    head = _exactly(channel, 4)
    if head is None:
        return None
    size = int.from_bytes(head, "big")
    if not 0 < size <= MAX_FRAME:
        raise FrameError("frame has a wrong size", found=f"{size} bytes")
    body = _exactly(channel, size)
    if body is None:
        raise FrameError("the peer stopped in the middle of a frame")
    return body


def _exactly(channel: socket.socket, size: int) -> bytes | None:
    """`size` bytes, or None at an end before the first."""
    parts = bytearray()
    while len(parts) < size:
        part = channel.recv(size - len(parts))
        if not part:
            if parts:
                raise FrameError("the peer stopped in the middle of a frame")
            return None
        parts += part
    return bytes(parts)
