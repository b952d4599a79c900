"""The doctor tries everything, whatever became of the rest (the good case: test_program)."""

from dataclasses import replace
from pathlib import Path

from keyturn.agent.config import AgentConfig
from keyturn.agent.doctor import examine
from keyturn.base.encoding import Digest
from keyturn.wire.tls import Pin
from keyturn_sim.tpm import SimTpm


def config_in(tmp_path: Path) -> AgentConfig:
    return AgentConfig(
        "node-1", "https://127.0.0.1:1", Pin("ab" * 32), tmp_path / "a.bundle",
        Digest("sha256:" + "00" * 32), tmp_path / "sealed", tmp_path / "d.sock", tmp_path,
        "127.0.0.1", 0, 1.0, None, None, None,
    )  # fmt: skip


def test_each_failure_is_named(tmp_path: Path) -> None:
    findings = examine(config_in(tmp_path))

    assert [each.good for each in findings] == [False] * 5
    assert all(each.found for each in findings)
    assert findings[4].to_document()["name"] == "control plane"


def test_a_tpm_is_asked_for_a_quote(tmp_path: Path, booted: SimTpm) -> None:
    config = replace(config_in(tmp_path), tpm=booted.socket, tpm_log=booted.log)
    found = {each.name: each for each in examine(config)}["TPM"]
    assert found.good
    assert "quotes; AK without a certificate" not in found.found, "the simulator's has one"
    missing = replace(config, tpm=tmp_path / "none")
    assert not {each.name: each for each in examine(missing)}["TPM"].good
