"""Which repairs a failed check has: by its stable reason, what is in force, and what was proved."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from keyturn.attest.snp import SnpClaims
from keyturn.base.collateral import CollateralKind
from keyturn.policy.findings import Finding, failing
from keyturn.policy.observed import Observed
from keyturn.policy.repairdrafts import baseline_draft, caveat_draft, platform_draft
from keyturn.policy.repairing import (
    Action,
    ChangeNode,
    Component,
    CosignLog,
    FetchCollateral,
    ImportRim,
    Investigate,
    MoveOn,
    ProposeBaseline,
    ProposePlatform,
    ProposePolicyCaveat,
    RemoveDebug,
    RenewStatement,
    Repair,
    RestartNode,
    Risk,
    Setting,
    UpdateFirmware,
    Why,
)
from keyturn.policy.rules import Rules
from keyturn.quorum.bodies import Revocation
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Caveat
from keyturn.quorum.state import AuthorityState

_RISKS = tuple(Risk)
_SUFFIX = "-not-in-force"


@dataclass(frozen=True, slots=True)
class Case:
    """One node, everything that was found of it, and what is in force at `now`."""

    observed: Observed
    findings: tuple[Finding, ...]
    state: AuthorityState
    rules: Rules | None
    now: datetime

    def reasons(self) -> frozenset[str]:
        return frozenset(each.reason for each in failing(self.findings) if each.reason)


def repairs_of(
    finding: Finding, case: Case, *, allowed: bool = False, others_pass: bool = False
) -> tuple[Repair, ...]:
    """Of one failed check, the safest first; empty where nobody knows any.

    `allowed`: what is in force by now lets the same evidence pass; `others_pass`: nodes of the
    same model meet the check. What is not genuine is never mended by a statement.
    """
    if allowed:
        return (Repair(RestartNode(), Risk.NOTHING, Why.ALLOWED_NOW),)
    reason = finding.reason or ""
    if reason == "revoked" or reason.endswith(_SUFFIX):
        return _of_authority(finding, case)
    simple = _SIMPLE.get(reason)
    if simple is not None:
        return (simple,)
    special = _SPECIAL.get(reason)
    if special is not None:
        return special(finding, case, others_pass)
    return (Repair(Investigate(), Risk.NOTHING, Why.NOT_PROVED),)


def in_order(repairs: Iterable[Repair]) -> tuple[Repair, ...]:
    """Each action once, the least risk first, otherwise as they came."""
    kept: list[Repair] = []
    for each in repairs:
        if all(each.action != other.action for other in kept):
            kept.append(each)
    return tuple(sorted(kept, key=lambda each: _RISKS.index(each.risk)))


# ---- what needs nothing but its reason ----


def _restart(why: Why = Why.NOTHING_CHANGES) -> Repair:
    return Repair(RestartNode(), Risk.NOTHING, why)


def _change(setting: Setting) -> Repair:
    return Repair(ChangeNode(setting), Risk.MACHINE, Why.STRICTER)


def _machine(action: Action, why: Why) -> Repair:
    return Repair(action, Risk.MACHINE, why)


_FETCH = Repair(FetchCollateral(), Risk.NOTHING, Why.FRESH_DOCUMENTS)
_DEBUG = _machine(RemoveDebug(), Why.READABLE)
_UPDATE = _machine(UpdateFirmware(), Why.KNOWN_GAP)

_SIMPLE: Mapping[str, Repair] = {
    **dict.fromkeys(
        (
            "challenge-forged",
            "challenge-stale",
            "challenge-spent",
            "nonce-mismatch",
            "report-data-mismatch",
            "nonce-not-shared",
            "lease-not-live",
            "lease-mismatch",
            "ak-not-activated",
            "ak-mismatch",
            "evidence-too-old",
            "evidence-missing",
            "ocsp-nonce-mismatch",
        ),
        _restart(),
    ),
    **dict.fromkeys(
        ("witness-cosignatures-missing", "witness-checkpoint-older"),
        Repair(CosignLog(), Risk.NOTHING, Why.NOTHING_CHANGES),
    ),
    **dict.fromkeys(
        (
            "crl-not-current",
            "crl-invalid",
            "ocsp-not-current",
            "ocsp-incomplete",
            "ocsp-invalid",
            "collateral-expired",
            "collateral-not-yet-valid",
            "collateral-mismatch",
            "collateral-below-minimum-evaluation-number",
            "cert-expired",
            "rim-cert-expired",
        ),
        _FETCH,
    ),
    **dict.fromkeys(("debug-allowed-by-guest-policy", "debug-td"), _DEBUG),
    **dict.fromkeys(
        ("tcb-order-violated", "tcb-status-not-allowed", "advisory-not-accepted"), _UPDATE
    ),
    "migration-agent-allowed": _change(Setting.MIGRATION),
    "migratable-td": _change(Setting.MIGRATION),
    "service-td-not-allowed": _change(Setting.MIGRATION),
    "smt-allowed": _change(Setting.SMT),
    "vmpl-too-high": _change(Setting.VMPL),
    "alias-check-not-complete": _change(Setting.ALIAS_CHECK),
    "sept-ve-disable-not-set": _change(Setting.OTHER),
    "td-attributes-not-allowed": _change(Setting.OTHER),
    "xfam-not-allowed": _change(Setting.OTHER),
    "platform-configuration-not-allowed": _change(Setting.PLATFORM),
    "secure-boot-not-on": _change(Setting.SECURE_BOOT),
    "workload-not-allowed": _change(Setting.WORKLOAD),
    "tee-not-allowed": _change(Setting.MACHINE),
    "product-not-allowed": _change(Setting.MACHINE),
    "vlek-not-allowed": _change(Setting.MACHINE),
    "gpu-architecture-not-allowed": _change(Setting.MACHINE),
    "gpu-mode-not-allowed": _change(Setting.GPU_MODE),
    "mixed-modes": _change(Setting.GPU_MODE),
    "gpu-driver-not-allowed": _change(Setting.FIRMWARE),
    "gpu-vbios-not-allowed": _change(Setting.FIRMWARE),
    **dict.fromkeys(
        (
            "gpu-count",
            "switch-count",
            "duplicate-device",
            "mixed-architectures",
            "topology-incomplete",
            "topology-mismatch",
        ),
        _change(Setting.GPUS),
    ),
    **dict.fromkeys(
        ("tpm-missing", "event-log-missing", "firmware-part-open", "pcr-not-quoted"),
        _change(Setting.TPM),
    ),
    "reference-values-not-from-rim": Repair(ImportRim(), Risk.KNOWN_GOOD, Why.MAKERS_WORD),
}


# ---- what needs a look at the case ----


def _of_authority(finding: Finding, case: Case) -> tuple[Repair, ...]:
    """What people took away, or what ran out."""
    found = case.state.by_digest.get(finding.statement) if finding.statement else None
    if found is not None and isinstance(found.statement.body, Revocation):
        body = found.statement.body
        action = MoveOn(body.target_kind, body.target, found.statement.digest)
        return (Repair(action, Risk.RULE, Why.TAKEN_AWAY),)
    known = {each.value: each for each in Kind}
    kind = known.get(finding.check.removesuffix(" in force"))
    if kind is None:
        return ()
    subject = finding.expected.removeprefix(f"{kind.value} '").removesuffix("' in force")
    if (kind, subject) not in case.state.newest:
        return (Repair(RenewStatement(kind, subject), Risk.RULE, Why.YOURS),)
    return (Repair(RenewStatement(kind, subject), Risk.RENEWAL, Why.SAME_AGAIN),)


def _collateral(finding: Finding, _case: Case, _others_pass: bool) -> tuple[Repair, ...]:
    known = {each.value: each for each in CollateralKind}
    kind = known.get(finding.check.removeprefix("collateral "))
    action = FetchCollateral((kind,) if kind is not None else ())
    return (Repair(action, Risk.NOTHING, Why.FRESH_DOCUMENTS),)


def _tcb(_finding: Finding, case: Case, _others_pass: bool) -> tuple[Repair, ...]:
    """The floor's components that some of the three judged TCBs does not reach."""
    shown, rules = case.observed.shown, case.rules
    cpu = shown.cpu if shown is not None else None
    rule = rules.policy.snp if rules is not None else None
    if not isinstance(cpu, SnpClaims) or rule is None:
        return (_UPDATE,)
    floor = rule.min_tcb.get(cpu.product.value)
    if floor is None:
        return (_change(Setting.MACHINE),)
    judged = (cpu.reported_tcb, cpu.committed_tcb, cpu.launch_tcb)
    low = []
    for name in ("fmc", "bootloader", "tee", "snp", "microcode"):
        found = [getattr(tcb, name) for tcb in judged if getattr(tcb, name) is not None]
        least = getattr(floor, name)
        if found and min(found) < least:
            low.append(Component(name, min(found), least))
    return (_machine(UpdateFirmware(tuple(low)), Why.KNOWN_GAP),)


