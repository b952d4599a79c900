"""Connections that a node has patience with: a deadline for each part of a request, and room.

Whoever sends a head or a body too slowly is cut off, and so is a body that nobody reads. When all
places are taken, whoever has kept the server waiting longest gives his up; requests that are
whole, and being answered, are never dropped for a newcomer.
"""

import asyncio
from enum import Enum

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
BODY_SECONDS = 30.0
"""For the whole body; the application gives up at the same time, and may still say so."""
GRACE_SECONDS = 2.0
CONNECTIONS = 512


class Awaited(Enum):
    """What the client has yet to send."""

    HEAD = "head"
    BODY = "body"
    NEXT = "next"  # between requests: uvicorn's keep-alive timer runs


class PatientProtocol(H11Protocol):
    """Uvicorn's HTTP/1.1, with deadlines and a bound on connections."""

    _awaited: Awaited | None = None
    _since = 0.0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._look()
        if len(self.connections) > CONNECTIONS:
            self._slowest().drop()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def drop(self) -> None:
        """Close at once, without a word."""
        self.connections.discard(self)
        self.transport.abort()

    def _look(self) -> None:
        """Set the clock for what is awaited now, unless it runs already."""
        awaited = self._what_is_awaited()
        if awaited is self._awaited:
            return
        self._forget()
        self._awaited, self._since = awaited, self.loop.time()
        if awaited is Awaited.HEAD:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self.drop)
        elif awaited is Awaited.BODY:
            self._deadline = self.loop.call_later(BODY_SECONDS + GRACE_SECONDS, self.drop)

    def _what_is_awaited(self) -> Awaited | None:
        state = self.conn.their_state
        if state is h11.SEND_BODY:
            return Awaited.BODY
        if state is not h11.IDLE:
            return None
        return Awaited.HEAD if self.cycle is None or self.conn.trailing_data[0] else Awaited.NEXT

    def _forget(self) -> None:
        self._awaited = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _slowest(self) -> "PatientProtocol":
        """Whoever has been waited for longest; the newcomer himself if everybody is served."""
        slow = [
            each
            for each in self.connections
            if isinstance(each, PatientProtocol) and each._awaited is not None
        ]
        return min(slow, key=lambda each: each._since, default=self)
