"""A baseline as a statement's body: known-good values with where they come from (§2.6)."""

from collections.abc import Mapping
from dataclasses import dataclass

from keyturn.base.encoding import unhex
from keyturn.base.strictjson import Fields
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.origin import Origin, read_origin
from keyturn.quorum.tee_rules import TdRegister
from keyturn.quorum.tpm_bodies import TpmReference, read_tpm_references

MAX_DEVICES = 256
MAX_TDS = 256
_INDEXES = frozenset(str(index) for index in range(255))


@dataclass(frozen=True, slots=True)
class TdxReference:
    """Known-good registers of one TD as a whole, hex values of 48 bytes; MRTD is one of them."""

    registers: Mapping[TdRegister, frozenset[str]]
    origin: Origin


@dataclass(frozen=True, slots=True)
class GpuReference:
    """Known-good values of one GPU firmware set; `measurements`: index → allowed hex values."""

    architecture: str
    driver: str
    vbios: str
    measurements: Mapping[int, frozenset[str]]
    origin: Origin


@dataclass(frozen=True, slots=True)
class SwitchReference:
    """Known-good values of one NVSwitch firmware, as `GpuReference`."""

    architecture: str
    bios: str
    measurements: Mapping[int, frozenset[str]]
    origin: Origin


@dataclass(frozen=True, slots=True)
class ReferenceValues:
    """A baseline. `snp`: launch measurement (96 hex digits) → where it comes from."""

    snp: Mapping[str, Origin]
    gpu: tuple[GpuReference, ...]
    tpm: tuple[TpmReference, ...] = ()
    tdx: tuple[TdxReference, ...] = ()
    switches: tuple[SwitchReference, ...] = ()

    @property
    def measurements(self) -> frozenset[str]:
        """Launch measurements of either kind of TEE, 96 hex digits: what a revocation may name."""
        mrtds = (each.registers[TdRegister.MRTD] for each in self.tdx)
        return frozenset(self.snp).union(*mrtds)


def parse_reference_values(body: Fields) -> ReferenceValues:
    """Raises MalformedError."""
    values = ReferenceValues(
        _snp(body.fields("snp")),
        tuple(_gpu(each) for each in body.objects("gpu", limit=MAX_DEVICES)),
        read_tpm_references(body) if body.has("tpm") else (),
        tuple(_tdx(each) for each in _optional(body, "tdx", MAX_TDS)),
        tuple(_switch(each) for each in _optional(body, "switches", MAX_DEVICES)),
    )
    body.done()
    if not values.measurements and not values.gpu and not values.tpm and not values.switches:
        raise MalformedStatement("reference-values: no value at all")
    return values


def _optional(body: Fields, name: str, limit: int) -> list[Fields]:
    """A list that may be absent, and is not empty where it stands."""
    if not body.has(name):
        return []
    found = body.objects(name, limit=limit)
    if not found:
        raise MalformedStatement(f"reference-values: {name} is empty", expected="absent, or values")
    return found


def _snp(fields: Fields) -> dict[str, Origin]:
    found: dict[str, Origin] = {}
    for each in fields.objects("measurements"):
        value = each.hex("value", size=48).hex()
        if value in found:
            raise MalformedStatement("reference-values: a measurement stands twice", found=value)
        found[value] = read_origin(each)
        each.done()
    fields.done()
    return found


def _tdx(fields: Fields) -> TdxReference:
    table = fields.fields("registers")
    known = {each.value: each for each in TdRegister}
    registers = {}
    for name in table.names():
        if name not in known:
            raise MalformedStatement(
                "reference-values: tdx register", found=name[:40], expected=", ".join(known)
            )
        registers[known[name]] = _hexes(table, name, size=48)
    found = TdxReference(registers, read_origin(fields))
    fields.done()
    if TdRegister.MRTD not in registers:
        raise MalformedStatement("reference-values: tdx without mrtd")
    return found


def _gpu(fields: Fields) -> GpuReference:
    found = GpuReference(
        fields.text("architecture", limit=64),
        fields.text("driver", limit=64),
        fields.text("vbios", limit=64),
        _measurements(fields, "gpu"),
        read_origin(fields),
    )
    fields.done()
    return found


def _switch(fields: Fields) -> SwitchReference:
    found = SwitchReference(
        fields.text("architecture", limit=64),
        fields.text("bios", limit=64),
        _measurements(fields, "switch"),
        read_origin(fields),
    )
    fields.done()
    return found


def _measurements(fields: Fields, what: str) -> dict[int, frozenset[str]]:
    table = fields.fields("measurements")
    found = {}
    for key in table.names():
        if key not in _INDEXES:
            raise MalformedStatement(
                f"reference-values: {what} index", found=key[:40], expected="0 to 254"
            )
        found[int(key)] = _hexes(table, key)
    if not found:
        raise MalformedStatement(f"reference-values: a {what} without measurements")
    return found


def _hexes(table: Fields, name: str, *, size: int | None = None) -> frozenset[str]:
    values = table.texts(name, limit=64)
    for value in values:
        unhex(value, what=f"reference-values: {name}", size=size)
    if not values:
        raise MalformedStatement(f"reference-values: {name} has no value")
    return frozenset(values)