def _measured(finding: Finding, case: Case, others_pass: bool) -> tuple[Repair, ...]:
    """Back to what is known, where others of the model run that; and the new as known good."""
    repairs = []
    if others_pass:
        repairs.append(_machine(ChangeNode(Setting.FIRMWARE), Why.MET_ELSEWHERE))
    rules = case.rules
    device = finding.check.startswith(("gpu ", "switch "))
    if rules is not None and rules.policy.gpu.rim and device:
        repairs.append(Repair(ImportRim(), Risk.KNOWN_GOOD, Why.MAKERS_WORD))
        return tuple(repairs)
    draft = (
        None
        if _WEAKENED & case.reasons() or rules is None
        else baseline_draft(case.observed, case.findings, rules, case.now, case.state.revoked)
    )
    if draft is not None:
        repairs.append(Repair(ProposeBaseline(draft), Risk.KNOWN_GOOD, Why.GENUINE))
    elif not repairs:
        repairs.append(_machine(ChangeNode(Setting.FIRMWARE), Why.STRICTER))
    return tuple(repairs)


def _place(_finding: Finding, case: Case, _others_pass: bool) -> tuple[Repair, ...]:
    found = (
        None
        if case.rules is None
        else platform_draft(case.observed, case.rules, case.state.revoked)
    )
    if found is None:
        return (_change(Setting.MACHINE),)
    return (Repair(ProposePlatform(*found), Risk.KNOWN_GOOD, Why.YOURS),)


