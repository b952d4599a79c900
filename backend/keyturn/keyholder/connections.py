"""Connections of one listening socket: bounded in number, in time, and in what one may send.

Whoever holds connections without asking anything loses the longest idle one to the next that
connects, so that nobody is locked out by connections that do nothing. A frame that has begun
must be whole soon; of frames over 1 MiB only few are read at once, they hold a submission and
little JSON beside its texts, so that no frame costs much to read.
"""

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass
from enum import Enum

from keyturn.base.encoding import u32
from keyturn.base.strictjson import JsonObject
from keyturn.wire.errors import MalformedFrame, PeerUnreachable
from keyturn.wire.frames import MAX_FRAME, decode_body
from keyturn.wire.keyholder import HandCollateral, Record, Submit, Withdraw

IDLE_SECONDS = 300.0
FRAME_SECONDS = 10.0
"""From a frame's first byte to its last, and for an answer to be taken."""
TAKING_SECONDS = 1.0
"""So long an answer is not cut off, however many others wait."""
LARGE_FRAME = 1 << 20
LARGE_AT_ONCE = 2
_PIECE = 64 << 10
"""Bytes asked for at a time: most frames come whole with the first, and every call of the system
lets the interpreter's lock go, for which all other connections wait."""
LARGE_STRUCTURE = 1024
"""Commas and brackets in a large frame: a submission has a few for each approval."""

_HEADER = len(u32(0))
_LARGE_OPS = (Submit.op, Withdraw.op, Record.op, HandCollateral.op)


class Doing(Enum):
    """What one connection is at."""

    ASKING = "idle, or amid a frame"
    ANSWERED = "its question is being answered"
    TAKING = "the answer is on its way"


@dataclass(slots=True, eq=False)
class Held:
    """One connection."""

    socket: socket.socket
    since: float  # monotonic seconds
    doing: Doing = Doing.ASKING
    rest: bytes = b""
    """What came behind the last frame: the next one, or the beginning of it."""

    def evictable(self, now: float) -> bool:
        """Never while its answer is made; an answer has a moment to be taken."""
        if self.doing is Doing.TAKING:
            return now - self.since >= TAKING_SECONDS
        return self.doing is Doing.ASKING


class Connections:
    """At most `limit` open ones. Safe for many threads."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: set[Held] = set()
        self._changed = threading.Condition()
        self._closed = False
        self._waiting = 0
        self._large = threading.BoundedSemaphore(LARGE_AT_ONCE)

    def hold(self, connection: socket.socket) -> Held | None:
        """Make room, if need be by ending the longest idle one. None when all were closed."""
        held = Held(connection, time.monotonic())
        seconds, fraction = divmod(IDLE_SECONDS, 1)
        idle = struct.pack("@ll", int(seconds), int(fraction * 1_000_000))  # struct timeval
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, idle)
        with self._changed:
            self._waiting += 1
            while not self._closed and len(self._open) >= self._limit and not self._evict():
                self._changed.wait(TAKING_SECONDS)
            self._waiting -= 1
            if self._closed:
                return None
            self._open.add(held)
        return held

    def release(self, held: Held) -> None:
        with self._changed:
            self._open.discard(held)
            self._changed.notify_all()

    def evict(self) -> bool:
        """End the longest idle connection; False where every one is being answered."""
        with self._changed:
            return self._evict()

    def close(self) -> None:
        """End every connection, and hold no more."""
        with self._changed:
            self._closed = True
            for each in self._open:
                _end(each.socket)
            self._changed.notify_all()

    def now(self, held: Held, doing: Doing) -> None:
        with self._changed:
            held.doing, held.since = doing, time.monotonic()
            if self._waiting:
                self._changed.notify_all()

    def receive(self, held: Held) -> JsonObject | None:
        """The next frame; None when the peer closed between two.

        Raises MalformedFrame, and PeerUnreachable for a peer that is idle or slow.
        """
        connection = held.socket
        begun = held.rest or _piece(connection, _PIECE)
        if not begun:
            return None
        deadline = time.monotonic() + FRAME_SECONDS
        if len(begun) < _HEADER:
            begun += _exactly(connection, _HEADER - len(begun), deadline)
        length = int.from_bytes(begun[:_HEADER], "big")
        if length > MAX_FRAME:
            raise MalformedFrame(
                "frame is too large", found=f"{length} bytes", expected=f"at most {MAX_FRAME} bytes"
            )
        end = _HEADER + length
        begun, held.rest = begun[_HEADER:end], begun[end:]
        if length <= LARGE_FRAME:
            return decode_body(_whole(connection, begun, length, deadline))
        return self._receive_large(connection, begun, length, deadline)

    def _receive_large(
        self, connection: socket.socket, begun: bytes, length: int, deadline: float
    ) -> JsonObject:
        if not self._large.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise PeerUnreachable(f"{LARGE_AT_ONCE} large frames are being read already")
        try:
            body = _whole(connection, begun, length, deadline)
            structure = sum(body.count(each) for each in (b",", b"[", b"{"))
            if structure > LARGE_STRUCTURE:
                raise MalformedFrame(
                    "a large frame with much JSON in it",
                    found=f"{structure} commas and brackets",
                    expected=f"at most {LARGE_STRUCTURE}",
                )
            document = decode_body(body)
        finally:
            self._large.release()
        if document.get("op") not in _LARGE_OPS:
            raise MalformedFrame(
                "frame is too large for what it asks",
                found=f"{length} bytes",
                expected=f"at most {LARGE_FRAME} bytes",
            )
        return document

    def _evict(self) -> bool:
        now = time.monotonic()
        idle = [each for each in self._open if each.evictable(now)]
        if not idle:
            return False
        oldest = min(idle, key=lambda each: each.since)
        self._open.discard(oldest)
        _end(oldest.socket)
        return True


def give(connection: socket.socket, frame: bytes) -> None:
    """Send a whole frame within FRAME_SECONDS. Raises PeerUnreachable."""
    try:
        try:
            sent = connection.send(frame, socket.MSG_DONTWAIT)
        except BlockingIOError:
            sent = 0
        if sent < len(frame):
            connection.settimeout(FRAME_SECONDS)
            connection.sendall(frame[sent:])
            connection.settimeout(None)
    except OSError as error:
        raise PeerUnreachable(f"the peer does not take a frame: {error}") from error


def _end(connection: socket.socket) -> None:
    """Its thread, reading or writing, sees the end and closes it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _piece(connection: socket.socket, size: int) -> bytes:
    try:
        return connection.recv(size)
    except OSError as error:
        raise PeerUnreachable(f"the peer sends nothing: {error}") from error


def _whole(connection: socket.socket, begun: bytes, size: int, deadline: float) -> bytes:
    missing = size - len(begun)
    return begun + _exactly(connection, missing, deadline) if missing else begun


def _exactly(connection: socket.socket, size: int, deadline: float) -> bytes:
    """By the socket's own time limit, of which the deadline is left; the kernel's is for idling."""
    data = bytearray()
    while len(data) < size:
        left = deadline - time.monotonic()
        if left <= 0:
            raise PeerUnreachable(f"the peer sent no whole frame within {FRAME_SECONDS:g} s")
        connection.settimeout(left)
        piece = _piece(connection, min(size - len(data), 1 << 20))
        if not piece:
            raise MalformedFrame("frame is cut short", found=f"{len(data)} of {size} bytes more")
        data += piece
    connection.settimeout(None)
    return bytes(data)
