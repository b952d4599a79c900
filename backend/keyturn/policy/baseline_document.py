"""Baselines as the bodies that officers propose (our protocol §2.6), and two made into one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from keyturn.base.strictjson import Fields, Json, JsonObject
from keyturn.quorum.origin import Origin
from keyturn.quorum.reference_bodies import (
    GpuReference,
    ReferenceValues,
    SwitchReference,
    TdxReference,
    parse_reference_values,
)
from keyturn.quorum.tpm_bodies import TpmReference

Reference = TdxReference | GpuReference | SwitchReference | TpmReference
R_ = TypeVar("R_", TdxReference, GpuReference, SwitchReference, TpmReference)

_NOWHERE = Origin("")


def document_of(values: ReferenceValues) -> JsonObject:
    """The body, each list in a fixed order. Raises MalformedError for one that no keyholder reads:
    with no value at all, or with more than a body may hold."""
    document: JsonObject = {
        "snp": {
            "measurements": [
                {"value": value, **origin.to_document()}
                for value, origin in sorted(values.snp.items())
            ]
        },
        "gpu": [_gpu(each) for each in values.gpu],
    }
    if values.tpm:
        document["tpm"] = [_tpm(each) for each in values.tpm]
    if values.tdx:
        document["tdx"] = [_tdx(each) for each in values.tdx]
    if values.switches:
        document["switches"] = [_switch(each) for each in values.switches]
    parse_reference_values(Fields(document, "reference-values"))
    return document


def merged(into: ReferenceValues, new: ReferenceValues) -> ReferenceValues:
    """Both. Where a value stands in both, its new origin counts."""
    return ReferenceValues(
        {**into.snp, **new.snp},
        _joined(into.gpu, new.gpu),
        _joined(into.tpm, new.tpm),
        _joined(into.tdx, new.tdx),
        _joined(into.switches, new.switches),
    )


def _joined(old: Sequence[R_], new: Sequence[R_]) -> tuple[R_, ...]:
    known = [replace(each, origin=_NOWHERE) for each in new]
    kept = [each for each in old if replace(each, origin=_NOWHERE) not in known]
    return tuple(kept) + tuple(new)


def _tdx(reference: TdxReference) -> JsonObject:
    registers: JsonObject = {
        register.value: _listed(values)
        for register, values in sorted(reference.registers.items(), key=lambda each: each[0].value)
    }
    return {"registers": registers, **reference.origin.to_document()}


def _gpu(reference: GpuReference) -> JsonObject:
    return {
        "architecture": reference.architecture,
        "driver": reference.driver,
        "vbios": reference.vbios,
        "measurements": _measurements(reference.measurements),
        **reference.origin.to_document(),
    }


def _switch(reference: SwitchReference) -> JsonObject:
    return {
        "architecture": reference.architecture,
        "bios": reference.bios,
        "measurements": _measurements(reference.measurements),
        **reference.origin.to_document(),
    }


def _measurements(found: Mapping[int, Iterable[str]]) -> JsonObject:
    return {str(index): _listed(values) for index, values in sorted(found.items())}


def _tpm(reference: TpmReference) -> JsonObject:
    return {
        "pcrs": {
            bank.value: _measurements(values)
            for bank, values in sorted(reference.pcrs.items(), key=lambda each: each[0].value)
        },
        "applications": _listed(reference.applications),
        "authorities": _listed(reference.authorities),
        "variables": {
            name: _listed(values) for name, values in sorted(reference.variables.items())
        },
        **reference.origin.to_document(),
    }


def _listed(values: Iterable[str]) -> list[Json]:
    return [*sorted(values)]
