"""Statements: one change of authority each, in a DSSE envelope (our protocol §2.1, §2.2)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from keyturn.base.dsse import Envelope, parse_envelope
from keyturn.base.encoding import Digest
from keyturn.base.strictjson import Fields, dump, load_object
from keyturn.base.times import format_time
from keyturn.quorum.bodies import Admission, Body, Revocation, parse_body
from keyturn.quorum.ceremony_body import Ceremony, Restore, check_ceremony_id
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.kinds import Kind, kind_of, payload_type
from keyturn.quorum.roster import OfficerId
from keyturn.quorum.texts import check_texts

MAX_STATEMENT = 1 << 20  # of the envelope
LONGEST_PROPOSAL = timedelta(days=7)
LONGEST_LIFE = timedelta(days=400)
SINGLE_SUBJECTS = {
    Kind.ROSTER: "roster",
    Kind.KEYS: "keys",
    Kind.TRUST_ANCHORS: "trust-anchors",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """A parsed statement. Its signatures are not verified by parsing: `quorum.state` does."""

    kind: Kind
    authority: Digest | None  # of the roster's version 1: none, it is what the others name
    subject: str
    version: int
    replaces: Digest | None
    proposer: OfficerId
    time: datetime
    proposal_lapses: datetime
    expires: datetime | None
    reason: str
    ticket: str | None
    body: Body
    envelope: Envelope
    raw: bytes  # the envelope's exact bytes
    digest: Digest = field(init=False, repr=False, compare=False)
    """The envelope's. Hashed once: lists of thousands are compared by it many times a second."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", self.envelope.digest)

    @property
    def fingerprint(self) -> Digest:
        """Of the authority that it is of: what it names, or the first roster's own digest."""
        return self.digest if self.authority is None else self.authority

    def expired(self, now: datetime) -> bool:
        return self.expires is not None and now >= self.expires


def parse_statement(raw: bytes) -> Statement:
    """Read an envelope with a statement in it. Raises MalformedError; proves nothing."""
    envelope = parse_envelope(raw, limit=MAX_STATEMENT)
    kind = kind_of(envelope.payload_type)
    what = f"{kind.value} statement"
    document = load_object(envelope.payload, limit=MAX_STATEMENT, what=what)
    check_texts(document, what)
    fields = Fields(document, what)
    fields.literal("type", kind.value)
    fields.literal("format", 1)
    statement = Statement(
        kind=kind,
        authority=fields.nullable("authority", fields.digest),
        subject=fields.text("subject", limit=400),
        version=fields.integer("version", low=1),
        replaces=fields.nullable("replaces", fields.digest),
        proposer=OfficerId(fields.text("proposer", limit=64)),
        time=fields.time("time"),
        proposal_lapses=fields.time("proposal_lapses"),
        expires=fields.nullable("expires", fields.time),
        reason=fields.text("reason", limit=2000),
        ticket=fields.nullable("ticket", fields.text),
        body=parse_body(kind, fields.fields("body")),
        envelope=envelope,
        raw=raw,
    )
    fields.done()
    _check_times(statement)
    _check_subject(statement)
    _check_window(statement)
    return statement


def compose_payload(
    kind: Kind,
    subject: str,
    *,
    authority: Digest | None,
    version: int,
    replaces: Digest | None,
    proposer: str,
    time: datetime,
    reason: str,
    body: dict[str, object],
    lapses: timedelta = timedelta(days=3),
    life: timedelta | None = timedelta(days=90),
    ticket: str | None = None,
) -> bytes:
    """The exact payload bytes of a new statement, ready to be signed under `payload_type(kind)`.

    `authority` is the fingerprint, or None for the roster's version 1.
    """
    return dump(
        {
            "type": kind.value,
            "format": 1,
            "authority": authority,
            "subject": subject,
            "version": version,
            "replaces": replaces,
            "proposer": proposer,
            "time": format_time(time),
            "proposal_lapses": format_time(time + lapses),
            "expires": None if life is None else format_time(time + life),
            "reason": reason,
            "ticket": ticket,
            "body": body,
        }
    )


def statement_type(kind: Kind) -> str:
    """The DSSE payload type of statements of a kind."""
    return payload_type(kind.value)


def _check_times(statement: Statement) -> None:
    if not timedelta(0) < statement.proposal_lapses - statement.time <= LONGEST_PROPOSAL:
        raise MalformedStatement("proposal_lapses", expected="after time, within 7 days")
    if (statement.expires is None) != (statement.kind is Kind.REVOCATION):
        raise MalformedStatement("expires", expected="null for a revocation, and only there")
    if statement.expires is not None and not (
        timedelta(0) < statement.expires - statement.time <= LONGEST_LIFE
    ):
        raise MalformedStatement("expires", expected="after time, within 400 days")


def _check_subject(statement: Statement) -> None:
    expected = SINGLE_SUBJECTS.get(statement.kind, statement.subject)
    if isinstance(statement.body, Admission):
        expected = statement.body.model
    if isinstance(statement.body, Revocation):
        expected = statement.body.subject
    if isinstance(statement.body, Restore):
        expected = statement.body.kek
    if isinstance(statement.body, Ceremony):
        check_ceremony_id(statement.subject)
    if statement.subject != expected:
        raise MalformedStatement("subject", found=statement.subject, expected=expected)
    if (statement.version == 1) != (statement.replaces is None):
        raise MalformedStatement("replaces", expected="null for version 1, and only there")
    first_roster = statement.kind is Kind.ROSTER and statement.version == 1
    if first_roster != (statement.authority is None):
        raise MalformedStatement(
            "authority",
            found=str(statement.authority),
            expected="null for version 1 of the roster, and only there",
        )


def _check_window(statement: Statement) -> None:
    """No window outlives the statement: what is no longer in force authorises nothing."""
    body = statement.body
    if not isinstance(body, Ceremony | Restore) or statement.expires is None:
        return
    if body.window.not_after > statement.expires:
        raise MalformedStatement(
            "not_after",
            found=format_time(body.window.not_after),
            expected=f"not after the statement expires, {format_time(statement.expires)}",
        )
