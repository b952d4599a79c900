"""Two baselines, or a baseline and what a node showed, side by side."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from keyturn.attest.eventdata import boot_facts
from keyturn.attest.nvidia_appraisal import NVDEC0_INDEX
from keyturn.attest.nvidia_claims import DeviceClaims
from keyturn.attest.snp import SnpClaims
from keyturn.attest.tpm import TpmClaims
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.policy.baseline_document import Reference
from keyturn.policy.capturing import registers_of
from keyturn.policy.shown import Shown
from keyturn.quorum.reference_bodies import (
    GpuReference,
    ReferenceValues,
    TdxReference,
)
from keyturn.quorum.tpm_bodies import PcrBank, TpmReference

Values = Mapping[str, frozenset[str]]
"""What a set of values says, by a name for people: hex, versions."""


@dataclass(frozen=True, slots=True)
class Row:
    """One value on both sides; "" where a side does not have it. `kind`: snp, tdx, gpu, switch,
    tpm, with a number where there are several; `same`: everything on the right is allowed on the
    left, and the other way round where both sides are baselines."""

    kind: str
    what: str
    left: str
    right: str
    same: bool


def compare(left: ReferenceValues, right: ReferenceValues) -> tuple[Row, ...]:
    """Two baselines. Sets of values are paired by how much of them is the same."""
    rows = []
    for each in sorted({*left.snp, *right.snp}):
        ours, theirs = (each if each in side.snp else "" for side in (left, right))
        rows.append(Row("snp", "launch measurement", ours, theirs, ours == theirs))
    for kind, one_side, other_side in zip(_KINDS, sets_of(left), sets_of(right), strict=True):
        pairs = _paired([_values(x) for x in one_side], [_values(x) for x in other_side])
        for place, (one, other) in enumerate(pairs):
            rows += _rows(_label(kind, place, len(pairs)), one, other, exact=True)
    return tuple(rows)


def compare_node(values: ReferenceValues, shown: Shown) -> tuple[Row, ...]:
    """A baseline (left) and what a node proved (right). Of each part of the node the best fitting
    set of values is shown; what the baseline does not name is not compared."""
    rows: list[Row] = []
    cpu = shown.cpu
    if isinstance(cpu, SnpClaims):
        found = cpu.measurement.hex()
        known = found in values.snp
        left = found if known else _joined(values.snp)
        rows.append(Row("snp", "launch measurement", left, found, known))
    else:
        registers = {
            register.value: frozenset({value})
            for register, value in registers_of(cpu.report).items()
        }
        rows += _against("tdx", values.tdx, registers)
    for place, gpu in enumerate(shown.gpus):
        kind = _label("gpu", place, len(shown.gpus))
        rows += _against(kind, values.gpu, {**_device(gpu), "driver": frozenset({gpu.driver})})
    for place, switch in enumerate(shown.switches):
        kind = _label("switch", place, len(shown.switches))
        rows += _against(kind, values.switches, _device(switch))
    if shown.tpm is not None and values.tpm:
        rows += _against("tpm", values.tpm, _quoted(shown.tpm))
    return tuple(rows)


_KINDS = ("tdx", "gpu", "switch", "tpm")


def sets_of(values: ReferenceValues) -> tuple[Sequence[Reference], ...]:
    return values.tdx, values.gpu, values.switches, values.tpm


def _label(kind: str, place: int, count: int) -> str:
    return kind if count == 1 else f"{kind} {place}"


def _values(reference: Reference) -> Values:
    if isinstance(reference, TdxReference):
        return {each.value: values for each, values in reference.registers.items()}
    if isinstance(reference, TpmReference):
        return _of_tpm(reference)
    versions = {
        "architecture": reference.architecture,
        **(
            {"driver": reference.driver, "vbios": reference.vbios}
            if isinstance(reference, GpuReference)
            else {"bios": reference.bios}
        ),
    }
    return {
        **{name: frozenset({value}) for name, value in versions.items()},
        **{f"measurement {index}": each for index, each in sorted(reference.measurements.items())},
    }


def _of_tpm(reference: TpmReference) -> Values:
    found = {
        f"PCR {number} {bank.value}": values
        for bank, registers in reference.pcrs.items()
        for number, values in sorted(registers.items())
    }
    if reference.applications:
        found["boot applications"] = reference.applications
    if reference.authorities:
        found["boot authorities"] = reference.authorities
    found.update({f"variable {name}": each for name, each in sorted(reference.variables.items())})
    return found


def _device(claims: DeviceClaims) -> dict[str, frozenset[str]]:
    versions = {"architecture": claims.arch, "vbios": claims.vbios, "bios": claims.vbios}
    return {
        **{name: frozenset({value}) for name, value in versions.items()},
        **{
            f"measurement {index}": frozenset({value.hex()})
            for index, value in claims.measurements.items()
            if index != NVDEC0_INDEX or claims.nvdec0_enabled
        },
    }


def _quoted(claims: TpmClaims) -> Values:
    found: dict[str, frozenset[str]] = {}
    for bank in PcrBank:
        pcrs = claims.pcrs.get(HashAlgorithm[bank.name], {})
        found |= {f"PCR {number} {bank.value}": frozenset({v.hex()}) for number, v in pcrs.items()}
        if claims.log is None or not pcrs:
            continue
        facts = boot_facts(claims.log, HashAlgorithm[bank.name])
        events = {"applications": facts.applications, "authorities": facts.authorities}
        for name, digests in events.items():
            found[f"boot {name}"] = found.get(f"boot {name}", frozenset()) | set(digests)
        for name, value in facts.variables:
            found[f"variable {name}"] = found.get(f"variable {name}", frozenset()) | {value}
    return found


def _against(kind: str, references: Sequence[Reference], node: Values) -> list[Row]:
    """Rows of the set that fits best."""
    if not references:
        return [Row(kind, "reference values", "", "shown by the node", False)]
    choices = [_rows(kind, _values(each), node, exact=False) for each in references]
    return min(choices, key=lambda rows: sum(not each.same for each in rows))


def _rows(kind: str, left: Values, right: Values, *, exact: bool) -> list[Row]:
    """`exact`: both sides are baselines. Otherwise the right is a node: what it has must be among
    what the left allows, but index 35, which only a GPU with NVDEC0 on has."""
    names = [*left, *(name for name in right if exact and name not in left)]
    rows = []
    for name in names:
        ours, theirs = left.get(name, frozenset()), right.get(name, frozenset())
        skipped = not exact and not theirs and name == f"measurement {NVDEC0_INDEX}"
        same = ours == theirs if exact else skipped or (bool(theirs) and theirs <= ours)
        rows.append(Row(kind, name, _joined(ours), _joined(theirs), same))
    return rows


def _joined(values: Iterable[str]) -> str:
    return " or ".join(sorted(values))


def _paired(left: Sequence[Values], right: Sequence[Values]) -> list[tuple[Values, Values]]:
    """Each left with the right that has most in common, then what is left over alone."""
    rest = list(right)
    pairs: list[tuple[Values, Values]] = []
    alone: list[Values] = []
    for one in sorted(left, key=lambda each: -max((_common(each, r) for r in right), default=0)):
        best = max(rest, key=lambda other: _common(one, other), default=None)
        if best is None or not _common(one, best):
            alone.append(one)
            continue
        rest.remove(best)
        pairs.append((one, best))
    return [*pairs, *((one, {}) for one in alone), *(({}, other) for other in rest)]


def _common(one: Values, other: Values) -> int:
    return sum(bool(values & other.get(name, frozenset())) for name, values in one.items())
