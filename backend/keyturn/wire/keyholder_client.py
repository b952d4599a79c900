"""Connections to the keyholder's unix socket: a bounded pool for asyncio, a single call for tools.

Never hangs: connecting, waiting for a free connection and the answer share one time limit, and
only so many may wait. A connection that failed, or whose question was cancelled, is closed and
never used again, so an answer cannot reach the wrong asker.
"""

import asyncio
import socket
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from keyturn.wire.errors import MalformedFrame, PeerUnreachable
from keyturn.wire.frames import encode_frame, read_frame, receive_frame, send_frame
from keyturn.wire.keyholder import read_answer
from keyturn.wire.requests import Request

A = TypeVar("A")


class KeyholderBusy(PeerUnreachable):
    """Too many questions wait already; nothing was asked."""


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """`seconds` for one question altogether; `waiting` may queue behind `connections`."""

    connections: int = 8
    waiting: int = 256
    seconds: float = 15.0


@dataclass(slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class KeyholderClient:
    """Asks one keyholder; for use in one event loop."""

    def __init__(self, path: Path, limits: PoolLimits | None = None) -> None:
        self._path = path
        self._limits = limits or PoolLimits()
        self._idle: deque[_Connection] = deque()
        self._slots = asyncio.Semaphore(self._limits.connections)
        self._waiting = 0
        self._closed = False

    async def ask(self, request: Request[A]) -> A:
        """The typed answer.

        Raises PeerRefused (the keyholder said no), PeerUnreachable (down, slow, cut),
        KeyholderBusy, MalformedError (its answer makes no sense).
        """
        if self._waiting >= self._limits.waiting:
            raise KeyholderBusy(
                "too many questions wait for the keyholder",
                found=str(self._waiting),
                expected=f"fewer than {self._limits.waiting}",
            )
        self._waiting += 1
        try:
            async with asyncio.timeout(self._limits.seconds):
                async with self._slots:
                    return await self._ask(request)
        except TimeoutError as error:
            raise PeerUnreachable(
                f"the keyholder did not answer '{request.op}' in {self._limits.seconds:g} s"
            ) from error
        finally:
            self._waiting -= 1

    async def aclose(self) -> None:
        """Close every connection; later questions are refused."""
        self._closed = True
        while self._idle:
            self._idle.pop().writer.close()

    async def _ask(self, request: Request[A]) -> A:
        frame = encode_frame(request.document())
        connection, reused = await self._take()
        try:
            return await self._exchange(connection, request, frame)
        except PeerUnreachable:
            if not (reused and request.repeatable):
                raise
        self._drop_idle()  # the keyholder was restarted: its old connections are all dead
        connection, _ = await self._take()
        return await self._exchange(connection, request, frame)

    async def _exchange(self, connection: _Connection, request: Request[A], frame: bytes) -> A:
        done = False
        try:
            connection.writer.write(frame)
            await connection.writer.drain()
            document = await read_frame(connection.reader)
            done = document is not None
        except MalformedFrame as error:
            raise PeerUnreachable(f"the keyholder's answer is no frame: {error}") from error
        except OSError as error:
            raise PeerUnreachable(f"the keyholder's connection broke: {error}") from error
        finally:
            if done and not self._closed:
                self._idle.append(connection)
            else:
                connection.writer.close()
        if document is None:
            raise PeerUnreachable("the keyholder closed the connection without an answer")
        return read_answer(request, document)

    async def _take(self) -> tuple[_Connection, bool]:
        if self._closed:
            raise PeerUnreachable("the connection to the keyholder is closed")
        while self._idle:
            connection = self._idle.pop()
            if not connection.reader.at_eof() and not connection.writer.is_closing():
                return connection, True
            connection.writer.close()
        try:
            reader, writer = await asyncio.open_unix_connection(str(self._path))
        except OSError as error:
            raise PeerUnreachable(
                f"the keyholder cannot be reached: {error.strerror or error}",
                hint="Start it, or unseal it: `keyturn keyholder`.",
            ) from error
        return _Connection(reader, writer), False

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().writer.close()


def ask_once(path: Path, request: Request[A], *, seconds: float = 15.0) -> A:
    """One question over a connection of its own, blocking. Raises as `KeyholderClient.ask`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(seconds)
        try:
            connection.connect(str(path))
        except OSError as error:
            raise PeerUnreachable(
                f"the keyholder cannot be reached: {error.strerror or error}"
            ) from error
        send_frame(connection, request.document())
        document = receive_frame(connection)
    if document is None:
        raise PeerUnreachable("the keyholder closed the connection without an answer")
    return read_answer(request, document)
