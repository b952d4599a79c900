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
from keyturn.base.errors import MalformedError
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.continuation import previous_check, root_of
from keyturn.keyrelease.decision import caveats_owed
from keyturn.keyrelease.entries import GrantEntry, RefusalEntry, read_grant, read_refusal
from keyturn.keyrelease.errors import AuditFailed
from keyturn.keyrelease.leases import LeaseBook
from keyturn.policy.choosing import choose
from keyturn.policy.findings import failing
from keyturn.policy.rules import Rules
from keyturn.quorum.entries import Entry, EntryKind, parse_entry
from keyturn.quorum.kinds import TargetKind
from keyturn.quorum.state import AuthorityState, ReadObject
from keyturn.tlog.merkle import Frontier, leaf_hash


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
    lease_ids: set[str] = field(default_factory=set)
    granted: dict[bytes, GrantEntry] = field(default_factory=dict)  # by challenge
    refused: set[bytes] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    first_time: datetime | None = None


def audit_log(leaves: Iterable[bytes], fingerprint: Digest, read_object: ReadObject) -> Audited:
    """Raises LogInconsistent or AuditFailed at the first entry that breaks a rule, naming it."""
    walk = _Walk(AuthorityState(fingerprint))
    tree = Frontier()
    for index, leaf in enumerate(leaves):
        before = walk.state
        walk.state = before.apply(leaf, read_object, previous_check(root_of(tree, ())))
        tree = tree.extended((leaf_hash(leaf),))
        entry = parse_entry(leaf)
        walk.first_time = walk.first_time or entry.time
        walk.counts[entry.kind.value] += 1
        try:
            _check(index, entry, walk)
        except MalformedError as error:
            raise AuditFailed(f"entry {index}: {error}") from error
    state = walk.state
    return Audited(state, state.size, dict(walk.counts), walk.first_time, state.last_time)


def _check(index: int, entry: Entry, walk: _Walk) -> None:
    if entry.kind is EntryKind.GRANT:
        _check_grant(index, entry, walk)
    elif entry.kind is EntryKind.REFUSAL:
        _check_refusal(index, read_refusal(entry), walk)


def _check_grant(index: int, entry: Entry, walk: _Walk) -> None:
    grant = read_grant(entry)
    if grant.challenge in walk.granted or grant.challenge in walk.refused:
        raise AuditFailed(
            f"entry {index}: a challenge was used twice", found=grant.challenge.hex()[:32]
        )
    walk.granted[grant.challenge] = grant
    rules = _check_statements(index, grant, entry.time, walk.state)
    _check_rules(index, grant, entry.time, rules)
    _check_caveats(index, grant, entry.time, walk.state)
    _check_targets(index, grant, walk.state)
    if grant.purpose is Purpose.RENEWAL:
        _check_renewal(index, grant, entry.time, walk.leases)
    elif grant.lease in walk.lease_ids:
        raise AuditFailed(f"entry {index}: a lease that was given before", found=grant.lease)
    walk.lease_ids.add(grant.lease)
    walk.leases.apply(index, grant)


def _check_refusal(index: int, refusal: RefusalEntry, walk: _Walk) -> None:
    """Each challenge decides once; a refusal may follow its own grant (wrong DEK), once, and
    then ends the lease: no key left."""
    if refusal.challenge in walk.refused:
        raise AuditFailed(
            f"entry {index}: a challenge was refused twice", found=refusal.challenge.hex()[:32]
        )
    walk.refused.add(refusal.challenge)
    grant = walk.granted.get(refusal.challenge)
    if grant is None:
        return
    if _asked_by(refusal) != _asked_by(grant):
        raise AuditFailed(
            f"entry {index}: refuses a challenge that was granted to another request",
            found=f"node {refusal.node}, {refusal.model}",
            expected=f"node {grant.node}, {grant.model}",
        )
    walk.leases.end(refusal.challenge)


def _asked_by(entry: GrantEntry | RefusalEntry) -> tuple[object, ...]:
    return entry.purpose, entry.model, entry.node, entry.platform, entry.evidence


def _check_statements(
    index: int, grant: GrantEntry, time: datetime, state: AuthorityState
) -> Rules:
    """A grant names exactly what its model's admission leads to, each in force at its index."""
    for digest in grant.statements:
        named = state.by_digest.get(digest)
        if named is None:
            raise AuditFailed(f"entry {index}: names a statement never in force", found=digest)
        statement = named.statement
        newest = state.in_force(statement.kind, statement.subject, time)
        if newest is None or newest.statement.digest != digest:
            raise AuditFailed(
                f"entry {index}: names {statement.kind.value} '{statement.subject}', which was "
                "superseded, revoked, suspended or expired by then",
                found=digest,
            )
    chosen = choose(grant.model, state, time)
    for finding in failing(chosen.findings):
        raise AuditFailed(
            f"entry {index}: granted, though not so: {finding.check}",
            found=finding.found,
            expected=finding.expected,
        )
    unequal = set(chosen.statements) ^ set(grant.statements)
    if unequal or chosen.rules is None:
        raise AuditFailed(
            f"entry {index}: names other statements than its model's admission leads to",
            found=", ".join(sorted(state.by_digest[each].statement.subject for each in unequal)),
        )
    return chosen.rules


def _check_rules(index: int, grant: GrantEntry, time: datetime, rules: Rules) -> None:
    """What of its policy an entry can show: lease, caveats, platform."""
    policy = rules.policy
    seconds = (grant.until - time).total_seconds()
    if not 0 < seconds <= policy.lease_seconds:
        raise AuditFailed(
            f"entry {index}: a lease of another length than the policy allows",
            found=f"{seconds:.0f} s",
            expected=f"at most {policy.lease_seconds} s",
        )
    accepted = {caveat.value for caveat in policy.accepted_caveats}
    if not accepted.issuperset(grant.caveats):
        raise AuditFailed(
            f"entry {index}: a caveat that the policy does not accept",
            found=", ".join(sorted(set(grant.caveats) - accepted)),
        )
    lists = [each.platforms for _, each in rules.platforms.values()]
    if policy.platforms is not None and not any(grant.platform in each for each in lists):
        raise AuditFailed(
            f"entry {index}: a platform that the policy does not list", found=grant.platform
        )


def _check_caveats(index: int, grant: GrantEntry, time: datetime, state: AuthorityState) -> None:
    """Every limit that the authority owes its verdicts is named (I11)."""
    owed = caveats_owed(state, time)
    missing = {each.value for each in owed} - set(grant.caveats)
    if missing:
        raise AuditFailed(
            f"entry {index}: a caveat that holds is not named", found=", ".join(sorted(missing))
        )


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
