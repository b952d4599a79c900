"""One proposal as an officer has it before them: from the server, or from a file alone."""

from dataclasses import dataclass
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.base.strictjson import JsonObject
from keyturn.client.changes import body_of
from keyturn.client.offline import ProposalFile
from keyturn.client.proposals import (
    KeyholderSaidNo,
    Proposal,
    Status,
    count,
    status_in_log,
    with_logged,
)
from keyturn.quorum.approvals import Approval, Decision
from keyturn.quorum.kinds import Role
from keyturn.quorum.roster import Officer, OfficerId, Roster
from keyturn.quorum.state import AuthorityState, InForce
from keyturn.quorum.statements import Statement
from keyturn_app.facts import Seen

UNDECIDED = frozenset({Status.OPEN, Status.REFUSED})
"""The keyholder is asked again with each approval, so its refusal ends nothing."""


@dataclass(frozen=True, slots=True)
class Case:
    """Every signature in it is verified. `state` is None where no log is known: offline.

    `proved` is then what the authority bundle proves: rosters and `keys`, and none of it in force.

    `status` is None for a file: whether it came into force or was withdrawn stands in the log.
    """

    statement: Statement
    approvals: tuple[Approval, ...]
    approved_by: tuple[OfficerId, ...]
    rejected_by: tuple[OfficerId, ...]
    needed: int
    roster: Roster
    state: AuthorityState | None
    status: Status | None
    index: int | None = None
    refusal: KeyholderSaidNo | None = None
    proved: AuthorityState | None = None

    @property
    def digest(self) -> Digest:
        return self.statement.digest

    @property
    def missing(self) -> int:
        return max(0, self.needed - len(self.approved_by))

    @property
    def in_force(self) -> bool:
        return self.status is Status.IN_FORCE

    def undecided(self, now: datetime) -> bool:
        """Whether a decision can still change anything, as far as is known."""
        if self.status is None:
            return now <= self.statement.proposal_lapses
        return self.status in UNDECIDED and now <= self.statement.proposal_lapses

    def overtaken_by(self) -> InForce | None:
        """What came into force of the same subject since: this one never can."""
        known = self.state or self.proved
        if known is None or self.digest in known.by_digest:
            return None
        newest = known.newest.get((self.statement.kind, self.statement.subject))
        if newest is None or newest.statement.version < self.statement.version:
            return None
        return newest

    def logged_at(self, approval: Approval) -> int | None:
        """The index of a decision's own entry in the log that is known."""
        found = None if self.state is None else self.state.recorded(approval)
        return None if found is None else found.index

    def compared_with(self) -> InForce | None:
        """What it replaced, by the log; of what the log does not have, what is newest now.

        Never what an open proposal says that it replaces: its proposer wrote that.
        """
        known = self.state or self.proved
        if known is None:
            return None
        if self.digest not in known.by_digest:
            return known.newest.get((self.statement.kind, self.statement.subject))
        replaced = self.statement.replaces
        return None if replaced is None else known.by_digest.get(replaced)

    @property
    def in_bundle(self) -> bool:
        """Whether the bundle has it: a quorum approved it, which is all that a bundle says."""
        return self.proved is not None and self.digest in self.proved.by_digest

    def body(self) -> JsonObject:
        return body_of(self.statement)


def case_of(proposal: Proposal, seen: Seen, now: datetime) -> Case:
    """As it stands at `now`: what is in force expires without a word of anybody."""
    status = proposal.status
    if proposal.digest in seen.state.by_digest:
        status = status_in_log(proposal.statement, seen.state, now)
    return Case(
        proposal.statement,
        proposal.approvals,
        proposal.approved_by,
        proposal.rejected_by,
        proposal.needed,
        seen.roster,
        seen.state,
        status,
        proposal.index,
        proposal.refusal,
    )


def case_of_file(file: ProposalFile, seen: Seen | None, now: datetime) -> Case:
    """With `seen`, the log of the server that is connected is known as well."""
    roster = file.authority.roster if seen is None else seen.roster
    state = None if seen is None else seen.state
    approvals = file.approvals
    if state is not None:
        approvals = with_logged(file.statement, approvals, state)
    approved, rejected = count(file.statement, approvals, roster)
    status = None
    if state is not None and file.statement.digest in state.withdrawn:
        status = Status.WITHDRAWN
    known = None if state is None else state.by_digest.get(file.statement.digest)
    if known is not None and state is not None:
        status = status_in_log(file.statement, state, now)
    return Case(
        file.statement,
        approvals,
        approved,
        rejected,
        roster.thresholds[file.statement.kind],
        roster,
        state,
        status,
        None if known is None else known.index,
        proved=file.authority.state if state is None else None,
    )


def officer_in(statement: Statement, roster: Roster, officer: str) -> Officer | None:
    """As approver, of the roster in force or of the one proposed (our protocol §2.5)."""
    new = [statement.body] if isinstance(statement.body, Roster) else []
    for each in (roster, *new):
        found = each.officers.get(OfficerId(officer))
        if found is not None and Role.APPROVER in found.roles:
            return found
    return None


def counts_as_approver(statement: Statement, roster: Roster, officer: str) -> bool:
    """Whether an approval of `officer` would count."""
    if officer_in(statement, roster, officer) is None:
        return False
    return officer != statement.proposer or statement.kind in roster.proposer_may_approve


def said(approvals: tuple[Approval, ...], officer: str) -> Approval | None:
    """What `officer` said: a rejection outweighs, as the keyholder has it."""
    theirs = [each for each in approvals if each.officer == officer]
    rejected = [each for each in theirs if each.decision is Decision.REJECT]
    return next(iter(rejected or theirs), None)
