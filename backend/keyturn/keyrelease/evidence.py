"""Genuine or not: the evidence of one request, every device bound to its keys (§4.3, §5.3)."""

from dataclasses import dataclass
from datetime import datetime

from keyturn.attest.anchors import TrustAnchors
from keyturn.attest.chains import ChainCache
from keyturn.attest.nvidia_claims import GpuClaims, SwitchClaims
from keyturn.attest.tpm import TpmClaims
from keyturn.keyrelease.collateral import NOTHING_KEPT, CollateralSet
from keyturn.keyrelease.cpuevidence import verify_cpu
from keyturn.keyrelease.deviceevidence import verify_devices
from keyturn.keyrelease.request import ReleaseRequest
from keyturn.keyrelease.tpmevidence import Activated, verify_tpm_part
from keyturn.policy.findings import Finding
from keyturn.policy.shown import CpuClaims


@dataclass(frozen=True, slots=True)
class VerifiedEvidence:
    """What hardware vendors' signatures prove about a node, and the checks that proved it.

    `cpu` is None, and some finding has failed, where the CPU's evidence is not genuine or nothing
    binds it to the request.
    """

    cpu: CpuClaims | None
    gpus: tuple[GpuClaims, ...]
    findings: tuple[Finding, ...]
    tpm: TpmClaims | None = None
    switches: tuple[SwitchClaims, ...] = ()

    @property
    def genuine(self) -> bool:
        return not any(each.failed for each in self.findings)

    @property
    def simulated(self) -> bool:
        shown = (*self.gpus, *self.switches, self.cpu, self.tpm)
        return any(claims.simulated for claims in shown if claims is not None)


def verify_evidence(
    request: ReleaseRequest,
    anchors: TrustAnchors,
    now: datetime,
    cache: ChainCache,
    activated: Activated | None = None,
    collateral: CollateralSet = NOTHING_KEPT,
) -> VerifiedEvidence:
    """Verify CPU and devices; failures are findings, so that a refusal can list them all.

    `activated` knows the proofs of activated AKs; without it none counts. `collateral` is what
    the verifier keeps: without Intel's no TD is genuine.
    """
    shown = request.evidence.cpu
    cpu, of_cpu = verify_cpu(shown, request.binding, anchors, collateral, now, cache)
    devices = verify_devices(request, anchors, collateral, now, cache)
    tpm, of_tpm = verify_tpm_part(request, anchors, now, activated, cache)
    if request.evidence.runtime is not None and tpm is None:
        cpu = None  # its report names runtime data alone: the quote was to bind it (§4.3a)
    findings = (*of_cpu, *devices.findings, *of_tpm)
    return VerifiedEvidence(cpu, devices.gpus, findings, tpm, devices.switches)
