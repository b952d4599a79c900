"""Proposals as the officer may believe them: signatures, receipts and standing checked here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.base.encoding import Digest, digest_of, unb64
from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.strictjson import Fields, JsonObject, dump
from keyturn.client.answers import optional_integer
from keyturn.client.errors import MalformedAnswer, ServerLied
from keyturn.quorum.approvals import Approval, Decision, parse_approval
from keyturn.quorum.bodies import Revocation
from keyturn.quorum.bundle import Authority
from keyturn.quorum.decisions import LoggedDecision
from keyturn.quorum.entries import EntryKind, parse_entry, read_statement
from keyturn.quorum.judge import approving, check_authority, signer_of
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import OfficerId, Roster
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.statements import Statement, parse_statement
from keyturn.tlog.receipts import Receipt, VerifiedEntry, parse_receipt, verify_receipt

MAX_STATEMENT = 2 << 20


class Status(Enum):
    """Where a proposal stands. IN_FORCE to WITHDRAWN are proved by the log; LAPSED by the clock;
    REFUSED is what the keyholder answered, says the server."""

    OPEN = "open"
    IN_FORCE = "in-force"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    REFUSED = "refused"


_CLAIMS_FORCE = {"in-force", "superseded", "suspended"}


@dataclass(frozen=True, slots=True)
class KeyholderSaidNo:
    """Why the keyholder did not take a submission, as the server reports it."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A statement and what officers said of it, every signature verified."""

    statement: Statement
    approvals: tuple[Approval, ...]
    approved_by: tuple[OfficerId, ...]  # officers that count now, sorted
    rejected_by: tuple[OfficerId, ...]
    needed: int
    status: Status
    index: int | None  # of the log entry with which it came into force
    refusal: KeyholderSaidNo | None
    logged: tuple[LoggedDecision, ...] = ()  # decisions that have entries of their own

    def logged_at(self, approval: Approval) -> int | None:
        """The index of a decision's own entry, which it has from when it was recorded."""
        return next((each.index for each in self.logged if each.says(approval)), None)

    @property
    def digest(self) -> Digest:
        return self.statement.digest

    @property
    def previews(self) -> tuple[tuple[OfficerId, Digest | None], ...]:
        """Which impact preview each signed of those who approved, by name; None: none.

        Who signed more than one approval is here with the newest.
        """
        newest = {
            each.officer: each.preview
            for each in sorted(self.approvals, key=lambda each: each.time)
            if each.decision is Decision.APPROVE and each.officer in self.approved_by
        }
        return tuple(sorted(newest.items()))

    @property
    def one_preview(self) -> bool:
        """Whether all who approved signed the same preview, and every one of them did sign one."""
        signed = {preview for _, preview in self.previews}
        return len(signed) == 1 and None not in signed

    @property
    def missing(self) -> int:
        return max(0, self.needed - len(self.approved_by)) if self.status is Status.OPEN else 0


@dataclass(frozen=True, slots=True)
class Claimed:
    """A view whose signatures are verified, and whose status is not yet."""

    statement: Statement
    approvals: tuple[Approval, ...]
    status: str
    entry: VerifiedEntry | None
    refusal: KeyholderSaidNo | None


def read_view(fields: Fields, authority: Authority, rosters: Sequence[Roster]) -> Claimed:
    """Verify one ProposalView. Raises ServerLied naming what was disproved, or MalformedAnswer."""
    digest = fields.digest("digest")
    statement, approvals = read_signed(
        fields.b64("statement", limit=MAX_STATEMENT),
        _b64_items(fields, "approvals"),
        authority.fingerprint,
        rosters,
    )
    if statement.digest != digest:
        raise ServerLied(
            "the server shows another statement under this digest",
            found=statement.digest,
            expected=digest,
        )
    status = fields.text("status", limit=40)
    entry = None
    if fields.raw("receipt") is not None:
        entry = _proved(fields.fields("receipt"), statement, authority)
    elif status in _CLAIMS_FORCE:
        raise ServerLied("the server calls it in force without a receipt", expected="a receipt")
    if status in _CLAIMS_FORCE and optional_integer(fields, "index") != (entry and entry.index):
        raise ServerLied("the receipt is of another log index", found=str(entry and entry.index))
    return Claimed(statement, approvals, status, entry, _refusal(fields))


