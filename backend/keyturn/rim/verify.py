"""A manifest, proved by NVIDIA's signature, becomes a `Rim`; every check is kept.

The order is that of the attestation vectors (vectors/nvidia/README): form, digest and signature
by the first certificate, chain to the pinned root, dates, revocation where OCSP answers are
given. Whether it is the manifest of a device is for `keyturn.attest.nvidia_rims`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from keyturn.attest.anchors import Anchor, TrustAnchors, Vendor
from keyturn.attest.certificates import Certificate, parse_certificate
from keyturn.attest.chains import (
    ChainCache,
    check_dates,
    check_path_lengths,
    read_root,
    verified_link,
    verified_root,
)
from keyturn.attest.checks import Check
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.nvidia_rims import Rim
from keyturn.attest.ocsp import OcspFacts, Revocation, check_ocsp
from keyturn.attest.steps import Refusal, Steps
from keyturn.rim.signature import SignedXml, read_signed, verify_signature
from keyturn.rim.swid import read_swid

_DSIG = "W3C XML Signature 1.1"
_NVTRUST = "NVIDIA nvtrust"
_OCSP = "RFC 6960"
_KEY_USAGE = "2.5.29.15"
_REASONS = {
    Reason.MALFORMED: Reason.RIM_CHAIN_INVALID,
    Reason.CHAIN_INVALID: Reason.RIM_CHAIN_INVALID,
    Reason.CERT_NOT_YET_VALID: Reason.RIM_CERT_NOT_YET_VALID,
    Reason.CERT_EXPIRED: Reason.RIM_CERT_EXPIRED,
    Reason.CERT_REVOKED: Reason.RIM_CERT_REVOKED,
}
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RimAsked:
    """What a verifier brings to every manifest.

    `roots`: certificates of roots, DER, for manifests that leave out their last one; only a
    pinned one counts. `revocation` None: no OCSP answer is asked for, and the result says so.
    """

    anchors: TrustAnchors
    now: datetime
    cache: ChainCache
    roots: tuple[bytes, ...] = ()
    revocation: Revocation | None = None


@dataclass(frozen=True, slots=True)
class RimExamination:
    """One manifest with every check that was made.

    `rim` and the signer's facts are there only where nothing was refused; `said` is what the
    manifest says as far as it could be read, and proves nothing.
    """

    said: Rim | None = field(repr=False)
    checks: tuple[Check, ...]
    refusal: Refusal | None
    rim: Rim | None
    path: tuple[Certificate, ...] = field(repr=False)
    ocsp: tuple[OcspFacts, ...]
    simulated: bool

    def proved(self) -> Rim:
        """The manifest. Raises the refusal where there is one."""
        if self.refusal is not None:
            raise self.refusal
        if self.rim is None:  # every step was met: then there is one
            raise UntrustedEvidence("nothing was proved", reason=Reason.RIM_SIGNATURE_INVALID)
        return self.rim


def verify_rim(raw: bytes, asked: RimAsked, label: str = "RIM") -> RimExamination:
    """Prove one manifest. Raises MalformedEvidence, UntrustedEvidence, with their `reason`."""
    examined = examine_rim(raw, asked, label)
    examined.proved()
    return examined


def examine_rim(raw: bytes, asked: RimAsked, label: str = "RIM") -> RimExamination:
    """Every check of one manifest; never raises a refusal. `label` begins each check's name."""
    steps = Steps()
    signed = steps.take(
        f"{label} form",
        _DSIG,
        lambda: read_signed(raw),
        lambda found: (f"{len(found.content)} bytes signed", "one signature, over all of it"),
    )
    if signed is None:
        for name in ("signature", "chain", "dates", "revocation", "content"):
            steps.unreached(f"{label} {name}", _DSIG)
        return RimExamination(None, steps.checks, steps.refusal, None, (), (), False)
    _signature(steps, signed, label)
    anchor, path = _chain(steps, signed.certificates, asked, label)
    ocsp = _path(steps, path, asked, label)
    said = steps.take(
        f"{label} content",
        "ISO/IEC 19770-2:2015",
        lambda: read_swid(signed.content, _signer(path)),
        lambda rim: (rim.source, f"{len(rim.active)} active measurements"),
    )
    rim = said if steps.refusal is None else None
    simulated = anchor is not None and anchor.simulated
    return RimExamination(said, steps.checks, steps.refusal, rim, path, ocsp, simulated)


