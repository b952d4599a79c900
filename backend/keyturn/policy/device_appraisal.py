"""Proved GPUs and NVSwitches against a policy and its baselines, each and all together."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from keyturn.attest import nvidia_appraisal
from keyturn.attest.errors import Reason
from keyturn.attest.nvidia_claims import GpuClaims, SwitchClaims
from keyturn.attest.nvidia_set import COUNTS, SetRule, appraise_set
from keyturn.base.encoding import Digest
from keyturn.policy.cpu_appraisal import EXPIRED
from keyturn.policy.findings import Finding, from_check, judged, not_met
from keyturn.policy.rules import BASELINE_HINT, Rules
from keyturn.policy.shown import Shown
from keyturn.quorum.origin import Method, Origin
from keyturn.quorum.reference_bodies import GpuReference, SwitchReference
from keyturn.quorum.tee_rules import GpuRule


def appraise_devices(rules: Rules, shown: Shown, now: datetime) -> Iterator[Finding]:
    """Counts, the set as a whole, then each device, in a fixed order."""
    rule, digest = rules.policy.gpu, rules.policy_digest
    yield _count("gpu: count", "gpu-count", shown.gpu_count, rule.count, digest)
    if rule.switches or shown.switch_count:
        yield _count("switch: count", "switch-count", shown.switch_count, rule.switches, digest)
    yield from appraise_together(rules, shown)
    for place, gpu in enumerate(shown.gpus):
        yield from _allowed(rule, digest, place, gpu)
        yield from _gpu(rules, place, gpu, now)
    for place, switch in enumerate(shown.switches):
        yield from _switch(rules, place, switch, now)


def _count(check: str, reason: str, found: int, expected: int, digest: Digest) -> Finding:
    return judged(check, found == expected, reason, found, expected, statement=digest)


def appraise_together(rules: Rules, shown: Shown) -> Iterator[Finding]:
    """The devices as one set: distinct, of one kind and mode, linked to each other alone.

    Counts are judged of what was shown, not of what was proved, and so not here again.
    """
    if not shown.devices:
        return
    rule, digest = rules.policy.gpu, rules.policy_digest
    asked = SetRule(
        gpus=rule.count, switches=rule.switches, nonce=None, source=digest, own_nonces=True
    )
    for check in appraise_set(shown.gpus, shown.switches, asked):
        if check.name not in COUNTS:
            yield from_check(check, digest, prefix="devices: ")


def _allowed(rule: GpuRule, digest: Digest, place: int, gpu: GpuClaims) -> Iterator[Finding]:
    """What the policy itself names, beyond its baselines."""
    modes = None if rule.modes is None else frozenset(each.value for each in rule.modes)
    for name, reason, found, allowed in (
        ("architecture", "gpu-architecture-not-allowed", gpu.arch, rule.architectures),
        ("mode", "gpu-mode-not-allowed", gpu.mode, modes),
        ("driver allowed", "gpu-driver-not-allowed", gpu.driver, rule.drivers),
        ("vbios allowed", "gpu-vbios-not-allowed", gpu.vbios, rule.vbioses),
    ):
        if allowed is not None:
            yield judged(
                f"gpu {place}: {name}",
                found in allowed,
                reason,
                found,
                " or ".join(sorted(allowed)),
                statement=digest,
            )


def _gpu(rules: Rules, place: int, gpu: GpuClaims, now: datetime) -> tuple[Finding, ...]:
    """The reference set that fits, or of those for its architecture the one that fits best."""
    prefix = f"gpu {place}: "
    candidates = [
        (
            *(
                from_check(check, digest, prefix=prefix, hint=BASELINE_HINT)
                for check in nvidia_appraisal.appraise_gpu(gpu, _known(reference, digest))
            ),
            *_standing(prefix, reference.origin, digest, rules, now),
        )
        for digest, baseline in rules.baselines.values()
        for reference in baseline.gpu
        if reference.architecture == gpu.arch
    ]
    return _best(candidates, prefix, gpu.arch, rules)


def _switch(rules: Rules, place: int, switch: SwitchClaims, now: datetime) -> tuple[Finding, ...]:
    prefix = f"switch {place}: "
    candidates = [
        (
            *_switch_against(prefix, switch, reference, digest),
            *_standing(prefix, reference.origin, digest, rules, now),
        )
        for digest, baseline in rules.baselines.values()
        for reference in baseline.switches
        if reference.architecture == switch.arch
    ]
    return _best(candidates, prefix, switch.arch, rules)


def _switch_against(
    prefix: str, switch: SwitchClaims, reference: SwitchReference, digest: Digest
) -> Iterator[Finding]:
    yield judged(
        f"{prefix}bios",
        switch.vbios == reference.bios,
        Reason.VBIOS_MISMATCH.value,
        switch.vbios,
        reference.bios,
        statement=digest,
        hint=BASELINE_HINT,
    )
    values = _bytes(reference.measurements)
    for check in nvidia_appraisal.compare_measurements(switch, values, digest):
        yield from_check(check, digest, prefix=prefix, hint=BASELINE_HINT)


def _known(reference: GpuReference, digest: Digest) -> nvidia_appraisal.GpuReference:
    return nvidia_appraisal.GpuReference(
        reference.driver, reference.vbios, _bytes(reference.measurements), digest
    )


def _bytes(measurements: Mapping[int, frozenset[str]]) -> dict[int, frozenset[bytes]]:
    return {
        index: frozenset(bytes.fromhex(value) for value in values)
        for index, values in measurements.items()
    }


def _standing(
    prefix: str, origin: Origin, digest: Digest, rules: Rules, now: datetime
) -> Iterator[Finding]:
    """Whether the reference itself may be used: its time, and its maker's signature if asked."""
    if origin.ended(now):
        yield not_met(
            f"{prefix}reference values",
            EXPIRED,
            "values whose time has run out",
            "values that still count",
            statement=digest,
            hint="propose the values anew, with their source checked again",
        )
    if rules.policy.gpu.rim:
        method = origin.provenance.method if origin.provenance is not None else None
        yield judged(
            f"{prefix}reference values from a RIM",
            method is Method.RIM,
            "reference-values-not-from-rim",
            "not said" if method is None else method.value,
            Method.RIM.value,
            statement=rules.policy_digest,
            hint="import the maker's RIM as a baseline, and propose it",
        )


def _best(
    candidates: Sequence[tuple[Finding, ...]], prefix: str, arch: str, rules: Rules
) -> tuple[Finding, ...]:
    if not candidates:
        return (
            not_met(
                f"{prefix}reference values",
                "no-reference-values",
                arch,
                "a baseline for this architecture",
                statement=rules.policy_digest,
            ),
        )
    return min(candidates, key=lambda findings: sum(each.failed for each in findings))
