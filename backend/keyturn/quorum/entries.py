"""Log entries that change authority (our protocol §6.2). Grants and refusals are `keyrelease`'s."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.base.encoding import Digest, parse_digest
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn.base.times import format_time
from keyturn.quorum.approvals import Decision
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import OfficerId

MAX_ENVELOPES = 200
"""That one entry names."""
MAX_ENTRY = 65_535  # C2SP tlog-tiles: an entry's length is a uint16


class EntryKind(Enum):
    ORIGIN = "origin"
    STATEMENT = "statement"
    WITHDRAWAL = "withdrawal"
    GRANT = "grant"
    REFUSAL = "refusal"
    START = "start"
    DECISION = "decision"
    REPORT = "report"
    CONFIGURATION = "configuration"
    CEREMONY = "ceremony"


@dataclass(frozen=True, slots=True)
class Entry:
    """One leaf: its kind and time, and the reader of its further fields (`done` is still owed)."""

    kind: EntryKind
    time: datetime
    fields: Fields


@dataclass(frozen=True, slots=True)
class OriginEntry:
    authority: Digest
    previous: str | None


@dataclass(frozen=True, slots=True)
class StatementEntry:
    statement: Digest
    kind: Kind
    subject: str
    version: int
    envelopes: tuple[Digest, ...]  # objects: the statement first, then approvals


@dataclass(frozen=True, slots=True)
class WithdrawalEntry:
    statement: Digest
    envelopes: tuple[Digest, Digest]  # objects: the statement, its withdrawal


@dataclass(frozen=True, slots=True)
class DecisionEntry:
    statement: Digest
    officer: OfficerId
    decision: Decision
    envelopes: tuple[Digest, Digest]  # objects: the statement, the approval or rejection


@dataclass(frozen=True, slots=True)
class CeremonyEntry:
    """A record of a ceremony that is no rehearsal (our protocol §10.10)."""

    ceremony: str
    ceremony_kind: str
    seq: int
    event: str
    record: Digest  # an object: the record's exact bytes
    destroys: Digest | None  # a model, no key of which is released or wrapped again, ever


def parse_entry(leaf: bytes) -> Entry:
    """Read the frame of a leaf. Raises MalformedError."""
    fields = parse_object(leaf, limit=MAX_ENTRY, what="log entry")
    fields.literal("type", "log-entry")
    fields.literal("format", 1)
    return Entry(fields.choice("kind", EntryKind), fields.time("time"), fields)


def read_origin(entry: Entry) -> OriginEntry:
    fields = entry.fields
    origin = OriginEntry(fields.digest("authority"), fields.nullable("previous", fields.text))
    fields.done()
    return origin


def read_statement(entry: Entry) -> StatementEntry:
    fields = entry.fields
    digest = fields.digest("statement")
    kind = fields.choice("statement_kind", Kind)
    subject = fields.text("subject", limit=400)
    version = fields.integer("version", low=1)
    envelopes = _digests(fields)
    fields.done()
    if not envelopes:
        raise MalformedStatement("log entry: a statement without envelopes")
    return StatementEntry(digest, kind, subject, version, envelopes)


def read_withdrawal(entry: Entry) -> WithdrawalEntry:
    fields = entry.fields
    digest = fields.digest("statement")
    envelopes = _digests(fields)
    fields.done()
    if len(envelopes) != 2:
        raise MalformedStatement("log entry: a withdrawal has two envelopes")
    return WithdrawalEntry(digest, (envelopes[0], envelopes[1]))


def read_decision(entry: Entry) -> DecisionEntry:
    fields = entry.fields
    digest = fields.digest("statement")
    officer = OfficerId(fields.text("officer", limit=64))
    decision = fields.choice("decision", Decision)
    envelopes = _digests(fields)
    fields.done()
    if len(envelopes) != 2:
        raise MalformedStatement("log entry: a decision has two envelopes")
    return DecisionEntry(digest, officer, decision, (envelopes[0], envelopes[1]))


def read_ceremony(entry: Entry) -> CeremonyEntry:
    fields = entry.fields
    ceremony = CeremonyEntry(
        fields.text("ceremony", limit=64),
        fields.text("ceremony_kind", limit=40),
        fields.integer("seq"),
        fields.text("event", limit=20),
        fields.digest("record"),
        fields.nullable("destroys", fields.digest),
    )
    fields.done()
    return ceremony


def envelopes_of(leaf: bytes) -> tuple[Digest, ...]:
    """The objects without which an entry cannot be judged. Raises MalformedError."""
    entry = parse_entry(leaf)
    if entry.kind is EntryKind.STATEMENT:
        return read_statement(entry).envelopes
    if entry.kind is EntryKind.WITHDRAWAL:
        return read_withdrawal(entry).envelopes
    if entry.kind is EntryKind.DECISION:
        return read_decision(entry).envelopes
    if entry.kind is EntryKind.CEREMONY:
        return (read_ceremony(entry).record,)
    return ()


def entry_bytes(kind: EntryKind, time: datetime, further: dict[str, object]) -> bytes:
    """The leaf of an entry."""
    frame = {"type": "log-entry", "format": 1, "kind": kind.value, "time": format_time(time)}
    return dump({**frame, **further})


def origin_entry(time: datetime, authority: Digest, previous: str | None = None) -> bytes:
    """`previous`: the last checkpoint under the log key of before, as a signed note (§6.2)."""
    return entry_bytes(EntryKind.ORIGIN, time, {"authority": authority, "previous": previous})


def statement_entry(time: datetime, entry: StatementEntry) -> bytes:
    return entry_bytes(
        EntryKind.STATEMENT,
        time,
        {
            "statement": entry.statement,
            "statement_kind": entry.kind.value,
            "subject": entry.subject,
            "version": entry.version,
            "envelopes": list(entry.envelopes),
        },
    )


def withdrawal_entry(time: datetime, entry: WithdrawalEntry) -> bytes:
    return entry_bytes(
        EntryKind.WITHDRAWAL,
        time,
        {"statement": entry.statement, "envelopes": list(entry.envelopes)},
    )


def decision_entry(time: datetime, entry: DecisionEntry) -> bytes:
    return entry_bytes(
        EntryKind.DECISION,
        time,
        {
            "statement": entry.statement,
            "officer": entry.officer,
            "decision": entry.decision.value,
            "envelopes": list(entry.envelopes),
        },
    )


def ceremony_entry(time: datetime, entry: CeremonyEntry) -> bytes:
    return entry_bytes(
        EntryKind.CEREMONY,
        time,
        {
            "ceremony": entry.ceremony,
            "ceremony_kind": entry.ceremony_kind,
            "seq": entry.seq,
            "event": entry.event,
            "record": entry.record,
            "destroys": entry.destroys,
        },
    )


def start_entry(time: datetime, boot: str, software: str) -> bytes:
    return entry_bytes(EntryKind.START, time, {"boot": boot, "software": software})


def read_start(entry: Entry) -> None:
    entry.fields.hex("boot", size=16)
    entry.fields.text("software", limit=200)
    entry.fields.done()


def _digests(fields: Fields) -> tuple[Digest, ...]:
    texts = fields.texts("envelopes", limit=MAX_ENVELOPES)
    return tuple(parse_digest(text, what="log entry: envelopes") for text in texts)
