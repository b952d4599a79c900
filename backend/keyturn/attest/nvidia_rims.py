"""A device against the reference manifests (RIMs) that NVIDIA signed for its firmware.

A manifest's values reach this module as a `Rim`, made where XML is read and signatures of RIMs
are verified (the package `rim`); the keyholder never sees one, only reference values that
officers signed. Source of the rules: NVIDIA nvtrust rim/__init__.py and verifier.py, which only
warns where a manifest is of another version; that is refused here.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from keyturn.attest.checks import Check, Outcome, judge
from keyturn.attest.errors import Reason
from keyturn.attest.nvidia_appraisal import GpuReference, compare_measurements
from keyturn.attest.nvidia_chain import Architecture
from keyturn.attest.nvidia_claims import DeviceClaims, GpuClaims
from keyturn.attest.nvidia_fields import read_gpu_fields

_BIOS_VERSION = re.compile(r"[0-9A-F]{2}(\.[0-9A-F]{2}){4}\Z")
_DRIVER_VERSION = re.compile(r"[0-9]{3,4}(\.[0-9]{1,4}){1,3}\Z")
_SWITCH_BIOS = "NV_SWITCH_BIOS_5612_0002_890"  # the one board of LS10 switches
_PRODUCTS = {Architecture.HOPPER: "GH", Architecture.BLACKWELL: "GB", Architecture.LS10: "LS"}


class RimKind(Enum):
    """What firmware a manifest speaks of. NVIDIA's manifests of GPUs differ by their version."""

    DRIVER = "driver"
    VBIOS = "vbios"
    SWITCH_BIOS = "switch-bios"


@dataclass(frozen=True, slots=True)
class Rim:
    """What one manifest says. `active`: index from 0 to the values it may have, not empty.

    `source` names the manifest: its tag, who signed it.
    """

    kind: RimKind
    product: str
    version: str
    active: Mapping[int, frozenset[bytes]] = field(hash=False)
    source: str


def kind_of(edition: str, version: str) -> RimKind | None:
    """The kind of a manifest by its Meta element; None: no kind that is known here."""
    if edition == "SWITCH" and _BIOS_VERSION.match(version):
        return RimKind.SWITCH_BIOS
    if edition != "GPU":
        return None
    if _BIOS_VERSION.match(version):
        return RimKind.VBIOS
    return RimKind.DRIVER if _DRIVER_VERSION.match(version) else None


def expected_kinds(claims: DeviceClaims) -> tuple[RimKind, ...]:
    """The manifests that a whole comparison of this device needs."""
    if isinstance(claims, GpuClaims):
        return (RimKind.DRIVER, RimKind.VBIOS)
    return (RimKind.SWITCH_BIOS,)


def rim_names(claims: DeviceClaims) -> Mapping[RimKind, tuple[str, ...]]:
    """By which names NVIDIA's service may have a device's manifests; the likeliest first.

    Sources: nvtrust cc_admin_utils.py, attestation-sdk gpu/evidence.cpp and switch/evidence.cpp,
    which name Blackwell's drivers differently. A name is for finding: the manifest's own kind,
    version and product are compared whatever it was called.
    """
    if not isinstance(claims, GpuClaims):
        return {RimKind.SWITCH_BIOS: (f"{_SWITCH_BIOS}_{claims.vbios.replace('.', '')}",)}
    vbios = read_gpu_fields(claims.report).vbios_rim_id
    plain = f"NV_GPU_DRIVER_{claims.arch}_{claims.driver}"
    confidential = f"NV_GPU_CC_DRIVER_{claims.arch}_{claims.driver}"
    is_hopper = claims.architecture is Architecture.HOPPER
    return {
        RimKind.DRIVER: (plain,) if is_hopper else (plain, confidential),
        RimKind.VBIOS: (vbios,) if vbios else (),
    }


