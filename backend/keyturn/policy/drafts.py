"""A change of authority that is not in force yet, and the state as it would be with it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from keyturn.base.dsse import Envelope
from keyturn.base.encoding import Digest, digest_of
from keyturn.base.strictjson import Fields, JsonObject, dump, load_object
from keyturn.quorum.bodies import Body, parse_body
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import OfficerId
from keyturn.quorum.state import AuthorityState, InForce
from keyturn.quorum.statements import LONGEST_PROPOSAL, MAX_STATEMENT, Statement, statement_type

LIFE = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposed statement, or a body that nobody has proposed: then `proposed` is None and the
    statement is made up around it, unsigned, with the body's digest for its own.

    `body_digest` is of the body's JSON, compact, in its own order of keys (our protocol §8.9).
    """

    statement: Statement
    proposed: Digest | None
    body_digest: Digest

    @property
    def kind(self) -> Kind:
        return self.statement.kind

    @property
    def subject(self) -> str:
        return self.statement.subject

    @property
    def body(self) -> Body:
        return self.statement.body


def draft_of(statement: Statement) -> Draft:
    """Of a statement that is proposed, or already in force."""
    payload = load_object(statement.envelope.payload, limit=MAX_STATEMENT, what="statement")
    body = payload["body"]
    assert isinstance(body, dict)  # parse_statement has read it
    return Draft(statement, statement.digest, digest_of(dump(body)))


def draft_of_body(
    kind: Kind,
    subject: str,
    body: JsonObject,
    state: AuthorityState,
    now: datetime,
    life: timedelta = LIFE,
) -> Draft:
    """Of a body that somebody is writing, as the next version. Raises MalformedError."""
    read = parse_body(kind, Fields(body, f"{kind.value} body"))
    made = dump(body)
    return Draft(made_up(kind, subject, read, state, now, life, made), None, digest_of(made))


def made_up(
    kind: Kind,
    subject: str,
    body: Body,
    state: AuthorityState,
    now: datetime,
    life: timedelta = LIFE,
    payload: bytes = b"",
) -> Statement:
    """A statement that nobody signed, as the next version; for asking *what if* alone."""
    newest = state.newest.get((kind, subject))
    return Statement(
        kind,
        state.fingerprint,
        subject,
        newest.statement.version + 1 if newest else 1,
        newest.statement.digest if newest else None,
        OfficerId("draft"),
        now,
        now + LONGEST_PROPOSAL,
        None if kind is Kind.REVOCATION else now + life,
        "draft",
        None,
        body,
        Envelope(statement_type(kind), payload, ()),
        payload,
    )


def with_draft(state: AuthorityState, draft: Draft, now: datetime) -> AuthorityState:
    """The state if the draft came into force next, whoever approved it. Verifies no quorum."""
    if draft.statement.digest in state.by_digest:
        return state
    return entered(state, draft.statement, now)


def entered(state: AuthorityState, statement: Statement, now: datetime) -> AuthorityState:
    """As `with_draft`, of any statement."""
    return state.enter(InForce(statement, (), frozenset(), state.size, now))
