"""The keyholder's CPU is asked over its socket; what is no answer is no evidence."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest, b64
from keyturn.base.strictjson import parse_object
from keyturn.ceremony.hostdocument import HOST_TYPE
from keyturn.guest.errors import CertificatesUnusable
from keyturn.guest.tsm import KernelReports
from keyturn.keyholder.config import CpuFrom, KeyholderConfig
from keyturn.keyholder.identity import make_identity
from keyturn.keyholder.selfevidence import (
    CpuSocket,
    EvidenceUnreachable,
    evidence_device,
    host_evidence,
)
from keyturn.keyrelease.hostevidence import unseal_report_data
from keyturn.keyrelease.request import SnpEvidence, TdxEvidence, read_evidence
from keyturn.tlog.merkle import EMPTY_ROOT
from keyturn_sim.node import SimNode
from keyturn_sim.vendors import SimVendors
from support.configfs import SimConfigFs
from support.devices import device, fixed
from unit.keyholder.hostkeys import host_document

HOST = host_document(bytes(EMPTY_ROOT))


@pytest.fixture(scope="module")
def sim() -> SimNode:
    return SimNode.create(SimVendors.create("Genoa"), measurement=bytes(48), host_data=bytes(32))


@pytest.fixture
def config(tmp_path: Path) -> KeyholderConfig:
    paths = (tmp_path / "log", tmp_path / "keyholder.sock")
    fingerprint = Digest("sha256:" + "ab" * 32)
    return KeyholderConfig(*paths, "example.com/log", fingerprint, "keyturn", None, None, 1, 0)


def answers(sim: SimNode):  # type: ignore[no-untyped-def]
    def answer(asked: dict[str, object]) -> bytes:
        if asked["op"] == "describe":
            return json.dumps({"tee": "snp", "devices": [], "simulated": True}).encode()
        report = sim.snp_report(bytes.fromhex(str(asked["report_data"])))
        fields = {"report": report, **sim.collateral()}
        return json.dumps({name: b64(value) for name, value in fields.items()}).encode()

    return answer


def test_evidence_is_over_the_documents_payload(tmp_path: Path, sim: SimNode) -> None:
    envelope = make_identity(tmp_path / "key").sign(HOST_TYPE, HOST).to_bytes()
    with device(tmp_path / "d.sock", answers(sim)):
        for shown in (HOST, envelope):
            raw = host_evidence(CpuSocket(tmp_path / "d.sock"), shown)
            assert raw is not None
            cpu = read_evidence(parse_object(raw, limit=1 << 20, what="x")).cpu
            assert isinstance(cpu, SnpEvidence)
            assert cpu.report[0x50:0x90] == unseal_report_data(HOST)


def test_a_tds_quote_is_taken_as_it_is(tmp_path: Path) -> None:
    def answer(asked: dict[str, object]) -> bytes:
        said = {"tee": "tdx", "devices": [], "simulated": True}
        return json.dumps(said if asked["op"] == "describe" else {"quote": b64(b"q")}).encode()

    with device(tmp_path / "d.sock", answer):
        assert CpuSocket(tmp_path / "d.sock").cpu(bytes(64)) == TdxEvidence(b"q")


@pytest.mark.parametrize(
    "said",
    [
        {"error": "no"},
        {"tee": "sgx", "devices": [], "simulated": True},
        {"tee": "snp", "devices": [], "simulated": True, "more": 1},
        {"tee": "snp", "devices": {}, "simulated": True},
    ],
)
def test_what_is_no_answer_is_no_evidence(tmp_path: Path, said: object) -> None:
    with device(tmp_path / "d.sock", fixed(said)):
        with pytest.raises(EvidenceUnreachable):
            CpuSocket(tmp_path / "d.sock").cpu(bytes(64))
        assert host_evidence(CpuSocket(tmp_path / "d.sock"), HOST) is None


def test_without_a_device_there_is_none(tmp_path: Path) -> None:
    assert host_evidence(None, HOST) is None
    with pytest.raises(EvidenceUnreachable, match="does not answer"):
        CpuSocket(tmp_path / "missing.sock").cpu(bytes(64))
    with device(tmp_path / "d.sock", lambda _: None), pytest.raises(EvidenceUnreachable):
        CpuSocket(tmp_path / "d.sock").cpu(bytes(64))


def test_the_kernel_quotes_where_the_settings_say_so(tmp_path: Path, sim: SimNode) -> None:
    """Whole documents from a directory that behaves as the kernel's does; SIMULATED."""
    kernel = KernelReports(tmp_path, files=SimConfigFs(sim))
    raw = host_evidence(kernel, HOST)
    assert raw is not None
    cpu = read_evidence(parse_object(raw, limit=1 << 20, what="x")).cpu
    assert isinstance(cpu, SnpEvidence)
    assert cpu.report[0x50:0x90] == unseal_report_data(HOST)
    assert (cpu.vek, cpu.intermediate, cpu.root) == tuple(sim.collateral().values())


def test_a_kernel_that_gives_no_report_is_no_evidence(tmp_path: Path, sim: SimNode) -> None:
    """The keyholder goes on, sealed: custodians see that nothing was shown, and decide."""
    disturbed = SimConfigFs(sim)
    disturbed.interrupt = disturbed.count
    for kernel in (
        KernelReports(tmp_path / "none"),
        KernelReports(tmp_path, files=disturbed),
        KernelReports(tmp_path, files=SimConfigFs(sim, table=False)),
    ):
        assert host_evidence(kernel, HOST) is None


def test_the_settings_say_whom_to_ask(config: KeyholderConfig, tmp_path: Path) -> None:
    assert evidence_device(config) is None
    socket = evidence_device(replace(config, evidence=tmp_path / "d.sock"))
    assert isinstance(socket, CpuSocket)
    kernel = replace(config, cpu=CpuFrom.KERNEL, tsm_reports=tmp_path)
    assert isinstance(evidence_device(kernel), KernelReports)
    assert isinstance(evidence_device(replace(config, cpu=CpuFrom.KERNEL)), KernelReports)
    with pytest.raises(CertificatesUnusable):
        evidence_device(replace(kernel, cpu_certificates=tmp_path / "absent.pem"))
