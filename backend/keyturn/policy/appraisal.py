"""A node's verified claims against one policy and its baselines: every check, met or not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from keyturn.attest import nvidia_appraisal, snp_appraisal
from keyturn.attest.nvidia_claims import GpuClaims
from keyturn.attest.snp import SnpClaims
from keyturn.attest.snp_tcb import SnpProduct
from keyturn.attest.snp_vek import VekKind
from keyturn.attest.tpm import TpmClaims
from keyturn.base.encoding import Digest
from keyturn.policy.findings import Finding, from_check, judged, not_met
from keyturn.policy.tpm_appraisal import appraise_tpm
from keyturn.quorum.bodies import GpuReference, Platforms, ReferenceValues
from keyturn.quorum.policy_body import Policy

HIDDEN_PLATFORM = "amd-hidden"
"""A VLEK hides the chip: no platform list can hold such a machine."""
BASELINE_HINT = "if this firmware is intended, propose its measurement as a new baseline"


@dataclass(frozen=True, slots=True)
class Rules:
    """One policy with the statements that it names, all in force, each with its digest."""

    policy: Policy
    policy_digest: Digest
    baselines: Mapping[str, tuple[Digest, ReferenceValues]]
    platforms: Mapping[str, tuple[Digest, Platforms]]


def platform_of(snp: SnpClaims) -> str:
    """The platform's id, or HIDDEN_PLATFORM."""
    return snp.platform_id or HIDDEN_PLATFORM


def appraise(
    rules: Rules,
    snp: SnpClaims,
    gpus: Sequence[GpuClaims],
    shown: int,
    tpm: TpmClaims | None = None,
    *,
    tpm_shown: bool = False,
) -> tuple[Finding, ...]:
    """Every rule of the policy, in a fixed order. A policy is satisfied when none has failed.

    `gpus` are those proved genuine, `shown` is how many were shown: one that is not genuine is
    a failed check of its own, not also a missing one. The same goes for a TPM.
    """
    rule, digest = rules.policy.tpm, rules.policy_digest
    return (
        *_snp_findings(rules, snp),
        _measurement(rules, snp),
        _workload(rules, snp),
        _platform(rules, snp),
        *_gpu_findings(rules, gpus, shown),
        *appraise_tpm(rule, digest, rules.baselines, tpm, shown=tpm_shown),
    )


def _snp_findings(rules: Rules, snp: SnpClaims) -> Iterator[Finding]:
    rule, digest = rules.policy.snp, rules.policy_digest
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
    for check in snp_appraisal.appraise_snp(snp, _snp_rule(rules)):
        yield from_check(check, digest, prefix="cpu: ")


def _snp_rule(rules: Rules) -> snp_appraisal.SnpRule:
    rule = rules.policy.snp
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
        source=rules.policy_digest,
    )


def _measurement(rules: Rules, snp: SnpClaims) -> Finding:
    found = snp.measurement.hex()
    known = [value for _, baseline in rules.baselines.values() for value in baseline.snp]
    source = next(
        (digest for digest, baseline in rules.baselines.values() if found in baseline.snp),
        next((digest for digest, _ in rules.baselines.values()), rules.policy_digest),
    )
    names = ", ".join(sorted(rules.baselines))
    shown = known[0] if len(known) == 1 else f"one of {len(known)} measurements"
    return judged(
        "cpu: firmware measurement",
        found in known,
        "measurement-mismatch",
        found,
        f"{shown} (baseline {names})",
        statement=source,
        hint=BASELINE_HINT,
    )


def _workload(rules: Rules, snp: SnpClaims) -> Finding:
    allowed = rules.policy.workloads
    found = snp.host_data.hex()
    expected = "any" if allowed is None else " or ".join(sorted(allowed))
    return judged(
        "cpu: workload digest",
        allowed is None or found in allowed,
        "workload-not-allowed",
        found,
        expected,
        statement=rules.policy_digest,
        hint="start the node with the approved workload, or propose a policy that names this one",
    )


def _platform(rules: Rules, snp: SnpClaims) -> Finding:
    found = platform_of(snp)
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


def _gpu_findings(rules: Rules, gpus: Sequence[GpuClaims], shown: int) -> Iterator[Finding]:
    yield judged(
        "gpu: count",
        shown == rules.policy.gpu_count,
        "gpu-count",
        shown,
        rules.policy.gpu_count,
        statement=rules.policy_digest,
    )
    ids = [gpu.device_id for gpu in gpus]
    yield judged(
        "gpu: distinct", len(set(ids)) == len(ids), "gpu-duplicate", len(set(ids)), len(ids)
    )
    for place, gpu in enumerate(gpus):
        yield from _gpu(rules, place, gpu)


def _gpu(rules: Rules, place: int, gpu: GpuClaims) -> tuple[Finding, ...]:
    """The reference set that fits, or of those for its architecture the one that fits best."""
    candidates = [
        _gpu_against(digest, reference, place, gpu)
        for digest, baseline in rules.baselines.values()
        for reference in baseline.gpu
        if reference.architecture == gpu.arch
    ]
    if not candidates:
        return (
            not_met(
                f"gpu {place}: reference values",
                "no-reference-values",
                gpu.arch,
                "a baseline for this architecture",
                statement=rules.policy_digest,
            ),
        )
    return min(candidates, key=lambda findings: sum(each.failed for each in findings))


def _gpu_against(
    digest: Digest, reference: GpuReference, place: int, gpu: GpuClaims
) -> tuple[Finding, ...]:
    known = nvidia_appraisal.GpuReference(
        reference.driver,
        reference.vbios,
        {
            index: frozenset(bytes.fromhex(value) for value in values)
            for index, values in reference.measurements.items()
        },
        digest,
    )
    return tuple(
        from_check(check, digest, prefix=f"gpu {place}: ", hint=BASELINE_HINT)
        for check in nvidia_appraisal.appraise_gpu(gpu, known)
    )
