"""What the statements in force say about one model, and what they have against a node.

Whoever decides and whoever asks *what if* choose the rules here, so that both mean the same.
"""

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.policy.findings import Finding, judged, met, not_met
from keyturn.policy.rules import Rules
from keyturn.policy.shown import Shown, platform_of
from keyturn.quorum.bodies import Admission, Platforms
from keyturn.quorum.errors import SubmissionRefused
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.policy_body import Caveat, Policy
from keyturn.quorum.reference_bodies import ReferenceValues
from keyturn.quorum.state import AuthorityState, InForce


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the admission leads to, as far as it is in force; each is a finding, met or not."""

    admission: Admission | None
    admission_digest: Digest | None
    rules: Rules | None
    statements: tuple[Digest, ...]
    findings: tuple[Finding, ...]


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


def choose_policy(
    policy_id: str, state: AuthorityState, now: datetime
) -> tuple[Rules | None, tuple[Finding, ...]]:
    """A policy by its id alone, with its baselines; findings as in `Chosen`."""
    findings: list[Finding] = []

    def require(kind: Kind, subject: str) -> InForce | None:
        try:
            found = state.require(kind, subject, now)
        except SubmissionRefused as refusal:
            findings.append(_not_in_force(state, kind, subject, refusal))
            return None
        findings.append(_in_force(found))
        return found

    return _rules(policy_id, require), tuple(findings)


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
    if state.is_destroyed(kind, subject):
        return not_met(
            f"{kind.value} in force",
            "model-key-destroyed",
            refusal.found,
            f"{kind.value} '{subject}' in force",
            hint="nobody can open this model any more: seal it anew",
        )
    revocation = state.revocation_of(kind, subject)
    return not_met(
        f"{kind.value} in force",
        "revoked" if revocation else f"{kind.value}-not-in-force",
        refusal.found,
        f"{kind.value} '{subject}' in force",
        statement=revocation.statement.digest if revocation else None,
        hint=f"propose and approve a {kind.value} statement for '{subject}'",
    )


def revocation_findings(node: str, shown: Shown, state: AuthorityState) -> Iterator[Finding]:
    """Of the node's name, its measurement and every machine and device of it, by name."""
    targets = [
        (TargetKind.NODE, node),
        (TargetKind.PLATFORM, platform_of(shown.cpu)),
        (TargetKind.MEASUREMENT, shown.cpu.measurement.hex()),
        *((TargetKind.PLATFORM, each.device_id) for each in shown.devices),
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


def caveat_findings(caveats: Set[Caveat], rules: Rules) -> Iterator[Finding]:
    """A caveat that limits the verdict must be accepted by name (I11)."""
    for name, caveat in sorted((each.value, each) for each in caveats):
        yield judged(
            f"caveat {name}",
            caveat in rules.policy.accepted_caveats,
            "caveat-not-accepted",
            name,
            "accepted by name in the policy",
            statement=rules.policy_digest,
            hint="remove the cause, or propose a policy that accepts this caveat by name",
        )
