"""How a proposal looks from outside: pure functions of its rows, the log's state and the time."""

from datetime import datetime
from enum import Enum

from keyturn.base.encoding import Digest, b64
from keyturn.base.errors import KeyturnError
from keyturn.control.errors import NoLongerOfficer, RoleLacking
from keyturn.quorum.approvals import parse_approval
from keyturn.quorum.judge import approving, without
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import Roster
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.statements import parse_statement
from keyturn.store.proposals import ApprovalRow, ProposalRow
from keyturn.wire.api import ErrorBody, ProposalView
from keyturn.wire.keyholder import kind_of

_KINDS: dict[type[KeyturnError], str] = {RoleLacking: "role", NoLongerOfficer: "officer"}
"""What a client must be able to tell from other refusals."""


class Status(Enum):
    OPEN = "open"
    IN_FORCE = "in-force"
    SUPERSEDED = "superseded"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    REFUSED = "refused"


def status_of(row: ProposalRow, state: AuthorityState, now: datetime) -> Status:
    """By the mirror of the log where it knows the digest; the row's own word is only an inbox."""
    known = state.by_digest.get(Digest(row.digest))
    if known is not None:
        if row.receipt is None:
            return Status.OPEN  # nothing is in force without a receipt to show for it
        statement = known.statement
        found = state.in_force(statement.kind, statement.subject, now)
        newest = state.newest[(statement.kind, statement.subject)]
        if newest is known and statement.digest in state.suspended:
            return Status.SUSPENDED
        return Status.IN_FORCE if found is known else Status.SUPERSEDED
    if Digest(row.digest) in state.withdrawn:
        return Status.WITHDRAWN
    if now > row.proposal_lapses:
        return Status.LAPSED
    if row.refusal is not None and row.refusal.get("kind") != "unreachable":
        return Status.REFUSED
    return Status.OPEN


def view(
    row: ProposalRow, rows: list[ApprovalRow], state: AuthorityState, now: datetime
) -> ProposalView:
    """The whole view; receipts and indexes only of what the log has."""
    status = status_of(row, state, now)
    logged = status in (Status.IN_FORCE, Status.SUPERSEDED, Status.SUSPENDED)
    rejected = {each.officer for each in rows if each.decision == "reject"}
    roster = state.roster
    approved = frozenset[str]() if roster is None else _approving(row, rows, state, roster)
    return ProposalView(
        digest=row.digest,
        kind=row.kind,
        subject=row.subject,
        version=row.version,
        proposer=row.proposer,
        time=row.time,
        proposal_lapses=row.proposal_lapses,
        expires=row.expires,
        reason=row.reason,
        status=status.value,
        approved_by=sorted(approved),
        rejected_by=sorted(rejected),
        needed=0 if roster is None else roster.thresholds[Kind(row.kind)],
        index=row.index if logged else None,
        receipt=row.receipt if logged else None,
        refusal=None if logged or row.refusal is None else ErrorBody(**row.refusal),
        statement=b64(row.envelope),
        approvals=[b64(each.envelope) for each in rows],
    )


def _approving(
    row: ProposalRow, rows: list[ApprovalRow], state: AuthorityState, roster: Roster
) -> frozenset[str]:
    """Whose approval counts under the roster in force, as the keyholder counts."""
    statement = parse_statement(row.envelope)
    approvals = [parse_approval(each.envelope) for each in rows]
    left = without(approvals, state.rejected(statement))
    return frozenset(approving(statement, left, roster, roster))


def error_body(error: KeyturnError) -> ErrorBody:
    """An error as it travels and is kept."""
    return ErrorBody(
        kind=next((word for of, word in _KINDS.items() if isinstance(error, of)), kind_of(error)),
        message=error.message,
        found=error.found,
        expected=error.expected,
        hint=error.hint,
    )
