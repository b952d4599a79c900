"""A TPM vendor's or provider's certificate of an AK or EK.

Sources: TCG EK Credential Profile 2.5 (§3.1: subject alternative name with the TPM's maker, model
and version, critical where the subject is empty; extended key usages), RFC 5280. No issuer of TPMs
is pinned in code: a `trust-anchors` statement names them, and a chain may end at any of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from keyturn.attest import der
from keyturn.attest.anchors import Anchor, TrustAnchors, Vendor
from keyturn.attest.certificates import Certificate, parse_certificate
from keyturn.attest.chains import (
    ChainCache,
    chain_key,
    check_dates,
    check_path_lengths,
    verified_link,
)
from keyturn.attest.der import DerReader
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.tpm_key import TpmPublicKey

EK_USAGE = "2.23.133.8.1"  # tcg-kp-EKCertificate; Google's AK certificates have it too
AK_USAGE = "2.23.133.8.3"  # tcg-kp-AIKCertificate
MAX_PATH = 6
_EXTENDED_KEY_USAGE = "2.5.29.37"
_SUBJECT_ALTERNATIVE = "2.5.29.17"
_UNDERSTOOD = frozenset({"2.5.29.19", "2.5.29.15", _EXTENDED_KEY_USAGE, _SUBJECT_ALTERNATIVE})
_AK_REASONS = {
    Reason.CHAIN_INVALID: Reason.AK_CHAIN_INVALID,
    Reason.CERT_EXPIRED: Reason.AK_CERT_EXPIRED,
    Reason.CERT_NOT_YET_VALID: Reason.AK_CERT_NOT_YET_VALID,
}
_EK_REASONS = {
    Reason.CHAIN_INVALID: Reason.EK_CHAIN_INVALID,
    Reason.CERT_EXPIRED: Reason.EK_CERT_EXPIRED,
    Reason.CERT_NOT_YET_VALID: Reason.EK_CERT_NOT_YET_VALID,
}


@dataclass(frozen=True, slots=True)
class TpmPath:
    """A verified path, leaf first, and the anchor of its last certificate."""

    path: tuple[Certificate, ...] = field(repr=False)
    anchor: Anchor

    @property
    def leaf(self) -> Certificate:
        return self.path[0]

    @property
    def ends(self) -> datetime:
        return min(each.not_after for each in self.path)


def verify_ak_certificate(
    chain: Sequence[bytes],
    key: TpmPublicKey,
    anchors: TrustAnchors,
    now: datetime,
    cache: ChainCache | None = None,
) -> TpmPath:
    """Prove that an issuer named by a statement vouches for exactly this AK.

    `chain` is DER, leaf first; its last certificate has an anchor's key. `cache` keeps paths that
    were verified; dates are judged again, and an equal anchor must still be in force. Raises
    MalformedEvidence, UntrustedEvidence (ak-chain-invalid, ak-cert-not-yet-valid,
    ak-cert-expired, ak-mismatch).
    """
    by = (anchors, now, cache)
    found = _verified("AK", chain, (EK_USAGE, AK_USAGE), _AK_REASONS, by)
    return _of_key("AK", found, key, Reason.AK_MISMATCH)


def verify_ek_certificate(
    chain: Sequence[bytes],
    key: TpmPublicKey,
    anchors: TrustAnchors,
    now: datetime,
    cache: ChainCache | None = None,
) -> TpmPath:
    """The same of an EK. Raises MalformedEvidence, UntrustedEvidence (ek-chain-invalid,
    ek-cert-not-yet-valid, ek-cert-expired, ek-mismatch).
    """
    by = (anchors, now, cache)
    found = _verified("EK", chain, (EK_USAGE,), _EK_REASONS, by)
    return _of_key("EK", found, key, Reason.EK_MISMATCH)


_By = tuple[TrustAnchors, datetime, ChainCache | None]


def _of_key(what: str, found: TpmPath, key: TpmPublicKey, reason: Reason) -> TpmPath:
    if found.leaf.public_key != key:
        raise UntrustedEvidence(
            f"the {what} certificate is of another key than the {what}'s", reason=reason
        )
    return found


def _verified(
    what: str,
    chain: Sequence[bytes],
    usages: Sequence[str],
    reasons: Mapping[Reason, Reason],
    by: _By,
) -> TpmPath:
    anchors, now, cache = by
    key = chain_key(f"TPM {what} path", *chain)
    known = cache.recall(key, TpmPath) if cache is not None else None
    try:
        if known is None or known.anchor != anchors.find(Vendor.TPM, known.anchor.spki):
            known = _verify_path(what, chain, usages, anchors)
            if cache is not None:
                cache.keep(key, known)
        check_dates(known.path, now)
        return known
    except UntrustedEvidence as refusal:
        raise UntrustedEvidence(
            refusal.message,
            reason=reasons.get(refusal.reason, refusal.reason),
            found=refusal.found,
            expected=refusal.expected,
            hint=refusal.hint,
        ) from refusal


def _verify_path(
    what: str,
    chain: Sequence[bytes],
    usages: Sequence[str],
    anchors: TrustAnchors,
) -> TpmPath:
    if not 2 <= len(chain) <= MAX_PATH:
        raise UntrustedEvidence(
            f"{what} certificate chain has the wrong length",
            reason=Reason.CHAIN_INVALID,
            found=f"{len(chain)} certificates",
            expected=f"2 to {MAX_PATH}",
        )
    cache = ChainCache(MAX_PATH)
    top = parse_certificate(chain[-1])  # trusted by its key: who signed it does not matter
    anchor = anchors.find(Vendor.TPM, top.spki)
    if anchor is None:
        raise UntrustedEvidence(
            f"{what} chain ends at '{top.common_name}', whose key no statement names",
            reason=Reason.CHAIN_INVALID,
            found=top.spki[:16],
            expected=anchors.expected(Vendor.TPM),
            hint="if this issuer is to be trusted, propose it in trust-anchors",
        )
    path = [top]
    for raw in reversed(chain[:-1]):
        path.append(verified_link(raw, path[-1], cache, understood=_UNDERSTOOD))
    path.reverse()
    check_path_lengths(path)
    _check_usage(path[0], usages)
    return TpmPath(tuple(path), anchor)


def _check_usage(leaf: Certificate, expected: Sequence[str]) -> None:
    """Made for a TPM's key, not for a web server that the same issuer may serve."""
    extension = leaf.extensions.get(_EXTENDED_KEY_USAGE)
    usages = _usages(extension.value) if extension is not None else ()
    if leaf.is_ca or not set(expected) & set(usages):
        raise UntrustedEvidence(
            "the certificate is not one of a TPM's key",
            reason=Reason.CHAIN_INVALID,
            found=", ".join(usages) or "no extended key usage",
            expected=" or ".join(expected),
        )


def _usages(value: bytes) -> tuple[str, ...]:
    reader = DerReader(value, "extended key usage")
    listed = reader.inside(der.SEQUENCE)
    reader.done()
    found = []
    while listed.tag is not None:
        found.append(listed.oid())
        if len(found) > 32:
            raise MalformedEvidence("extended key usage lists too many")
    return tuple(found)
