"""The GPUs and switches of one simulated machine, as it shows them: with faults or without."""

import secrets
from dataclasses import dataclass
from enum import Enum

from keyturn.base.encoding import sha256
from keyturn_sim.gpu import SimGpu
from keyturn_sim.nvswitch import SimSwitch


class Fault(Enum):
    """Ways to misbehave that keep every signature good."""

    OTHER_REPORT_DATA = "other-report-data"
    OTHER_NONCE = "other-nonce"  # every device's report is of another challenge
    DEBUG_TD = "debug-td"
    OUT_OF_DATE_TCB = "out-of-date-tcb"  # of a TD
    OTHER_RTMR = "other-rtmr"
    MISSING_GPU = "missing-gpu"
    DUPLICATE_GPU = "duplicate-gpu"
    MISSING_SWITCH = "missing-switch"
    DUPLICATE_SWITCH = "duplicate-switch"


@dataclass(frozen=True, slots=True)
class SimDevices:
    """What is there, and what is shown of it."""

    all_gpus: tuple[SimGpu, ...]
    all_switches: tuple[SimSwitch, ...]
    faults: frozenset[Fault]

    @property
    def gpus(self) -> tuple[SimGpu, ...]:
        gpus = self.all_gpus
        if Fault.MISSING_GPU in self.faults:
            gpus = gpus[:-1]
        return (*gpus[:-1], gpus[0]) if Fault.DUPLICATE_GPU in self.faults else gpus

    @property
    def switches(self) -> tuple[SimSwitch, ...]:
        switches = self.all_switches
        if Fault.MISSING_SWITCH in self.faults:
            switches = switches[:-1]
        if Fault.DUPLICATE_SWITCH in self.faults:
            switches = (*switches[:-1], switches[0])
        return switches

    def report(self, device: SimGpu | SimSwitch, nonce: bytes) -> bytes:
        """An SPDM report over a nonce of 32 bytes."""
        if len(nonce) != 32:
            raise ValueError(f"nonce has {len(nonce)} bytes, not 32")
        if Fault.OTHER_NONCE in self.faults:
            nonce = sha256(nonce)
        return device.report(nonce, secrets.token_bytes(32))

    def listed(self) -> list[dict[str, object]]:
        """As the device protocol describes them, GPUs first."""
        kinds = ["nvidia-gpu"] * len(self.gpus) + ["nvidia-switch"] * len(self.switches)
        return [{"kind": kind} for kind in kinds]
