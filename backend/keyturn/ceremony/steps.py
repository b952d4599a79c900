"""What an officer signs in a ceremony: a step, or a word about it (our protocol §10.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.base.dsse import Envelope, parse_envelope
from keyturn.base.encoding import Digest, parse_digest
from keyturn.base.strictjson import Fields, dump, load_object
from keyturn.base.times import format_time
from keyturn.ceremony.errors import MalformedCeremony
from keyturn.ceremony.script import Part
from keyturn.quorum.kinds import payload_type
from keyturn.quorum.roster import OfficerId
from keyturn.quorum.texts import check_texts

STEP_TYPE = payload_type("ceremony-step")
WORD_TYPE = payload_type("ceremony-word")
MAX_SIGNED = 64 << 10
MAX_ATTACHED = 16
MAX_TEXT = 2000


class Word(Enum):
    NOTE = "note"
    EXCEPTION = "exception"
    ABORT = "abort"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in which ceremony: after `previous`, as record `seq`."""

    ceremony: str
    rehearsal: bool
    seq: int
    previous: Digest


@dataclass(frozen=True, slots=True)
class StepSignature:
    """One officer's signature over one step. Parsed, not verified."""

    place: Place
    step: str
    officer: OfficerId
    part: Part
    time: datetime
    entered: Mapping[str, str]
    attached: tuple[Digest, ...]
    envelope: Envelope
    raw: bytes


@dataclass(frozen=True, slots=True)
class Said:
    """A note, an exception, an abort or a resumption. Parsed, not verified."""

    place: Place
    officer: OfficerId
    part: Part
    time: datetime
    word: Word
    text: str
    envelope: Envelope
    raw: bytes


def step_payload(
    place: Place,
    step: str,
    officer: str,
    part: Part,
    time: datetime,
    *,
    entered: Mapping[str, str] | None = None,
    attached: tuple[Digest, ...] = (),
) -> bytes:
    """The payload to sign under STEP_TYPE."""
    return dump(
        {
            "type": "ceremony-step",
            "format": 1,
            "ceremony": place.ceremony,
            "rehearsal": place.rehearsal,
            "seq": place.seq,
            "step": step,
            "previous": place.previous,
            "officer": officer,
            "part": part.value,
            "time": format_time(time),
            "entered": dict(entered or {}),
            "attached": list(attached),
        }
    )


def word_payload(
    place: Place, officer: str, part: Part, time: datetime, word: Word, text: str
) -> bytes:
    """The payload to sign under WORD_TYPE."""
    return dump(
        {
            "type": "ceremony-word",
            "format": 1,
            "ceremony": place.ceremony,
            "rehearsal": place.rehearsal,
            "seq": place.seq,
            "previous": place.previous,
            "officer": officer,
            "part": part.value,
            "time": format_time(time),
            "word": word.value,
            "text": text,
        }
    )


def parse_step_signature(raw: bytes) -> StepSignature:
    """Raises MalformedError."""
    envelope, fields = _open(raw, STEP_TYPE, "ceremony-step")
    place = _read_place(fields)
    step = fields.text("step", limit=40)
    officer = OfficerId(fields.text("officer", limit=64))
    part, time = fields.choice("part", Part), fields.time("time")
    inner = fields.fields("entered")
    entered = {name: inner.text(name, limit=MAX_TEXT, empty=True) for name in inner.names()}
    inner.done()
    attached = tuple(
        parse_digest(each, what="ceremony-step: attached")
        for each in fields.texts("attached", limit=MAX_ATTACHED)
    )
    fields.done()
    return StepSignature(place, step, officer, part, time, entered, attached, envelope, raw)


def parse_said(raw: bytes) -> Said:
    """Raises MalformedError."""
    envelope, fields = _open(raw, WORD_TYPE, "ceremony-word")
    said = Said(
        _read_place(fields),
        OfficerId(fields.text("officer", limit=64)),
        fields.choice("part", Part),
        fields.time("time"),
        fields.choice("word", Word),
        fields.text("text", limit=MAX_TEXT),
        envelope,
        raw,
    )
    fields.done()
    return said


def _open(raw: bytes, kind: str, name: str) -> tuple[Envelope, Fields]:
    envelope = parse_envelope(raw, limit=2 * MAX_SIGNED)
    if envelope.payload_type != kind:
        raise MalformedCeremony(
            f"not a {name}", found=repr(envelope.payload_type[:100]), expected=kind
        )
    document = load_object(envelope.payload, limit=MAX_SIGNED, what=name)
    check_texts(document, name)
    fields = Fields(document, name)
    fields.literal("type", name)
    fields.literal("format", 1)
    return envelope, fields


def _read_place(fields: Fields) -> Place:
    return Place(
        fields.text("ceremony", limit=64),
        fields.boolean("rehearsal"),
        fields.integer("seq"),
        fields.digest("previous"),
    )
