"""RIMs among collateral: the verifier of the ring `rim`, where its XML parser is installed."""

from datetime import datetime

from keyturn.attest.anchors import TrustAnchors
from keyturn.attest.chains import ChainCache
from keyturn.attest.collateral_age import Age
from keyturn.attest.errors import Reason, UntrustedEvidence
from keyturn.base.collateral import CollateralDocument
from keyturn.collateral.proof import RimVerifier


def rim_verifier(anchors: TrustAnchors) -> RimVerifier | None:
    """None where lxml is not installed (the roles `app` and `control` have it)."""
    try:
        from keyturn.rim.verify import RimAsked, verify_rim
    except ModuleNotFoundError:
        return None
    cache = ChainCache(64)

    def verify(document: CollateralDocument, now: datetime) -> Age:
        asked = RimAsked(anchors=anchors, now=now, cache=cache)
        examined = verify_rim(document.data, asked)
        _check_name(document.scope, examined.proved().version)
        path = examined.path
        return Age(path[0].not_before, min(each.not_after for each in path))

    return verify


def _check_name(scope: str, version: str) -> None:
    """A RIM's id ends with the version that it speaks of; a VBIOS's there has no dots."""
    if not _plain(scope).endswith(_plain(version)):
        raise UntrustedEvidence(
            "the manifest is of another version than its id says",
            reason=Reason.COLLATERAL_MISMATCH,
            found=version,
            expected=scope[:80],
        )


def _plain(text: str) -> str:
    return text.replace(".", "").upper()
