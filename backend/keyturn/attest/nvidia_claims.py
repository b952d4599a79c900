"""What NVIDIA's signatures prove about a device. Made by `keyturn.attest.nvidia` only."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from keyturn.attest.nvidia_chain import Architecture
from keyturn.attest.ocsp import OcspFacts
from keyturn.attest.spdm import GpuReport, Opaque

PPCIE = "PPCIE"
_PROTECTED = b"\xaa"  # of field PROTECTED_PCIE_STATUS, in every recorded PPCIE report


@dataclass(frozen=True, slots=True)
class GpuClaims:
    """`arch` is the chip's name, GH100. `switch_pdis`: one for each link, bytes reversed.

    `device_id` outlives firmware updates (it is of the boot ROM's key); `leaf_digest` does not.
    `pdi`: 8 bytes as switches report it, from the boot ROM's certificate; None: not certified.
    """

    report: GpuReport = field(repr=False)
    architecture: Architecture
    arch: str
    driver: str
    vbios: str
    device_id: str
    leaf_digest: bytes
    leaf_serial: int
    chain_names: tuple[str, ...]
    fwid: bytes | None
    feature: str | None
    switch_pdis: tuple[bytes, ...]
    pdi: bytes | None
    ocsp: tuple[OcspFacts, ...]
    simulated: bool

    @property
    def nonce(self) -> bytes:
        """32 bytes, from the request."""
        return self.report.nonce

    @property
    def measurements(self) -> Mapping[int, bytes]:
        """Numbered from 0, as reference values are."""
        return self.report.measurements

    @property
    def nvdec0_enabled(self) -> bool:
        """0x55 on, 0xAA off; anything else counts as on, which asks for more."""
        return self.report.field(Opaque.NVDEC0_STATUS) != b"\xaa"

    @property
    def mode(self) -> str:
        """SPT, MPT or PPCIE; firmware before the feature flag tells PPCIE by its status."""
        if self.feature is not None:
            return self.feature
        status = self.report.field(Opaque.PROTECTED_PCIE_STATUS)
        return PPCIE if status == _PROTECTED else "not reported"


@dataclass(frozen=True, slots=True)
class SwitchClaims:
    """`pdi`: the switch's own, as reported; `certified_pdi`: as its boot ROM's certificate has it.

    `vbios` is its BIOS. Otherwise as `GpuClaims`.
    """

    report: GpuReport = field(repr=False)
    architecture: Architecture
    arch: str
    vbios: str
    device_id: str
    leaf_digest: bytes
    leaf_serial: int
    chain_names: tuple[str, ...]
    fwid: bytes | None
    pdi: bytes
    certified_pdi: bytes | None
    gpu_pdis: tuple[bytes, ...]
    ocsp: tuple[OcspFacts, ...]
    simulated: bool

    @property
    def nonce(self) -> bytes:
        """32 bytes, from the request."""
        return self.report.nonce

    @property
    def measurements(self) -> Mapping[int, bytes]:
        """Numbered from 0, as reference values are."""
        return self.report.measurements

    @property
    def nvdec0_enabled(self) -> bool:
        """A switch has no decoder: every index counts."""
        return True


DeviceClaims = GpuClaims | SwitchClaims
