"""The authority in force: a pure function of the log's prefix (I3, our protocol §2.5, §6).

`apply` reads one leaf after the other and verifies every quorum again, whoever wrote the
leaf; `submit` judges what would be the next one. Nothing here believes a database.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import KeyturnError, MalformedError, UntrustedError
from keyturn.base.signatures import KeyId
from keyturn.quorum.approvals import Approval, Withdrawal, parse_approval, parse_withdrawal
from keyturn.quorum.bodies import (
    Admission,
    Keys,
    Platforms,
    Revocation,
)
from keyturn.quorum.continuation import (
    CheckPrevious,
    LogName,
    check_log_key,
    check_origin,
    is_other_log_key,
    log_names,
)
from keyturn.quorum.decisions import Decisions, LoggedDecision, earlier, rejecters
from keyturn.quorum.entries import (
    CeremonyEntry,
    DecisionEntry,
    Entry,
    EntryKind,
    StatementEntry,
    WithdrawalEntry,
    parse_entry,
    read_ceremony,
    read_decision,
    read_origin,
    read_start,
    read_statement,
    read_withdrawal,
)
from keyturn.quorum.errors import LogInconsistent, SubmissionReason, SubmissionRefused
from keyturn.quorum.judge import (
    Standing,
    check_authority,
    check_decision,
    check_proposer,
    check_withdrawal,
    judge,
    without,
)
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.policy_body import Policy
from keyturn.quorum.reference_bodies import (
    ReferenceValues,
)
from keyturn.quorum.reports import check_report, read_configuration, read_report
from keyturn.quorum.roster import OfficerId, Roster
from keyturn.quorum.statements import Statement, parse_statement
from keyturn.quorum.suspension import falls_short

Chain = tuple[Kind, str]
Target = tuple[TargetKind, str]
ReadObject = Callable[[Digest], bytes]


@dataclass(frozen=True, slots=True)
class InForce:
    """A statement that came into force at `index`, and whose approval counted."""

    statement: Statement
    approvals: tuple[Approval, ...]
    approved_by: frozenset[OfficerId]
    index: int
    since: datetime
    rejected: frozenset[OfficerId] = frozenset()
    """Whose rejection was recorded before, so that no approval of theirs counted (§2.10)."""


@dataclass(frozen=True, slots=True)
class AuthorityState:
    """What the statements in a log's prefix say. Start with `AuthorityState(fingerprint)`."""

    fingerprint: Digest
    size: int = 0
    last_time: datetime | None = None
    newest: Mapping[Chain, InForce] = field(default_factory=dict)
    by_digest: Mapping[Digest, InForce] = field(default_factory=dict)
    withdrawn: frozenset[Digest] = frozenset()
    revoked: Mapping[Target, InForce] = field(default_factory=dict)
    compromised: frozenset[KeyId] = frozenset()
    suspended: Mapping[Digest, InForce] = field(default_factory=dict)
    """By the digest of a statement, the roster whose removal of keys left it too few approvals."""
    decisions: Decisions = field(default_factory=dict)
    """By the digest of a statement, the approvals and rejections recorded before any quorum."""
    ceremonies: Mapping[str, int] = field(default_factory=dict)
    """By a ceremony's id, how many records of it are in the log (our protocol §10.10)."""
    destroyed: frozenset[Digest] = frozenset()
    """Models whose key was destroyed: none of theirs is released or wrapped again."""
    continued: bool = False
    """The last entry said that the log goes on: the next names its new log key (§6.2)."""

    # ---- reading ----

    def in_force(self, kind: Kind, subject: str, now: datetime) -> InForce | None:
        """The newest statement of a (kind, subject), unless expired, suspended or revoked since,
        or of a model whose key was destroyed."""
        found = self.newest.get((kind, subject))
        if found is None or found.statement.expired(now) or self.revocation_of(kind, subject):
            return None
        if self.is_destroyed(kind, subject):
            return None
        return None if found.statement.digest in self.suspended else found

    def is_destroyed(self, kind: Kind, subject: str) -> bool:
        """Whether it is a model whose key was destroyed (our protocol §10.10)."""
        return kind is Kind.MODEL and subject in self.destroyed

    def revocation_of(self, kind: Kind, subject: str) -> InForce | None:
        """The revocation that stands against a statement's subject, if any."""
        target = {Kind.MODEL: TargetKind.MODEL, Kind.POLICY: TargetKind.POLICY}.get(kind)
        return self.revoked.get((target, subject)) if target else None

    def require(self, kind: Kind, subject: str, now: datetime) -> InForce:
        """As `in_force`. Raises SubmissionRefused (not in force) saying why it is not."""
        found = self.in_force(kind, subject, now)
        if found is not None:
            return found
        raise SubmissionRefused(
            SubmissionReason.NOT_IN_FORCE,
            f"{kind.value} '{subject}' is not in force",
            found=self._why_not(kind, subject),
            expected="a statement in force",
        )

    @property
    def roster(self) -> Roster | None:
        """The newest roster, expired or not; `roster_in_force` is the one that counts."""
        found = self.newest.get((Kind.ROSTER, "roster"))
        return found.statement.body if found and isinstance(found.statement.body, Roster) else None

    def roster_in_force(self, now: datetime) -> InForce | None:
        return self.in_force(Kind.ROSTER, "roster", now)

    def keys(self, now: datetime) -> Keys | None:
        found = self.in_force(Kind.KEYS, "keys", now)
        return found.statement.body if found and isinstance(found.statement.body, Keys) else None

    @property
    def newest_keys(self) -> Keys | None:
        """The keys of the newest `keys` statement, expired or not: whose log this is."""
        found = self.newest.get((Kind.KEYS, "keys"))
        return found.statement.body if found and isinstance(found.statement.body, Keys) else None

    @property
    def log_names(self) -> tuple[LogName, ...]:
        """The log's origins and keys, the oldest first, and how far each signs (§6.2)."""
        chain = ((each.index, each.statement.body) for each in self._in_order())
        return log_names((index, body) for index, body in chain if isinstance(body, Keys))

    def log_name(self, origin: str) -> LogName | None:
        """What the log was called, or is."""
        return next((each for each in self.log_names if each.origin == origin), None)

    def policy(self, policy_id: str, now: datetime) -> Policy | None:
        found = self.in_force(Kind.POLICY, policy_id, now)
        return found.statement.body if found and isinstance(found.statement.body, Policy) else None

    def before(self, index: int) -> "AuthorityState":
        """What was in force before the entry at `index`, without verifying any quorum again.

        It knows of no withdrawals, which are of what never came into force.
        """
        state = AuthorityState(self.fingerprint, decisions=earlier(self.decisions, index))
        for each in self._in_order():
            if each.index >= index:
                break
            state = replace(state.enter(each), last_time=each.since)
        return replace(state, size=min(index, self.size))

    # ---- changing ----

    def standing(self, statement: Statement, now: datetime) -> Standing:
        newest = self.newest.get((statement.kind, statement.subject))
        named = _named_compromised(statement)
        return Standing(
            self.fingerprint,
            self.roster,
            self.roster is not None and self.roster_in_force(now) is None,
            newest.statement.version if newest else 0,
            newest.statement.digest if newest else None,
            statement.digest in self.withdrawn,
            self._keys_ever() if named else frozenset(),
            self.compromised,
            self.rejected(statement),
            self.is_destroyed(statement.kind, statement.subject),
        )

    def rejected(self, statement: Statement) -> frozenset[OfficerId]:
        """Whose recorded rejection keeps their approval from counting (our protocol §2.10)."""
        spared = statement.kind is Kind.REVOCATION
        return frozenset() if spared else rejecters(self.decisions.get(statement.digest, ()))

    def submit(
        self, statement: Statement, approvals: Sequence[Approval], now: datetime
    ) -> frozenset[OfficerId]:
        """Who approved, if it may come into force as the next entry. Raises SubmissionRefused.

        Asking again about a statement that is already in force is for the caller to notice first.
        """
        counted = judge(statement, approvals, self.standing(statement, now), now)
        if isinstance(statement.body, Keys):
            check_log_key(statement.body, self.log_names, continued=self.continued)
        return counted

    def check_withdrawal(self, withdrawal: Withdrawal, statement: Statement) -> None:
        """Raises SubmissionRefused unless the proposer withdraws what is not in force."""
        if self.roster is None:
            raise SubmissionRefused(SubmissionReason.NO_ROSTER, "no roster is in force")
        if withdrawal.statement != statement.digest or statement.digest in self.by_digest:
            raise SubmissionRefused(
                SubmissionReason.OTHER_STATEMENT, "only an open proposal can be withdrawn"
            )
        check_authority(statement, self.fingerprint)
        check_proposer(statement, self.roster)
        check_withdrawal(withdrawal, statement.proposer, self.roster)

    def recorded(self, approval: Approval) -> LoggedDecision | None:
        """The entry of this very decision, in whatever envelope it came."""
        logged = self.decisions.get(approval.statement, ())
        return next((each for each in logged if each.says(approval)), None)

    def check_decision(self, approval: Approval, statement: Statement, now: datetime) -> None:
        """Raises SubmissionRefused unless it may be recorded as the next entry (§2.10)."""
        if statement.digest in self.by_digest:
            raise SubmissionRefused(
                SubmissionReason.IN_FORCE_ALREADY, "the statement came into force already"
            )
        check_decision(approval, statement, self.standing(statement, now), now)
        if self.recorded(approval) is not None:
            raise SubmissionRefused(SubmissionReason.RECORDED, "the decision is in the log already")

    def apply(
        self, leaf: bytes, read_object: ReadObject, check_previous: CheckPrevious | None = None
    ) -> "AuthorityState":
        """The state after one more leaf. Raises LogInconsistent if no keyholder wrote it.

        What `read_object` raises because it cannot be asked (UnreachableError) is not caught:
        nothing was learned of the log then. `check_previous` has the tree; without it no log is
        believed to go on under another key.
        """
        try:
            entry = parse_entry(leaf)
        except MalformedError as error:
            raise self._inconsistent(error) from error
        if self.last_time is not None and entry.time < self.last_time:
            raise LogInconsistent(
                f"entry {self.size}: time runs backwards",
                found=entry.time.isoformat(),
                expected=f"from {self.last_time.isoformat()}",
            )
        if self.size == 0 and entry.kind is not EntryKind.ORIGIN:
            raise LogInconsistent("entry 0: the first entry must be an origin entry")
        try:
            after = self._apply(entry, read_object, check_previous)
        except LogInconsistent:
            raise
        except (MalformedError, UntrustedError) as error:
            raise self._inconsistent(error) from error
        return replace(after, size=self.size + 1, last_time=entry.time)

    def _inconsistent(self, error: KeyturnError) -> LogInconsistent:
        return LogInconsistent(
            f"entry {self.size}: {error.message}", found=error.found, expected=error.expected
        )

    def _apply(
        self, entry: Entry, read_object: ReadObject, check_previous: CheckPrevious | None
    ) -> "AuthorityState":
        if self.continued:
            return self._apply_new_keys(entry, read_object)
        if entry.kind is EntryKind.ORIGIN:
            origin = read_origin(entry)
            check_origin(origin, self.size, self.fingerprint, self.newest_keys, check_previous)
            return self if origin.previous is None else replace(self, continued=True)
        if entry.kind is EntryKind.STATEMENT:
            return self._apply_statement(read_statement(entry), entry.time, read_object)
        if entry.kind is EntryKind.WITHDRAWAL:
            return self._apply_withdrawal(read_withdrawal(entry), read_object)
        if entry.kind is EntryKind.DECISION:
            return self._apply_decision(read_decision(entry), entry.time, read_object)
        if entry.kind is EntryKind.REPORT:
            check_report(read_report(entry), self.roster, entry.time)
        elif entry.kind is EntryKind.CONFIGURATION:
            read_configuration(entry)
        elif entry.kind is EntryKind.START:
            read_start(entry)
        if entry.kind is EntryKind.CEREMONY:
            return self._apply_ceremony(read_ceremony(entry))
        return self  # grants and refusals change no authority: `keyrelease` reads them

    def _apply_ceremony(self, entry: CeremonyEntry) -> "AuthorityState":
        expected = self.ceremonies.get(entry.ceremony, 0)
        if entry.seq != expected:
            raise LogInconsistent(
                f"entry {self.size}: records of ceremony {entry.ceremony} do not go on",
                found=str(entry.seq),
                expected=str(expected),
            )
        destroyed = self.destroyed | {entry.destroys} if entry.destroys else self.destroyed
        ceremonies = {**self.ceremonies, entry.ceremony: entry.seq + 1}
        return replace(self, ceremonies=ceremonies, destroyed=destroyed)

    def _apply_new_keys(self, entry: Entry, read_object: ReadObject) -> "AuthorityState":
        """The one entry that may follow when the log goes on (§6.2)."""
        if entry.kind is not EntryKind.STATEMENT:
            raise LogInconsistent(
                f"entry {self.size}: the log goes on, but no new keys are named",
                found=entry.kind.value,
                expected="a keys statement",
            )
        after = self._apply_statement(read_statement(entry), entry.time, read_object)
        keys = after.newest_keys
        if keys is None or not is_other_log_key(keys, self.newest_keys):
            raise LogInconsistent(
                f"entry {self.size}: the log goes on, but no new keys are named",
                expected="a keys statement with another log key and origin",
            )
        return replace(after, continued=False)

    def _apply_statement(
        self, entry: StatementEntry, time: datetime, read_object: ReadObject
    ) -> "AuthorityState":
        statement = parse_statement(_object(entry.envelopes[0], read_object))
        approvals = tuple(
            parse_approval(_object(each, read_object)) for each in entry.envelopes[1:]
        )
        named = (statement.digest, statement.kind, statement.subject, statement.version)
        if named != (entry.statement, entry.kind, entry.subject, entry.version):
            raise LogInconsistent(f"entry {self.size} names another statement than it carries")
        approved_by = self.submit(statement, approvals, time)
        rejected = self.rejected(statement)
        return self.enter(InForce(statement, approvals, approved_by, self.size, time, rejected))

    def _apply_withdrawal(
        self, entry: WithdrawalEntry, read_object: ReadObject
    ) -> "AuthorityState":
        statement = parse_statement(_object(entry.envelopes[0], read_object))
        withdrawal = parse_withdrawal(_object(entry.envelopes[1], read_object))
        if statement.digest != entry.statement:
            raise LogInconsistent(f"entry {self.size}: withdrawal of another statement")
        self.check_withdrawal(withdrawal, statement)
        return replace(self, withdrawn=self.withdrawn | {withdrawal.statement})

    def _apply_decision(
        self, entry: DecisionEntry, time: datetime, read_object: ReadObject
    ) -> "AuthorityState":
        statement = parse_statement(_object(entry.envelopes[0], read_object))
        approval = parse_approval(_object(entry.envelopes[1], read_object))
        named = (statement.digest, approval.officer, approval.decision)
        if named != (entry.statement, entry.officer, entry.decision):
            raise LogInconsistent(f"entry {self.size} names another decision than it carries")
        self.check_decision(approval, statement, time)
        logged = (*self.decisions.get(statement.digest, ()), LoggedDecision(approval, self.size))
        return replace(self, decisions={**self.decisions, statement.digest: logged})

    def enter(self, new: InForce) -> "AuthorityState":
        """The state with a statement in force that `submit` has accepted; size is unchanged."""
        statement = new.statement
        entered = replace(
            self,
            newest={**self.newest, (statement.kind, statement.subject): new},
            by_digest={**self.by_digest, statement.digest: new},
            revoked=_revoked_after(self.revoked, new),
        )
        named = _named_compromised(statement) - self.compromised
        return entered._suspend(new, named) if named else entered

    def _suspend(self, by: InForce, named: frozenset[KeyId]) -> "AuthorityState":
        """Without the keys that a roster names compromised (our protocol §2.8).

        What a suspended statement reinstated is revoked again.
        """
        suspended = dict(self.suspended)
        for digest in self._short(named):
            suspended.setdefault(digest, by)
        revoked: dict[Target, InForce] = {}
        for each in self._in_order():
            reinstates = each.statement.digest not in suspended
            revoked = _revoked_after(revoked, each, reinstates=reinstates)
        return replace(
            self, compromised=self.compromised | named, suspended=suspended, revoked=revoked
        )

    def _short(self, named: frozenset[KeyId]) -> frozenset[Digest]:
        history = (
            (each.statement, without(each.approvals, each.rejected)) for each in self._in_order()
        )
        return falls_short(history, self.compromised | named)

    def _in_order(self) -> list[InForce]:
        return sorted(self.by_digest.values(), key=lambda each: each.index)

    def _keys_ever(self) -> frozenset[KeyId]:
        bodies = [each.statement.body for each in self.by_digest.values()]
        return frozenset(key for body in bodies if isinstance(body, Roster) for key in body.keys)

    def _why_not(self, kind: Kind, subject: str) -> str:
        found = self.newest.get((kind, subject))
        if found is None:
            return "no such statement was ever in force"
        revocation = self.revocation_of(kind, subject)
        if revocation is not None:
            return f"revoked at log index {revocation.index}"
        if self.is_destroyed(kind, subject):
            return "its key was destroyed in a ceremony"
        suspending = self.suspended.get(found.statement.digest)
        if suspending is not None:
            return (
                f"suspended at log index {suspending.index}: too few approvals without the keys "
                "named compromised there"
            )
        return f"expired {found.statement.expires}"


