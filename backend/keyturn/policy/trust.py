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
        return _left_over(state), None
    body = found.statement.body
    named = (SpkiDigest(each.spki_sha256) for each in body.tpm)
    known = _pinned(body).with_tpm_issuers(named, source=found.statement.digest)
    simulation = state.roster is not None and state.roster.simulation
    if not simulation or not body.simulated:
        return known, found
    roots: dict[Vendor, list[SpkiDigest]] = {}
    for each in body.simulated:
        vendor, spki = _VENDORS[each.vendor], SpkiDigest(each.spki_sha256)
        if all(spki != anchor.spki for anchor in (*HARDWARE_ANCHORS.anchors, *known.anchors)):
            roots.setdefault(vendor, []).append(spki)  # a hardware root stays a hardware root
    return known.with_simulated(roots, source=found.statement.digest), found


class AnchorsInForce:
    """As `anchors_in_force`: which statement is in force is asked every time, and only what follows
    from that very statement is not computed again. Safe for many threads."""

    def __init__(self) -> None:
        self._last: tuple[InForce, bool, TrustAnchors] | None = None

    def at(self, state: AuthorityState, now: datetime) -> TrustAnchors:
        found = state.in_force(Kind.TRUST_ANCHORS, "trust-anchors", now)
        simulation = state.roster is not None and state.roster.simulation
        last = self._last
        if last is not None and last[0] is found and last[1] is simulation:
            return last[2]
        anchors, found = anchors_in_force(state, now)
        self._last = (found, simulation, anchors) if found is not None else None
        return anchors


def _pinned(body: TrustAnchorsBody) -> TrustAnchors:
    if body.hardware is None:
        return HARDWARE_ANCHORS
    return HARDWARE_ANCHORS.narrowed_to(SpkiDigest(each) for each in body.hardware)


def _left_over(state: AuthorityState) -> TrustAnchors:
    """With no statement in force: what the last one took away stays away (I6), since its end,
    or the suspension of a later one, is nobody's word that these roots are good again."""
    if (Kind.TRUST_ANCHORS, "trust-anchors") not in state.newest:
        return HARDWARE_ANCHORS
    ended = [
        each
        for each in state.by_digest.values()
        if each.statement.kind is Kind.TRUST_ANCHORS
        and each.statement.digest not in state.suspended
    ]
    last = max(ended, key=lambda each: each.index, default=None)
    body = last.statement.body if last is not None else None
    return _pinned(body) if isinstance(body, TrustAnchorsBody) else HARDWARE_ANCHORS
