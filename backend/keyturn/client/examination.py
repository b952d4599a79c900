"""Why a node was granted or refused a key, from evidence that is verified here once more.

What the keyholder did for a log entry is done again with the same code, at the entry's time and
under the statements in force at its index: its word is not taken for what its evidence can show.
What only the keyholder or its HSM can know stays *not measured*, and says so.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import NoReturn

from keyturn.attest.chains import ChainCache
from keyturn.attest.checks import Outcome
from keyturn.attest.snp import SnpClaims
from keyturn.base.encoding import Digest
from keyturn.client.errors import NotAtHand, NotFound, ServerLied
from keyturn.client.evidence import NO_COLLATERAL, Collateral
from keyturn.client.seen import Seen
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.decision import Approved, ChallengeStanding, Refused, decide
from keyturn.keyrelease.entries import GrantEntry, RefusalEntry, read_grant, read_refusal
from keyturn.keyrelease.errors import OtherEvidence
from keyturn.keyrelease.evidence import VerifiedEvidence
from keyturn.keyrelease.leases import Lease, LeaseBook
from keyturn.keyrelease.observing import (
    check_platform,
    request_of,
    unmeasured_challenge,
    unmeasured_collateral,
    verify_at,
)
from keyturn.keyrelease.request import ReleaseRequest
from keyturn.policy.choosing import choose
from keyturn.policy.findings import Finding, failing, judged
from keyturn.policy.shown import platform_of, workload_of
from keyturn.policy.trust import anchors_in_force
from keyturn.quorum.entries import EntryKind, parse_entry
from keyturn.quorum.policy_body import Caveat, Policy
from keyturn.quorum.state import AuthorityState

ReadEvidence = Callable[[Digest], bytes | None]
"""What the server calls the request of this digest, or None when it keeps none."""
ReadEntries = Callable[[int, int], Iterable[bytes]]
"""Proved entries [start, end) of the log, from wherever they are."""

_BACK = 2560
"""Entries read at once on the way back to where a lease began."""
_FARTHEST = 400_000
"""Entries read back at most."""


class Verdict(Enum):
    """What the log's entry says."""

    GRANTED = "granted"
    REFUSED = "refused"


class Basis(Enum):
    """What the checks rest on."""

    VERIFIED_HERE = "evidence verified here"
    NOT_KEPT = "evidence not kept by the server"


