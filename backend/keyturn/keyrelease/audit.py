"""The whole log, judged offline by the fingerprint alone (our protocol §6.5).

Replays every entry as a keyholder would: quorums of statements at their own time, grants only
under statements in force at their index, challenges once, renewals of live leases. Whether the
leaves are those that a signed checkpoint commits to is the caller's question to `tlog`.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.entries import GrantEntry, read_grant, read_refusal
from keyturn.keyrelease.errors import AuditFailed
from keyturn.keyrelease.leases import LeaseBook
from keyturn.quorum.entries import Entry, EntryKind, parse_entry
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.state import AuthorityState, ReadObject


@dataclass(frozen=True, slots=True)
class Audited:
    """What a log was found to say, every rule of it kept."""

    state: AuthorityState
    size: int
    counts: dict[str, int]
    first_time: datetime | None
    last_time: datetime | None


@dataclass(slots=True)
class _Walk:
    state: AuthorityState
    leases: LeaseBook = field(default_factory=LeaseBook)
    challenges: set[bytes] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    first_time: datetime | None = None


def audit_log(leaves: Iterable[bytes], fingerprint: Digest, read_object: ReadObject) -> Audited:
    """Raises LogInconsistent or AuditFailed at the first entry that breaks a rule, naming it."""
    walk = _Walk(AuthorityState(fingerprint))
    for index, leaf in enumerate(leaves):
        before = walk.state
        walk.state = before.apply(leaf, read_object)
        entry = parse_entry(leaf)
        walk.first_time = walk.first_time or entry.time
        walk.counts[entry.kind.value] += 1
        if entry.kind is EntryKind.GRANT:
            _check_grant(index, entry, walk)
        elif entry.kind is EntryKind.REFUSAL:
            refusal = read_refusal(entry)
            _use_challenge(index, refusal.challenge, walk, again=True)
    state = walk.state
    return Audited(state, state.size, dict(walk.counts), walk.first_time, state.last_time)


def _check_grant(index: int, entry: Entry, walk: _Walk) -> None:
    grant = read_grant(entry)
    _use_challenge(index, grant.challenge, walk, again=False)
    _check_statements(index, grant, entry.time, walk.state)
    _check_targets(index, grant, walk.state)
    if grant.until <= entry.time:
        raise AuditFailed(f"entry {index}: a lease that ends before it begins")
    if grant.purpose is Purpose.RENEWAL:
        _check_renewal(index, grant, entry.time, walk.leases)
    walk.leases.apply(index, grant)


def _use_challenge(index: int, challenge: bytes, walk: _Walk, *, again: bool) -> None:
    """Each challenge decides once; `again`: a refusal may follow its own grant (wrong DEK)."""
    if challenge in walk.challenges and not again:
        raise AuditFailed(f"entry {index}: a challenge was used twice", found=challenge.hex()[:32])
    walk.challenges.add(challenge)


def _check_statements(index: int, grant: GrantEntry, time: datetime, state: AuthorityState) -> None:
    """Everything that a grant names is in force at its index, and it names what it needs."""
    kinds = Counter[Kind]()
    for digest in grant.statements:
        named = state.by_digest.get(digest)
        if named is None:
            raise AuditFailed(f"entry {index}: names a statement never in force", found=digest)
        statement = named.statement
        kinds[statement.kind] += 1
        newest = state.in_force(statement.kind, statement.subject, time)
        if newest is None or newest.statement.digest != digest:
            raise AuditFailed(
                f"entry {index}: names {statement.kind.value} '{statement.subject}', which was "
                "superseded, revoked or expired by then",
                found=digest,
            )
        if statement.kind is Kind.MODEL and statement.subject != grant.model:
            raise AuditFailed(f"entry {index}: names another model's admission")
    needed = (Kind.ROSTER, Kind.KEYS, Kind.MODEL, Kind.POLICY, Kind.REFERENCE_VALUES)
    missing = [kind.value for kind in needed if not kinds[kind]]
    if missing:
        raise AuditFailed(f"entry {index}: names no {missing[0]} statement")


def _check_targets(index: int, grant: GrantEntry, state: AuthorityState) -> None:
    for target in ((TargetKind.NODE, grant.node), (TargetKind.PLATFORM, grant.platform)):
        if target in state.revoked:
            raise AuditFailed(f"entry {index}: a key for a revoked {target[0].value}")


def _check_renewal(index: int, grant: GrantEntry, time: datetime, leases: LeaseBook) -> None:
    lease = leases.live(grant.lease, time)
    if lease is None:
        raise AuditFailed(f"entry {index}: renews a lease that was not live", found=grant.lease)
    found = (grant.model, grant.node, grant.platform, grant.tls)
    if found != (lease.model, lease.node, lease.platform, lease.tls):
        raise AuditFailed(f"entry {index}: renews a lease for another holder", found=grant.lease)
