"""One document proved against the anchors in force, by `keyturn.attest` alone. Pure.

A chain, a signature, the names that stand in the vendor's chains, dates, and that the document is
about its scope. RIMs are proved by the caller's verifier: their XML is not read in this ring.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from keyturn.attest.anchors import Anchor, TrustAnchors, Vendor
from keyturn.attest.certificates import Certificate, parse_certificate, pem_certificates
from keyturn.attest.chains import (
    ChainCache,
    check_dates,
    check_path_lengths,
    read_root,
    verified_link,
    verified_root,
    wrong_name,
)
from keyturn.attest.collateral_age import Age, age_of
from keyturn.attest.crl import check_crl, parse_crl
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.ocsp import OcspAnswer, Revocation, check_ocsp
from keyturn.attest.p256 import verify_p256
from keyturn.attest.snp_tcb import SnpProduct
from keyturn.attest.snp_vek import VekKind, read_vek
from keyturn.attest.tdx_answers import split_qe_identity, split_tcb_info
from keyturn.attest.tdx_chains import ROOT_NAME, SIGNER_NAME
from keyturn.attest.tdx_collateral import TD_QE, TDX, parse_qe_identity, parse_tcb_info
from keyturn.attest.tdx_pck import PckCa
from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.base.encoding import sha256
from keyturn.collateral.errors import IssuerMissing
from keyturn.collateral.scopes import scope_parts, vek_scope

RimVerifier = Callable[[CollateralDocument, datetime], Age]
"""Proves a RIM and says its age: its signer's notBefore and the chain's first notAfter."""

MAX_OCSP_AGE = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prover:
    """`nonce`: what was sent with an OCSP question; None when an answer is proved later."""

    anchors: TrustAnchors
    now: datetime
    cache: ChainCache
    rim: RimVerifier | None = None
    nonce: bytes | None = None


def prove(document: CollateralDocument, by: Prover) -> Age:
    """The age of a document that is genuine and current.

    Raises MalformedEvidence, UntrustedEvidence, IssuerMissing, WrongScope.
    """
    scope_parts(document.kind, document.scope)
    if document.kind is CollateralKind.NVIDIA_RIM:
        if by.rim is None:
            raise IssuerMissing("no verifier of RIMs is at hand", found=document.scope)
        return by.rim(document, by.now)
    _PROOFS[document.kind](document, by)
    return age_of(document)


def _amd_chain(document: CollateralDocument, by: Prover) -> None:
    _amd_issuers(document.scope, pem_certificates(document.data), by)


def _amd_issuers(
    scope: str, chain: Sequence[bytes], by: Prover
) -> tuple[Certificate, Certificate, Anchor, SnpProduct]:
    """ASK or ASVK and ARK of one product, proved; `scope` is `vcek/Milan` or the like."""
    kind, name = scope_parts(CollateralKind.AMD_CHAIN, scope)
    if len(chain) != 2:
        raise MalformedEvidence(
            "AMD's chain has another number of certificates", found=str(len(chain)), expected="2"
        )
    anchor = _anchor(chain[1], Vendor.AMD_SEV, by)
    root = verified_root(chain[1], by.cache)
    below = verified_link(chain[0], root, by.cache)
    expected = f"SEV-{name}" if kind == "vcek" else f"SEV-VLEK-{name}"
    if anchor.product not in (None, name) or anchor.plain_name(root.common_name) != f"ARK-{name}":
        raise wrong_name(root, f"ARK-{name}", "AMD")
    if anchor.plain_name(below.common_name) != expected:
        raise wrong_name(below, expected, "AMD")
    check_dates((below, root), by.now)
    return below, root, anchor, SnpProduct(name)


def _amd_vek(document: CollateralDocument, by: Prover) -> None:
    asked = vek_scope(document.scope)
    chain_scope = f"vcek/{asked.product.value}"
    below, root, anchor, product = _amd_issuers(chain_scope, _given(document), by)
    leaf = verified_link(document.data, below, by.cache)
    if anchor.plain_name(leaf.common_name) != "SEV-VCEK":
        raise wrong_name(leaf, "SEV-VCEK", "AMD")
    check_path_lengths((leaf, below, root))
    check_dates((leaf,), by.now)
    vek = read_vek(leaf, VekKind.VCEK, product)
    if (vek.hwid, vek.tcb.raw) != (asked.chip, asked.tcb):
        raise UntrustedEvidence(
            "VCEK certificate is of another chip or TCB than asked for",
            reason=Reason.COLLATERAL_MISMATCH,
            found=f"{(vek.hwid or b'').hex()[:16]}, {vek.tcb}",
            expected=f"{asked.chip.hex()[:16]}, {asked.tcb.hex()}",
        )


def _amd_crl(document: CollateralDocument, by: Prover) -> None:
    below, root, _, _ = _amd_issuers(document.scope, _given(document), by)
    check_crl((below, root), parse_crl(document.data), by.now)


def _tcb_info(document: CollateralDocument, by: Prover) -> None:
    text, signature = split_tcb_info(document.data)
    signer = _intel_path(document, (SIGNER_NAME,), by)[0]
    why = Reason.TCB_INFO_SIGNATURE_INVALID
    verify_p256(signer.public_key, signature, text, "TCB info", why)
    info = parse_tcb_info(text)
    if (info.tcb_id, info.fmspc.hex()) != (TDX, document.scope):
        raise _other("TCB info", f"{info.tcb_id} {info.fmspc.hex()}", f"{TDX} {document.scope}")
    _check_current("TCB info", info.issued, info.next_update, by.now)


def _qe_identity(document: CollateralDocument, by: Prover) -> None:
    text, signature = split_qe_identity(document.data)
    signer = _intel_path(document, (SIGNER_NAME,), by)[0]
    why = Reason.QE_IDENTITY_SIGNATURE_INVALID
    verify_p256(signer.public_key, signature, text, "QE identity", why)
    identity = parse_qe_identity(text)
    if identity.qe_id != TD_QE:
        raise _other("QE identity", identity.qe_id, TD_QE)
    _check_current("QE identity", identity.issued, identity.next_update, by.now)


def _root_crl(document: CollateralDocument, by: Prover) -> None:
    _check_list(document, _intel_path(document, (), by), by.now)


def _pck_crl(document: CollateralDocument, by: Prover) -> None:
    name = PckCa[document.scope.upper()].common_name
    _check_list(document, _intel_path(document, (name,), by), by.now)


def _check_list(document: CollateralDocument, path: Sequence[Certificate], now: datetime) -> None:
    """The list is the path's first certificate's own: its root may sign lists too."""
    crl = parse_crl(document.data)
    if crl.issuer != path[0].subject:
        raise UntrustedEvidence(
            f"{document.kind.value} is from another issuer",
            reason=Reason.CRL_INVALID,
            expected=f"'{path[0].common_name}'",
        )
    check_crl(path, crl, now)


def _intel_path(
    document: CollateralDocument, names: Sequence[str], by: Prover
) -> tuple[Certificate, ...]:
    """The document's own chain, proved: certificates of these names, then the root."""
    chain = _given(document)
    if len(chain) != len(names) + 1:
        raise MalformedEvidence(
            f"{document.kind.value}: chain has another number of certificates",
            found=str(len(chain)),
            expected=str(len(names) + 1),
        )
    anchor = _anchor(chain[-1], Vendor.INTEL_SGX, by)
    path = _verified(chain, by.cache)
    for certificate, name in zip(path, (*names, ROOT_NAME), strict=True):
        if anchor.plain_name(certificate.common_name) != name:
            raise wrong_name(certificate, name, "Intel")
    check_dates(path, by.now)
    return path


