"""Grant or refuse: verified evidence against the statements in force (I2, our protocol §5.3).

`decide` is cheap and pure, so that its owner can repeat it under a lock against the very state
that the grant's log entry will follow. It returns `Approved` or `Refused`; whatever asks the
HSM takes an `Approved`, never a key's name.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.attest.nvidia_claims import PPCIE, DeviceClaims
from keyturn.attest.snp import SnpClaims
from keyturn.base.encoding import Digest, digest_of
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.challenge import issued_at
from keyturn.keyrelease.evidence import VerifiedEvidence
from keyturn.keyrelease.grant import RefusalReason
from keyturn.keyrelease.leases import Lease
from keyturn.keyrelease.request import ReleaseRequest
from keyturn.keyrelease.witnessing import NOTHING_WITNESSED, Witnessed, witness_findings
from keyturn.policy.appraisal import appraise
from keyturn.policy.findings import Finding, failing, judged, met, not_met
from keyturn.policy.rules import Rules
from keyturn.policy.shown import HIDDEN_PLATFORM, CpuClaims, Shown, platform_of
from keyturn.quorum.bodies import (
    Admission,
    Platforms,
)
from keyturn.quorum.errors import SubmissionRefused
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.policy_body import Caveat, Policy
from keyturn.quorum.reference_bodies import (
    ReferenceValues,
)
from keyturn.quorum.roster import Roster
from keyturn.quorum.state import AuthorityState, InForce


class ChallengeStanding(Enum):
    """What the keyholder process knows about a challenge."""

    GOOD = "issued by this keyholder process, live, not used before"
    FORGED = "not issued by this keyholder process"
    STALE = "older than 120 s"
    SPENT = "used before"


@dataclass(frozen=True, slots=True)
class Approved:
    """A release or renewal that every check allows. Nothing is granted before it is logged."""

    admission: Admission
    admission_digest: Digest | None
    policy: Policy
    policy_digest: Digest
    statements: tuple[Digest, ...]
    platform: str
    caveats: tuple[str, ...]
    findings: tuple[Finding, ...]
    lease: Lease | None  # the one that is renewed


@dataclass(frozen=True, slots=True)
class Refused:
    """All the reasons, in the order of the checks."""

    reasons: tuple[RefusalReason, ...]
    findings: tuple[Finding, ...]
    platform: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the admission leads to, as far as it is in force; each is a finding, met or not."""

    admission: Admission | None
    admission_digest: Digest | None
    rules: Rules | None
    statements: tuple[Digest, ...]
    findings: tuple[Finding, ...]


def decide(
    request: ReleaseRequest,
    evidence: VerifiedEvidence,
    state: AuthorityState,
    challenge: ChallengeStanding,
    lease: Lease | None,
    now: datetime,
    keyholder_caveats: frozenset[Caveat] = frozenset(),
    witnessed: Witnessed | None = NOTHING_WITNESSED,
) -> Approved | Refused:
    """`lease` is the live lease that a renewal names, or None.

    `keyholder_caveats` are those that the keyholder's own process names. `witnessed` None: not
    to be judged, by whoever judges again later; cosignatures are not in the log.
    """
    chosen = choose(request.model, state, now)
    findings = [_challenge(challenge), *chosen.findings, *evidence.findings]
    roster = state.roster_in_force(now)
    if witnessed is not None and roster is not None and isinstance(roster.statement.body, Roster):
        digest = roster.statement.digest
        findings += witness_findings(roster.statement.body.witnesses, witnessed, now, digest)
    platform = platform_of(evidence.cpu) if evidence.cpu is not None else HIDDEN_PLATFORM
    caveats: frozenset[Caveat] = frozenset()
    if evidence.cpu is not None:
        if chosen.rules is not None:
            genuine = challenge is not ChallengeStanding.FORGED
            asked = issued_at(request.challenge) if genuine else None
            findings += appraise(
                chosen.rules, shown_by(request, evidence, evidence.cpu, asked), now
            )
        devices: tuple[DeviceClaims, ...] = (*evidence.gpus, *evidence.switches)
        findings += _revocations(request, evidence.cpu, devices, state)
        caveats = _caveats(request, evidence, state, now) | keyholder_caveats
        if chosen.rules is not None:
            findings += _caveat_findings(caveats, chosen.rules)
    if request.purpose is Purpose.RENEWAL:
        findings += _lease_findings(request, lease, platform)
    failed = failing(findings)
    if failed or chosen.admission is None or chosen.rules is None or evidence.cpu is None:
        reasons = tuple(_reason(each) for each in failed)
        return Refused(reasons, tuple(findings), platform)
    return Approved(
        chosen.admission,
        chosen.admission_digest,
        chosen.rules.policy,
        chosen.rules.policy_digest,
        chosen.statements,
        platform,
        tuple(sorted(each.value for each in caveats)),
        tuple(findings),
        lease if request.purpose is Purpose.RENEWAL else None,
    )