@dataclass(frozen=True, slots=True)
class Gpu:
    """A device whose evidence is genuine."""

    device_id: str
    architecture: str
    driver: str
    vbios: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What the vendors' signatures prove of the machine, and `agent`, which it says itself.

    `gpus` are the genuine ones of `gpus_shown`.
    """

    platform: str
    product: str
    measurement: str
    workload: str
    gpus_shown: int
    gpus: tuple[Gpu, ...]
    agent: str
    simulated: bool


@dataclass(frozen=True, slots=True)
class Examination:
    """One entry and every check behind it, in the order in which they were done.

    `caveats`, `lease` and `lease_until` are a grant's. `policy` is the subject and statement that
    applied. `identity` and `claims` are None where the evidence is not kept, `identity` also where
    the CPU's is not genuine.
    """

    node: str
    index: int
    time: datetime
    purpose: Purpose
    verdict: Verdict
    basis: Basis
    checks: tuple[Finding, ...]
    model: Digest
    platform: str
    evidence: Digest
    policy: tuple[str, Digest] | None
    caveats: tuple[str, ...]
    lease: str | None
    lease_until: datetime | None
    identity: Identity | None
    claims: VerifiedEvidence | None

    @property
    def failed(self) -> tuple[Finding, ...]:
        return failing(self.checks)


@dataclass(frozen=True, slots=True)
class _Case:
    """An entry and what stood when it was made."""

    index: int
    time: datetime
    entry: GrantEntry | RefusalEntry
    state: AuthorityState
    entries: ReadEntries


def examine(
    node: str,
    seen: Seen,
    read_evidence: ReadEvidence,
    entries: ReadEntries,
    collateral: Callable[[], Collateral] = lambda: NO_COLLATERAL,
) -> Examination:
    """A node's newest grant or refusal, judged again.

    What fails only for want of the collateral that the keyholder had then is *not measured*.

    Raises NotFound when the log has none, ServerLied when the evidence contradicts the entry,
    NotAtHand when its lease began further back than entries are read.
    """
    last = seen.index.newest(node).last
    if last is None:
        raise NotFound(
            f"the log has neither a grant nor a refusal for {node!r}",
            hint="the keyholder logs no refusal of what no vendor has signed",
        )
    index = last[0]
    (leaf,) = entries(index, index + 1)
    case = _Case(index, parse_entry(leaf).time, last[1], seen.state.before(index), entries)
    raw = read_evidence(case.entry.evidence)
    if raw is None:
        return _without_evidence(case)
    return _with_evidence(case, raw, collateral())


def _without_evidence(case: _Case) -> Examination:
    missing = Finding(
        "evidence",
        Outcome.NOT_MEASURED,
        Basis.NOT_KEPT.value,
        f"the request {case.entry.evidence}",
        None,
        "evidence-missing",
        "an export of the log may have it",
    )
    return _examination(case, Basis.NOT_KEPT, (missing, *_only_said(case, ())))


def _with_evidence(case: _Case, raw: bytes, collateral: Collateral) -> Examination:
    entry, state, time = case.entry, case.state, case.time
    request = _request(case, raw)
    trusted = anchors_in_force(state, time)[0]
    evidence = verify_at(
        request, trusted, time, ChainCache(), collateral.documents, collateral.as_of
    )
    decision = decide(
        request,
        evidence,
        state,
        ChallengeStanding.GOOD,
        _lease_before(case, request.claims.lease),
        time,
        _caveats_of(case),
        witnessed=None,
    )
    _check_platform(case, evidence)
    said = entry.reasons if isinstance(entry, RefusalEntry) else ()
    checks = [
        unmeasured_challenge(),
        *(e if e.reason in said else unmeasured_collateral(e) for e in decision.findings[1:]),
    ]
    if isinstance(entry, GrantEntry):
        checks += _check_grant(case, entry, decision, checks)
    checks += _only_said(case, decision.findings)
    if isinstance(entry, RefusalEntry) and not failing(checks):
        _contradicted(case, "the entry refuses without a reason", "every check met", "a reason")
    made = _examination(case, Basis.VERIFIED_HERE, tuple(checks))
    return replace(made, identity=_identity(request, evidence), claims=evidence)


def _examination(case: _Case, basis: Basis, checks: tuple[Finding, ...]) -> Examination:
    entry = case.entry
    grant = entry if isinstance(entry, GrantEntry) else None
    chosen = choose(entry.model, case.state, case.time)
    policy = None
    if chosen.admission is not None and chosen.rules is not None:
        policy = (chosen.admission.policy, chosen.rules.policy_digest)
    return Examination(
        node=entry.node,
        index=case.index,
        time=case.time,
        purpose=entry.purpose,
        verdict=Verdict.GRANTED if grant else Verdict.REFUSED,
        basis=basis,
        checks=checks,
        model=entry.model,
        platform=entry.platform,
        evidence=entry.evidence,
        policy=policy,
        caveats=grant.caveats if grant else (),
        lease=grant.lease if grant else None,
        lease_until=grant.until if grant else None,
        identity=None,
        claims=None,
    )


# What an entry says must be what its evidence says


def _request(case: _Case, raw: bytes) -> ReleaseRequest:
    """The request that the entry is about. Raises ServerLied when it is of another one."""
    try:
        return request_of(raw, case.entry)
    except OtherEvidence as error:
        _contradicted(case, error.message, error.found, error.expected)


def _check_platform(case: _Case, evidence: VerifiedEvidence) -> None:
    try:
        check_platform(evidence, case.entry)
    except OtherEvidence as error:
        _contradicted(case, error.message, error.found, error.expected)


def _check_grant(
    case: _Case, entry: GrantEntry, decision: Approved | Refused, checks: Sequence[Finding]
) -> tuple[Finding, ...]:
    """What a grant's entry adds to its decision. Raises ServerLied for one not to be given."""
    if isinstance(decision, Refused):
        failed = failing(checks)
        if not failed and decision.reasons:  # for want of collateral alone
            return ()
        _contradicted(
            case,
            "the entry grants what its evidence does not allow",
            "; ".join(f"{each.check}: {each.found}" for each in failed),
            "; ".join(f"{each.check}: {each.expected}" for each in failed),
        )
    for what, found, expected in (
        ("statements", entry.statements, decision.statements),
        ("caveats", entry.caveats, decision.caveats),
    ):
        if set(found) != set(expected):
            differing = ", ".join(sorted(set(found) ^ set(expected)))
            _contradicted(case, f"the entry names other {what}", differing, "none that differ")
    length = _lease_length(case, entry, decision.policy, decision.policy_digest)
    if length.failed:
        _contradicted(case, "the entry's lease is too long", length.found, length.expected)
    if entry.purpose is Purpose.RENEWAL:
        return (length,)
    return (length, _unmeasured_key(decision.admission_digest))


