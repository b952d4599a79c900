"""Events for officers: pages, and a stream that resumes after the last number without a gap.

A stream pulls from the database as fast as its reader takes; it ends with the session.
"""

import json
from collections.abc import AsyncIterator
from datetime import datetime

from keyturn.base.times import format_time
from keyturn.control.context import Context
from keyturn.control.errors import MalformedQuery
from keyturn.store import events
from keyturn.store.events import EventRow
from keyturn.wire.api import EventPage, EventView

KEEP_ALIVE_SECONDS = 15.0
BATCH = 200
MAX_PAGE = 1000


async def page(context: Context, after: int, limit: int) -> EventPage:
    """Events behind number `after`, at most `limit`; `last` is the newest number there is."""
    rows = await context.read(lambda c: events.after(c, after, limit=min(limit, MAX_PAGE)))
    last = await context.read(events.last)
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
    context: Context, after: int, until: datetime, *, keep_alive: float = KEEP_ALIVE_SECONDS
) -> AsyncIterator[bytes]:
    """Server-sent events behind number `after`, until the session ends or the server stops."""
    yield b"retry: 1000\n\n"
    while not context.hub.closed:
        left = (until - context.clock()).total_seconds()
        if left <= 0:
            return
        rows = await _next(context, after)
        for row in rows:
            after = row.seq
            yield encode(row)
        if rows:
            continue
        if not await context.hub.wait(after, min(keep_alive, left)):
            yield b": still here\n\n"


def encode(row: EventRow) -> bytes:
    """One event on the wire (WHATWG HTML §9.2.6); its JSON has no line breaks."""
    document = json.dumps(
        {"time": format_time(row.time), **row.data}, ensure_ascii=False, separators=(",", ":")
    )
    return f"id: {row.seq}\nevent: {row.kind}\ndata: {document}\n\n".encode()


async def _next(context: Context, after: int) -> list[EventRow]:
    return await context.read(lambda c: events.after(c, after, limit=BATCH))
