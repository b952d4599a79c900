"""The simulator's command line."""

import json
from pathlib import Path

import pytest

from keyturn_sim import Fault, SimNode, SimVendors
from keyturn_sim.__main__ import main


@pytest.fixture
def folder(vendors: SimVendors, tmp_path: Path) -> Path:
    vendors.save(tmp_path / "vendors")
    return tmp_path / "vendors"


def test_vendors_prints_the_roots_and_keeps_what_is_there(vendors, folder, capsys) -> None:  # type: ignore[no-untyped-def]
    assert main(["vendors", "--dir", str(folder)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == {
        "simulated": True,
        "product": "Genoa",
        "roots": vendors.roots,
        "trust_anchors": vendors.trust_anchors(),
    }


def test_node_writes_a_configuration(folder: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "node.json"
    arguments = ["node", "--vendors", str(folder), "--out", str(out), "--measurement", "42" * 48]
    arguments += ["--gpus", "2", "--gpu-measurement", "3=" + "03" * 48, "--debug"]
    arguments += ["--fault", "other-nonce", "--host-data", "0d" * 32, "--chip-id", "0c" * 64]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["chip_id"] == "0c" * 64
    node = SimNode.load(out)
    assert (node.launch.measurement, node.launch.host_data) == (b"\x42" * 48, b"\x0d" * 32)
    assert node.launch.guest_policy >> 19 & 1
    assert node.faults == {Fault.OTHER_NONCE}
    assert [gpu.measurements for gpu in node.gpus] == [{3: b"\x03" * 48}] * 2


def test_wrong_usage_and_failure(folder: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SystemExit) as caught:
        main(["node", "--vendors", str(folder), "--out", "x", "--measurement", "42"])
    assert caught.value.code == 2
    missing = ["--config", str(tmp_path / "none"), "--socket", "s"]
    assert main(["device", *missing]) == 1
    assert "keyturn_sim:" in capsys.readouterr().err