def shown_by(
    request: ReleaseRequest, evidence: VerifiedEvidence, cpu: CpuClaims, asked: datetime | None
) -> Shown:
    """What a policy judges of this request, whose challenge was issued when `asked` says."""
    return Shown(
        cpu,
        evidence.gpus,
        evidence.switches,
        tpm=evidence.tpm,
        gpus_shown=len(request.evidence.gpus),
        switches_shown=len(request.evidence.switches),
        tpm_shown=request.evidence.tpm is not None,
        challenged=asked,
    )


def _challenge(standing: ChallengeStanding) -> Finding:
    return judged(
        "challenge",
        standing is ChallengeStanding.GOOD,
        f"challenge-{standing.name.lower()}",
        standing.value,
        ChallengeStanding.GOOD.value,
        hint="ask for a fresh challenge",
    )


def choose(model: Digest, state: AuthorityState, now: datetime) -> Chosen:
    """The admission, its one policy, that policy's baselines: the newest in force of those.

    `statements` are all that a grant must name (our protocol §5.5), no fewer and no more.
    """
    findings: list[Finding] = []
    used: list[Digest] = []

    def require(kind: Kind, subject: str) -> InForce | None:
        try:
            found = state.require(kind, subject, now)
        except SubmissionRefused as refusal:
            findings.append(_not_in_force(state, kind, subject, refusal))
            return None
        use(found)
        return found

    def use(found: InForce) -> None:
        used.append(found.statement.digest)
        findings.append(_in_force(found))

    roster = require(Kind.ROSTER, "roster")
    require(Kind.KEYS, "keys")
    if roster is not None and state.roster is not None and state.roster.witnesses.k == 0:
        findings.append(met("witnesses", "0 cosignatures", "0", roster.statement.digest))
    anchors = state.in_force(Kind.TRUST_ANCHORS, "trust-anchors", now)
    if anchors is not None:
        use(anchors)
    found = require(Kind.MODEL, model)
    admission = found.statement.body if found else None
    if not isinstance(admission, Admission):
        return Chosen(None, None, None, tuple(used), tuple(findings))
    digest = found.statement.digest if found else None
    rules = _rules(admission.policy, require)
    return Chosen(admission, digest, rules, tuple(used), tuple(findings))


def _rules(policy_id: str, require: Callable[[Kind, str], InForce | None]) -> Rules | None:
    found = require(Kind.POLICY, policy_id)
    policy = found.statement.body if found else None
    if found is None or not isinstance(policy, Policy):
        return None
    baselines: dict[str, tuple[Digest, ReferenceValues]] = {}
    for name in policy.baselines:
        each = require(Kind.REFERENCE_VALUES, name)
        if each is not None and isinstance(each.statement.body, ReferenceValues):
            baselines[name] = (each.statement.digest, each.statement.body)
    platforms: dict[str, tuple[Digest, Platforms]] = {}
    for name in policy.platforms or ():
        each = require(Kind.PLATFORMS, name)
        if each is not None and isinstance(each.statement.body, Platforms):
            platforms[name] = (each.statement.digest, each.statement.body)
    return Rules(policy, found.statement.digest, baselines, platforms)


def _in_force(found: InForce) -> Finding:
    statement = found.statement
    kind, subject = statement.kind.value, statement.subject
    return met(
        f"{kind} in force",
        f"version {statement.version}, since log index {found.index}",
        f"{kind} '{subject}' in force",
        statement.digest,
    )


