"""Refusals of a simulated node, and what an officer's client makes of their evidence."""

from dataclasses import dataclass

from keyturn.keyrelease.decision import Approved, Refused
from keyturn.keyrelease.entries import RefusalEntry
from keyturn.keyrelease.observing import Logged, observe
from keyturn.keyrelease.request import NodeClaims, ReleaseRequest
from keyturn.policy.explaining import Explanation, explain
from keyturn.policy.findings import Finding
from keyturn.policy.observed import Observed
from keyturn.policy.trust import anchors_in_force
from keyturn_sim.node import SimNode
from unit.keyrelease.release_desk import Desk


@dataclass(frozen=True)
class Case:
    request: ReleaseRequest
    observed: Observed
    findings: tuple[Finding, ...]
    reasons: tuple[str, ...]
    granted: bool


def asked(desk: Desk, name: str = "node-1", sim: SimNode | None = None) -> Case:
    """One request, decided, and observed again."""
    claims = NodeClaims.make(name, "test", None, ())
    request = desk.request(claims=claims, sim=sim)
    decision = desk.decided(request)
    reasons = decision.reasons if isinstance(decision, Refused) else ()
    entry = RefusalEntry(
        request.purpose,
        request.challenge,
        request.model,
        name,
        decision.platform,
        request.digest,
        tuple(sorted({each.reason for each in reasons})),
    )
    anchors, _ = anchors_in_force(desk.log.state, desk.clock())
    observed = observe(
        request.raw,
        Logged(len(desk.log.leaves), desk.clock(), entry),
        anchors=anchors,
        state=desk.log.state,
        cache=desk.cache,
    )
    return Case(request, observed, decision.findings, entry.reasons, isinstance(decision, Approved))


def explained(desk: Desk, case: Case, fleet: tuple[Case, ...] = ()) -> Explanation:
    return explain(
        case.findings,
        case.reasons,
        case.observed,
        desk.log.state,
        now=desk.clock(),
        fleet=[each.observed for each in fleet],
    )
