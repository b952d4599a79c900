"""Proposals: taken in, approvals collected, handed to the keyholder when enough seem to approve.

Checks here are a courtesy: a forgery is told to its sender at once. What comes into force, the
keyholder decides from the same bytes (I3).
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from keyturn.base.encoding import digest_of
from keyturn.base.errors import KeyturnError, MalformedError, UnreachableError, UntrustedError
from keyturn.base.times import format_time
from keyturn.control.context import Context
from keyturn.control.errors import Conflict, NotAllowed, NotFound
from keyturn.control.follower import Follower
from keyturn.control.modeling import keep_wrapped, register_in
from keyturn.control.projection import approval_row, proposal_row
from keyturn.control.proposalview import Status, error_body, status_of, view
from keyturn.control.recording import Recording
from keyturn.control.witnessing import Witnessing
from keyturn.quorum.approvals import Approval, Decision, parse_approval, parse_withdrawal
from keyturn.quorum.errors import SubmissionReason, SubmissionRefused
from keyturn.quorum.judge import SKEW, approves_in, check_authority, check_withdrawal, signer_of
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.roster import Officer, Roster
from keyturn.quorum.statements import Statement, parse_statement
from keyturn.store import events, models, proposals
from keyturn.store.proposals import ApprovalRow, ProposalRow
from keyturn.wire.api import ProposalView
from keyturn.wire.errors import MalformedFrame, PeerRefused
from keyturn.wire.keyholder import Submit, Submitted, Withdraw

log = logging.getLogger("keyturn.control")

T = TypeVar("T")


class Proposing:
    """The proposals' inbox of one server."""

    def __init__(
        self, context: Context, follower: Follower, witnessing: Witnessing, recording: Recording
    ) -> None:
        self._context = context
        self._follower = follower
        self._recording = recording
        self._witnessing = witnessing
        self.without_key = 0
        """Models in force whose wrapped DEK is not here, as last counted."""

    # ---- reading ----

    async def all(self, status: str | None) -> list[ProposalView]:
        """Newest first; with `status`, only those."""
        rows = await self._context.read(proposals.all_proposals)
        found = await self._context.read(
            lambda c: proposals.approvals_of(c, [each.digest for each in rows])
        )
        views = [self._view(row, found[row.digest]) for row in rows]
        return [each for each in views if status is None or each.status == status]

    async def one(self, digest: str) -> ProposalView:
        """Raises NotFound."""
        return self._view(*await self._rows(digest))

    # ---- writing ----

    async def propose(
        self, officer: Officer, raw: bytes, key: bytes | None, manifest: bytes | None
    ) -> ProposalView:
        """Take a proposal in; the same one twice is one. Raises MalformedError, NotAllowed."""
        statement = parse_statement(raw)
        self._check_proposer(statement)
        _check_documents(statement, key, manifest)
        now = self._context.clock()
        row = replace(proposal_row(statement), key=key, manifest=manifest)

        def work(connection: Connection) -> None:
            if statement.kind is Kind.MODEL and key is not None and manifest is not None:
                register_in(connection, manifest, key, now)
            if not proposals.insert(connection, row):
                return
            data = {
                "digest": statement.digest,
                "kind": statement.kind.value,
                "subject": statement.subject,
                "proposer": statement.proposer,
                "entered_by": officer.id,
            }
            events.append(connection, "proposal", data, now)

        await self._context.write(work)
        self._follower.poke()
        return await self._try(statement.digest)

    async def approve(self, digest: str, raw: bytes) -> ProposalView:
        """Take an approval or rejection in.

        Raises MalformedError, NotAllowed, Conflict, NotFound.
        """
        approval = parse_approval(raw)
        row, _ = await self._rows(digest)
        statement = parse_statement(row.envelope)
        if approval.statement != digest:
            raise NotAllowed(
                "the approval is over another statement",
                found=approval.statement,
                expected=digest,
            )
        self._check_approver(approval, statement)
        now = self._context.clock()
        _check_time(approval, statement, now)

        def work(connection: Connection) -> None:
            found = proposals.find(connection, digest)
            if found is None or found.index is not None or found.withdrawn:
                raise Conflict("the proposal is no longer open")
            if now > found.proposal_lapses:
                raise Conflict("the proposal has lapsed", hint="Propose it again.")
            if not proposals.insert_approval(connection, approval_row(approval)):
                return
            data = {
                "digest": digest,
                "officer": approval.officer,
                "decision": approval.decision.value,
            }
            events.append(connection, "approval", data, now)

        await self._context.write(work)
        return await self._try(digest)

    async def withdraw(self, digest: str, raw: bytes) -> ProposalView:
        """End an open proposal for ever: the keyholder logs it. Raises what it says."""
        withdrawal = parse_withdrawal(raw)
        row, _ = await self._rows(digest)
        if withdrawal.statement != digest:
            raise NotAllowed(
                "the withdrawal is of another statement",
                found=withdrawal.statement,
                expected=digest,
            )
        _allowed(lambda: check_withdrawal(withdrawal, row.proposer, self._roster()))
        logged = await self._context.urgent.ask(Withdraw(row.envelope, raw))
        await self._follower.reach(logged.index)
        return await self.one(digest)

    async def retry(self) -> None:
        """Hand in what a crash or an unreachable keyholder left behind, and mend lost DEKs."""
        now = self._context.clock()
        for row in await self._context.read(lambda c: proposals.still_open(c, now)):
            if row.refusal is None or row.refusal.get("kind") == "unreachable":
                await self._retry(row)
            else:
                await self._recording.record(*await self._rows(row.digest))
        keyless = 0
        for row in await self._context.read(proposals.admissions_without_key):
            if not self._in_force(row):
                continue
            keyless += 1
            if row.key is not None or await self._key_at_hand(row):
                await self._retry(row)
        self.without_key = keyless

    # ---- handing in ----

    async def _retry(self, row: ProposalRow) -> None:
        """One proposal that cannot be handed in must not keep the others back."""
        try:
            await self._try(row.digest)
        except KeyturnError as error:
            reason = {"digest": row.digest, "reason": str(error)}
            log.warning("a proposal could not be handed in again", extra=reason)

    async def _try(self, digest: str) -> ProposalView:
        """Submit if enough seem to have approved; the outcome stands in the view."""
        row, rows = await self._rows(digest)
        statement = parse_statement(row.envelope)
        if row.index is None and self._status(row) not in (Status.OPEN, Status.REFUSED):
            return self._view(row, rows)
        if row.index is None:
            await self._recording.record(row, rows)
        approvals = self._countable(statement, rows)
        if row.index is None and not self._enough(statement, approvals):
            return self._view(row, rows)
        raws = tuple(each.raw for each in approvals)
        if statement.kind is Kind.REVOCATION:
            self._witnessing.hand(row.digest, row.envelope, raws)
        try:
            key = row.key or await self._context.read(lambda c: _model_key(c, statement))
            request = Submit(row.envelope, raws, key)
            submitted = await self._context.urgent.ask(request)
        except (PeerRefused, UnreachableError, MalformedFrame) as error:
            await self._refused(row, error)
            return await self.one(digest)
        await self._submitted(statement, submitted)
        return await self.one(digest)

    async def _submitted(self, statement: Statement, answer: Submitted) -> None:
        if answer.wrapped is not None:
            wrapped, kek = answer.wrapped, answer.kek
            await self._context.write(
                lambda c: keep_wrapped(c, statement.subject, wrapped, statement.digest, kek)
            )
        if answer.index is not None and await self._follower.reach(answer.index):
            receipt = answer.receipt
            await self._context.write(lambda c: proposals.set_receipt(c, statement.digest, receipt))

    async def _refused(self, row: ProposalRow, error: KeyturnError) -> None:
        """Keep what the keyholder said; an event only when it is news."""
        body = error_body(error).model_dump()
        now = self._context.clock()

        def work(connection: Connection) -> None:
            known = proposals.find(connection, row.digest)
            if known is None or known.index is not None or known.refusal == body:
                return
            proposals.set_refusal(connection, row.digest, body)
            data = {"digest": row.digest, "kind": row.kind, "subject": row.subject, "error": body}
            events.append(connection, "refused", data, now)

        await self._context.write(work)
        self._follower.poke()

    def _countable(self, statement: Statement, rows: list[ApprovalRow]) -> list[Approval]:
        """One envelope an officer that the keyholder takes today: one bad one would sink all.

        The newest, but a rejection before any approval: who rejected once does not count.
        """
        found: dict[str, Approval] = {}
        now = self._context.clock()
        for row in rows:  # oldest first
            approval = parse_approval(row.envelope)
            known = found.get(approval.officer)
            if known is not None and known.decision is Decision.REJECT is not approval.decision:
                continue
            try:
                self._check_approver(approval, statement)
                _check_time(approval, statement, now)
            except NotAllowed:
                continue
            found[approval.officer] = approval
        return list(found.values())

    def _enough(self, statement: Statement, approvals: list[Approval]) -> bool:
        """Whether the same rules would let it in here; what else is wrong the keyholder tells."""
        try:
            self._context.mirror.state.submit(statement, approvals, self._context.clock())
        except SubmissionRefused as error:
            return error.reason is not SubmissionReason.TOO_FEW_APPROVALS
        return True

    def _in_force(self, row: ProposalRow) -> bool:
        """An admission that counts; a missing DEK is then worth mending."""
        admission = self._context.mirror.admission(row.subject, self._context.clock())
        return admission is not None and admission.statement.digest == row.digest

    async def _key_at_hand(self, row: ProposalRow) -> bool:
        """Whether the model's key file was registered (again)."""
        model = await self._context.read(lambda c: models.find(c, row.subject))
        return model is not None and model.key is not None

    # ---- courtesy checks ----

    def _roster(self) -> Roster:
        roster = self._context.mirror.roster
        if roster is None:
            raise NotAllowed("no roster is in force")
        return roster

    def _check_proposer(self, statement: Statement) -> None:
        _allowed(lambda: check_authority(statement, self._context.mirror.state.fingerprint))
        signer = _allowed(lambda: signer_of(statement.envelope, self._roster()))
        if signer.id != statement.proposer or Role.PROPOSER not in signer.roles:
            raise NotAllowed(
                "the statement is not signed by a proposer of the roster",
                found=f"signed by {signer.id}",
                expected=f"signed by {statement.proposer}, with the role proposer",
            )

    def _check_approver(self, approval: Approval, statement: Statement) -> None:
        rosters = [self._roster()]
        if isinstance(statement.body, Roster):
            rosters.append(statement.body)
        signer = _allowed(lambda: signer_of(approval.envelope, *rosters))
        if signer.id != approval.officer:
            raise NotAllowed(
                "the approval is signed by somebody else",
                found=signer.id,
                expected=approval.officer,
            )
        if not any(approves_in(approval, each) for each in rosters):
            raise NotAllowed(f"{signer.id} may not approve", expected="the role approver")

    # ---- views ----

    async def _rows(self, digest: str) -> tuple[ProposalRow, list[ApprovalRow]]:
        def work(connection: Connection) -> tuple[ProposalRow, list[ApprovalRow]]:
            row = proposals.find(connection, digest)
            if row is None:
                raise NotFound("no such proposal", found=digest)
            return row, proposals.approvals_of(connection, [digest])[digest]

        return await self._context.read(work)

    def _status(self, row: ProposalRow) -> Status:
        return status_of(row, self._context.mirror.state, self._context.clock())

    def _view(self, row: ProposalRow, rows: list[ApprovalRow]) -> ProposalView:
        return view(row, rows, self._context.mirror.state, self._context.clock())


