"""How long each kind of collateral may be used, as data, and what that makes of a kept document.

The vendors' own ends (nextUpdate, notAfter) always hold beside these limits. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from keyturn.attest.collateral_age import Age
from keyturn.base.collateral import CollateralKind

_DAY = timedelta(days=1)


class State(Enum):
    """FRESH: nothing to do. DUE: fetch a newer one, this one is good until then.

    STALE: older than its limit, so used only while the vendor cannot be reached, and its age is
    said. EXPIRED: outside its own dates; no verifier accepts it.
    """

    FRESH = "fresh"
    DUE = "due"
    STALE = "stale"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Limits:
    """`due`, `stale`: ages, counted from when it was fetched, or from its own issue date.

    None: only the document's own dates bound it. `margin`: due so long before its own end.
    """

    due: timedelta | None
    stale: timedelta | None
    margin: timedelta
    from_issue: bool = False


_CERTIFICATES = Limits(None, None, 30 * _DAY)
_LIST = Limits(_DAY, 7 * _DAY, 2 * _DAY)
_INTEL = Limits(7 * _DAY, 30 * _DAY, 7 * _DAY)

LIMITS: Mapping[CollateralKind, Limits] = {
    CollateralKind.AMD_CHAIN: _CERTIFICATES,
    CollateralKind.AMD_VEK: _CERTIFICATES,
    CollateralKind.AMD_CRL: _LIST,
    CollateralKind.INTEL_ROOT_CRL: _LIST,
    CollateralKind.INTEL_PCK_CRL: _LIST,
    CollateralKind.INTEL_TCB_INFO: _INTEL,
    CollateralKind.INTEL_QE_IDENTITY: _INTEL,
    CollateralKind.NVIDIA_RIM: Limits(7 * _DAY, 30 * _DAY, 14 * _DAY),
    CollateralKind.NVIDIA_OCSP: Limits(_DAY / 4, _DAY, timedelta(hours=2), from_issue=True),
}


def state_of(kind: CollateralKind, age: Age, fetched: datetime, now: datetime) -> State:
    """What a document is at `now`. A clock that stands before its issue date makes it EXPIRED."""
    limits = LIMITS[kind]
    if now < age.issued or (age.until is not None and now > age.until):
        return State.EXPIRED
    elapsed = now - (age.issued if limits.from_issue else fetched)
    if limits.stale is not None and elapsed > limits.stale:
        return State.STALE
    # Fetched in the future: the clock was wrong then or is now, so ask anew.
    near_end = age.until is not None and now > age.until - limits.margin
    if near_end or elapsed < timedelta() or (limits.due is not None and elapsed > limits.due):
        return State.DUE
    return State.FRESH
