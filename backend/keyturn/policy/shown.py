"""What a node showed and what of it was proved: that which a policy judges."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from keyturn.attest.nvidia_claims import DeviceClaims, GpuClaims, SwitchClaims
from keyturn.attest.snp import SnpClaims
from keyturn.attest.tdx_claims import TdxClaims
from keyturn.attest.tpm import TpmClaims
from keyturn.base.collateral import CollateralKind
from keyturn.quorum.tee_rules import Tee

HIDDEN_PLATFORM = "amd-hidden"
"""A VLEK hides the chip: no platform list can hold such a machine."""

CpuClaims = SnpClaims | TdxClaims


@dataclass(frozen=True, slots=True)
class Shown:
    """Claims are of what was proved. `…_shown` is how much there was: a device that is not genuine
    is a failed check of its own, not also a missing one. None: as many as were proved.

    `challenged` is when the keyholder issued the challenge that all of it answers, None where
    nobody says.
    """

    cpu: CpuClaims
    gpus: tuple[GpuClaims, ...] = ()
    switches: tuple[SwitchClaims, ...] = ()
    tpm: TpmClaims | None = None
    gpus_shown: int | None = None
    switches_shown: int | None = None
    tpm_shown: bool = False
    challenged: datetime | None = None

    @property
    def gpu_count(self) -> int:
        return len(self.gpus) if self.gpus_shown is None else self.gpus_shown

    @property
    def switch_count(self) -> int:
        return len(self.switches) if self.switches_shown is None else self.switches_shown

    @property
    def devices(self) -> tuple[DeviceClaims, ...]:
        return (*self.gpus, *self.switches)


def tee_of(cpu: CpuClaims) -> Tee:
    return Tee.SNP if isinstance(cpu, SnpClaims) else Tee.TDX


def platform_of(cpu: CpuClaims) -> str:
    """The platform's id, or HIDDEN_PLATFORM."""
    return cpu.platform_id or HIDDEN_PLATFORM


def workload_of(cpu: CpuClaims) -> bytes:
    """HOST_DATA (32 bytes) or MRCONFIGID (48 bytes, of which the last 16 are zeros in ours)."""
    return cpu.host_data if isinstance(cpu, SnpClaims) else cpu.report.mr_config_id


def collateral_issued(shown: Shown) -> Mapping[CollateralKind, datetime | None]:
    """When the oldest document of each kind was issued that the proof can rest on.

    None: the proof of some part of this node used none. Kinds of other vendors are left out.
    """
    found = dict(_of_cpu(shown.cpu))
    if shown.devices:
        answers = [[each.this_update for each in device.ocsp] for device in shown.devices]
        found[CollateralKind.NVIDIA_OCSP] = (
            min(min(each) for each in answers) if all(answers) else None
        )
    return found


def _of_cpu(cpu: CpuClaims) -> Iterator[tuple[CollateralKind, datetime | None]]:
    if isinstance(cpu, SnpClaims):
        lists = [each.this_update for each in cpu.crls]
        yield CollateralKind.AMD_CRL, min(lists, default=None)
        return
    yield CollateralKind.INTEL_TCB_INFO, cpu.info.issued
    yield CollateralKind.INTEL_QE_IDENTITY, cpu.identity.issued
    issued = min((each.this_update for each in cpu.lists), default=None)
    yield CollateralKind.INTEL_ROOT_CRL, issued
    yield CollateralKind.INTEL_PCK_CRL, issued
