"""Genuine or not: the evidence of one request, every device bound to its keys (§4.3, §5.3)."""

from dataclasses import dataclass
from datetime import datetime

from keyturn.attest.anchors import TrustAnchors
from keyturn.attest.chains import ChainCache
from keyturn.attest.errors import REFUSALS, MalformedEvidence, UntrustedEvidence
from keyturn.attest.nvidia import verify_gpu
from keyturn.attest.nvidia_claims import GpuClaims
from keyturn.attest.snp import SnpClaims, SnpCollateral, verify_snp
from keyturn.attest.tpm import TpmClaims
from keyturn.keyrelease.binding import device_nonce
from keyturn.keyrelease.request import ReleaseRequest, SnpEvidence
from keyturn.keyrelease.tpmevidence import Activated, verify_tpm_part
from keyturn.policy.findings import Finding, from_check, not_met

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
    request: ReleaseRequest,
    anchors: TrustAnchors,
    now: datetime,
    cache: ChainCache,
    activated: Activated | None = None,
) -> VerifiedEvidence:
    """Verify CPU and devices; failures are findings, so that a refusal can list them all.

    `activated` knows the proofs of activated AKs; without it none counts.
    """
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
    tpm, of_tpm = verify_tpm_part(request, anchors, now, activated)
    return VerifiedEvidence(cpu, tuple(gpus), (*findings, *of_tpm), tpm)


def _cpu(
    request: ReleaseRequest,
    anchors: TrustAnchors,
    now: datetime,
    cache: ChainCache,
    findings: list[Finding],
) -> SnpClaims | None:
    snp = request.evidence.cpu
    if not isinstance(snp, SnpEvidence):
        findings.append(not_met("cpu: evidence", "collateral-missing", "TDX", "SEV-SNP"))
        return None
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


def _refused(check: str, refusal: MalformedEvidence | UntrustedEvidence) -> Finding:
    reason = refusal.reason.value
    return not_met(
        check,
        reason,
        refusal.found or refusal.message,
        refusal.expected or refusal.message,
        hint=_HINTS.get(reason, refusal.hint or refusal.message),
    )
