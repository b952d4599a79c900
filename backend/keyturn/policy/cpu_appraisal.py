"""A proved CPU's claims against a policy: kind of TEE, its rule, measurements, workload, place."""

from collections.abc import Iterator
from datetime import datetime

from keyturn.attest import snp_appraisal, tdx_appraisal
from keyturn.attest.snp import SnpClaims
from keyturn.attest.snp_tcb import SnpProduct
from keyturn.attest.snp_vek import VekKind
from keyturn.attest.tdx_claims import TdxClaims
from keyturn.attest.tdx_collateral import TcbStatus
from keyturn.attest.tdx_quote import TdAttribute
from keyturn.base.encoding import Digest
from keyturn.policy.findings import Finding, from_check, judged, not_met
from keyturn.policy.rules import BASELINE_HINT, Rules
from keyturn.policy.shown import HIDDEN_PLATFORM, CpuClaims, platform_of, tee_of, workload_of
from keyturn.quorum.origin import Origin
from keyturn.quorum.reference_bodies import TdxReference
from keyturn.quorum.tee_rules import SnpRule, TdRegister, TdxRule

_REGISTERS = {
    TdRegister.MRTD: tdx_appraisal.Register.MRTD,
    TdRegister.RTMR0: tdx_appraisal.Register.RTMR0,
    TdRegister.RTMR1: tdx_appraisal.Register.RTMR1,
    TdRegister.RTMR2: tdx_appraisal.Register.RTMR2,
    TdRegister.RTMR3: tdx_appraisal.Register.RTMR3,
    TdRegister.MRSEAM: tdx_appraisal.Register.MRSEAM,
    TdRegister.MROWNER: tdx_appraisal.Register.MROWNER,
    TdRegister.MROWNERCONFIG: tdx_appraisal.Register.MROWNERCONFIG,
}
EXPIRED = "reference-value-expired"


def appraise_cpu(rules: Rules, cpu: CpuClaims, now: datetime) -> Iterator[Finding]:
    """Every rule about the machine itself, in a fixed order."""
    policy, digest = rules.policy, rules.policy_digest
    tee = tee_of(cpu)
    yield judged(
        "cpu: kind of TEE",
        tee in policy.tees,
        "tee-not-allowed",
        tee.value,
        " or ".join(each.value for each in policy.tees),
        statement=digest,
    )
    if isinstance(cpu, SnpClaims):
        if policy.snp is not None:
            yield from _snp(policy.snp, digest, cpu)
        yield _snp_measurement(rules, cpu, now)
    else:
        if policy.tdx is not None:
            yield from _tdx(policy.tdx, digest, cpu)
        yield from _tdx_registers(rules, cpu, now)
    yield _workload(rules, cpu)
    yield from appraise_place(rules, cpu)


def appraise_place(rules: Rules, cpu: CpuClaims) -> Iterator[Finding]:
    """Which machine it is and where it stands: of all rules, what every node has its own of."""
    yield _platform(rules, cpu)
    if rules.policy.sites is not None:
        yield _site(rules, cpu, rules.policy.sites)


def _snp(rule: SnpRule, digest: Digest, snp: SnpClaims) -> Iterator[Finding]:
    yield judged(
        "cpu: product",
        snp.product.value in rule.products,
        "product-not-allowed",
        snp.product.value,
        " or ".join(sorted(rule.products)),
        statement=digest,
    )
    yield judged(
        "cpu: key kind",
        rule.vlek or snp.vek.kind is VekKind.VCEK,
        "vlek-not-allowed",
        snp.vek.kind.value,
        "VCEK or VLEK" if rule.vlek else "VCEK",
        statement=digest,
    )
    for check in snp_appraisal.appraise_snp(snp, _snp_rule(rule, digest)):
        yield from_check(check, digest, prefix="cpu: ")


def _snp_rule(rule: SnpRule, digest: Digest) -> snp_appraisal.SnpRule:
    known = {product.value: product for product in SnpProduct}
    floors = {
        known[name]: snp_appraisal.TcbFloor(
            bootloader=low.bootloader,
            tee=low.tee,
            snp=low.snp,
            microcode=low.microcode,
            fmc=low.fmc,
        )
        for name, low in rule.min_tcb.items()
        if name in known
    }
    return snp_appraisal.SnpRule(
        allow_debug=rule.debug,
        allow_migration_agent=rule.migrate_ma,
        allow_smt=rule.smt,
        max_vmpl=rule.max_vmpl,
        floors=floors,
        require_alias_check=rule.alias_check,
        source=digest,
    )


def _tdx(rule: TdxRule, digest: Digest, tdx: TdxClaims) -> Iterator[Finding]:
    asked = tdx_appraisal.TdxRule(
        allow_debug=rule.debug,
        allow_migratable=rule.migratable,
        allow_service_td=False,
        service_tds=frozenset(bytes.fromhex(each) for each in rule.service_tds),
        require_sept_ve_disable=rule.sept_ve_disable,
        forbidden_attributes=TdAttribute(0),
        allowed_xfam=rule.xfam,
        allowed_tcb_status=frozenset(TcbStatus(each.value) for each in rule.statuses),
        accepted_advisories=rule.advisories,
        min_evaluation_number=rule.min_evaluation_number,
        allow_dynamic_platform=rule.dynamic_platform,
        allow_cached_keys=rule.cached_keys,
        allow_smt=rule.smt,
        source=digest,
    )
    for check in tdx_appraisal.appraise_tdx(tdx, asked):
        yield from_check(check, digest, prefix="cpu: ")
    if tdx.report.mr_service_td is None and tdx.report.has(TdAttribute.MIGRATABLE):
        yield not_met(
            "cpu: service TD shown",
            "service-td-not-shown",
            "a report of TDX 1.0, of a TD that may be migrated",
            "a report of TDX 1.5, which shows who could migrate it",
            statement=digest,
            hint="have the node quote with a TD report of TDX 1.5",
        )


