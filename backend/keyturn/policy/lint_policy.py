"""A policy's body: what can never pass, what accepts anything, what refers to nothing."""

from collections.abc import Iterator

from keyturn.base.collateral import CollateralKind
from keyturn.policy.lint_around import Around
from keyturn.policy.lint_devices import lint_devices
from keyturn.policy.lint_tees import lint_tees
from keyturn.policy.remarks import LintCode, LintRemark, Severity, error, note, warning
from keyturn.policy.shown import HIDDEN_PLATFORM
from keyturn.quorum.bodies import Admission
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.policy_body import Caveat, Policy

ISSUED_EVERY = 30 * 86_400
"""Seconds that vendors let pass between two issues: Intel PCS API v4 nextUpdate, AMD's CRLs."""
_SOONEST = 10
"""Seconds: a node needs some to collect evidence of a machine with eight GPUs."""
_LONG_LEASE = 3600
_OF_TEE = {
    CollateralKind.AMD_CRL: "snp",
    CollateralKind.INTEL_TCB_INFO: "tdx",
    CollateralKind.INTEL_QE_IDENTITY: "tdx",
    CollateralKind.INTEL_ROOT_CRL: "tdx",
    CollateralKind.INTEL_PCK_CRL: "tdx",
}


def lint_policy(subject: str, policy: Policy, around: Around) -> Iterator[LintRemark]:
    for name in policy.baselines:
        yield from around.named(f"baselines.{name}", Kind.REFERENCE_VALUES, name)
    for name in policy.platforms or ():
        yield from around.named(f"platforms.{name}", Kind.PLATFORMS, name)
    yield from lint_tees(policy, around)
    yield from lint_devices(policy, around)
    yield from _caveats(policy, around)
    yield from _places(policy, around)
    yield from _ages(policy)
    yield from _witnesses(policy, around)
    yield from _use(subject, around)


def cannot_pass(subject: str, policy: Policy, around: Around) -> bool:
    """Whether no evidence at all can pass under it."""
    return any(e.severity is Severity.ERROR for e in lint_policy(subject, policy, around))


def _caveats(policy: Policy, around: Around) -> Iterator[LintRemark]:
    accepted = policy.accepted_caveats
    place = "accepted_caveats"
    for owed in sorted(around.owed - accepted, key=lambda each: each.value):
        yield error(place, LintCode.CAVEAT_OWED, caveat=owed.value)
    of_rule = {Caveat.NO_DEVICE_BINDING_HARDWARE} if policy.gpu.count else set()
    if policy.gpu.switches:
        of_rule.add(Caveat.PPCIE_PLAINTEXT_NVLINK)
    for each in sorted(of_rule - accepted - around.owed, key=lambda each: each.value):
        yield error(place, LintCode.CAVEAT_OF_RULE, caveat=each.value)
    if policy.snp is not None and policy.snp.max_vmpl and Caveat.PARAVISOR not in accepted:
        yield note(place, LintCode.CAVEAT_OF_RULE, caveat=Caveat.PARAVISOR.value)
    if accepted == frozenset(Caveat):
        yield warning(place, LintCode.ALL_CAVEATS)


def _places(policy: Policy, around: Around) -> Iterator[LintRemark]:
    if policy.workloads is None:
        yield warning("workloads", LintCode.ANY_WORKLOAD)
    if policy.platforms is None:
        yield warning("platforms", LintCode.ANY_PLATFORM)
    sites: dict[str, set[str]] = {}
    for name, each in around.lists(policy):
        if HIDDEN_PLATFORM in each.platforms:
            yield warning(f"platforms.{name}", LintCode.HIDDEN_PLATFORM_LISTED, list=name)
        for platform in each.platforms.values():
            sites.setdefault(platform.id, set()).add(platform.site)
    if policy.sites is None:
        return
    there = frozenset[str]().union(*sites.values())
    for site in sorted(policy.sites - there):
        make = error if not policy.sites & there else warning
        yield make("sites", LintCode.NO_PLATFORM_AT_SITE, site=site)
    for platform_id, at in sorted(sites.items()):
        if at & policy.sites and not at <= policy.sites:
            listed = ", ".join(sorted(at))
            yield warning("sites", LintCode.DISPUTED_SITE, platform=platform_id, sites=listed)


def _ages(policy: Policy) -> Iterator[LintRemark]:
    for kind, seconds in sorted(policy.collateral.items(), key=lambda each: each[0].value):
        place = f"collateral.{kind.value}"
        if kind in _OF_TEE and seconds < ISSUED_EVERY:
            yield warning(
                place,
                LintCode.AGE_BELOW_ISSUE,
                kind=kind.value,
                seconds=seconds,
                issued=ISSUED_EVERY,
            )
        tees = {each.value for each in policy.tees}
        of_gpu = kind is CollateralKind.NVIDIA_OCSP and not policy.gpu.count
        if of_gpu or (kind in _OF_TEE and _OF_TEE[kind] not in tees):
            yield note(place, LintCode.AGE_OF_OTHER_TEE, kind=kind.value)
    if policy.evidence_seconds < _SOONEST:
        seconds = policy.evidence_seconds
        yield warning("evidence_seconds", LintCode.EVIDENCE_TOO_FRESH, seconds=seconds)
    if policy.lease_seconds > _LONG_LEASE:
        yield warning("lease_seconds", LintCode.LONG_LEASE, seconds=policy.lease_seconds)


def _witnesses(policy: Policy, around: Around) -> Iterator[LintRemark]:
    roster = around.state.roster
    if roster is not None and policy.witnesses > len(roster.witnesses.keys):
        yield error(
            "witnesses",
            LintCode.TOO_FEW_WITNESSES,
            asked=policy.witnesses,
            known=len(roster.witnesses.keys),
        )


def _use(subject: str, around: Around) -> Iterator[LintRemark]:
    if around.revoked(TargetKind.POLICY, subject):
        yield note("", LintCode.REVOKED, target=subject)
    bodies = (each.statement.body for each in around.state.newest.values())
    if not any(isinstance(each, Admission) and each.policy == subject for each in bodies):
        yield note("", LintCode.UNUSED, kind=Kind.POLICY.value, subject=subject)