def read_signed(
    statement_raw: bytes,
    approvals_raw: Sequence[bytes],
    fingerprint: Digest,
    rosters: Sequence[Roster],
) -> tuple[Statement, tuple[Approval, ...]]:
    """Parse and verify a statement of this authority and approvals over it, by officers of these
    rosters.

    Raises ServerLied: whoever handed them over vouched for what is forged, or is another's.
    """
    statement = parse_statement(statement_raw)
    try:
        check_authority(statement, fingerprint)
    except UntrustedError as error:
        raise ServerLied(error.message, found=error.found, expected=error.expected) from error
    try:
        proposer = signer_of(statement.envelope, *rosters)
    except UntrustedError as error:
        raise _forged("the statement", error) from error
    if proposer.id != statement.proposer:
        raise ServerLied(
            "the statement is not signed by its proposer",
            found=proposer.id,
            expected=statement.proposer,
        )
    approvals = tuple(parse_approval(each) for each in approvals_raw)
    for approval in approvals:
        _check_approval(approval, statement, rosters)
    return statement, approvals


def settled(claimed: Claimed, state: AuthorityState, now: datetime) -> Proposal:
    """Decide a view's status by the replayed log, not by the server.

    Raises ServerLied when the server calls in force, or withdrawn, what the log does not.
    """
    statement = claimed.statement
    roster = state.roster
    if roster is None:
        raise ServerLied("the log has no roster")
    known = state.by_digest.get(statement.digest)
    if known is None and claimed.status in _CLAIMS_FORCE:
        raise ServerLied(
            "the server calls in force what its log never brought into force",
            found=claimed.status,
            expected=f"no entry of {statement.digest}",
        )
    if claimed.status == Status.WITHDRAWN.value and statement.digest not in state.withdrawn:
        raise ServerLied(
            "the server calls withdrawn what its log never ended",
            found=claimed.status,
            expected=f"a withdrawal of {statement.digest}",
        )
    approvals = with_logged(statement, claimed.approvals, state)
    approved, rejected = count(statement, approvals, roster)
    return Proposal(
        statement,
        approvals if known is None else with_logged(statement, known.approvals, state),
        approved if known is None else tuple(sorted(known.approved_by)),
        rejected,
        roster.thresholds[statement.kind],
        _status(claimed, state, now),
        None if known is None else known.index,
        claimed.refusal,
        state.decisions.get(statement.digest, ()),
    )


def with_logged(
    statement: Statement, approvals: Sequence[Approval], state: AuthorityState
) -> tuple[Approval, ...]:
    """And the decisions that the log holds besides: whoever shows approvals may leave some out."""
    logged = state.decisions.get(statement.digest, ())
    hidden = (each for each in logged if not any(each.says(known) for known in approvals))
    return (*approvals, *(each.approval for each in hidden))


def count(
    statement: Statement, approvals: Sequence[Approval], roster: Roster
) -> tuple[tuple[OfficerId, ...], tuple[OfficerId, ...]]:
    """Officers whose approval counts under `roster`, and those who reject (our protocol §2.5.6).

    Of a proposed roster only officers whom the one in force does not know: a proposal may give
    any key to a name that is known.
    """
    rejected = {each.officer for each in approvals if each.decision is Decision.REJECT}
    counted = approving(statement, approvals, roster, roster)
    if isinstance(statement.body, Roster):
        new = approving(statement, approvals, statement.body, roster)
        counted |= {each for each in new if each not in roster.officers}
    return tuple(sorted(counted)), tuple(sorted(rejected))


