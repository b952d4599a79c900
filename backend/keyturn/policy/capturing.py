"""Reference values from what a golden node proved: its firmware as a baseline to be proposed.

What a policy refused may be captured, since its new firmware may be the wanted one; what is not
genuine never is. A machine that may be debugged is refused too: whoever debugs it chooses what its
registers say.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from keyturn.attest.nvidia_appraisal import NVDEC0_INDEX
from keyturn.attest.nvidia_claims import DeviceClaims, GpuClaims, SwitchClaims
from keyturn.attest.snp import SnpClaims
from keyturn.attest.snp_report import GuestPolicy
from keyturn.attest.tdx_claims import TdxClaims
from keyturn.attest.tdx_quote import TdReport
from keyturn.attest.tpm import TpmClaims
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.base.errors import UntrustedError
from keyturn.base.strictjson import JsonObject
from keyturn.base.times import format_time
from keyturn.policy.baseline_document import document_of
from keyturn.policy.boot_values import TpmChoice, tpm_reference
from keyturn.policy.observed import Observed
from keyturn.policy.shown import Shown
from keyturn.quorum.origin import Method, Origin, Provenance
from keyturn.quorum.reference_bodies import (
    GpuReference,
    ReferenceValues,
    SwitchReference,
    TdxReference,
)
from keyturn.quorum.tee_rules import TdRegister
from keyturn.quorum.tpm_bodies import TpmReference

R_ = TypeVar("R_", GpuReference, SwitchReference)

_UNDER_DEBUG = 0xFF  # ATTRIBUTES bits 0 to 7 (TUD): debugged or profiled from outside


class NotCapturable(UntrustedError):
    """What a node showed is not genuine, or not all of it, or not what was asked for."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What becomes a baseline. MRTD is always among a TD's registers. `indexes` None: every
    measurement of a device; a maker's RIM names fewer, since some differ from chip to chip."""

    cpu: bool = True
    registers: frozenset[TdRegister] = frozenset()
    gpus: bool = True
    switches: bool = True
    indexes: frozenset[int] | None = None
    tpm: TpmChoice | None = None


def capture(
    observed: Observed, *, obtained: datetime, until: datetime | None, choices: Choices
) -> JsonObject:
    """A baseline's body of one node's evidence. Raises NotCapturable, NotInTheLog, and
    MalformedError for one that no keyholder would read."""
    return document_of(captured(observed, obtained=obtained, until=until, choices=choices))


def captured(
    observed: Observed, *, obtained: datetime, until: datetime | None, choices: Choices
) -> ReferenceValues:
    """As `capture`, as values."""
    shown = _genuine(observed)
    origin = _origin(observed, shown, obtained, until)
    cpu = shown.cpu
    gpus = _once(_gpu(each, choices, origin) for each in shown.gpus) if choices.gpus else ()
    switches = (
        _once(_switch(each, choices, origin) for each in shown.switches) if choices.switches else ()
    )
    return ReferenceValues(
        {cpu.measurement.hex(): origin} if choices.cpu and isinstance(cpu, SnpClaims) else {},
        gpus,
        _tpm(shown.tpm, choices.tpm, origin),
        (_td(cpu.report, choices.registers, origin),)
        if choices.cpu and isinstance(cpu, TdxClaims)
        else (),
        switches,
    )


def is_simulated(shown: Shown) -> bool:
    parts = (shown.cpu, shown.tpm, *shown.devices)
    return any(each is not None and each.simulated for each in parts)


def _genuine(observed: Observed) -> Shown:
    """Raises NotCapturable."""
    failed = [each for each in observed.findings if each.failed]
    shown = observed.shown
    if shown is None or failed or observed.evidence is None:
        why = "; ".join(f"{each.check}: {each.found}" for each in failed)
        raise NotCapturable(
            f"the evidence of {observed.node} is not genuine, or nobody has it any more",
            found=why[:1000] or "no evidence",
            expected="evidence of which every proof was verified here",
            hint="capture from a node whose newest evidence is kept and verifies",
        )
    counts = (
        ("GPU", shown.gpu_count, len(shown.gpus)),
        ("switch", shown.switch_count, len(shown.switches)),
        ("TPM", int(shown.tpm_shown), int(shown.tpm is not None)),
    )
    for what, said, proved in counts:
        if said > proved:
            raise NotCapturable(
                f"{observed.node} showed a {what} that is not genuine",
                found=f"{proved} genuine",
                expected=f"{said}",
            )
    if _may_be_debugged(shown):
        raise NotCapturable(
            f"{observed.node} may be debugged: what it says of its registers is anybody's word",
            found="debugging allowed",
            expected="a guest that nobody may debug",
            hint="start the node without its debug policy, and capture it then",
        )
    return shown


