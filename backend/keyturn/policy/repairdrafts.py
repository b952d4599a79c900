"""Bodies of the statements that a repair proposes, each a new version of what is in force."""

from collections.abc import Container, Sequence
from dataclasses import replace
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.base.strictjson import Json, JsonObject, load_object
from keyturn.policy.baseline_document import document_of, merged
from keyturn.policy.boot_values import TpmChoice
from keyturn.policy.capturing import Choices, captured
from keyturn.policy.findings import Finding, failing
from keyturn.policy.observed import Observed
from keyturn.policy.repairing import Draft
from keyturn.policy.rules import Rules
from keyturn.policy.shown import HIDDEN_PLATFORM, Shown
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.policy_body import Caveat
from keyturn.quorum.reference_bodies import GpuReference, ReferenceValues, SwitchReference
from keyturn.quorum.state import AuthorityState, Target
from keyturn.quorum.statements import MAX_STATEMENT
from keyturn.quorum.tee_rules import TdRegister

UNKNOWN_SITE = "to be filled in"


def baseline_draft(
    observed: Observed,
    findings: Sequence[Finding],
    rules: Rules,
    now: datetime,
    revoked: Container[Target],
) -> Draft | None:
    """The values of every failing part, added to the baseline that knows its kind.

    None where nothing may be captured: what is not genuine, or may be debugged (`capturing`), or
    was revoked. A statement that names what is revoked ends its revocation (our protocol §2.6),
    and nobody who mends one node means that: what is revoked is left out.
    """
    choices = _choices(findings, rules, observed)
    name = _baseline(findings, rules)
    if choices is None or name is None:
        return None
    if choices.cpu and observed.shown is not None and _gone(observed.shown, revoked):
        return None
    old = _standing(rules.baselines[name][1], revoked)
    try:
        new = captured(observed, obtained=now, until=None, choices=choices)
        body = document_of(merged(old, new))
    except KeyturnError:
        return None
    return Draft(Kind.REFERENCE_VALUES, name, body)


def _gone(shown: Shown, revoked: Container[Target]) -> bool:
    return (TargetKind.MEASUREMENT, shown.cpu.measurement.hex()) in revoked


def _standing(values: ReferenceValues, revoked: Container[Target]) -> ReferenceValues:
    """Without the launch measurements that are revoked."""

    def stands(value: str) -> bool:
        return (TargetKind.MEASUREMENT, value) not in revoked

    tds = []
    for each in values.tdx:
        mrtds = frozenset(filter(stands, each.registers[TdRegister.MRTD]))
        if mrtds:
            tds.append(replace(each, registers={**each.registers, TdRegister.MRTD: mrtds}))
    snp = {value: origin for value, origin in values.snp.items() if stands(value)}
    return replace(values, snp=snp, tdx=tuple(tds))


def platform_draft(
    observed: Observed, rules: Rules, revoked: Container[Target]
) -> tuple[Draft, bool] | None:
    """The platform added to the policy's first list, and whether its site is known; None where
    there is no list, or the machine does not say which it is, or was revoked. Other machines that
    were revoked are left out, as in `baseline_draft`."""
    if not rules.platforms or observed.platform == HIDDEN_PLATFORM or not observed.measurable:
        return None
    name = min(rules.platforms)
    known = rules.platforms[name][1].platforms
    if observed.platform in known or (TargetKind.PLATFORM, observed.platform) in revoked:
        return None
    listed = {i: each for i, each in known.items() if (TargetKind.PLATFORM, i) not in revoked}
    sites = {each.site for each in listed.values()}
    site = sites.pop() if len(sites) == 1 else None
    entries: list[Json] = [
        {"id": each.id, "site": each.site, "note": each.note} for each in listed.values()
    ]
    new: JsonObject = {
        "id": observed.platform,
        "site": site or UNKNOWN_SITE,
        "note": f"shown by node {observed.node}",
    }
    return Draft(Kind.PLATFORMS, name, {"platforms": [*entries, new]}), site is not None


def caveat_draft(caveat: Caveat, rules: Rules, state: AuthorityState) -> Draft | None:
    """The policy as it stands, with one more caveat accepted by name."""
    found = state.by_digest.get(rules.policy_digest)
    if found is None:
        return None
    statement = found.statement
    payload = load_object(statement.envelope.payload, limit=MAX_STATEMENT, what="policy")
    body = payload["body"]
    assert isinstance(body, dict)  # parse_statement has read it
    accepted = {each.value for each in rules.policy.accepted_caveats} | {caveat.value}
    changed: JsonObject = {**body, "accepted_caveats": [*sorted(accepted)]}
    return Draft(Kind.POLICY, statement.subject, changed)


def _choices(findings: Sequence[Finding], rules: Rules, observed: Observed) -> Choices | None:
    """What fails, and no more: nothing else becomes known good with it."""
    failed = [each.check for each in failing(findings)]
    cpu = any(each.startswith("cpu: ") for each in failed)
    gpus = any(each.startswith("gpu ") for each in failed)
    switches = any(each.startswith("switch ") for each in failed)
    tpm = any(each.startswith("tpm: ") for each in failed)
    if not (cpu or gpus or switches or tpm):
        return None
    rule, tdx = rules.policy.tpm, rules.policy.tdx
    choice = None
    if tpm and rule is not None:
        choice = TpmChoice(
            rule.bank, rule.pcrs, rule.applications, rule.authorities, rule.variables
        )
    return Choices(
        cpu=cpu,
        registers=frozenset() if tdx is None else tdx.registers,
        gpus=gpus,
        switches=switches,
        indexes=_indexes(rules, observed) if gpus or switches else None,
        tpm=choice,
    )


def _indexes(rules: Rules, observed: Observed) -> frozenset[int] | None:
    """Those that baselines name for these devices: others may differ from chip to chip."""
    arches = {each.arch for each in observed.shown.devices} if observed.shown else set()
    known: set[int] = set()
    for _, baseline in rules.baselines.values():
        references: tuple[GpuReference | SwitchReference, ...] = (
            *baseline.gpu,
            *baseline.switches,
        )
        for each in references:
            if each.architecture in arches:
                known.update(each.measurements)
    return frozenset(known) or None


def _baseline(findings: Sequence[Finding], rules: Rules) -> str | None:
    """The one that a failing check names, or the first of the policy."""
    by_digest: dict[Digest, str] = {digest: name for name, (digest, _) in rules.baselines.items()}
    for each in failing(findings):
        if each.statement in by_digest:
            return by_digest[each.statement]
    return min(rules.baselines, default=None)
