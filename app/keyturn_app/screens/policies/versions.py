"""The versions of one policy: those of the log, and what is proposed. No Qt."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.base.strictjson import JsonObject
from keyturn.client.changes import Change, body_of, changes
from keyturn.client.proposals import Proposal, Status
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Policy
from keyturn.quorum.roster import OfficerId
from keyturn.quorum.state import AuthorityState, InForce
from keyturn.quorum.statements import Statement
from keyturn_app import wording
from keyturn_app.facts import Facts
from keyturn_app.i18n import _
from keyturn_app.statements.difference import (
    Pair,
    Unified,
    counts,
    pretty,
    side_by_side,
    unified,
)
from keyturn_app.statements.fieldnames import field_words
from keyturn_app.statements.lettering import visible
from keyturn_app.states import Look, status_look


@dataclass(frozen=True, slots=True)
class Version:
    """`index` None: it is not in the log, so it never was in force."""

    digest: Digest
    number: int
    status: Status
    look: Look
    title: str
    story: str
    """Who proposed and who approved it, and when."""
    reason: str
    ticket: str
    index: int | None
    statement: Statement = field(repr=False)

    @property
    def body(self) -> JsonObject:
        return body_of(self.statement)

    @property
    def policy(self) -> Policy:
        assert isinstance(self.statement.body, Policy)  # chosen by kind
        return self.statement.body


@dataclass(frozen=True, slots=True)
class FieldRow:
    """None where the place is new, or goes."""

    words: str
    place: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Compared:
    """`before_title` is empty where there is nothing to compare with."""

    before_title: str
    after_title: str
    summary: str
    rows: tuple[FieldRow, ...]
    pairs: tuple[Pair, ...]
    lines: tuple[Unified, ...]
    too_long: bool


def versions(subject: str, facts: Facts, now: datetime) -> tuple[Version, ...]:
    """The newest first: what is proposed, then what is or was in force."""
    if facts.seen is None:
        return ()
    state = facts.seen.state
    entered = [
        each
        for each in state.by_digest.values()
        if each.statement.kind is Kind.POLICY and each.statement.subject == subject
    ]
    entered.sort(key=lambda each: -each.index)
    known = {each.statement.digest for each in entered}
    proposed = [
        each
        for each in open_proposals(facts)
        if each.statement.subject == subject and each.digest not in known
    ]
    proposed.sort(key=lambda each: each.statement.time, reverse=True)
    return (
        *(_proposed(each, facts, now) for each in proposed),
        *(_entered(each, state, facts, now) for each in entered),
    )


def open_proposals(facts: Facts) -> tuple[Proposal, ...]:
    """Policies that are proposed and not decided."""
    if facts.proposals is None:
        return ()
    return tuple(
        each
        for each in facts.proposals.all
        if each.statement.kind is Kind.POLICY and each.status in {Status.OPEN, Status.REFUSED}
    )


def status_of(entered: InForce, state: AuthorityState, now: datetime) -> Status:
    """Of a statement that came into force once."""
    statement = entered.statement
    newest = state.newest.get((statement.kind, statement.subject))
    if newest is None or newest.statement.digest != statement.digest:
        return Status.SUPERSEDED
    if state.revocation_of(statement.kind, statement.subject) is not None:
        return Status.REVOKED
    if statement.digest in state.suspended:
        return Status.SUSPENDED
    return Status.EXPIRED if statement.expired(now) else Status.IN_FORCE


def compare(before: Version | None, after: Version) -> Compared:
    """Fields and lines; without `before` everything is new."""
    old: JsonObject = {} if before is None else before.body
    new = after.body
    lines = [] if before is None else pretty(old)
    try:
        pairs = side_by_side(lines, pretty(new))
        too_long = False
    except ValueError:
        pairs, too_long = (), True
    added, removed = counts(pairs)
    return Compared(
        "" if before is None else before.title,
        after.title,
        _("{added} added · {removed} removed").format(added=added, removed=removed),
        tuple(_row(each) for each in changes(old, new)),
        pairs,
        unified(pairs),
        too_long,
    )


def names_of(officers: Sequence[OfficerId], facts: Facts) -> str:
    """As the roster in force calls them; ids of those that it names no more."""
    known = facts.seen.roster.officers if facts.seen is not None else {}
    return ", ".join(known[each].name if each in known else str(each) for each in officers)


def _row(change: Change) -> FieldRow:
    return FieldRow(
        visible(field_words(Kind.POLICY, change.place)),
        visible(change.place),
        None if change.before is None else visible(change.before),
        None if change.after is None else visible(change.after),
    )


def _entered(found: InForce, state: AuthorityState, facts: Facts, now: datetime) -> Version:
    statement, status = found.statement, status_of(found, state, now)
    title = (
        _("v{number} · in force since {moment}")
        if status is Status.IN_FORCE
        else _("v{number} · came into force {moment}")
    ).format(number=statement.version, moment=wording.moment(found.since))
    story = _("Proposed by {proposer}, approved by {approvers}. Log entry {index}.").format(
        proposer=names_of([statement.proposer], facts),
        approvers=names_of(sorted(found.approved_by), facts) or "—",
        index=found.index,
    )
    return _version(statement, status, title, story, found.index)


def _proposed(proposal: Proposal, facts: Facts, now: datetime) -> Version:
    statement = proposal.statement
    name = names_of([statement.proposer], facts)
    title = _("v{number} · proposed by {name}").format(number=statement.version, name=name)
    story = _("Proposed by {name} {age}. NOT IN FORCE: {done} of {needed} approved.").format(
        name=name,
        age=wording.ago(statement.time, now),
        done=len(proposal.approved_by),
        needed=proposal.needed,
    )
    return _version(statement, proposal.status, title, story, None)


def _version(
    statement: Statement, status: Status, title: str, story: str, index: int | None
) -> Version:
    return Version(
        statement.digest,
        statement.version,
        status,
        status_look(status),
        visible(title),
        visible(story),
        visible(statement.reason),
        visible(statement.ticket or ""),
        index,
        statement,
    )
