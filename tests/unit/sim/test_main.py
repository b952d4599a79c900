"""The simulator's command line."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509

from keyturn.base.collateral import read_collateral
from keyturn.base.strictjson import parse_object
from keyturn_sim import Fault, SimNode, SimTdNode, SimVendors
from keyturn_sim.__main__ import main
from support.tpms import UNPACKED

BACKEND = Path(__file__).resolve().parents[3] / "backend"


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


def test_a_td_with_a_whole_set(folder: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "td.json"
    arguments = ["node", "--vendors", str(folder), "--out", str(out), "--measurement", "42" * 48]
    arguments += ["--tee", "tdx", "--gpus", "2", "--switches", "1", "--rtmr", "1=" + "a1" * 48]
    arguments += [
        "--fault",
        "duplicate-switch",
        "--debug",
        "--switch-measurement",
        "0=" + "09" * 48,
    ]
    assert main(arguments) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["tee"], shown["gpus"], shown["switches"]) == ("tdx", 2, 1)
    node = SimTdNode.load(out)
    assert (node.td.mr_td, node.td.rtmrs[1]) == (b"\x42" * 48, b"\xa1" * 48)
    assert node.faults == {Fault.DUPLICATE_SWITCH, Fault.DEBUG_TD}


def test_collateral_and_manifests_in_files(
    folder: Path,
    tmp_path: Path,
    vendors: SimVendors,
    capsys,  # type: ignore[no-untyped-def]
) -> None:
    node = SimNode.create(vendors, measurement=bytes(48), gpus=(vendors.issue_gpu({}),))
    node.save(tmp_path / "node.json")
    out, named = tmp_path / "collateral.json", str(tmp_path / "node.json")
    arguments = ["collateral", "--vendors", str(folder), "--out", str(out)]
    assert main([*arguments, "--node", named, "--revoke", named]) == 0
    kinds = json.loads(capsys.readouterr().out)["documents"]
    assert kinds.count("nvidia-ocsp") == 3
    listed = parse_object(out.read_bytes(), limit=1 << 20, what="collateral")
    documents = [read_collateral(each) for each in listed.objects("documents")]
    assert [each.kind.value for each in documents] == kinds
    crl = x509.load_der_x509_crl(documents[0].data)
    serial = x509.load_der_x509_certificate(node.vek).serial_number
    assert crl.get_revoked_certificate_by_serial_number(serial) is not None

    assert main(["rim", "--vendors", str(folder), "--out", str(tmp_path)]) == 0
    assert (tmp_path / "driver.swid.xml").read_bytes().startswith(b"<SoftwareIdentity")


def test_a_tpm_runs_until_it_is_told(folder: Path, tmp_path: Path, vendors: SimVendors) -> None:
    """And swtpm ends with it."""
    node = SimNode.create(vendors, measurement=bytes(48), paravisor=True)
    node.save(tmp_path / "node.json")
    command = [sys.executable, "-m", "keyturn_sim", "tpm", "--vendors", str(folder)]
    command += ["--dir", str(tmp_path / "tpm"), "--unpacked", str(UNPACKED)]
    command += ["--paravisor", str(tmp_path / "node.json")]
    environment = {**os.environ, "PYTHONPATH": str(BACKEND)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        places = json.loads(process.stdout.readline())
        assert all(Path(places[name]).exists() for name in ("socket", "log", "issuers"))
        assert (tmp_path / "tpm" / "cpu.pem").stat().st_mode & 0o777 == 0o600
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert not Path(places["socket"]).exists()


def test_wrong_usage_and_failure(folder: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SystemExit) as caught:
        main(["node", "--vendors", str(folder), "--out", "x", "--measurement", "42"])
    assert caught.value.code == 2
    missing = ["--config", str(tmp_path / "none"), "--socket", "s"]
    assert main(["device", *missing]) == 1
    assert "keyturn_sim:" in capsys.readouterr().err