def _ocsp(document: CollateralDocument, by: Prover) -> None:
    """`chain` is the certificate asked about, then its issuers to a root of NVIDIA's."""
    chain = _given(document)
    if len(chain) < 2 or sha256(chain[0]).hex() != document.scope:
        raise _other("OCSP answer's chain", sha256(chain[0]).hex()[:16], document.scope[:16])
    root = read_root(chain[-1], by.cache)
    known = (Vendor.NVIDIA_DEVICE, Vendor.NVIDIA_RIM)
    if not any(by.anchors.find(vendor, root.spki) for vendor in known):
        raise _untrusted(root, by.anchors.expected(Vendor.NVIDIA_DEVICE))
    path = _verified(chain, by.cache)
    check_dates(path, by.now)
    # What it says of the certificate is the user's to judge: a hold, too, is kept and told.
    answer = OcspAnswer(document.data, by.nonce)
    asked = Revocation(answers=(answer,), max_age=MAX_OCSP_AGE, allow_hold=True)
    try:
        check_ocsp(path[:2], asked, by.now)
    except UntrustedEvidence as refused:
        if refused.reason is not Reason.CERT_REVOKED:
            raise


def _verified(chain: Sequence[bytes], cache: ChainCache) -> tuple[Certificate, ...]:
    path = [verified_root(chain[-1], cache)]
    for raw in reversed(chain[:-1]):
        path.append(verified_link(raw, path[-1], cache))
    path.reverse()
    for below, certificate in enumerate(path[1:]):
        if certificate.path_length is not None and below > certificate.path_length:
            raise UntrustedEvidence(
                f"certificate '{certificate.common_name}' stands too high in its chain",
                reason=Reason.CHAIN_INVALID,
            )
    return tuple(path)