def _lease_length(case: _Case, entry: GrantEntry, policy: Policy, digest: Digest) -> Finding:
    seconds = (entry.until - case.time).total_seconds()
    return judged(
        "lease length",
        0 < seconds <= policy.lease_seconds,
        "lease-too-long",
        f"{seconds:.0f} s",
        f"at most {policy.lease_seconds} s",
        statement=digest,
    )


def _contradicted(case: _Case, why: str, found: str, expected: str) -> NoReturn:
    raise ServerLied(
        f"log entry {case.index} and its evidence contradict each other: {why}",
        found=found[:1000],
        expected=expected[:1000],
        hint="Do not rely on this node. Export the log, and tell the other officers.",
    )


# What cannot be repeated here


def _unmeasured_key(admission: Digest | None) -> Finding:
    return Finding(
        "wrapped DEK",
        Outcome.NOT_MEASURED,
        "only the HSM can tell; a refusal would follow this grant",
        "the DEK that the admission statement's tag verifies under",
        admission,
    )


def _only_said(case: _Case, findings: Sequence[Finding]) -> Iterator[Finding]:
    """A refusal's reasons that no check here has found: the keyholder's word for them."""
    if not isinstance(case.entry, RefusalEntry):
        return
    found = {each.reason for each in findings}
    for reason in case.entry.reasons:
        if reason not in found:
            yield Finding(
                f"keyholder: {reason}",
                Outcome.NOT_MEASURED,
                "said by the log's entry; no check made here finds it",
                "",
                None,
                reason,
            )


def _caveats_of(case: _Case) -> frozenset[Caveat]:
    """Those that the entry names: what the keyholder's own process adds is known from it alone."""
    if not isinstance(case.entry, GrantEntry):
        return frozenset()
    try:
        return frozenset(Caveat(each) for each in case.entry.caveats)
    except ValueError:
        known = ", ".join(each.value for each in Caveat)
        _contradicted(case, "a caveat that nobody knows", ", ".join(case.entry.caveats), known)


def _lease_before(case: _Case, lease: str | None) -> Lease | None:
    """The lease that a renewal names, as the entries before its own leave it.

    Read backwards, to the release that began it. Raises NotAtHand when that is too far.
    """
    if lease is None:
        return None
    found: list[tuple[int, GrantEntry]] = []
    refused: set[bytes] = set()
    end = case.index
    while end > 0 and not (found and found[-1][1].purpose is Purpose.RELEASE):
        if case.index - end >= _FARTHEST:
            raise NotAtHand(
                f"the lease that entry {case.index} renews began too long ago to look for it",
                found=f"{_FARTHEST} entries read",
                hint="An export of the log, verified, says whether every renewal was allowed.",
            )
        start = max(0, end - _BACK)
        _read_back(case.entries(start, end), start, lease, found, refused)
        end = start
    book = LeaseBook()
    for index, grant in reversed(found):
        book.apply(index, grant)
    for challenge in refused:  # one that refuses a release of this lease ends it
        book.end(challenge)
    return book.live(lease, case.time)


def _read_back(
    leaves: Iterable[bytes],
    start: int,
    lease: str,
    found: list[tuple[int, GrantEntry]],
    refused: set[bytes],
) -> None:
    """Note what concerns a lease, the newest first. Not beyond the release that began it."""
    needle = lease.encode()
    for index, leaf in reversed(list(enumerate(leaves, start))):
        if needle not in leaf and b"refusal" not in leaf:
            continue
        entry = parse_entry(leaf)
        if entry.kind is EntryKind.GRANT:
            grant = read_grant(entry)
            if grant.lease == lease:
                found.append((index, grant))
                if grant.purpose is Purpose.RELEASE:
                    return
        elif entry.kind is EntryKind.REFUSAL:
            refused.add(read_refusal(entry).challenge)


def _identity(request: ReleaseRequest, evidence: VerifiedEvidence) -> Identity | None:
    cpu = evidence.cpu
    if cpu is None:
        return None
    return Identity(
        platform=platform_of(cpu),
        product=cpu.product.value if isinstance(cpu, SnpClaims) else "TDX",
        measurement=cpu.measurement.hex(),
        workload=workload_of(cpu).hex(),
        gpus_shown=len(request.evidence.gpus),
        gpus=tuple(Gpu(g.device_id, g.arch, g.driver, g.vbios) for g in evidence.gpus),
        agent=request.claims.agent,
        simulated=evidence.simulated,
    )