def _status(claimed: Claimed, state: AuthorityState, now: datetime) -> Status:
    statement = claimed.statement
    if statement.digest in state.by_digest:
        return status_in_log(statement, state, now)
    if statement.digest in state.withdrawn:
        return Status.WITHDRAWN
    if now > statement.proposal_lapses:
        return Status.LAPSED
    return Status.REFUSED if claimed.status == Status.REFUSED.value else Status.OPEN


def status_in_log(statement: Statement, state: AuthorityState, now: datetime) -> Status:
    """Of one that came into force, as it stands at `now`."""
    newest = state.newest[(statement.kind, statement.subject)]
    if newest.statement.digest != statement.digest:
        return Status.SUPERSEDED
    if statement.expired(now):
        return Status.EXPIRED
    if isinstance(statement.body, Revocation):
        target = (statement.body.target_kind, statement.body.target)
        return Status.IN_FORCE if target in state.revoked else Status.SUPERSEDED
    if state.revocation_of(statement.kind, statement.subject) is not None:
        return Status.REVOKED
    return Status.SUSPENDED if statement.digest in state.suspended else Status.IN_FORCE


def _check_approval(approval: Approval, statement: Statement, rosters: Sequence[Roster]) -> None:
    if approval.statement != statement.digest:
        raise ServerLied(
            "an approval shown here is over another statement",
            found=approval.statement,
            expected=statement.digest,
        )
    new = [statement.body] if isinstance(statement.body, Roster) else []
    try:
        officer = signer_of(approval.envelope, *rosters, *new)
    except UntrustedError as error:
        raise _forged(f"the approval of {approval.officer}", error) from error
    if officer.id != approval.officer:
        raise ServerLied(
            "an approval is signed by somebody else", found=officer.id, expected=approval.officer
        )


def _forged(what: str, error: UntrustedError) -> ServerLied:
    return ServerLied(
        f"{what} is not genuine: {error.message}", found=error.found, expected=error.expected
    )


def _proved(fields: Fields, statement: Statement, authority: Authority) -> VerifiedEntry:
    """The receipt's entry, which must be this statement's. Raises ServerLied."""
    try:
        entry = verify_receipt(receipt_of(fields), authority.log_key(), authority.origin)
        frame = parse_entry(entry.leaf)
        named = read_statement(frame) if frame.kind is EntryKind.STATEMENT else None
    except (MalformedError, UntrustedError) as error:
        raise ServerLied(
            f"the receipt proves nothing: {error.message}",
            found=error.found,
            expected=error.expected,
        ) from error
    if named is None or named.statement != statement.digest:
        raise ServerLied(
            "the receipt is of another entry",
            found=frame.kind.value if named is None else named.statement,
            expected=statement.digest,
        )
    if named.envelopes[0] != digest_of(statement.raw):
        raise ServerLied("the log has this statement in another envelope")
    return entry


def receipt_of(fields: Fields) -> Receipt:
    """A receipt that came as an object inside an answer."""
    names = ("type", "format", "index", "leaf", "proof", "checkpoint")
    document: JsonObject = {name: fields.raw(name) for name in names}
    fields.done()
    return parse_receipt(dump(document))


def _b64_items(fields: Fields, name: str) -> list[bytes]:
    found = []
    for each in fields.items(name, limit=1000):
        if not isinstance(each, str):
            raise MalformedAnswer(f"{fields.what}: {name} is not a list of texts")
        found.append(unb64(each, what=f"{fields.what}: {name}"))
    return found


def _refusal(fields: Fields) -> KeyholderSaidNo | None:
    if not fields.has("refusal") or fields.raw("refusal") is None:
        return None
    error = fields.fields("refusal")
    kind = error.text("kind", limit=100) if error.has("kind") else "refused"
    return KeyholderSaidNo(kind, error.text("message", empty=True, limit=10_000))


def version_after(state: AuthorityState, kind: Kind, subject: str) -> tuple[int, Digest | None]:
    """The version and predecessor of the next statement of a (kind, subject)."""
    newest = state.newest.get((kind, subject))
    if newest is None:
        return 1, None
    return newest.statement.version + 1, newest.statement.digest
