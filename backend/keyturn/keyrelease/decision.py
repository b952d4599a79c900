"""Grant or refuse: verified evidence against the statements in force (I2, our protocol §5.3).

`decide` is cheap and pure, so that its owner can repeat it under a lock against the very state
that the grant's log entry will follow. It returns `Approved` or `Refused`; whatever asks the
HSM takes an `Approved`, never a key's name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.attest.nvidia_claims import PPCIE
from keyturn.attest.snp import SnpClaims
from keyturn.base.encoding import Digest, digest_of
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.challenge import issued_at
from keyturn.keyrelease.evidence import VerifiedEvidence
from keyturn.keyrelease.grant import RefusalReason
from keyturn.keyrelease.leases import Lease
from keyturn.keyrelease.request import ReleaseRequest
from keyturn.keyrelease.witnessing import NOTHING_WITNESSED, Witnessed, asked_for, witness_findings
from keyturn.policy.appraisal import appraise
from keyturn.policy.choosing import caveat_findings, choose, revocation_findings
from keyturn.policy.findings import Finding, failing, judged, not_met
from keyturn.policy.shown import HIDDEN_PLATFORM, CpuClaims, Shown, platform_of
from keyturn.quorum.bodies import Admission
from keyturn.quorum.policy_body import Caveat, Policy
from keyturn.quorum.roster import Roster
from keyturn.quorum.state import AuthorityState


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
        more = chosen.rules.policy.witnesses if chosen.rules is not None else 0
        asked = asked_for(roster.statement.body.witnesses, more)
        findings += witness_findings(asked, witnessed, now, digest)
    platform = platform_of(evidence.cpu) if evidence.cpu is not None else HIDDEN_PLATFORM
    caveats: frozenset[Caveat] = frozenset()
    if evidence.cpu is not None:
        genuine = challenge is not ChallengeStanding.FORGED
        issued = issued_at(request.challenge) if genuine else None
        shown = shown_by(request, evidence, evidence.cpu, issued)
        if chosen.rules is not None:
            findings += appraise(chosen.rules, shown, now)
        findings += revocation_findings(request.claims.node, shown, state)
        caveats = caveats_of(request, evidence, state, now) | keyholder_caveats
        if chosen.rules is not None:
            findings += caveat_findings(caveats, chosen.rules)
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


def caveats_of(
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
