"""SEV-SNP evidence: a report, proved by AMD's certificates, becomes claims.

The order of the checks is that of the attestation vectors (vectors/snp/README): size, version,
root, chain, dates, CRL, signature algorithm, kind of key, signature, TCB, chip id, report data.
The first that fails is the refusal. Whether the claims are good enough is another question:
`keyturn.attest.snp_appraisal`.
"""

import hmac
import re
from dataclasses import dataclass
from datetime import datetime

from keyturn.attest.anchors import Anchor, TrustAnchors, Vendor
from keyturn.attest.certificates import Certificate
from keyturn.attest.chains import (
    ChainCache,
    chain_key,
    check_dates,
    check_path_lengths,
    read_root,
    verified_link,
    verified_root,
    wrong_name,
)
from keyturn.attest.checks import Check, not_measured, proved
from keyturn.attest.crl import Crl, CrlFacts, check_revocation
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.p384 import verify_p384
from keyturn.attest.snp_report import ECDSA_P384_SHA384, SigningKey, SnpReport, parse_snp_report
from keyturn.attest.snp_tcb import SnpProduct, Tcb, parse_tcb, product_of_cpuid
from keyturn.attest.snp_vek import Vek, VekKind, read_vek

_ABI = "AMD 56860"
_KDS = "AMD 57230"
_ROOT_NAME = re.compile(r"ARK-(Milan|Genoa|Turin)\Z")


@dataclass(frozen=True, slots=True)
class SnpCollateral:
    """AMD's endorsements for one report, each DER, lists also as they were read before. None of it
    is believed unchecked."""

    vek: bytes
    intermediate: bytes
    root: bytes
    crls: tuple[bytes | Crl, ...] = ()


@dataclass(frozen=True, slots=True)
class SnpClaims:
    """What AMD's signatures prove about a guest and its platform. Made by `verify_snp` only."""

    report: SnpReport
    product: SnpProduct
    current_tcb: Tcb
    reported_tcb: Tcb
    committed_tcb: Tcb
    launch_tcb: Tcb
    vek: Vek
    crls: tuple[CrlFacts, ...]
    simulated: bool

    @property
    def measurement(self) -> bytes:
        """48 bytes, SHA-384 launch digest."""
        return self.report.measurement

    @property
    def report_data(self) -> bytes:
        """64 bytes, chosen by the guest."""
        return self.report.report_data

    @property
    def host_data(self) -> bytes:
        """32 bytes, chosen by the host at launch."""
        return self.report.host_data

    @property
    def platform_id(self) -> str | None:
        """`amd-<product>-<chip id in hex>`; None under a VLEK, which hides the chip."""
        if self.vek.hwid is None:
            return None
        return f"amd-{self.product.value.lower()}-{self.vek.hwid.hex()}"


@dataclass(frozen=True, slots=True)
class VerifiedSnp:
    """Proved claims, and what was checked to prove them."""

    claims: SnpClaims
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class _Chain:
    path: tuple[Certificate, Certificate, Certificate]
    anchor: Anchor
    product: SnpProduct
    kind: VekKind
    names: str
    until: str
    """The path and the first end of its certificates, in words."""


def verify_snp(
    report: bytes,
    collateral: SnpCollateral,
    *,
    anchors: TrustAnchors,
    now: datetime,
    expected_report_data: bytes | None,
    cache: ChainCache | None = None,
) -> VerifiedSnp:
    """Prove one report. `now` has a time zone; `cache` is the caller's, across calls.

    `expected_report_data` is 64 bytes; None, for looking at evidence only, proves no freshness
    and the result says so. Raises MalformedEvidence or UntrustedEvidence, with their `reason`.
    """
    parsed = parse_snp_report(report)
    links = cache if cache is not None else ChainCache(8)
    chain = _verify_chain(collateral, anchors, links)
    check_dates(chain.path, now)
    crls = check_revocation(chain.path, collateral.crls, now, links)
    vek = _vek(chain, links)
    _check_product(parsed, chain.product)
    _check_signing_key(parsed, chain.kind)
    verify_p384(chain.path[0].public_key, parsed.r, parsed.s, parsed.signed, "SNP report")
    claims = _claims(parsed, chain, vek, crls)
    _check_tcb(claims)
    _check_chip(claims)
    _check_report_data(parsed, expected_report_data)
    return VerifiedSnp(claims, _checks(claims, chain, expected_report_data is not None))


