"""Frames over a stream socket: u32 length, big endian, then so many bytes, 1 to 64 KiB."""

import socket
import struct
import time

from keyturn.base.encoding import lp
from keyturn.hsm.errors import FrameError
from keyturn.hsm.messages import MAX_FRAME

_HEAD = 4


def send_frame(channel: socket.socket, body: bytes) -> None:
    """Raises FrameError when the body is too long, OSError when the peer is gone."""
    channel.sendall(_framed(body))


def send_frame_until(channel: socket.socket, body: bytes, deadline: float) -> None:
    """As `send_frame`, until a time of the monotonic clock. Raises TimeoutError too.

    Nearly always one call of the system: each lets the interpreter's lock go, and others wait.
    """
    frame = _framed(body)
    try:
        sent = channel.send(frame, socket.MSG_DONTWAIT)
    except BlockingIOError:
        sent = 0
    if sent < len(frame):
        channel.settimeout(_left(deadline))
        channel.sendall(frame[sent:])
        channel.settimeout(None)


def receive_frame(channel: socket.socket) -> bytes | None:
    """The next body; None when the peer closed between frames. Raises FrameError, OSError."""
    head = _exactly(channel, _HEAD)
    if head is None:
        return None
    body = _exactly(channel, _checked(int.from_bytes(head, "big")))
    if body is None:
        raise FrameError("the peer stopped in the middle of a frame")
    return body


def receive_answer(channel: socket.socket, deadline: float) -> bytes | None:
    """As `receive_frame`, until a time of the monotonic clock, from a peer that sends one frame and
    then waits. Raises TimeoutError, and FrameError when more came than one."""
    frame = _some(channel, deadline)
    while frame and len(frame) < (end := _end(frame)):
        more = _some(channel, deadline)
        if not more:
            raise FrameError("the peer stopped in the middle of a frame")
        frame += more
    if frame and len(frame) > end:
        raise FrameError("the peer sent more than a frame", found=f"{len(frame) - end} bytes more")
    return frame[_HEAD:] or None


def _some(channel: socket.socket, deadline: float) -> bytes:
    """What is there, as soon as anything is. The kernel keeps the time: it is one call."""
    left = 1 + int(_left(deadline) * 1_000_000)  # microseconds; 0 would be no limit
    timeval = struct.pack("@ll", *divmod(left, 1_000_000))
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
    try:
        return channel.recv(_HEAD + MAX_FRAME)
    except BlockingIOError as error:
        raise TimeoutError from error


def _left(deadline: float) -> float:
    """Seconds, more than 0. Raises TimeoutError."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _end(begun: bytes) -> int:
    """Where a frame ends whose beginning this is; the end of its head, while that is not whole."""
    if len(begun) < _HEAD:
        return _HEAD
    size = int.from_bytes(begun[:_HEAD], "big")
    return _HEAD + _checked(size)


def _checked(size: int) -> int:
    if not 0 < size <= MAX_FRAME:
        raise FrameError("frame has a wrong size", found=f"{size} bytes")
    return size


def _framed(body: bytes) -> bytes:
    _checked(len(body))
    return lp(body)


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
