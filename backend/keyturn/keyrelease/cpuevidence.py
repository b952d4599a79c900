"""The CPU of one request: a report or a quote over what must be bound (our protocol §4.3, §4.7)."""

from collections.abc import Sequence
from datetime import datetime

from keyturn.attest.anchors import TrustAnchors
from keyturn.attest.azure import runtime_report_data
from keyturn.attest.certificates import parse_certificate
from keyturn.attest.chains import ChainCache
from keyturn.attest.crl import Crl
from keyturn.attest.errors import REFUSALS, MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.snp import SnpClaims, SnpCollateral, verify_snp
from keyturn.attest.tdx import verify_tdx
from keyturn.attest.tdx_claims import TdxClaims
from keyturn.base.encoding import sha256
from keyturn.keyrelease.collateral import CollateralSet, keep_platform, read_platform
from keyturn.keyrelease.request import SnpEvidence, TdxEvidence
from keyturn.policy.findings import Finding, from_check, judged, not_met
from keyturn.policy.shown import CpuClaims

CHECK = "cpu: evidence"
FETCH_HINT = "fetch newer collateral, or import a bundle that has it, and hand it in"
_HINTS = {
    "untrusted-root": "only hardware roots pinned in Keyturn, or simulated ones that a "
    "trust-anchors statement of a simulation names, are accepted",
    "report-data-mismatch": "the evidence was made for other keys, another challenge or other "
    "devices: ask again with fresh evidence",
    "runtime-data-mismatch": "the paravisor's runtime data is not what its report is bound to",
    "nonce-mismatch": "this device's report was made for another request",
    "collateral-expired": FETCH_HINT,
    "crl-not-current": FETCH_HINT,
    "ocsp-not-current": FETCH_HINT,
}


def verify_cpu(
    cpu: SnpEvidence | TdxEvidence,
    binding: bytes,
    anchors: TrustAnchors,
    collateral: CollateralSet,
    now: datetime,
    cache: ChainCache,
) -> tuple[CpuClaims | None, list[Finding]]:
    """Claims only where nothing has failed. `binding`: the 64 bytes that must be bound."""
    try:
        if isinstance(cpu, TdxEvidence):
            return _tdx(binding, cpu, anchors, collateral, now, cache)
        return _snp(binding, cpu, anchors, collateral, now, cache)
    except REFUSALS as refusal:
        return None, [refused(CHECK, refusal)]


def refused(check: str, refusal: MalformedEvidence | UntrustedEvidence) -> Finding:
    """A refusal of a verifier as a finding, with what can be done about it."""
    reason = refusal.reason.value
    return not_met(
        check,
        reason,
        refusal.found or refusal.message,
        refusal.expected or refusal.message,
        hint=_HINTS.get(reason, refusal.hint or refusal.message),
    )


def _tdx(
    binding: bytes,
    tdx: TdxEvidence,
    anchors: TrustAnchors,
    collateral: CollateralSet,
    now: datetime,
    cache: ChainCache,
) -> tuple[TdxClaims | None, list[Finding]]:
    platform = read_platform(tdx.quote, cache)
    known = collateral.tdx(platform)
    if known is None:
        missing = ", ".join(collateral.missing_tdx(platform))
        finding = not_met(
            CHECK,
            "collateral-missing",
            f"not kept: {missing}",
            f"Intel's collateral for FMSPC {platform.fmspc}, {platform.ca.value} CA",
            hint=FETCH_HINT,
        )
        return None, [finding]
    verified = verify_tdx(
        tdx.quote,
        known,
        anchors=anchors,
        now=now,
        expected_report_data=binding,
        cache=cache,
        parsed=collateral.parsed,
    )
    keep_platform(verified.claims.quote.pck_chain, platform, cache)
    return verified.claims, [from_check(each, None, prefix="cpu: ") for each in verified.checks]


def _snp(
    binding: bytes,
    snp: SnpEvidence,
    anchors: TrustAnchors,
    collateral: CollateralSet,
    now: datetime,
    cache: ChainCache,
) -> tuple[SnpClaims | None, list[Finding]]:
    lists = _lists(snp, collateral, cache)
    current = tuple(each for each in lists if each.this_update <= now <= each.next_update)
    wanted = binding if snp.runtime is None else runtime_report_data(snp.runtime)
    try:
        verified = verify_snp(
            snp.report,
            SnpCollateral(snp.vek, snp.intermediate, snp.root, current),
            anchors=anchors,
            now=now,
            expected_report_data=wanted,
            cache=cache,
        )
    except UntrustedEvidence as refusal:
        if snp.runtime is None or refusal.reason is not Reason.REPORT_DATA_MISMATCH:
            raise
        raise UntrustedEvidence(
            "runtime data is not what the report is bound to",
            reason=Reason.RUNTIME_DATA_MISMATCH,
            found=refusal.found,
            expected=refusal.expected,
        ) from refusal
    findings = [from_check(each, None, prefix="cpu: ") for each in verified.checks]
    findings += _revoked_before(snp, [each for each in lists if each not in current])
    if snp.runtime is not None:
        findings.append(_owner(verified.claims))
    return (None if any(each.failed for each in findings) else verified.claims), findings


def _lists(snp: SnpEvidence, collateral: CollateralSet, cache: ChainCache) -> tuple[Crl, ...]:
    """What is kept of the chain's issuers. A chain that was not verified before is read once more:
    whose it says it is decides which lists are asked."""
    if not collateral.documents:
        return ()
    root = sha256(snp.root)
    issuers = [
        cache.find(sha256(raw), root) or parse_certificate(raw)
        for raw in (snp.intermediate, snp.root)
    ]
    return collateral.amd_crls([each.spki for each in issuers])


def _revoked_before(snp: SnpEvidence, outdated: Sequence[Crl]) -> list[Finding]:
    """A list whose time is over proves nothing good any more; what it revokes stays revoked."""
    if not outdated:
        return []
    chain = (snp.vek, snp.intermediate, snp.root)
    return [
        not_met(
            "cpu: revocation",
            Reason.CERT_REVOKED.value,
            f"serial {certificate.serial:#x} in a list of {crl.this_update.isoformat()}",
            "not listed",
            hint="this certificate was revoked by AMD",
        )
        for certificate in map(parse_certificate, chain)
        for crl in outdated
        if certificate.issuer == crl.issuer and certificate.serial in crl.serials
    ]


def _owner(claims: SnpClaims) -> Finding:
    """Anything above could bind runtime data of its own making, with an AK in software."""
    return judged(
        "cpu: report by the paravisor",
        claims.report.vmpl == 0,
        Reason.VMPL_TOO_HIGH.value,
        f"VMPL {claims.report.vmpl}",
        "VMPL 0, where runtime data is bound",
        hint="only the paravisor's own report can bind its runtime data",
    )
