"""Records of a ceremony, each naming the one before (our protocol §10.4)."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.base.encoding import Digest, b64, digest_of, unb64
from keyturn.base.strictjson import Fields, JsonObject, dump, load_object
from keyturn.base.times import format_time
from keyturn.ceremony.errors import MalformedCeremony

MAX_RECORD = 1 << 20
MAX_SIGNATURES = 220
MAX_TRANSCRIPT = 64 << 20


class Event(Enum):
    OPENED = "opened"
    DONE = "done"
    FAILED = "failed"
    NOTE = "note"
    EXCEPTION = "exception"
    RESUMED = "resumed"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class Record:
    """One record, with the exact bytes that its digest is of."""

    ceremony: str
    rehearsal: bool
    seq: int
    previous: Digest | None
    event: Event
    step: str | None
    time: datetime
    signed: tuple[bytes, ...]
    facts: JsonObject
    raw: bytes

    @property
    def digest(self) -> Digest:
        return digest_of(self.raw)


def make_record(
    ceremony: str,
    *,
    rehearsal: bool,
    seq: int,
    previous: Digest | None,
    event: Event,
    step: str | None,
    time: datetime,
    signed: tuple[bytes, ...],
    facts: JsonObject,
) -> Record:
    """A record; read back by the same rules that a stranger reads it by. Raises MalformedError."""
    return parse_record(
        dump(
            {
                "type": "ceremony-record",
                "format": 1,
                "ceremony": ceremony,
                "rehearsal": rehearsal,
                "seq": seq,
                "previous": previous,
                "event": event.value,
                "step": step,
                "time": format_time(time),
                "signed": [b64(each) for each in signed],
                "facts": facts,
            }
        )
    )


def parse_record(raw: bytes) -> Record:
    """Raises MalformedError."""
    fields = Fields(load_object(raw, limit=MAX_RECORD, what="ceremony record"), "ceremony record")
    fields.literal("type", "ceremony-record")
    fields.literal("format", 1)
    ceremony, rehearsal = fields.text("ceremony", limit=64), fields.boolean("rehearsal")
    seq, previous = fields.integer("seq"), fields.nullable("previous", fields.digest)
    event = fields.choice("event", Event)
    step = fields.nullable("step", lambda name: fields.text(name, limit=40))
    time = fields.time("time")
    signed = tuple(
        unb64(each, what="ceremony record: signed")
        for each in fields.texts("signed", limit=MAX_SIGNATURES)
    )
    facts = fields.raw("facts")
    fields.done()
    if not isinstance(facts, dict):
        raise MalformedCeremony("ceremony record: facts is not an object")
    if (seq == 0) is not (previous is None) or (seq == 0) is not (event is Event.OPENED):
        raise MalformedCeremony("ceremony record: the first one, and no other, opens")
    if (step is None) is not (event not in (Event.DONE, Event.FAILED)):
        raise MalformedCeremony("ceremony record: a step is named where one was done or failed")
    return Record(ceremony, rehearsal, seq, previous, event, step, time, signed, facts, raw)