def appraise_rims(claims: DeviceClaims, rims: Sequence[Rim]) -> tuple[Check, ...]:
    """Compare proved claims with verified manifests; every check is made.

    What `rims` does not hold is not compared: a caller that needs both manifests of a GPU asks
    `missing_rims` too.
    """
    checks = [check for rim in rims for check in _rim_checks(claims, rim)]
    checks.append(_conflicts(rims))
    source = "; ".join(rim.source for rim in rims)
    return (*checks, *compare_measurements(claims, _merged(rims), source))


def missing_rims(claims: DeviceClaims, rims: Sequence[Rim]) -> tuple[Check, ...]:
    """One check for each manifest that a whole comparison needs."""
    given = {rim.kind for rim in rims}
    return tuple(
        judge(
            f"{kind.value} RIM",
            kind in given,
            found="given" if kind in given else "not given",
            expected="given",
            source="NVIDIA nvtrust",
            reason=Reason.NO_REFERENCE_VALUES,
        )
        for kind in expected_kinds(claims)
    )


def reference_of(driver: Rim, vbios: Rim) -> GpuReference:
    """Both manifests of a GPU as one reference, for a baseline that officers will sign."""
    source = f"{driver.source}; {vbios.source}"
    return GpuReference(driver.version, vbios.version, _merged((driver, vbios)), source)


def mismatched(checks: Iterable[Check]) -> tuple[int, tuple[int, ...]]:
    """How many measurements were compared, and the indexes of those that differ."""
    compared, wrong = 0, []
    for check in checks:
        if not check.name.startswith("measurement-") or not check.required:
            continue
        compared += 1
        if check.outcome is not Outcome.MET:
            wrong.append(int(check.name.removeprefix("measurement-")))
    return compared, tuple(wrong)


def _rim_checks(claims: DeviceClaims, rim: Rim) -> tuple[Check, ...]:
    known = expected_kinds(claims)
    version = _version(claims, rim.kind)
    product = _PRODUCTS[claims.architecture]
    return (
        judge(
            f"{rim.kind.value} RIM kind",
            rim.kind in known,
            found=rim.kind.value,
            expected=" or ".join(kind.value for kind in known),
            source=rim.source,
            reason=Reason.RIM_KIND_MISMATCH,
        ),
        judge(
            f"{rim.kind.value} RIM version",
            rim.version == version,
            found=rim.version,
            expected=f"{version}, as the report says",
            source=rim.source,
            reason=Reason.RIM_VERSION_MISMATCH,
        ),
        judge(
            f"{rim.kind.value} RIM product",
            rim.product.startswith(product),
            found=rim.product,
            expected=f"{product}…, as {claims.arch}",
            source=rim.source,
            reason=Reason.RIM_PRODUCT_MISMATCH,
        ),
    )


def _version(claims: DeviceClaims, kind: RimKind) -> str:
    if kind is RimKind.DRIVER and isinstance(claims, GpuClaims):
        return claims.driver
    return claims.vbios


def _conflicts(rims: Sequence[Rim]) -> Check:
    """Two manifests must not speak of one measurement (nvtrust verifier.py)."""
    kinds = [rim.kind for rim in rims]
    seen: set[int] = set()
    twice: set[int] = set()
    for rim in rims:
        twice |= seen & rim.active.keys()
        seen |= rim.active.keys()
    return judge(
        "RIM indexes",
        not twice and len(set(kinds)) == len(kinds),
        found=f"twice: {sorted(twice)}" if twice else "each once",
        expected="each manifest and each active index once",
        source="NVIDIA nvtrust",
        reason=Reason.RIM_INDEX_CONFLICT,
    )


def _merged(rims: Sequence[Rim]) -> Mapping[int, frozenset[bytes]]:
    """Where two name one index, both must match: only what both allow stays."""
    merged: dict[int, frozenset[bytes]] = {}
    for rim in rims:
        for index, values in rim.active.items():
            merged[index] = merged[index] & values if index in merged else values
    return merged