def _signature(steps: Steps, signed: SignedXml, label: str) -> None:
    def verify() -> None:
        verify_signature(signed, parse_certificate(signed.certificates[0]).public_key)

    steps.take(
        f"{label} signature",
        _DSIG,
        lambda: _in_rims_words(verify),
        lambda _: ("verified", "ECDSA P-384, SHA-384"),
    )


def _chain(
    steps: Steps, shown: Sequence[bytes], asked: RimAsked, label: str
) -> tuple[Anchor | None, tuple[Certificate, ...]]:
    found = steps.take(
        f"{label} chain",
        _NVTRUST,
        lambda: _in_rims_words(lambda: _verify_chain(shown, asked)),
        lambda found: (_signer(found[1]), f"to a pinned root: {found[0].source}"),
    )
    return found if found is not None else (None, ())


def _verify_chain(
    shown: Sequence[bytes], asked: RimAsked
) -> tuple[Anchor, tuple[Certificate, ...]]:
    chain = _with_root(shown, asked)
    root = read_root(chain[-1], asked.cache)
    anchor = asked.anchors.find(Vendor.NVIDIA_RIM, root.spki)
    if anchor is None:
        raise UntrustedEvidence(
            f"manifest's chain ends at '{root.common_name}', which is not a trusted NVIDIA root",
            reason=Reason.CHAIN_INVALID,
            found=root.spki[:16],
            expected=asked.anchors.expected(Vendor.NVIDIA_RIM),
        )
    path = [verified_root(chain[-1], asked.cache)]
    for raw in reversed(chain[:-1]):
        path.append(verified_link(raw, path[-1], asked.cache))
    path.reverse()
    check_path_lengths(path)
    if len(path) < 2 or path[0].is_ca or not _may_sign(path[0]):
        raise UntrustedEvidence(
            "manifest is not signed by a certificate for signing", reason=Reason.CHAIN_INVALID
        )
    return anchor, tuple(path)


def _may_sign(certificate: Certificate) -> bool:
    """digitalSignature, the first bit of keyUsage (RFC 5280 §4.2.1.3); its form was read before."""
    usage = certificate.extensions.get(_KEY_USAGE)
    return usage is not None and bool(usage.value[3] & 0x80)


def _with_root(shown: Sequence[bytes], asked: RimAsked) -> tuple[bytes, ...]:
    last = read_root(shown[-1], asked.cache)
    for raw in asked.roots:
        root = read_root(raw, asked.cache)
        if root.subject == last.issuer and root.digest != last.digest:
            return (*shown, raw)
    return tuple(shown)


def _path(
    steps: Steps, path: tuple[Certificate, ...], asked: RimAsked, label: str
) -> tuple[OcspFacts, ...]:
    if not path:
        steps.unreached(f"{label} dates", _NVTRUST)
        steps.unreached(f"{label} revocation", _OCSP)
        return ()
    until = min(certificate.not_after for certificate in path)
    steps.take(
        f"{label} dates",
        _NVTRUST,
        lambda: _in_rims_words(lambda: check_dates(path, asked.now)),
        lambda _: ("valid", f"until {until.isoformat()}"),
    )
    revocation = asked.revocation
    if revocation is None:
        steps.unasked(f"{label} revocation", _OCSP, "no OCSP answer is asked for")
        return ()
    found = steps.take(
        f"{label} revocation",
        _OCSP,
        lambda: _in_rims_words(lambda: check_ocsp(path, revocation, asked.now)),
        lambda facts: ("; ".join(map(str, facts)), "good, and current"),
    )
    return found or ()


def _in_rims_words(step: Callable[[], T]) -> T:
    """The device's chain and the manifest's can fail alike: the reason says which one did."""
    try:
        return step()
    except MalformedEvidence as error:
        raise MalformedEvidence(
            error.message,
            reason=_REASONS.get(error.reason, error.reason),
            found=error.found,
            expected=error.expected,
        ) from error
    except UntrustedEvidence as error:
        raise UntrustedEvidence(
            error.message,
            reason=_REASONS.get(error.reason, error.reason),
            found=error.found,
            expected=error.expected,
        ) from error


def _signer(path: Sequence[Certificate]) -> str:
    if not path:
        return "signer not proved"
    return f"signed by '{path[0].common_name}' under '{path[-1].common_name}'"
