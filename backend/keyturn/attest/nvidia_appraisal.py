"""A device's firmware against reference values: driver, VBIOS and measurements.

Source of the rules: NVIDIA nvtrust local_gpu_verifier, verifier.py. Only indexes that the
reference names are compared, any of its alternatives may match, and index 35 is left out while
NVDEC0 is off.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from keyturn.attest.checks import Check, Outcome, judge
from keyturn.attest.errors import Reason
from keyturn.attest.nvidia_claims import DeviceClaims, GpuClaims

NVDEC0_INDEX = 35


@dataclass(frozen=True, slots=True)
class GpuReference:
    """One known-good state. `measurements`: index from 0 to the values it may have."""

    driver: str
    vbios: str
    measurements: Mapping[int, frozenset[bytes]] = field(hash=False)
    source: str


def appraise_gpu(claims: GpuClaims, reference: GpuReference) -> tuple[Check, ...]:
    """Compare proved claims with one reference; every check is made."""
    return (
        judge(
            "driver",
            claims.driver == reference.driver,
            found=claims.driver,
            expected=reference.driver,
            source=reference.source,
            reason=Reason.DRIVER_MISMATCH,
        ),
        judge(
            "vbios",
            claims.vbios == reference.vbios,
            found=claims.vbios,
            expected=reference.vbios,
            source=reference.source,
            reason=Reason.VBIOS_MISMATCH,
        ),
        *compare_measurements(claims, reference.measurements, reference.source),
    )


def compare_measurements(
    claims: DeviceClaims, expected: Mapping[int, frozenset[bytes]], source: str
) -> tuple[Check, ...]:
    """One check for each index that is expected, in order; none expected is a failure."""
    if not expected or not all(expected.values()):
        missing = judge(
            "measurements",
            False,
            found="an empty set of reference values",
            expected="a value for every index named, and at least one index",
            source=source,
            reason=Reason.NO_REFERENCE_VALUES,
        )
        return (missing,)
    return tuple(_measurement(claims, i, expected[i], source) for i in sorted(expected))


def _measurement(claims: DeviceClaims, index: int, allowed: frozenset[bytes], source: str) -> Check:
    name = f"measurement-{index}"
    expected = " or ".join(sorted(value.hex() for value in allowed))
    if index == NVDEC0_INDEX and not claims.nvdec0_enabled:
        return Check(name, Outcome.NOT_MEASURED, "NVDEC0 is off", expected, source, required=False)
    found = claims.measurements.get(index)
    if found is None:
        return Check(
            name,
            Outcome.NOT_MEASURED,
            "not in the report",
            expected,
            source,
            Reason.MEASUREMENT_MISMATCH,
        )
    return judge(
        name,
        found in allowed,
        found=found.hex(),
        expected=expected,
        source=source,
        reason=Reason.MEASUREMENT_MISMATCH,
    )