def _site(_finding: Finding, case: Case, _others_pass: bool) -> tuple[Repair, ...]:
    repairs = [_change(Setting.PLATFORM)]
    for name in sorted(case.rules.platforms) if case.rules is not None else ():
        repairs.append(Repair(RenewStatement(Kind.PLATFORMS, name), Risk.KNOWN_GOOD, Why.YOURS))
    return tuple(repairs)


def _caveat(finding: Finding, case: Case, _others_pass: bool) -> tuple[Repair, ...]:
    """A limit that the machine can lose is not accepted instead."""
    known = {each.value: each for each in Caveat}
    caveat = known.get(finding.found)
    if caveat is None:
        return ()
    if caveat in _AVOIDABLE:
        return (_change(_AVOIDABLE[caveat]),)
    simulation = case.state.roster is not None and case.state.roster.simulation
    if caveat is Caveat.SIMULATED and not simulation:
        return (Repair(Investigate(), Risk.NOTHING, Why.NOT_PROVED),)
    draft = None if case.rules is None else caveat_draft(caveat, case.rules, case.state)
    if draft is None:
        return ()
    return (Repair(ProposePolicyCaveat(caveat, draft), Risk.RULE, Why.INHERENT),)


_AVOIDABLE = {
    Caveat.UNLOCKED_MEMORY: Setting.MEMORY,
    Caveat.PARAVISOR: Setting.VMPL,
}
_WEAKENED = frozenset(
    {
        "debug-allowed-by-guest-policy",
        "debug-td",
        "tcb-below-minimum",
        "tcb-order-violated",
        "tcb-status-not-allowed",
        "advisory-not-accepted",
        "revoked",
        "secure-boot-not-on",
        "cert-revoked",
    }
)
"""What keeps a node's firmware from being proposed as known good."""

_Special = Callable[[Finding, Case, bool], tuple[Repair, ...]]
_SPECIAL: Mapping[str, _Special] = {
    "collateral-missing": _collateral,
    "collateral-too-old": _collateral,
    "tcb-below-minimum": _tcb,
    **dict.fromkeys(
        (
            "measurement-mismatch",
            "driver-version-mismatch",
            "vbios-version-mismatch",
            "vbios-mismatch",
            "no-reference-values",
            "reference-value-expired",
            "tpm-value-mismatch",
            "tpm-value-missing",
        ),
        _measured,
    ),
    "platform-not-allowed": _place,
    "site-not-allowed": _site,
    "caveat-not-accepted": _caveat,
}
