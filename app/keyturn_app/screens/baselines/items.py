"""The values of a baseline one by one, each to be taken or left. No Qt in here.

What is left out only makes a set of values smaller: nothing in here makes a value up.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from keyturn.base.times import format_time
from keyturn.policy.baseline_document import Reference
from keyturn.policy.baseline_use import name_of
from keyturn.policy.by_hand import MalformedValue
from keyturn.quorum.origin import Origin
from keyturn.quorum.reference_bodies import (
    GpuReference,
    ReferenceValues,
    SwitchReference,
    TdxReference,
)
from keyturn.quorum.tee_rules import TdRegister
from keyturn.quorum.tpm_bodies import TpmReference
from keyturn_app.i18n import _
from keyturn_app.screens.baselines.standing import ValueKind


@dataclass(frozen=True, slots=True)
class Item:
    """One value, or the alternatives of one place. `key` names it within its body; `needed`: its
    set cannot do without."""

    key: str
    what: str
    values: tuple[str, ...]
    needed: bool = False


@dataclass(frozen=True, slots=True)
class ValueSet:
    """Values that count only together, with where they come from."""

    key: str
    kind: ValueKind
    title: str
    origin: Origin
    items: tuple[Item, ...]


def sets_of(values: ReferenceValues) -> tuple[ValueSet, ...]:
    """In the order of the body; a key stays the same while the body does."""
    found = [
        ValueSet(
            f"snp.{value}",
            ValueKind.SNP,
            _("Launch measurement"),
            origin,
            (Item(f"snp.{value}", _("Launch measurement"), (value,)),),
        )
        for value, origin in sorted(values.snp.items())
    ]
    for kind, references in _lists(values):
        for place, each in enumerate(references):
            key = f"{kind.value}.{place}"
            found.append(ValueSet(key, kind, _title(each), each.origin, _items(each, key)))
    return tuple(found)


def keys_of(values: ReferenceValues) -> frozenset[str]:
    return frozenset(item.key for each in sets_of(values) for item in each.items)


def chosen(values: ReferenceValues, keys: Collection[str]) -> ReferenceValues:
    """Only the items of these keys; a set of which nothing was chosen is left out."""
    return ReferenceValues(
        {value: origin for value, origin in values.snp.items() if f"snp.{value}" in keys},
        tuple(
            replace(each, measurements=kept)
            for place, each in enumerate(values.gpu)
            if (kept := _measured(each.measurements, f"gpu.{place}", keys))
        ),
        tuple(
            kept_boot
            for place, boot in enumerate(values.tpm)
            if (kept_boot := _boot(boot, f"tpm.{place}", keys)) is not None
        ),
        tuple(
            replace(td, registers=registers)
            for place, td in enumerate(values.tdx)
            if (registers := _registers(td, f"tdx.{place}", keys))
        ),
        tuple(
            replace(switch, measurements=measured)
            for place, switch in enumerate(values.switches)
            if (measured := _measured(switch.measurements, f"switch.{place}", keys))
        ),
    )


def until(values: ReferenceValues, end: datetime | None, now: datetime) -> ReferenceValues:
    """The same, counting no longer than `end`. Raises MalformedValue for an end that is over."""
    if end is None:
        return values
    if end <= now:
        raise MalformedValue(
            "the values would end before they begin",
            found=format_time(end),
            expected=f"after {format_time(now)}",
        )
    return ReferenceValues(
        {value: _shorter(origin, end) for value, origin in values.snp.items()},
        tuple(replace(each, origin=_shorter(each.origin, end)) for each in values.gpu),
        tuple(replace(each, origin=_shorter(each.origin, end)) for each in values.tpm),
        tuple(replace(each, origin=_shorter(each.origin, end)) for each in values.tdx),
        tuple(replace(each, origin=_shorter(each.origin, end)) for each in values.switches),
    )


def _shorter(origin: Origin, end: datetime) -> Origin:
    found = origin.provenance
    if found is None or (found.until is not None and found.until <= end):
        return origin
    return replace(origin, provenance=replace(found, until=end))


def _lists(values: ReferenceValues) -> tuple[tuple[ValueKind, Sequence[Reference]], ...]:
    return (
        (ValueKind.TDX, values.tdx),
        (ValueKind.GPU, values.gpu),
        (ValueKind.SWITCH, values.switches),
        (ValueKind.TPM, values.tpm),
    )


def _title(reference: Reference) -> str:
    if isinstance(reference, TdxReference):
        return _("TD")
    return _("Boot of a TPM") if isinstance(reference, TpmReference) else name_of(reference)


def _items(reference: Reference, key: str) -> tuple[Item, ...]:
    if isinstance(reference, GpuReference | SwitchReference):
        return tuple(
            Item(
                f"{key}.{index}",
                _("Measurement {index}").format(index=index),
                tuple(sorted(values)),
            )
            for index, values in sorted(reference.measurements.items())
        )
    if isinstance(reference, TdxReference):
        return tuple(
            Item(
                f"{key}.{register.value}",
                register.value.upper(),
                tuple(sorted(reference.registers[register])),
                needed=register is TdRegister.MRTD,
            )
            for register in TdRegister
            if register in reference.registers
        )
    return tuple(_boot_items(reference, key))


def _boot_items(boot: TpmReference, key: str) -> list[Item]:
    found = [
        Item(
            f"{key}.pcr.{bank.value}.{number}",
            _("PCR {number} ({bank})").format(number=number, bank=bank.value),
            tuple(sorted(values)),
        )
        for bank, pcrs in sorted(boot.pcrs.items(), key=lambda each: each[0].value)
        for number, values in sorted(pcrs.items())
    ]
    for name, words, digests in (
        ("app", _("Boot application"), boot.applications),
        ("authority", _("Boot authority"), boot.authorities),
    ):
        found += [Item(f"{key}.{name}.{each}", words, (each,)) for each in sorted(digests)]
    found += [
        Item(
            f"{key}.variable.{name}",
            _("UEFI variable {name}").format(name=name),
            tuple(sorted(values)),
        )
        for name, values in sorted(boot.variables.items())
    ]
    return found


def _measured(
    measurements: Mapping[int, frozenset[str]], key: str, keys: Collection[str]
) -> dict[int, frozenset[str]]:
    return {index: values for index, values in measurements.items() if f"{key}.{index}" in keys}


def _registers(
    td: TdxReference, key: str, keys: Collection[str]
) -> dict[TdRegister, frozenset[str]]:
    """MRTD is among them or none is: a TD's values say nothing without it."""
    if f"{key}.{TdRegister.MRTD.value}" not in keys:
        return {}
    return {
        register: values
        for register, values in td.registers.items()
        if f"{key}.{register.value}" in keys
    }


def _boot(boot: TpmReference, key: str, keys: Collection[str]) -> TpmReference | None:
    pcrs = {
        bank: kept
        for bank, known in boot.pcrs.items()
        if (kept := {n: v for n, v in known.items() if f"{key}.pcr.{bank.value}.{n}" in keys})
    }
    applications = frozenset(e for e in boot.applications if f"{key}.app.{e}" in keys)
    authorities = frozenset(e for e in boot.authorities if f"{key}.authority.{e}" in keys)
    variables = {n: v for n, v in boot.variables.items() if f"{key}.variable.{n}" in keys}
    if not (pcrs or applications or authorities or variables):
        return None
    return TpmReference(pcrs, applications, authorities, variables, boot.origin)