def replay(
    fingerprint: Digest,
    leaves: Sequence[bytes],
    read_object: ReadObject,
    check_previous: CheckPrevious | None = None,
) -> AuthorityState:
    """The state after all leaves. Raises LogInconsistent."""
    state = AuthorityState(fingerprint)
    for leaf in leaves:
        state = state.apply(leaf, read_object, check_previous)
    return state


def would_suspend(state: AuthorityState, statement: Statement) -> tuple[InForce, ...]:
    """What a roster change would suspend if it came into force next, by kind and subject.

    Only the newest of each, whether expired or not, and nothing that is suspended already. Empty
    for an ordinary removal and for every other kind.
    """
    named = _named_compromised(statement) - state.compromised
    short = state._short(named) if named else frozenset[Digest]()
    found = [
        each
        for each in state.newest.values()
        if each.statement.digest in short - state.suspended.keys()
        and each.statement.kind is not Kind.ROSTER
    ]
    return tuple(
        sorted(found, key=lambda each: (each.statement.kind.value, each.statement.subject))
    )


def _named_compromised(statement: Statement) -> frozenset[KeyId]:
    return statement.body.compromised if isinstance(statement.body, Roster) else frozenset()


def _revoked_after(
    revoked: Mapping[Target, InForce], new: InForce, *, reinstates: bool = True
) -> dict[Target, InForce]:
    """The revocations that stand after one more statement."""
    after = dict(revoked)
    for target in _reinstates(new.statement) if reinstates else ():
        standing = after.get(target)
        if standing is not None and _oldest_say(new) >= standing.since:
            del after[target]
    body = new.statement.body
    if isinstance(body, Revocation):
        after[(body.target_kind, body.target)] = new
    return after


def _oldest_say(new: InForce) -> datetime:
    """When the first of those spoke by whom it came into force: proposer or counted approver."""
    counted = (a.time for a in new.approvals if a.officer in new.approved_by)
    return min((new.statement.time, *counted))


def _reinstates(statement: Statement) -> list[Target]:
    """The revocations that a statement ends by naming their targets anew (our protocol §2.6).

    Only one proposed and approved since the revocation does: else whoever held back what officers
    approved before could undo a revocation that they did not know of.
    """
    body = statement.body
    if isinstance(body, Admission):
        return [(TargetKind.MODEL, body.model)]
    if isinstance(body, Policy):
        return [(TargetKind.POLICY, statement.subject)]
    if isinstance(body, ReferenceValues):
        return [(TargetKind.MEASUREMENT, value) for value in sorted(body.measurements)]
    if isinstance(body, Platforms):
        return [(TargetKind.PLATFORM, each) for each in body.platforms]
    return []


def _object(digest: Digest, read_object: ReadObject) -> bytes:
    data = read_object(digest)
    if digest_of(data) != digest:
        raise UntrustedError("an object does not have its digest", expected=digest)
    return data