def _verify_chain(collateral: SnpCollateral, anchors: TrustAnchors, cache: ChainCache) -> _Chain:
    """Verified before, its anchor is asked for again: an equal one must be in force."""
    key = chain_key("SNP chain", collateral.vek, collateral.intermediate, collateral.root)
    known = cache.recall(key, _Chain)
    if known is not None and known.anchor == anchors.find(Vendor.AMD_SEV, known.path[2].spki):
        return known
    chain = _verify_new_chain(collateral, anchors, cache)
    cache.keep(key, chain)
    return chain


def _vek(chain: _Chain, cache: ChainCache) -> Vek:
    leaf, kind, product = chain.path[0], chain.kind, chain.product
    key = f"VEK {kind.value} {product.value}".encode() + b"\0" + leaf.digest
    return cache.read_once(key, Vek, lambda: read_vek(leaf, kind, product))


def _verify_new_chain(
    collateral: SnpCollateral, anchors: TrustAnchors, cache: ChainCache
) -> _Chain:
    root = read_root(collateral.root, cache)
    anchor = anchors.find(Vendor.AMD_SEV, root.spki)
    if anchor is None:
        raise UntrustedEvidence(
            f"root certificate '{root.common_name}' is not a trusted AMD root",
            reason=Reason.UNTRUSTED_ROOT,
            found=root.spki[:16],
            expected=anchors.expected(Vendor.AMD_SEV),
        )
    root = verified_root(collateral.root, cache)
    product = _product_of(root, anchor)
    intermediate = verified_link(collateral.intermediate, root, cache)
    kind = _kind_of(intermediate, product, anchor)
    vek = verified_link(collateral.vek, intermediate, cache)
    if anchor.plain_name(vek.common_name) != f"SEV-{kind.value}":
        raise wrong_name(vek, f"SEV-{kind.value}", "AMD")
    path = (vek, intermediate, root)
    check_path_lengths(path)
    names = " < ".join(each.common_name for each in path)
    until = min(each.not_after for each in path)
    return _Chain(path, anchor, product, kind, names, f"until {until.isoformat()}")


def _product_of(root: Certificate, anchor: Anchor) -> SnpProduct:
    match = _ROOT_NAME.match(anchor.plain_name(root.common_name))
    if match is None or anchor.product not in (None, match[1]):
        raise wrong_name(root, f"ARK-{anchor.product or '<product>'}", "AMD")
    return SnpProduct(match[1])


def _kind_of(intermediate: Certificate, product: SnpProduct, anchor: Anchor) -> VekKind:
    name = anchor.plain_name(intermediate.common_name)
    if name == f"SEV-{product.value}":
        return VekKind.VCEK
    if name == f"SEV-VLEK-{product.value}":
        return VekKind.VLEK
    raise wrong_name(intermediate, f"SEV-{product.value} or SEV-VLEK-{product.value}", "AMD")


def _check_product(report: SnpReport, product: SnpProduct) -> None:
    if report.cpuid is None:  # version 2 says nothing; the chain does
        return
    family, model, _ = report.cpuid
    if product_of_cpuid(family, model) is not product:
        raise UntrustedEvidence(
            "SNP report is of another product than its chain",
            reason=Reason.PRODUCT_MISMATCH,
            found=f"CPUID family {family:#x} model {model:#x}",
            expected=product.value,
        )


