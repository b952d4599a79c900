"""The dated ends of kept documents, as `keyturn.policy.forecast` wants them. Pure."""

from collections.abc import Iterable

from keyturn.attest.tdx_answers import split_tcb_info
from keyturn.attest.tdx_collateral import TcbInfo, parse_tcb_info
from keyturn.base.collateral import CollateralKind
from keyturn.collateral.cache import Kept
from keyturn.collateral.proof import chain_dates
from keyturn.collateral.staleness import LIMITS
from keyturn.policy.forecast import Ends, Recovery, Why

_TCB = CollateralKind.INTEL_TCB_INFO
_OF_CERTIFICATES = frozenset({CollateralKind.AMD_CHAIN, CollateralKind.AMD_VEK})


def ends_of(kept: Iterable[Kept]) -> tuple[Ends, ...]:
    """Each document's own end, its certificates', and when our limit for its kind is reached."""
    return tuple(end for each in kept for end in _ends(each))


def recoveries_of(used: Iterable[Kept], newer: Iterable[Kept]) -> tuple[Recovery, ...]:
    """Intel's TCB infos that are in use beside those that `newer` (the early ones) has.

    Intel dates no takeover: it is foreseen for the end of the one in use, when an answer of the
    newer number may stand in its place.
    """
    others = {each.document.scope: each for each in newer if each.document.kind is _TCB}
    found = []
    for kept in used:
        other = others.get(kept.document.scope)
        if kept.document.kind is _TCB and other is not None:
            mine, theirs = (_tcb_info(each) for each in (kept, other))
            key = (_TCB, kept.document.scope)
            found.append(Recovery(key, mine, theirs, mine.next_update))
    return tuple(found)


def _tcb_info(kept: Kept) -> TcbInfo:
    return parse_tcb_info(split_tcb_info(kept.document.data)[0])


def _ends(kept: Kept) -> list[Ends]:
    kind = kept.document.kind
    key = (kind, kept.document.scope)
    found = [
        Ends(key, when, Why.CERTIFICATE_ENDS, name) for name, when in chain_dates(kept.document)
    ]
    if kept.age.until is not None and kind not in _OF_CERTIFICATES:
        of_rim = kind is CollateralKind.NVIDIA_RIM
        why = Why.RIM_SIGNER_ENDS if of_rim else Why.DOCUMENT_ENDS
        found.append(Ends(key, kept.age.until, why, "signer" if of_rim else "nextUpdate"))
    limits = LIMITS[kind]
    if limits.stale is not None:
        since = kept.age.issued if limits.from_issue else kept.fetched
        found.append(Ends(key, since + limits.stale, Why.TOO_OLD, f"{limits.stale.days} days"))
    return found
