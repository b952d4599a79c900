"""The vendor roots in force under an authority (I9)."""

from datetime import datetime

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, TrustAnchors, Vendor
from keyturn.quorum.bodies import TrustAnchorsBody
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState, InForce

_VENDORS = {
    "amd": Vendor.AMD_SEV,
    "intel": Vendor.INTEL_SGX,
    "nvidia": Vendor.NVIDIA_DEVICE,
    "nvidia-rim": Vendor.NVIDIA_RIM,
    "tpm": Vendor.TPM,
}


def anchors_in_force(state: AuthorityState, now: datetime) -> tuple[TrustAnchors, InForce | None]:
    """Pinned hardware roots, the issuers of TPMs that a statement names, and simulated roots only
    where the first roster says simulation.

    `quorum` refuses such a statement under any other authority; this asks again where it is used.
    """
    found = state.in_force(Kind.TRUST_ANCHORS, "trust-anchors", now)
    if found is None or not isinstance(found.statement.body, TrustAnchorsBody):
        return HARDWARE_ANCHORS, None
    body = found.statement.body
    named = (SpkiDigest(each.spki_sha256) for each in body.tpm)
    pinned = HARDWARE_ANCHORS
    if body.hardware is not None:
        pinned = pinned.narrowed_to(SpkiDigest(each) for each in body.hardware)
    known = pinned.with_tpm_issuers(named, source=found.statement.digest)
    simulation = state.roster is not None and state.roster.simulation
    if not simulation or not body.simulated:
        return known, found
    roots: dict[Vendor, list[SpkiDigest]] = {}
    for each in body.simulated:
        vendor, spki = _VENDORS[each.vendor], SpkiDigest(each.spki_sha256)
        if all(spki != anchor.spki for anchor in (*HARDWARE_ANCHORS.anchors, *known.anchors)):
            roots.setdefault(vendor, []).append(spki)  # a hardware root stays a hardware root
    return known.with_simulated(roots, source=found.statement.digest), found
