"""Reference values that a person writes down, with the reason why they are right."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from keyturn.base.encoding import unhex
from keyturn.base.errors import MalformedError
from keyturn.quorum.origin import Method, Origin, Provenance
from keyturn.quorum.reference_bodies import (
    GpuReference,
    ReferenceValues,
    SwitchReference,
    TdxReference,
)
from keyturn.quorum.tee_rules import TdRegister

MIN_REASON = 10
_MEASUREMENT = 48


class MalformedValue(MalformedError):
    """What was written down has not the form of a reference value."""


def origin_by_hand(reason: str, obtained: datetime, until: datetime | None) -> Origin:
    """Raises MalformedValue for a reason that says nothing, and an end before the beginning."""
    text = reason.strip()
    if len(text) < MIN_REASON:
        raise MalformedValue(
            "a value by hand needs a reason that others can follow",
            found=f"{len(text)} characters",
            expected=f"at least {MIN_REASON}",
            hint="say where the value comes from and who checked it",
        )
    if until is not None and until <= obtained:
        raise MalformedValue("the values would end before they begin")
    return Origin(f"by hand: {text}", Provenance(Method.BY_HAND, None, None, obtained, until))


def snp_by_hand(measurements: Iterable[str], origin: Origin) -> ReferenceValues:
    """Raises MalformedValue."""
    return ReferenceValues({_hex(each, "launch measurement"): origin for each in measurements}, ())


def tdx_by_hand(registers: Mapping[TdRegister, str], origin: Origin) -> ReferenceValues:
    """One TD. Raises MalformedValue."""
    if TdRegister.MRTD not in registers:
        raise MalformedValue("values of a TD without its MRTD", expected="mrtd among them")
    known = {each: frozenset({_hex(value, each.value)}) for each, value in registers.items()}
    return ReferenceValues({}, (), tdx=(TdxReference(known, origin),))


def gpu_by_hand(
    architecture: str, driver: str, vbios: str, measurements: Mapping[int, str], origin: Origin
) -> ReferenceValues:
    """Raises MalformedValue."""
    known = _devices(measurements)
    return ReferenceValues({}, (GpuReference(architecture, driver, vbios, known, origin),))


def switch_by_hand(
    architecture: str, bios: str, measurements: Mapping[int, str], origin: Origin
) -> ReferenceValues:
    """Raises MalformedValue."""
    known = _devices(measurements)
    switch = SwitchReference(architecture, bios, known, origin)
    return ReferenceValues({}, (), switches=(switch,))


def _devices(measurements: Mapping[int, str]) -> dict[int, frozenset[str]]:
    return {
        index: frozenset({_hex(value, f"measurement {index}", sizes=(32, 48, 64))})
        for index, value in measurements.items()
    }


def _hex(text: str, what: str, *, sizes: tuple[int, ...] = (_MEASUREMENT,)) -> str:
    """Lower case, of one of the sizes in bytes, and not all of one byte, as placeholders are."""
    try:
        value = unhex(text.strip().lower(), what=what)
    except MalformedError as error:
        raise MalformedValue(error.message, found=error.found, expected=error.expected) from error
    if len(value) not in sizes:
        raise MalformedValue(
            f"{what} has the wrong size",
            found=f"{len(value)} bytes",
            expected=f"{' or '.join(map(str, sizes))} bytes",
        )
    if len(set(value)) == 1 and what == "launch measurement":
        raise MalformedValue(f"{what} is one byte over and over", found=f"{value[:1].hex()}…")
    return value.hex()
