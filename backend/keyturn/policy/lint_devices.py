"""Whether GPUs, switches and a TPM can pass a policy's rules, by what its baselines hold."""

from collections.abc import Iterable, Iterator, Sequence

from keyturn.policy.lint_around import Around
from keyturn.policy.remarks import LintCode, LintRemark, error, note, warning
from keyturn.quorum.origin import Method, Origin
from keyturn.quorum.policy_body import Policy
from keyturn.quorum.reference_bodies import GpuReference
from keyturn.quorum.tee_rules import GpuMode, GpuRule
from keyturn.quorum.tpm_bodies import TpmReference, TpmRule


def lint_devices(policy: Policy, around: Around) -> Iterator[LintRemark]:
    if policy.gpu.count:
        yield from _gpus(policy, around)
        yield from _modes(policy.gpu)
    if policy.gpu.switches:
        yield from _switches(policy, around)
    if policy.tpm is not None:
        yield from _tpm(policy.tpm, policy, around)


def _from_rim(origin: Origin) -> bool:
    return origin.provenance is not None and origin.provenance.method is Method.RIM


def _gpus(policy: Policy, around: Around) -> Iterator[LintRemark]:
    """The first reason for which no reference is left is the error; no GPU passes without one."""
    rule = policy.gpu
    known = [each for baseline in around.baselines(policy) for each in baseline.gpu]
    if not known:
        yield error("gpu.count", LintCode.NO_GPU_REFERENCE, count=rule.count)
        return
    living = around.living(known)
    if not living:
        yield error("gpu.count", LintCode.VALUES_ENDED, what="gpu")
        return
    signed = [each for each in living if not rule.rim or _from_rim(each.origin)]
    if not signed:
        yield error("gpu.rim", LintCode.NO_RIM_VALUE)
        return
    yield from _names(rule, signed)


def _names(rule: GpuRule, known: Sequence[GpuReference]) -> Iterator[LintRemark]:
    sets = (
        ("gpu.architectures", "architecture", rule.architectures),
        ("gpu.drivers", "driver", rule.drivers),
        ("gpu.vbioses", "vbios", rule.vbioses),
    )
    left: Iterable[GpuReference] = known
    for _, what, names in sets:
        left = [each for each in left if names is None or getattr(each, what) in names]
    hopeless = not list(left)
    for place, what, names in sets:
        strange = sorted((names or frozenset()) - {getattr(each, what) for each in known})
        for name in strange:
            make = error if hopeless and len(strange) == len(names or ()) else warning
            yield make(place, LintCode.NAME_WITHOUT_REFERENCE, what=what, name=name)
    each_alone = all(
        names is None or any(getattr(each, what) in names for each in known)
        for _, what, names in sets
    )
    if hopeless and each_alone:  # each name is known, but no reference has them together
        yield error("gpu", LintCode.NO_GPU_REFERENCE, count=rule.count)


def _modes(rule: GpuRule) -> Iterator[LintRemark]:
    """Switches come with protected PCIe and it with them (`attest.nvidia_set`)."""
    modes, protected = rule.modes, frozenset({GpuMode.PPCIE})
    listed = ", ".join(sorted(each.value for each in modes or ()))
    if rule.switches and modes is not None and GpuMode.PPCIE not in modes:
        yield error("gpu.modes", LintCode.SWITCHES_WITHOUT_PPCIE, modes=listed)
    elif rule.switches and modes is not None and modes != protected:
        yield note("gpu.modes", LintCode.SWITCHES_NEED_PPCIE, modes=listed)
    elif not rule.switches and modes == protected:
        yield error("gpu.modes", LintCode.PPCIE_WITHOUT_SWITCHES)
    elif not rule.switches and modes is not None and GpuMode.PPCIE in modes:
        yield note("gpu.modes", LintCode.PPCIE_WITHOUT_SWITCHES)


def _switches(policy: Policy, around: Around) -> Iterator[LintRemark]:
    known = [each for baseline in around.baselines(policy) for each in baseline.switches]
    living = around.living(known)
    signed = [each for each in living if not policy.gpu.rim or _from_rim(each.origin)]
    if not known:
        yield error("gpu.switches", LintCode.NO_SWITCH_REFERENCE, count=policy.gpu.switches)
    elif not living:
        yield error("gpu.switches", LintCode.VALUES_ENDED, what="switch")
    elif not signed:
        yield error("gpu.rim", LintCode.NO_RIM_VALUE)


def _tpm(rule: TpmRule, policy: Policy, around: Around) -> Iterator[LintRemark]:
    """What is asked must be in one reference as a whole; the one that lacks least says what."""
    if not (rule.pcrs or rule.applications or rule.authorities or rule.variables):
        return
    known = [each for baseline in around.baselines(policy) for each in baseline.tpm]
    living = around.living(known)
    if not known:
        yield error("tpm", LintCode.NO_TPM_REFERENCE)
        return
    if not living:
        yield error("tpm", LintCode.VALUES_ENDED, what="tpm")
        return
    pcrs, others = min((_lacking(rule, each) for each in living), key=lambda e: len(e[0] + e[1]))
    if pcrs:
        yield error(
            "tpm.pcrs", LintCode.PCR_WITHOUT_VALUE, bank=rule.bank.value, pcrs=", ".join(pcrs)
        )
    for name in others:
        yield error(f"tpm.{name}", LintCode.TPM_WITHOUT_VALUE, what=name)


def _lacking(rule: TpmRule, known: TpmReference) -> tuple[list[str], list[str]]:
    values = known.pcrs.get(rule.bank, {})
    pcrs = [str(number) for number in rule.pcrs if not values.get(number)]
    others = [f"variables.{n}" for n in sorted(rule.variables) if not known.variables.get(n)]
    if rule.applications and not known.applications:
        others.append("applications")
    if rule.authorities and not known.authorities:
        others.append("authorities")
    return pcrs, others