def _given(document: CollateralDocument) -> tuple[bytes, ...]:
    if not document.chain:
        raise IssuerMissing(
            f"{document.kind.value} comes without its issuers", found=document.scope[:80]
        )
    return document.chain


def _anchor(raw: bytes, vendor: Vendor, by: Prover) -> Anchor:
    root = read_root(raw, by.cache)
    anchor = by.anchors.find(vendor, root.spki)
    if anchor is None:
        raise _untrusted(root, by.anchors.expected(vendor))
    return anchor


def _untrusted(root: Certificate, expected: str) -> UntrustedEvidence:
    return UntrustedEvidence(
        f"root certificate '{root.common_name}' is not a trusted root",
        reason=Reason.UNTRUSTED_ROOT,
        found=root.spki[:16],
        expected=expected,
    )


def _other(what: str, found: str, expected: str) -> UntrustedEvidence:
    return UntrustedEvidence(
        f"{what} is about something else than asked for",
        reason=Reason.COLLATERAL_MISMATCH,
        found=found,
        expected=expected,
    )


def _check_current(what: str, issued: datetime, until: datetime, now: datetime) -> None:
    if issued <= now <= until:
        return
    early = now < issued
    raise UntrustedEvidence(
        f"{what} is not current",
        reason=Reason.COLLATERAL_NOT_YET_VALID if early else Reason.COLLATERAL_EXPIRED,
        found=now.isoformat(),
        expected=f"{issued.isoformat()} to {until.isoformat()}",
    )


_PROOFS: Mapping[CollateralKind, Callable[[CollateralDocument, Prover], None]] = {
    CollateralKind.AMD_CHAIN: _amd_chain,
    CollateralKind.AMD_VEK: _amd_vek,
    CollateralKind.AMD_CRL: _amd_crl,
    CollateralKind.INTEL_TCB_INFO: _tcb_info,
    CollateralKind.INTEL_QE_IDENTITY: _qe_identity,
    CollateralKind.INTEL_ROOT_CRL: _root_crl,
    CollateralKind.INTEL_PCK_CRL: _pck_crl,
    CollateralKind.NVIDIA_OCSP: _ocsp,
}


def chain_dates(document: CollateralDocument) -> tuple[tuple[str, datetime], ...]:
    """Common name and notAfter of each certificate that a document stands on, for forecasts."""
    chain = document.chain
    if document.kind is CollateralKind.AMD_CHAIN:
        chain = pem_certificates(document.data)
    elif document.kind is CollateralKind.AMD_VEK:
        chain = (document.data, *chain)
    found = (parse_certificate(each) for each in chain)
    return tuple((each.common_name, each.not_after) for each in found)
