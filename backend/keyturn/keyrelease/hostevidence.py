"""A keyholder's own evidence, as a custodian's program judges it (our protocol §10.12).

Genuine or not, bound to the very host key or not, and as the policy with the id `keyholder` wants
it: what the keyholder does to nodes, done to the keyholder.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from keyturn.attest.chains import ChainCache
from keyturn.base.encoding import lp
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump, parse_object
from keyturn.keyrelease.collateral import NOTHING_KEPT, CollateralSet
from keyturn.keyrelease.cpuevidence import verify_cpu
from keyturn.keyrelease.request import (
    Evidence,
    SnpEvidence,
    TdxEvidence,
    evidence_document,
    read_evidence,
)
from keyturn.policy.appraisal import appraise
from keyturn.policy.choosing import caveat_findings, choose_policy
from keyturn.policy.findings import Finding, failing, not_met
from keyturn.policy.rules import Rules
from keyturn.policy.shown import CpuClaims, Shown
from keyturn.policy.trust import anchors_in_force
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.policy_body import Caveat
from keyturn.quorum.state import AuthorityState

POLICY = "keyholder"
"""The id of the policy that a keyholder's machine is judged by."""
CONTEXT = b"keyturn-unseal-v1"
MAX_EVIDENCE = 128 << 10


@dataclass(frozen=True, slots=True)
class HostVerdict:
    """What is known of the keyholder's machine.

    `findings`: every check that was made. `judged`: a policy `keyholder` is in force and every
    check was met; otherwise `caveats` has keyholder-host-trusted, or `failed` says what is wrong.
    """

    judged: bool
    findings: tuple[Finding, ...]
    caveats: frozenset[Caveat]

    @property
    def failed(self) -> tuple[Finding, ...]:
        return failing(self.findings)


def unseal_report_data(host: bytes) -> bytes:
    """64 bytes for the CPU to sign over. `host`: the payload of the host key document."""
    return hashlib.sha512(CONTEXT + lp(host)).digest()


def host_evidence_bytes(cpu: SnpEvidence | TdxEvidence) -> bytes:
    """As it travels: §4.4 without devices."""
    return dump(evidence_document(Evidence(cpu, ())))


def judge_host(
    raw: bytes | None,
    host: bytes,
    state: AuthorityState,
    now: datetime,
    collateral: CollateralSet = NOTHING_KEPT,
) -> HostVerdict:
    """`raw` None: the keyholder shows none. Nothing is raised: what is wrong is a finding."""
    if state.in_force(Kind.POLICY, POLICY, now) is None:
        return _unasked(raw, host, state, now, collateral)
    rules, chosen = choose_policy(POLICY, state, now)
    found = list(chosen)
    if raw is None:
        found.append(_missing())
        return HostVerdict(False, tuple(found), frozenset())
    cpu, verified = _verified(raw, host, state, now, collateral)
    found += verified
    if cpu is None or rules is None:
        return HostVerdict(False, tuple(found), frozenset())
    caveats = _caveats(cpu, state)
    found += _appraised(rules, cpu, state, caveats, now)
    return HostVerdict(not failing(found), tuple(found), caveats)


def _unasked(
    raw: bytes | None,
    host: bytes,
    state: AuthorityState,
    now: datetime,
    collateral: CollateralSet,
) -> HostVerdict:
    """Where no policy says what the machine must be; evidence that is wrong is wrong all the
    same."""
    caveats = {Caveat.KEYHOLDER_HOST_TRUSTED}
    if raw is None:
        return HostVerdict(False, (), frozenset(caveats))
    cpu, findings = _verified(raw, host, state, now, collateral)
    if cpu is not None and cpu.simulated:
        caveats.add(Caveat.SIMULATED)
    return HostVerdict(False, tuple(findings), frozenset(caveats))


def _verified(
    raw: bytes, host: bytes, state: AuthorityState, now: datetime, collateral: CollateralSet
) -> tuple[CpuClaims | None, list[Finding]]:
    try:
        evidence = read_evidence(parse_object(raw, limit=MAX_EVIDENCE, what="host's evidence"))
        if evidence.devices or evidence.tpm is not None or evidence.runtime is not None:
            raise MalformedError("host's evidence: more than the CPU's")
    except MalformedError as error:
        return None, [not_met("cpu: evidence", "evidence-unreadable", str(error), "§4.4, a CPU's")]
    anchors, _ = anchors_in_force(state, now)
    wanted = unseal_report_data(host)
    return verify_cpu(evidence.cpu, wanted, anchors, collateral, now, ChainCache())


def _appraised(
    rules: Rules,
    cpu: CpuClaims,
    state: AuthorityState,
    caveats: frozenset[Caveat],
    now: datetime,
) -> list[Finding]:
    shown = Shown(cpu, gpus_shown=0, switches_shown=0)
    found = [*appraise(rules, shown, now), *caveat_findings(caveats, rules)]
    revocation = state.revoked.get((TargetKind.MEASUREMENT, cpu.measurement.hex()))
    if revocation is not None:
        found.append(
            not_met(
                "measurement not revoked",
                "revoked",
                f"revoked at log index {revocation.index}",
                "not revoked",
                statement=revocation.statement.digest,
                hint=revocation.statement.reason,
            )
        )
    return found


def _caveats(cpu: CpuClaims, state: AuthorityState) -> frozenset[Caveat]:
    caveats = {Caveat.BOOT_TIME_ONLY, Caveat.PHYSICAL_ACCESS}
    if cpu.simulated or (state.roster is not None and state.roster.simulation):
        caveats.add(Caveat.SIMULATED)
    return frozenset(caveats)


def _missing() -> Finding:
    return not_met(
        "cpu: evidence",
        "evidence-missing",
        "none shown",
        f"evidence that the policy '{POLICY}' is met by",
        hint="enter no share: this is not the machine that the policy asks for",
    )
