"""This machine as its settings describe it: where its CPU's evidence comes from, and its devices'.

A process that owns everything (our protocol §7.4), or the kernel or a paravisor for the CPU with
such a process for GPUs and switches, or without any.
"""

from dataclasses import replace
from typing import Protocol

from keyturn.agent.attester import DeviceSocket, EvidenceSource, Machine
from keyturn.agent.config import AgentConfig, CpuFrom
from keyturn.agent.errors import ConfigInvalid
from keyturn.agent.paravisor import ParavisorCpu
from keyturn.guest.cpucertificates import CpuCertificates, read_certificates
from keyturn.guest.errors import DeviceUnreachable
from keyturn.guest.tsm import KernelReports
from keyturn.keyrelease.request import GpuEvidence, SnpEvidence, SwitchEvidence, TdxEvidence
from keyturn.quorum.tee_rules import Tee


class CpuSource(Protocol):
    """A CPU by itself. Calls raise DeviceUnreachable, or DeviceAnswerMalformed."""

    paravisor: bool

    def tee(self) -> Tee: ...

    def cpu(self, report_data: bytes, /) -> SnpEvidence | TdxEvidence: ...


class AssembledMachine:
    """A CPU, and the devices of a socket or none."""

    def __init__(self, cpu: CpuSource, devices: DeviceSocket | None) -> None:
        self._cpu = cpu
        self._devices = devices

    def describe(self) -> Machine:
        found = Machine(0, simulated=False)
        if self._devices is not None:
            found = self._devices.describe()
        return replace(found, tee=self._cpu.tee(), paravisor=self._cpu.paravisor)

    def gpu(self, index: int, nonce: bytes) -> GpuEvidence:
        return self._socket().gpu(index, nonce)

    def switch(self, index: int, nonce: bytes) -> SwitchEvidence:
        return self._socket().switch(index, nonce)

    def cpu(self, report_data: bytes) -> SnpEvidence | TdxEvidence:
        return self._cpu.cpu(report_data)

    def _socket(self) -> DeviceSocket:
        if self._devices is None:
            raise DeviceUnreachable("this machine's settings name no device socket")
        return self._devices


def machine_of(config: AgentConfig) -> EvidenceSource:
    """The machine that the settings name. Raises ConfigInvalid."""
    devices = DeviceSocket(config.device_socket) if config.device_socket is not None else None
    if config.cpu is CpuFrom.DEVICE:
        if devices is None:
            raise ConfigInvalid("setting 'device_socket' is missing")
        return devices
    return AssembledMachine(_cpu(config), devices)


def _cpu(config: AgentConfig) -> CpuSource:
    certificates = _certificates(config)
    if config.cpu is CpuFrom.KERNEL:
        return KernelReports(config.tsm_reports, certificates)
    if config.tpm is None or certificates is None:
        raise ConfigInvalid("a paravisor", expected="settings 'tpm' and 'cpu_certificates'")
    return ParavisorCpu(config.tpm, certificates)


def _certificates(config: AgentConfig) -> CpuCertificates | None:
    path = config.cpu_certificates
    return None if path is None else read_certificates(path)
