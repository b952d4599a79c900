"""Behind a paravisor: the HCL report out of a real TPM, and what is none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.agent.paravisor import AK_HANDLE, HCL_REPORT, ParavisorCpu
from keyturn.agent.tpm import Tpm
from keyturn.agent.tpmsource import LocalTpm
from keyturn.attest.azure import check_runtime_data, runtime_key
from keyturn.guest.cpucertificates import CpuCertificates
from keyturn.guest.errors import DeviceAnswerMalformed, DeviceUnreachable
from keyturn.quorum.tee_rules import Tee
from keyturn_sim import SimNode, SimVendors
from keyturn_sim.tpm import SimTpm
from support.tpms import UNPACKED

CERTIFICATES = CpuCertificates(b"v", b"i", b"r")


@pytest.fixture(scope="module")
def guest(vendors: SimVendors, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimTpm]:
    sim = SimNode.create(vendors, measurement=b"\x42" * 48, paravisor=True)
    folder = tmp_path_factory.mktemp("guest")
    with SimTpm(folder, vendors.tpm, unpacked=UNPACKED, paravisor=sim.hcl_report) as tpm:
        yield tpm.start()


def test_the_report_binds_the_tpms_own_key(guest: SimTpm) -> None:
    cpu = ParavisorCpu(guest.socket, CERTIFICATES)
    found = cpu.cpu(bytes(64))
    assert found.runtime is not None
    check_runtime_data(found.report[0x50:0x90], found.runtime)
    own = LocalTpm(guest.socket, guest.log, (), AK_HANDLE)
    part = own.quote(b"n" * 32)
    modulus = runtime_key(found.runtime).public_numbers().n
    assert part.ak.endswith(modulus.to_bytes(256, "big"))
    assert (part.ak_chain, part.ek) == ((), None)
    assert cpu.tee() is Tee.SNP
    assert own.quote(b"m" * 32).ak == part.ak, "it stays where it is"


def test_a_tpm_without_the_report_is_named(booted: SimTpm) -> None:
    with pytest.raises(DeviceUnreachable, match="no HCL report"):
        ParavisorCpu(booted.socket, CERTIFICATES).cpu(bytes(64))


@pytest.mark.parametrize(
    ("raw", "message"), [(b"HCLA", "wrong size"), (bytes(2000), "unknown header")]
)
def test_what_is_no_hcl_report_is_refused(
    guest: SimTpm, monkeypatch: pytest.MonkeyPatch, raw: bytes, message: str
) -> None:
    monkeypatch.setattr(Tpm, "stored", lambda tpm, index: raw if index == HCL_REPORT else None)
    with pytest.raises(DeviceAnswerMalformed, match=message):
        ParavisorCpu(guest.socket, CERTIFICATES).cpu(bytes(64))


def test_a_td_behind_a_paravisor_is_refused(guest: SimTpm, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = bytearray(1300)
    raw[32 + 1184 + 8] = 4
    monkeypatch.setattr(Tpm, "stored", lambda tpm, index: bytes(raw))
    with pytest.raises(DeviceAnswerMalformed, match="not known here"):
        ParavisorCpu(guest.socket, CERTIFICATES).cpu(bytes(64))


def test_no_tpm_at_all(tmp_path: Path) -> None:
    with pytest.raises(DeviceUnreachable):
        ParavisorCpu(tmp_path / "none", CERTIFICATES).tee()
