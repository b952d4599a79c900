"""The doctor tries everything, whatever became of the rest (the good case: test_program)."""

from dataclasses import replace
from pathlib import Path

from keyturn.agent.config import AgentConfig, CpuFrom
from keyturn.agent.doctor import examine
from keyturn.base.encoding import Digest
from keyturn.base.strictjson import dump
from keyturn.wire.tls import Pin
from keyturn_sim import SimTdNode, SimVendors
from keyturn_sim.device import answer
from keyturn_sim.tpm import SimTpm
from support.devices import device


def config_in(tmp_path: Path) -> AgentConfig:
    return AgentConfig(
        "node-1", "https://127.0.0.1:1", Pin("ab" * 32), tmp_path / "a.bundle",
        Digest("sha256:" + "00" * 32), tmp_path / "sealed", tmp_path / "d.sock", tmp_path,
        "127.0.0.1", 0, 1.0, None, None, None,
    )  # fmt: skip


def test_each_failure_is_named(tmp_path: Path) -> None:
    findings = examine(config_in(tmp_path))

    bad = [each.name for each in findings if not each.good]
    expected = ["sealed model", "memory", "authority bundle", "devices", "CPU evidence"]
    assert bad == [*expected, "control plane"]
    assert all(each.found for each in findings)
    assert findings[-1].to_document()["name"] == "control plane"
    assert next(each for each in findings if each.name == "TPM").found == "none is set"


def test_it_says_which_tee_and_which_devices_it_sees(tmp_path: Path, vendors: SimVendors) -> None:
    """And asks each for evidence: a switch that is described but silent is missing."""
    gpus, switches = vendors.nvidia.issue_set(2, 1, {}, {})
    node = SimTdNode.create(vendors, gpus=gpus, switches=switches)
    requests = []
    config = replace(config_in(tmp_path), device_socket=tmp_path / "d")
    silenced = replace(config, device_socket=tmp_path / "s")

    def answers(request: dict[str, object]) -> bytes | None:
        requests.append(request["op"])
        return dump(answer(node, dump(request)))

    with device(tmp_path / "d", answers):
        found = {each.name: each for each in examine(config)}
    assert found["devices"].found == "TDX, 2 GPU(s), 1 switch(es), SIMULATED"
    assert found["CPU evidence"].found.startswith("a TDX quote of ")
    assert requests.count("switch") == 1

    def silent(request: dict[str, object]) -> bytes | None:
        return None if request["op"] == "switch" else answers(request)

    with device(tmp_path / "s", silent):
        found = {each.name: each for each in examine(silenced)}
    assert not found["devices"].good


def test_a_cpu_of_the_kernels_is_asked_too(tmp_path: Path) -> None:
    config = replace(config_in(tmp_path), cpu=CpuFrom.KERNEL, tsm_reports=tmp_path / "none")
    found = {each.name: each for each in examine(config)}
    assert not found["CPU evidence"].good
    assert "confidential guest" in found["CPU evidence"].hint


def test_a_tpm_is_asked_for_a_quote(tmp_path: Path, booted: SimTpm) -> None:
    config = replace(config_in(tmp_path), tpm=booted.socket, tpm_log=booted.log)
    found = {each.name: each for each in examine(config)}["TPM"]
    assert found.good
    assert "quotes; AK without a certificate" not in found.found, "the simulator's has one"
    missing = replace(config, tpm=tmp_path / "none")
    assert not {each.name: each for each in examine(missing)}["TPM"].good