def _check_signing_key(report: SnpReport, kind: VekKind) -> None:
    if report.signature_algorithm != ECDSA_P384_SHA384:
        raise MalformedEvidence(
            "SNP report is signed by another algorithm",
            reason=Reason.UNSUPPORTED_SIGNATURE_ALGORITHM,
            found=str(report.signature_algorithm),
            expected=f"{ECDSA_P384_SHA384} (ECDSA P-384 with SHA-384)",
        )
    expected = SigningKey[kind.value].value
    if report.signing_key != expected:
        raise UntrustedEvidence(
            "SNP report names another kind of signing key than its certificate",
            reason=Reason.SIGNING_KEY_MISMATCH,
            found=str(report.signing_key),
            expected=f"{expected} ({kind.value})",
        )


def _claims(report: SnpReport, chain: _Chain, vek: Vek, crls: tuple[CrlFacts, ...]) -> SnpClaims:
    product = chain.product
    return SnpClaims(
        report=report,
        product=product,
        current_tcb=parse_tcb(product, report.current_tcb),
        reported_tcb=parse_tcb(product, report.reported_tcb),
        committed_tcb=parse_tcb(product, report.committed_tcb),
        launch_tcb=parse_tcb(product, report.launch_tcb),
        vek=vek,
        crls=crls,
        simulated=chain.anchor.simulated,
    )


def _check_tcb(claims: SnpClaims) -> None:
    if claims.reported_tcb != claims.vek.tcb:
        raise UntrustedEvidence(
            "SNP report's TCB is not the one its key was derived for",
            reason=Reason.TCB_CERT_MISMATCH,
            found=str(claims.reported_tcb),
            expected=str(claims.vek.tcb),
        )


def _check_chip(claims: SnpClaims) -> None:
    hwid = claims.vek.hwid
    if hwid is not None and claims.report.chip_id != hwid.ljust(64, b"\0"):
        raise UntrustedEvidence(
            "SNP report is from another chip than its certificate",
            reason=Reason.CHIP_ID_MISMATCH,
            found=claims.report.chip_id.hex(),
            expected=hwid.hex(),
        )


def _check_report_data(report: SnpReport, expected: bytes | None) -> None:
    if expected is not None and not hmac.compare_digest(report.report_data, expected):
        raise UntrustedEvidence(
            "SNP report is not bound to what was asked",
            reason=Reason.REPORT_DATA_MISMATCH,
            found=report.report_data.hex(),
            expected=expected.hex(),
        )


def _checks(claims: SnpClaims, chain: _Chain, bound: bool) -> tuple[Check, ...]:
    root = chain.path[2]
    return (
        proved("root", found=root.common_name, expected=root.spki, source=chain.anchor.source),
        proved(
            "chain",
            found=chain.names,
            expected="each signed by the next",
            source=_KDS,
        ),
        proved("dates", found="valid", expected=chain.until, source=_KDS),
        _revocation(claims.crls),
        proved("signing-key", found=chain.kind.value, expected=chain.kind.value, source=_ABI),
        proved("signature", found="verified", expected="ECDSA P-384, SHA-384", source=_ABI),
        proved("tcb", found=claims.reported_tcb, expected=claims.vek.tcb, source=_KDS),
        _chip(claims),
        proved(
            "report-data",
            found=claims.report_data.hex(),
            expected=claims.report_data.hex(),
            source="the verifier's challenge",
        )
        if bound
        else not_measured(
            "report-data", found=claims.report_data.hex(), source="no value was asked for"
        ),
    )


def _revocation(crls: tuple[CrlFacts, ...]) -> Check:
    if not crls:
        return not_measured("revocation", found="no CRL was given", source=_KDS)
    found = "; ".join(f"not in the CRL of {crl.issuer}" for crl in crls)
    return proved("revocation", found=found, expected="not revoked", source=_KDS)


def _chip(claims: SnpClaims) -> Check:
    hwid = claims.vek.hwid
    if hwid is None:
        return not_measured("chip-id", found="hidden by the VLEK", source=_KDS)
    return proved("chip-id", found=hwid.hex(), expected=hwid.hex(), source=_KDS)