def _allowed(check: Callable[[], T]) -> T:
    """What `check` gives. Raises NotAllowed for what it does not trust."""
    try:
        return check()
    except UntrustedError as error:
        raise NotAllowed(
            error.message, found=error.found, expected=error.expected, hint=error.hint
        ) from error


def _check_time(approval: Approval, statement: Statement, now: datetime) -> None:
    """Raises NotAllowed for a time that the keyholder would not take (our protocol §2.5)."""
    earliest, latest = statement.time - SKEW, now + SKEW
    if not earliest <= approval.time <= latest:
        raise NotAllowed(
            "the approval's time is wrong",
            found=format_time(approval.time),
            expected=f"{format_time(earliest)} to {format_time(latest)}",
            hint=f"Set the clock of the machine where {approval.officer} signs, and sign again.",
        )


def _check_documents(statement: Statement, key: bytes | None, manifest: bytes | None) -> None:
    """Raises MalformedError unless a model's documents come with the admission of that model."""
    if statement.kind is not Kind.MODEL and (key is not None or manifest is not None):
        raise MalformedError(
            "only the admission of a model comes with its documents", found=statement.kind.value
        )
    if manifest is not None and digest_of(manifest) != statement.subject:
        raise MalformedError(
            "the manifest is of another model than the admission",
            found=digest_of(manifest),
            expected=statement.subject,
        )


def _model_key(connection: Connection, statement: Statement) -> bytes | None:
    if statement.kind is not Kind.MODEL:
        return None
    model = models.find(connection, statement.subject)
    return None if model is None else model.key
