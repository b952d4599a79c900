"""The server's events, in order and once each, across broken connections."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from keyturn.base.strictjson import Json, JsonObject
from keyturn.client.answers import load_answer
from keyturn.client.errors import MalformedAnswer, ServerUnreachable
from keyturn.client.transport import Transport

PATH = "/v1/events"
_DIGITS = 15  # of an event's number: whatever is larger would hide all that come after it


@dataclass(frozen=True, slots=True)
class Event:
    """`data` is display data: what matters is proved elsewhere."""

    id: int
    kind: str
    data: JsonObject


def follow(
    transport: Transport, after: int | None, pause: Callable[[int], bool]
) -> Iterator[Event]:
    """Events after `after` (None: from now on), for ever.

    When the connection breaks, `pause` is told how often in a row that happened and says
    whether to try again; it does the waiting. An event that was given out is never repeated.
    Raises ServerUnreachable when `pause` gives up, ServerRefused and MalformedAnswer at once.
    """
    failures = 0
    while True:
        try:
            with transport.events(PATH, None if after is None else str(after)) as stream:
                for sent in stream:
                    if not sent.id and not sent.data:
                        continue
                    event = _event(sent.id, sent.event, sent.data)
                    failures = 0
                    if after is None or event.id > after:
                        after = event.id
                        yield event
        except ServerUnreachable:
            failures += 1
            if not pause(failures):
                raise
        else:
            failures += 1
            if not pause(failures):
                return


def page(transport: Transport, after: int, limit: int) -> list[Event]:
    """One page of events after `after`, oldest first."""
    answer = transport.get(PATH, "events", {"after": after, "limit": limit})
    events = []
    for each in answer.objects("events", limit=100_000):
        data: Json = each.raw("data")
        if not isinstance(data, dict):
            raise MalformedAnswer("event: data is not an object")
        events.append(Event(each.integer("seq"), each.text("kind", limit=100), data))
    return events


def newest(transport: Transport) -> int:
    """The number of the newest event there is; 0 before the first."""
    return transport.get(PATH, "events", {"after": 0, "limit": 1}).integer("last")


def _event(event_id: str, kind: str, data: str) -> Event:
    if not event_id.isascii() or not event_id.isdecimal() or len(event_id) > _DIGITS:
        raise MalformedAnswer("event: id", found=repr(event_id[:40]), expected="a number")
    return Event(int(event_id), kind, load_answer(data.encode(), "event"))