def _may_be_debugged(shown: Shown) -> bool:
    cpu = shown.cpu
    if isinstance(cpu, SnpClaims):
        return cpu.report.allows(GuestPolicy.DEBUG)
    return bool(cpu.report.attributes & _UNDER_DEBUG)


def _origin(observed: Observed, shown: Shown, obtained: datetime, until: datetime | None) -> Origin:
    time = "a time that is not known" if observed.time is None else format_time(observed.time)
    source = f"captured from node {observed.node}, evidence of {time}"
    if is_simulated(shown):
        source = f"SIMULATED: {source}"
    provenance = Provenance(Method.CAPTURED, observed.evidence, None, obtained, until)
    return Origin(source, provenance)


def _td(report: TdReport, chosen: frozenset[TdRegister], origin: Origin) -> TdxReference:
    known = registers_of(report)
    return TdxReference(
        {each: frozenset({known[each]}) for each in sorted_registers(chosen | {TdRegister.MRTD})},
        origin,
    )


def sorted_registers(chosen: frozenset[TdRegister]) -> list[TdRegister]:
    return [each for each in TdRegister if each in chosen]


def registers_of(report: TdReport) -> dict[TdRegister, str]:
    """Every register that a baseline may name, in hex."""
    return {
        TdRegister.MRTD: report.mr_td.hex(),
        TdRegister.RTMR0: report.rtmr0.hex(),
        TdRegister.RTMR1: report.rtmr1.hex(),
        TdRegister.RTMR2: report.rtmr2.hex(),
        TdRegister.RTMR3: report.rtmr3.hex(),
        TdRegister.MRSEAM: report.mr_seam.hex(),
        TdRegister.MROWNER: report.mr_owner.hex(),
        TdRegister.MROWNERCONFIG: report.mr_owner_config.hex(),
    }


def _gpu(claims: GpuClaims, choices: Choices, origin: Origin) -> GpuReference:
    measured = _measured(claims, choices)
    return GpuReference(claims.arch, claims.driver, claims.vbios, measured, origin)


def _switch(claims: SwitchClaims, choices: Choices, origin: Origin) -> SwitchReference:
    return SwitchReference(claims.arch, claims.vbios, _measured(claims, choices), origin)


def _measured(claims: DeviceClaims, choices: Choices) -> dict[int, frozenset[str]]:
    """Index 35 says nothing while NVDEC0 is off, and is no known-good value then."""
    found = {
        index: frozenset({value.hex()})
        for index, value in sorted(claims.measurements.items())
        if choices.indexes is None or index in choices.indexes
        if index != NVDEC0_INDEX or claims.nvdec0_enabled
    }
    if not found:
        raise NotCapturable(
            "none of the chosen measurements stands in a device's report",
            found=", ".join(map(str, sorted(claims.measurements))),
        )
    return found


def _tpm(
    claims: TpmClaims | None, choice: TpmChoice | None, origin: Origin
) -> tuple[TpmReference, ...]:
    if choice is None:
        return ()
    if claims is None:
        raise NotCapturable(
            "the node showed no TPM",
            found="no quote",
            expected="a quote with its event log",
            hint="capture without values of a TPM, or start the node with one",
        )
    pcrs = claims.pcrs.get(HashAlgorithm[choice.bank.name], {})
    return (tpm_reference(pcrs, claims.log, choice, origin),)


def _once(found: Iterable[R_]) -> tuple[R_, ...]:
    """Equal devices have one set of values."""
    kept: list[R_] = []
    for each in found:
        if each not in kept:
            kept.append(each)
    return tuple(kept)
