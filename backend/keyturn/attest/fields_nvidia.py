"""A GPU's or switch's report field by field (DMTF DSP0274 1.1; opaque fields by NVIDIA nvtrust)."""

from collections.abc import Iterator
from dataclasses import replace

from keyturn.attest.fields import (
    Field,
    Place,
    Section,
    as_hex,
    as_text,
    laid_out,
    little,
    mask,
    section,
)
from keyturn.attest.spdm import NONCE_SIZE, REQUEST_SIZE, SIGNATURE_SIZE, Opaque, parse_gpu_report

SPECIFICATION = "DMTF DSP0274 1.1, GET_MEASUREMENTS and MEASUREMENTS; NVIDIA nvtrust"

REQUEST: tuple[Place, ...] = (
    ("SPDMVersion", 1, mask),
    ("RequestResponseCode", 1, mask),
    ("Param1", 1, mask),
    ("Param2", 1, mask),
    ("Nonce", 32, as_hex),
    ("SlotIDParam", 1, little),
)
RESPONSE: tuple[Place, ...] = (
    ("SPDMVersion", 1, mask),
    ("RequestResponseCode", 1, mask),
    ("Param1", 1, mask),
    ("Param2", 1, mask),
    ("NumberOfBlocks", 1, little),
    ("MeasurementRecordLength", 3, little),
)
BLOCK: tuple[Place, ...] = (
    ("Index", 1, little),
    ("MeasurementSpecification", 1, mask),
    ("MeasurementSize", 2, little),
    ("DMTFSpecMeasurementValueType", 1, mask),
    ("DMTFSpecMeasurementValueSize", 2, little),
)
_TEXTS = frozenset({Opaque.DRIVER_VERSION, Opaque.PROJECT, Opaque.PROJECT_SKU, Opaque.CHIP_SKU})
_KNOWN = {each.value: each for each in Opaque}


def device_section(report: bytes, title: str) -> Section:
    """`title` says which device it is of."""
    return section(title, SPECIFICATION, report, _fields)


def _fields(raw: bytes) -> Iterator[Field]:
    yield from _named("request: ", laid_out(raw, REQUEST))
    yield from _named("response: ", laid_out(raw, RESPONSE, REQUEST_SIZE))
    report = parse_gpu_report(raw)
    at = REQUEST_SIZE + 8
    for index, value in report.measurements.items():
        yield from _named(f"block {index + 1}: ", laid_out(raw, BLOCK, at))
        at += 7
        note = f"measurement {index} as RIMs count"
        name = f"block {index + 1}: MeasurementValue"
        yield Field(name, at, raw[at : at + len(value)], value.hex(), note)
        at += len(value)
    yield Field("Nonce", at, raw[at : at + NONCE_SIZE], report.responder_nonce.hex())
    at += NONCE_SIZE
    yield from laid_out(raw, (("OpaqueLength", 2, little),), at)
    at += 2
    for kind, value in report.opaque.items():
        yield from _opaque(raw, at, kind, value)
        at += 4 + len(value)
    yield Field("Signature", at, raw[at : at + SIGNATURE_SIZE], raw[at : at + SIGNATURE_SIZE].hex())
    at += SIGNATURE_SIZE
    if at < len(raw):
        yield Field("(after the report)", at, raw[at:], raw[at:].hex(), "as some firmware writes")


def _opaque(raw: bytes, at: int, kind: int, value: bytes) -> Iterator[Field]:
    known = _KNOWN.get(kind)
    name = known.name if known is not None else f"type {kind}"
    head = raw[at : at + 4]
    yield Field(f"opaque {name}: type, size", at, head, f"{kind}, {len(value)}")
    text = as_text(value) if known in _TEXTS else value.hex()
    yield Field(f"opaque {name}", at + 4, value, text[:200])


def _named(prefix: str, fields: Iterator[Field]) -> Iterator[Field]:
    return (replace(each, name=prefix + each.name) for each in fields)
