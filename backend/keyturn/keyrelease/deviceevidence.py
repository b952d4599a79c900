"""The devices of one request, numbered through: GPUs, then switches (our protocol §4.3, §4.7)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from keyturn.attest.anchors import TrustAnchors
from keyturn.attest.chains import ChainCache
from keyturn.attest.errors import REFUSALS, Reason
from keyturn.attest.nvidia import (
    Asked,
    Examination,
    examine_gpu,
    examine_switch,
)
from keyturn.attest.nvidia_claims import DeviceClaims, GpuClaims, SwitchClaims
from keyturn.attest.ocsp import Revocation, Status
from keyturn.keyrelease.binding import device_nonce
from keyturn.keyrelease.collateral import OCSP_LIFE, CollateralSet, KeptAnswer
from keyturn.keyrelease.cpuevidence import refused
from keyturn.keyrelease.request import GpuEvidence, ReleaseRequest, SwitchEvidence
from keyturn.policy.findings import Finding, from_check, not_met

C = TypeVar("C", bound=DeviceClaims)


@dataclass(frozen=True, slots=True)
class VerifiedDevices:
    gpus: tuple[GpuClaims, ...]
    switches: tuple[SwitchClaims, ...]
    findings: tuple[Finding, ...]


def verify_devices(
    request: ReleaseRequest,
    anchors: TrustAnchors,
    collateral: CollateralSet,
    now: datetime,
    cache: ChainCache,
) -> VerifiedDevices:
    """Claims of those that are genuine, in order; what has failed is a finding."""
    shown, core = request.evidence, request.core
    findings: list[Finding] = []

    def asked(number: int, device: GpuEvidence | SwitchEvidence) -> Asked:
        return Asked(
            anchors=anchors,
            now=now,
            expected_nonce=device_nonce(core, number),
            cache=cache,
            revocation=_revocation(device.chain, collateral, now),
        )

    def verified(
        examine: Callable[[bytes, Sequence[bytes], Asked], Examination[C]],
        name: str,
        devices: Sequence[GpuEvidence | SwitchEvidence],
        first: int,
    ) -> Iterator[C]:
        for place, device in enumerate(devices):
            prefix = f"{name} {place}: "
            try:
                examined = examine(device.report, device.chain, asked(first + place, device))
                claims = examined.proved()
            except REFUSALS as refusal:
                findings.append(refused(f"{prefix}evidence", refusal))
                continue
            revoked = _revoked(prefix, device.chain, collateral)
            findings.extend(from_check(each, None, prefix=prefix) for each in examined.checks)
            findings.extend(revoked)
            if not revoked:
                yield claims

    gpus = tuple(verified(examine_gpu, "gpu", shown.gpus, 0))
    switches = tuple(verified(examine_switch, "switch", shown.switches, len(shown.gpus)))
    return VerifiedDevices(gpus, switches, tuple(findings))


def _answers(chain: Sequence[bytes], collateral: CollateralSet) -> list[KeptAnswer | None]:
    """About all that NVIDIA issued: neither the leaf, which the boot ROM signs, nor the root."""
    return [collateral.ocsp(each) for each in chain[1:-1]] if collateral.documents else []


def _revocation(
    chain: Sequence[bytes], collateral: CollateralSet, now: datetime
) -> Revocation | None:
    """The answers where there is a current one about each certificate."""
    answers = [
        each.answer
        for each in _answers(chain, collateral)
        if each is not None and each.current(now)
    ]
    if not answers or len(answers) < len(chain) - 2:
        return None
    return Revocation(answers=tuple(answers), max_age=OCSP_LIFE)


def _revoked(prefix: str, chain: Sequence[bytes], collateral: CollateralSet) -> list[Finding]:
    """An answer whose time is over, or one without the others, proves nothing good; what it
    revokes stays refused."""
    return [
        not_met(
            f"{prefix}revocation",
            (Reason.CERT_ON_HOLD if each.status is Status.HOLD else Reason.CERT_REVOKED).value,
            f"{each.status.value} at {each.since.isoformat()}",
            Status.GOOD.value,
            hint="NVIDIA's OCSP answer that is kept says so",
        )
        for each in _answers(chain, collateral)
        if each is not None and each.status in (Status.REVOKED, Status.HOLD)
    ]
