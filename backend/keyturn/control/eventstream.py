"""Events for officers: pages, and a stream that resumes after the last number without a gap.

A stream pulls from the database as fast as its reader takes. It ends with the session, and as
soon as the roster gives its officer other roles or none: what an officer may read is decided
again at the next connection (our protocol §7.5).
"""

import json
import time
from collections.abc import AsyncIterator

from keyturn.base.times import format_time
from keyturn.control.access import event_kinds
from keyturn.control.context import Context
from keyturn.control.errors import MalformedQuery
from keyturn.control.signin import Session
from keyturn.store import events
from keyturn.store.events import EventRow
from keyturn.wire.api import EventPage, EventView

KEEP_ALIVE_SECONDS = 15.0
BATCH = 200
MAX_PAGE = 1000


async def page(context: Context, session: Session, after: int, limit: int) -> EventPage:
    """Events behind number `after`, at most `limit`; `last` is the newest number there is."""
    rows, last = await _next(context, session, after, min(limit, MAX_PAGE))
    views = [EventView(seq=e.seq, time=e.time, kind=e.kind, data=e.data) for e in rows]
    return EventPage(events=views, last=last)


async def start_of(context: Context, last_event_id: str | None) -> int:
    """The number behind which a stream begins: the given one, or now. Raises MalformedQuery."""
    if last_event_id is None:
        return await context.read(events.last)
    if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) < 18):
        raise MalformedQuery("Last-Event-ID is not a number", found=repr(last_event_id[:40]))
    return int(last_event_id)


async def stream(
    context: Context, session: Session, after: int, *, keep_alive: float = KEEP_ALIVE_SECONDS
) -> AsyncIterator[bytes]:
    """Server-sent events behind number `after`, while the session and the officer's roles last."""
    yield b"retry: 1000\n\n"
    said = time.monotonic()
    while not context.hub.closed:
        turn = context.hub.turn
        left = (session.expires - context.clock()).total_seconds()
        if left <= 0 or not _same_officer(context, session):
            return
        rows, last = await _next(context, session, after, BATCH)
        if not _same_officer(context, session):
            return
        for row in rows:
            after = row.seq
            yield encode(row)
        if rows:
            said = time.monotonic()
            continue
        after = max(after, last)  # what lies between is of kinds that this officer does not read
        quiet = keep_alive - (time.monotonic() - said)
        if quiet <= 0 or not await context.hub.wait(after, min(quiet, left), turn):
            said = time.monotonic()
            yield b": still here\n\n"


def encode(row: EventRow) -> bytes:
    """One event on the wire (WHATWG HTML §9.2.6); its JSON has no line breaks."""
    document = json.dumps(
        {"time": format_time(row.time), **row.data}, ensure_ascii=False, separators=(",", ":")
    )
    return f"id: {row.seq}\nevent: {row.kind}\ndata: {document}\n\n".encode()


def _same_officer(context: Context, session: Session) -> bool:
    """Whether the newest roster still gives the officer the roles that the stream began with."""
    officer = context.mirror.officer(session.officer.id)
    return officer is not None and officer.roles == session.officer.roles


async def _next(
    context: Context, session: Session, after: int, limit: int
) -> tuple[list[EventRow], int]:
    """Events that the officer may read, and the newest number of all; of one moment."""
    kinds = event_kinds(session.officer)
    return await context.read(
        lambda c: (events.after(c, after, limit=limit, kinds=kinds), events.last(c))
    )
