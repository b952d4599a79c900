"""Genuine or not: the evidence of one request, every device bound to its keys (§4.3, §5.3)."""

from dataclasses import dataclass, replace
from datetime import datetime

from keyturn.attest.anchors import TrustAnchors
from keyturn.attest.chains import ChainCache
from keyturn.attest.errors import REFUSALS, MalformedEvidence, UntrustedEvidence
from keyturn.attest.nvidia import verify_gpu
from keyturn.attest.nvidia_claims import GpuClaims
from keyturn.attest.snp import SnpClaims, SnpCollateral, verify_snp
from keyturn.attest.tpm import TpmClaims, examine_tpm
from keyturn.keyrelease.binding import device_nonce, tpm_nonce
from keyturn.keyrelease.request import ReleaseRequest
from keyturn.policy.findings import Finding, from_check, judged, not_met

_HINTS = {
    "untrusted-root": "only hardware roots pinned in Keyturn, or simulated ones that a "
    "trust-anchors statement of a simulation names, are accepted",
    "report-data-mismatch": "the evidence was made for other keys, another challenge or other "
    "devices: ask again with fresh evidence",
    "nonce-mismatch": "this device's report was made for another request",
}


@dataclass(frozen=True, slots=True)
class VerifiedEvidence:
    """What hardware vendors' signatures prove about a node, and the checks that proved it.

    `cpu` is None, and some finding has failed, where the evidence is not genuine.
    """

    cpu: SnpClaims | None
    gpus: tuple[GpuClaims, ...]
    findings: tuple[Finding, ...]
    tpm: TpmClaims | None = None

    @property
    def genuine(self) -> bool:
        return not any(each.failed for each in self.findings)

    @property
    def simulated(self) -> bool:
        shown = (*self.gpus, self.cpu, self.tpm)
        return any(claims.simulated for claims in shown if claims is not None)


def verify_evidence(
    request: ReleaseRequest, anchors: TrustAnchors, now: datetime, cache: ChainCache
) -> VerifiedEvidence:
    """Verify CPU and devices; failures are findings, so that a refusal can list them all."""
    findings: list[Finding] = []
    cpu = _cpu(request, anchors, now, cache, findings)
    core = request.core
    gpus = []
    for place, each in enumerate(request.evidence.gpus):
        try:
            verified = verify_gpu(
                each.report,
                each.chain,
                anchors=anchors,
                now=now,
                expected_nonce=device_nonce(core, place),
                cache=cache,
            )
        except REFUSALS as refusal:
            findings.append(_refused(f"gpu {place}: evidence", refusal))
            continue
        gpus.append(verified.claims)
        findings += [from_check(check, None, prefix=f"gpu {place}: ") for check in verified.checks]
    tpm = _tpm(request, anchors, now, findings)
    return VerifiedEvidence(cpu, tuple(gpus), tuple(findings), tpm)


def _cpu(
    request: ReleaseRequest,
    anchors: TrustAnchors,
    now: datetime,
    cache: ChainCache,
    findings: list[Finding],
) -> SnpClaims | None:
    snp = request.evidence.snp
    try:
        verified = verify_snp(
            snp.report,
            SnpCollateral(snp.vek, snp.intermediate, snp.root),
            anchors=anchors,
            now=now,
            expected_report_data=request.binding,
            cache=cache,
        )
    except REFUSALS as refusal:
        findings.append(_refused("cpu: evidence", refusal))
        return None
    findings += [from_check(check, None, prefix="cpu: ") for check in verified.checks]
    return verified.claims


def _tpm(
    request: ReleaseRequest, anchors: TrustAnchors, now: datetime, findings: list[Finding]
) -> TpmClaims | None:
    """The quote over this very core, by the AK that the core names and that an issuer vouches for.

    Whatever fails is a finding; claims are only of a quote of which nothing has failed.
    """
    part = request.evidence.tpm
    if part is None:
        if request.keys.ak_name:
            findings.append(_ak_without_quote(request))
        return None
    found = examine_tpm(
        part.to_evidence(), anchors=anchors, now=now, expected_nonce=tpm_nonce(request.core)
    )
    checks = [from_check(each, None, prefix="tpm: ") for each in found.checks]
    checks = [replace(each, hint=_HINTS.get(each.reason or "", each.hint)) for each in checks]
    name = found.ak.name.hex() if found.ak is not None else "none that could be read"
    checks.append(
        judged(
            "tpm: AK of this request",
            name == request.keys.ak_name.hex(),
            "ak-mismatch",
            name,
            request.keys.ak_name.hex(),
            hint="the CPU's report names another TPM's key than the quote was made with",
        )
    )
    checks.append(
        judged(
            "tpm: AK vouched for",
            bool(part.ak_chain),
            "ak-not-vouched-for",
            f"{len(part.ak_chain)} certificates",
            "a certificate under an issuer that trust-anchors name",
        )
    )
    findings += checks
    return None if any(each.failed for each in checks) else found.claims


def _ak_without_quote(request: ReleaseRequest) -> Finding:
    return not_met(
        "tpm: AK of this request",
        "tpm-missing",
        request.keys.ak_name.hex(),
        "a quote by the AK that the core names, or no AK in it",
    )


def _refused(check: str, refusal: MalformedEvidence | UntrustedEvidence) -> Finding:
    reason = refusal.reason.value
    return not_met(
        check,
        reason,
        refusal.found or refusal.message,
        refusal.expected or refusal.message,
        hint=_HINTS.get(reason, refusal.hint or refusal.message),
    )