def _not_in_force(
    state: AuthorityState, kind: Kind, subject: str, refusal: SubmissionRefused
) -> Finding:
    revocation = state.revocation_of(kind, subject)
    return not_met(
        f"{kind.value} in force",
        "revoked" if revocation else f"{kind.value}-not-in-force",
        refusal.found,
        f"{kind.value} '{subject}' in force",
        statement=revocation.statement.digest if revocation else None,
        hint=f"propose and approve a {kind.value} statement for '{subject}'",
    )


def _revocations(
    request: ReleaseRequest,
    cpu: CpuClaims,
    devices: Sequence[DeviceClaims],
    state: AuthorityState,
) -> Iterator[Finding]:
    targets = [
        (TargetKind.NODE, request.claims.node),
        (TargetKind.PLATFORM, platform_of(cpu)),
        (TargetKind.MEASUREMENT, cpu.measurement.hex()),
        *((TargetKind.PLATFORM, device.device_id) for device in devices),
    ]
    for kind, target in targets:
        check, named = f"{kind.value} not revoked", f"{kind.value} {target}"
        revocation = state.revoked.get((kind, target))
        if revocation is None:
            yield met(check, named, "not revoked")
            continue
        yield not_met(
            check,
            "revoked",
            f"{named} revoked at log index {revocation.index}",
            "not revoked",
            statement=revocation.statement.digest,
            hint=revocation.statement.reason,
        )


def caveats_owed(state: AuthorityState, now: datetime) -> frozenset[Caveat]:
    """What limits every verdict of this authority, whatever the evidence says (I11)."""
    caveats = {
        Caveat.KEYHOLDER_HOST_TRUSTED,
        Caveat.HOST_CONTROLLED_CLOCK,
        Caveat.BOOT_TIME_ONLY,
        Caveat.PHYSICAL_ACCESS,
    }
    keys = state.keys(now)
    if keys is None or keys.assurance != "hardware":
        caveats.add(Caveat.SOFTWARE_ASSURANCE)
    if state.roster is None or state.roster.witnesses.k == 0:
        caveats.add(Caveat.NO_WITNESS)
    if state.roster is not None and state.roster.simulation:
        caveats.add(Caveat.SIMULATED)  # I9: on real hardware too
    return frozenset(caveats)


def _caveats(
    request: ReleaseRequest, evidence: VerifiedEvidence, state: AuthorityState, now: datetime
) -> frozenset[Caveat]:
    """The named limits of this verdict (I11): the hardware's, this authority's, the node's own."""
    caveats = {*caveats_owed(state, now), *request.claims.caveats}
    if evidence.simulated:
        caveats.add(Caveat.SIMULATED)
    if evidence.gpus or evidence.switches:
        caveats.add(Caveat.NO_DEVICE_BINDING_HARDWARE)
    if any(gpu.mode == PPCIE for gpu in evidence.gpus):
        caveats.add(Caveat.PPCIE_PLAINTEXT_NVLINK)
    above = isinstance(evidence.cpu, SnpClaims) and evidence.cpu.report.vmpl > 0
    if above or request.evidence.runtime is not None:
        caveats.add(Caveat.PARAVISOR)
    return frozenset(caveats)


def _caveat_findings(caveats: frozenset[Caveat], rules: Rules) -> Iterator[Finding]:
    for caveat in sorted(caveats, key=lambda each: each.value):
        yield judged(
            f"caveat {caveat.value}",
            caveat in rules.policy.accepted_caveats,
            "caveat-not-accepted",
            caveat.value,
            "accepted by name in the policy",
            statement=rules.policy_digest,
            hint="remove the cause, or propose a policy that accepts this caveat by name",
        )


def _lease_findings(
    request: ReleaseRequest, lease: Lease | None, platform: str
) -> Iterator[Finding]:
    if lease is None:
        yield not_met(
            "lease",
            "lease-not-live",
            str(request.claims.lease),
            "a live lease",
            hint="ask for a new release",
        )
        return
    for name, found, expected in (
        ("model", request.model, lease.model),
        ("node", request.claims.node, lease.node),
        ("platform", platform, lease.platform),
        ("TLS key", digest_of(request.keys.tls), lease.tls),
    ):
        yield judged(f"lease: {name}", found == expected, "lease-mismatch", found, expected)


def _reason(finding: Finding) -> RefusalReason:
    return RefusalReason(
        finding.check,
        finding.reason or "refused",
        finding.found,
        finding.expected,
        finding.statement,
        finding.hint,
    )
