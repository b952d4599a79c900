"""Reference values from NVIDIA's manifests (RIMs), each proved: for a baseline to be proposed.

A GPU's values need both of its manifests, driver and VBIOS; a switch's one. Indexes are those of
device reports and manifests alike: numbered from 0, SPDM's less one. Only active ones are values.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.nvidia_rims import Rim, RimKind
from keyturn.base.encoding import digest_of
from keyturn.base.times import format_time
from keyturn.quorum.origin import Method, Origin, Provenance
from keyturn.quorum.reference_bodies import GpuReference, ReferenceValues, SwitchReference
from keyturn.rim.verify import RimAsked, RimExamination, verify_rim

_CHIP = re.compile(r"G[HB][0-9]{3}\Z|LS_?10\Z")
_SWITCH_CHIP = "LS10"


@dataclass(frozen=True, slots=True)
class ProvedRim:
    """A manifest's bytes with all that proves them."""

    raw: bytes
    rim: Rim
    examined: RimExamination

    @property
    def signer(self) -> str:
        path = self.examined.path
        return f"'{path[0].common_name}' under '{path[-1].common_name}'"

    @property
    def ends(self) -> datetime:
        """Of the signer's certificate, or of one above it that ends before."""
        return min(each.not_after for each in self.examined.path)


def prove(raw: bytes, asked: RimAsked) -> ProvedRim:
    """Raises MalformedEvidence, UntrustedEvidence, each with its `reason`."""
    examined = verify_rim(raw, asked)
    return ProvedRim(raw, examined.proved(), examined)


def references_of(
    manifests: Sequence[ProvedRim], *, obtained: datetime, until: datetime | None
) -> ReferenceValues:
    """The values of one GPU's two manifests, or of one switch's one, until the signer's
    certificate ends at the latest. Raises MalformedEvidence, UntrustedEvidence."""
    by_kind = {each.rim.kind: each for each in manifests}
    if len(by_kind) != len(manifests):
        raise _conflict("two manifests of one kind", [each.rim.kind.value for each in manifests])
    if by_kind.keys() == {RimKind.DRIVER, RimKind.VBIOS}:
        return _gpu(by_kind[RimKind.DRIVER], by_kind[RimKind.VBIOS], obtained, until)
    if by_kind.keys() == {RimKind.SWITCH_BIOS}:
        return _switch(by_kind[RimKind.SWITCH_BIOS], obtained, until)
    raise UntrustedEvidence(
        "these manifests are not those of one device",
        reason=Reason.RIM_KIND_MISMATCH,
        found=", ".join(sorted(each.value for each in by_kind)) or "none",
        expected="driver and VBIOS of a GPU, or the BIOS of a switch",
        hint="give both files of a GPU at once; a switch's by itself",
    )


def _gpu(
    driver: ProvedRim, vbios: ProvedRim, obtained: datetime, until: datetime | None
) -> ReferenceValues:
    chip, other = _chip(driver.rim), _chip(vbios.rim)
    if chip != other or not chip.startswith("G"):
        raise UntrustedEvidence(
            "the manifests are of two products",
            reason=Reason.RIM_PRODUCT_MISMATCH,
            found=f"driver of {chip}, VBIOS of {other}",
            expected="one GPU",
        )
    twice = driver.rim.active.keys() & vbios.rim.active.keys()
    if twice:
        raise _conflict("both manifests speak of one index", map(str, sorted(twice)))
    values = _values({**driver.rim.active, **vbios.rim.active})
    origin = _origin((driver, vbios), obtained, until)
    reference = GpuReference(chip, driver.rim.version, vbios.rim.version, values, origin)
    return ReferenceValues({}, (reference,))


def _switch(bios: ProvedRim, obtained: datetime, until: datetime | None) -> ReferenceValues:
    chip = _chip(bios.rim)
    if chip.startswith("G"):
        raise UntrustedEvidence(
            "the manifest is of another product",
            reason=Reason.RIM_PRODUCT_MISMATCH,
            found=chip,
            expected=_SWITCH_CHIP,
        )
    origin = _origin((bios,), obtained, until)
    reference = SwitchReference(chip, bios.rim.version, _values(bios.rim.active), origin)
    return ReferenceValues({}, (), switches=(reference,))


def _chip(rim: Rim) -> str:
    """As devices' certificates name it: GH100, GB100, LS10."""
    if not _CHIP.match(rim.product):
        raise MalformedEvidence(
            "the manifest is of a product that is not known",
            reason=Reason.RIM_PRODUCT_MISMATCH,
            found=rim.product[:60],
            expected="GH…, GB… or LS10",
        )
    return rim.product


def _values(active: Mapping[int, frozenset[bytes]]) -> dict[int, frozenset[str]]:
    return {
        index: frozenset(value.hex() for value in values)
        for index, values in sorted(active.items())
    }


def _origin(manifests: Sequence[ProvedRim], obtained: datetime, until: datetime | None) -> Origin:
    """`document` is the first manifest's; the source names every one by its digest."""
    signers = dict.fromkeys(each.signer for each in manifests)
    ends = min(each.ends for each in manifests)
    named = "; ".join(f"{each.rim.source}, {digest_of(each.raw)}" for each in manifests)
    simulated = any(each.examined.simulated for each in manifests)
    return Origin(
        f"{'SIMULATED: ' if simulated else ''}{named}"[:2000],
        Provenance(
            Method.RIM,
            digest_of(manifests[0].raw),
            "; ".join(signers)[:400],
            obtained,
            _sooner(until, ends, obtained),
        ),
    )


def _sooner(until: datetime | None, ends: datetime, obtained: datetime) -> datetime:
    found = ends if until is None else min(until, ends)
    if found <= obtained:
        raise UntrustedEvidence(
            "the signer's certificate has ended",
            reason=Reason.RIM_CERT_EXPIRED,
            found=format_time(found),
            expected=f"after {format_time(obtained)}",
        )
    return found


def _conflict(why: str, found: Iterable[str]) -> UntrustedEvidence:
    return UntrustedEvidence(
        why,
        reason=Reason.RIM_INDEX_CONFLICT,
        found=", ".join(found),
        expected="each once",
    )
