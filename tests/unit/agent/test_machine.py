"""The machine that the settings describe: a CPU from here, devices from there."""

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from keyturn.agent.attester import DeviceSocket, Machine
from keyturn.agent.config import AgentConfig, CpuFrom
from keyturn.agent.errors import ConfigInvalid
from keyturn.agent.machine import AssembledMachine, machine_of
from keyturn.base.encoding import Digest
from keyturn.guest.errors import DeviceUnreachable
from keyturn.guest.tsm import KernelReports
from keyturn.keyrelease.request import TdxEvidence
from keyturn.quorum.tee_rules import Tee
from keyturn.wire.tls import Pin
from keyturn_sim import SimNode, SimTdNode, SimVendors
from support.configfs import SimConfigFs


@pytest.fixture
def config(tmp_path: Path) -> AgentConfig:
    return AgentConfig(
        "node-1", "https://127.0.0.1:1", Pin("ab" * 32), tmp_path / "a.bundle",
        Digest("sha256:" + "00" * 32), tmp_path / "sealed", None, tmp_path,
        "127.0.0.1", 0, 1.0, None, None, None,
    )  # fmt: skip


@pytest.fixture
def certificates(vendors: SimVendors, tmp_path: Path) -> Path:
    shown = SimNode.create(vendors, measurement=bytes(48)).collateral().values()
    found = (x509.load_der_x509_certificate(each).public_bytes(Encoding.PEM) for each in shown)
    (tmp_path / "cpu.pem").write_bytes(b"".join(found))
    return tmp_path / "cpu.pem"


def test_a_device_process_owns_everything(config: AgentConfig, tmp_path: Path) -> None:
    assert isinstance(machine_of(replace(config, device_socket=tmp_path / "d")), DeviceSocket)
    with pytest.raises(ConfigInvalid, match="device_socket"):
        machine_of(config)


def test_a_kernels_cpu_without_devices(vendors: SimVendors, tmp_path: Path) -> None:
    reports = KernelReports(tmp_path, files=SimConfigFs(SimTdNode.create(vendors)))
    machine = AssembledMachine(reports, None)
    assert machine.describe() == Machine(0, simulated=False, tee=Tee.TDX)
    assert isinstance(machine.cpu(bytes(64)), TdxEvidence)
    for ask in (machine.gpu, machine.switch):
        with pytest.raises(DeviceUnreachable, match="no device socket"):
            ask(0, bytes(32))


def test_a_kernels_cpu_beside_a_device_process(config: AgentConfig, tmp_path: Path) -> None:
    config = replace(config, cpu=CpuFrom.KERNEL, device_socket=tmp_path / "d")
    with pytest.raises(DeviceUnreachable, match="device process"):
        machine_of(config).gpu(0, bytes(32))
    with pytest.raises(DeviceUnreachable, match="kernel"):
        machine_of(replace(config, tsm_reports=tmp_path / "none")).cpu(bytes(64))


def test_a_paravisors_cpu_needs_tpm_and_certificates(
    config: AgentConfig, certificates: Path, tmp_path: Path
) -> None:
    config = replace(config, cpu=CpuFrom.PARAVISOR, tpm=tmp_path / "tpm")
    with pytest.raises(ConfigInvalid, match="paravisor"):
        machine_of(config)
    machine = machine_of(replace(config, cpu_certificates=certificates))
    with pytest.raises(DeviceUnreachable, match="TPM"):
        machine.describe()
