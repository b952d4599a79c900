"""Events: append-only, numbered 1, 2, 3 … in commit order, so that no reader can miss one.

An ordinary sequence would let number 8 be seen before number 7 is committed; a reader that resumes
after 8 would lose 7. The counter's row lock orders the writers instead.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from keyturn.store.facts import next_number
from keyturn.store.schema import events

COUNTER = "events"


@dataclass(frozen=True, slots=True)
class EventRow:
    seq: int
    time: datetime
    kind: str
    data: Any
    log_index: int | None


def append(
    connection: Connection,
    kind: str,
    data: dict[str, Any],
    now: datetime,
    *,
    log_index: int | None = None,
) -> int | None:
    """The event's number; None when the event of this log entry is there already."""
    if log_index is not None:
        known = select(events.c.seq).where(events.c.log_index == log_index)
        if connection.scalar(known) is not None:
            return None
    seq = next_number(connection, COUNTER)
    connection.execute(
        events.insert().values(seq=seq, time=now, kind=kind, data=data, log_index=log_index)
    )
    return seq


def after(
    connection: Connection, seq: int, *, limit: int, kinds: frozenset[str] | None = None
) -> list[EventRow]:
    """Up to `limit` events behind number `seq`, in order; of these kinds, or of all."""
    query = select(events).where(events.c.seq > seq).order_by(events.c.seq).limit(limit)
    if kinds is not None:
        query = query.where(events.c.kind.in_(sorted(kinds)))
    return [EventRow(**row._mapping) for row in connection.execute(query)]


def last(connection: Connection) -> int:
    """The newest number; 0 without events."""
    found: int | None = connection.scalar(select(func.max(events.c.seq)))
    return found or 0