def _snp_measurement(rules: Rules, snp: SnpClaims, now: datetime) -> Finding:
    found = snp.measurement.hex()
    known: dict[str, list[tuple[Digest, Origin]]] = {}
    for digest, baseline in rules.baselines.values():
        for value, origin in baseline.snp.items():
            known.setdefault(value, []).append((digest, origin))
    names = ", ".join(sorted(rules.baselines))
    shown = next(iter(known)) if len(known) == 1 else f"one of {len(known)} measurements"
    first = next((digest for digest, _ in rules.baselines.values()), rules.policy_digest)
    holders = known.get(found, [])
    living = [digest for digest, origin in holders if not origin.ended(now)]
    if holders and not living:
        return _ended("cpu: firmware measurement", found, names, holders[0][0])
    return judged(
        "cpu: firmware measurement",
        bool(living),
        "measurement-mismatch",
        found,
        f"{shown} (baseline {names})",
        statement=living[0] if living else first,
        hint=BASELINE_HINT,
    )


def _tdx_registers(rules: Rules, tdx: TdxClaims, now: datetime) -> tuple[Finding, ...]:
    """The set of values that fits, or the one that fits best; expired ones fit nothing."""
    registers = rules.policy.tdx.registers if rules.policy.tdx else frozenset({TdRegister.MRTD})
    candidates = [
        _tdx_against(registers, digest, name, reference, tdx, now)
        for name, (digest, baseline) in rules.baselines.items()
        for reference in baseline.tdx
    ]
    if not candidates:
        return (
            not_met(
                "cpu: firmware measurement",
                "no-reference-values",
                tdx.measurement.hex(),
                "a baseline with values of a TD",
                statement=rules.policy_digest,
                hint=BASELINE_HINT,
            ),
        )
    return min(candidates, key=lambda findings: sum(each.failed for each in findings))


def _tdx_against(
    registers: frozenset[TdRegister],
    digest: Digest,
    name: str,
    reference: TdxReference,
    tdx: TdxClaims,
    now: datetime,
) -> tuple[Finding, ...]:
    known = {
        _REGISTERS[each]: frozenset(
            bytes.fromhex(value) for value in reference.registers.get(each, ())
        )
        for each in registers
    }
    findings = [
        from_check(check, digest, prefix="cpu: ", hint=BASELINE_HINT)
        for check in tdx_appraisal.appraise_registers(tdx, known, digest)
    ]
    if reference.origin.ended(now):
        findings.append(_ended("cpu: firmware measurement", tdx.measurement.hex(), name, digest))
    return tuple(findings)


def _ended(check: str, found: str, baseline: str, digest: Digest) -> Finding:
    return not_met(
        check,
        EXPIRED,
        found,
        f"a value of {baseline} whose time has not run out",
        statement=digest,
        hint="propose the value anew, with its source checked again",
    )


def _workload(rules: Rules, cpu: CpuClaims) -> Finding:
    allowed = rules.policy.workloads
    found = workload_of(cpu)
    expected = "any" if allowed is None else " or ".join(sorted(allowed))
    ours = found[:32].hex() if not any(found[32:]) else found.hex()
    return judged(
        "cpu: workload digest",
        allowed is None or ours in allowed,
        "workload-not-allowed",
        ours,
        expected,
        statement=rules.policy_digest,
        hint="start the node with the approved workload, or propose a policy that names this one",
    )


def _platform(rules: Rules, cpu: CpuClaims) -> Finding:
    found = platform_of(cpu)
    lists = rules.policy.platforms
    if lists is None:
        return judged("platform", True, "", found, "any", statement=rules.policy_digest)
    source = next(
        (digest for digest, each in rules.platforms.values() if found in each.platforms),
        next((digest for digest, _ in rules.platforms.values()), rules.policy_digest),
    )
    return judged(
        "platform",
        any(found in each.platforms for _, each in rules.platforms.values()),
        "platform-not-allowed",
        found,
        f"a platform in {', '.join(sorted(lists))}",
        statement=source,
        hint="if this machine is yours, propose it for the platform list",
    )


def _site(rules: Rules, cpu: CpuClaims, allowed: frozenset[str]) -> Finding:
    """Every list that has the platform must have it at an allowed site: else it is disputed.

    A hidden chip is nowhere: the one name that a list may have for it stands for them all.
    """
    platform = platform_of(cpu)
    sites = {
        each.platforms[platform].site
        for _, each in rules.platforms.values()
        if platform in each.platforms and platform != HIDDEN_PLATFORM
    }
    return judged(
        "site",
        bool(sites) and sites <= allowed,
        "site-not-allowed",
        ", ".join(sorted(sites)) or "at no known site",
        " or ".join(sorted(allowed)),
        statement=rules.policy_digest,
        hint="if the machine was moved, propose a platform list that says where it stands",
    )
