"""The device process: its answers, and the process itself on its socket."""

import base64
import json
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.base.errors import MalformedError
from keyturn_sim import SimNode, SimTdNode, SimVendors
from keyturn_sim.device import MAX_FRAME, Machine, answer, load_machine

BACKEND = Path(__file__).resolve().parents[3] / "backend"


def ask(node: Machine, request: dict[str, object]) -> dict[str, object]:
    return answer(node, json.dumps(request).encode())


def test_it_describes_itself_as_simulated(node: SimNode) -> None:
    assert ask(node, {"op": "describe"}) == {
        "tee": "snp",
        "devices": [{"kind": "nvidia-gpu"}, {"kind": "nvidia-gpu"}],
        "simulated": True,
    }


def test_it_quotes_gpus_and_the_cpu(node: SimNode) -> None:
    gpu = ask(node, {"op": "gpu", "index": 1, "nonce": "01" * 32})
    assert base64.b64decode(str(gpu["report"]))[4:36] == b"\x01" * 32
    assert gpu["chain"] == [base64.b64encode(der).decode() for der in node.gpus[1].chain]
    cpu = ask(node, {"op": "snp", "report_data": "07" * 64})
    assert base64.b64decode(str(cpu["report"]))[0x50:0x90] == b"\x07" * 64
    assert set(cpu) == {"report", "vek", "intermediate", "root"}


@pytest.fixture(scope="module")
def td(vendors: SimVendors) -> SimTdNode:
    gpus, switches = vendors.nvidia.issue_set(1, 2, {}, {})
    return SimTdNode.create(vendors, gpus=gpus, switches=switches)


def test_a_td_describes_and_quotes_itself_and_its_switches(td: SimTdNode) -> None:
    kinds = [{"kind": "nvidia-gpu"}, {"kind": "nvidia-switch"}, {"kind": "nvidia-switch"}]
    assert ask(td, {"op": "describe"}) == {"tee": "tdx", "devices": kinds, "simulated": True}
    quote = base64.b64decode(str(ask(td, {"op": "tdx", "report_data": "07" * 64})["quote"]))
    assert quote[48 + 520 : 48 + 584] == b"\x07" * 64
    switch = ask(td, {"op": "switch", "index": 1, "nonce": "01" * 32})
    assert switch["chain"] == [base64.b64encode(der).decode() for der in td.switches[1].chain]


def test_another_tees_operation_is_refused(
    node: SimNode, td: SimTdNode, vendors: SimVendors
) -> None:
    behind = SimNode.create(vendors, measurement=bytes(48), paravisor=True)
    for machine, op in ((node, "tdx"), (td, "snp"), (behind, "snp")):
        with pytest.raises(MalformedError):
            ask(machine, {"op": op, "report_data": "07" * 64})
    with pytest.raises(MalformedError, match="no such device"):
        ask(td, {"op": "switch", "index": 2, "nonce": "01" * 32})


@pytest.mark.parametrize("tee", ["snp", "tdx"])
def test_a_configuration_says_which_machine_it_is(
    node: SimNode, td: SimTdNode, tmp_path: Path, tee: str
) -> None:
    made = node if tee == "snp" else td
    made.save(tmp_path / "machine.json")
    assert ask(load_machine(tmp_path / "machine.json"), {"op": "describe"})["tee"] == tee


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"op": "sign"},
        {"op": "describe", "more": 1},
        {"op": "gpu", "index": 2, "nonce": "01" * 32},
        {"op": "gpu", "index": -1, "nonce": "01" * 32},
        {"op": "gpu", "index": 0, "nonce": "01" * 31},
        {"op": "snp", "report_data": "07" * 63},
    ],
)
def test_what_is_not_understood_is_refused(node: SimNode, request_: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        ask(node, request_)


@pytest.fixture
def process(node: SimNode, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    node.save(tmp_path / "node.json")
    path = tmp_path / "device.sock"
    command = [sys.executable, "-m", "keyturn_sim", "device"]
    command += ["--config", str(tmp_path / "node.json"), "--socket", str(path)]
    with subprocess.Popen(command, env={"PYTHONPATH": str(BACKEND)}, stderr=subprocess.PIPE) as it:
        try:
            yield it, path
        finally:
            it.kill()


def connect(process: subprocess.Popen[bytes], path: Path) -> socket.socket:
    while process.poll() is None:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(10)
        try:
            client.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            client.close()
        else:
            return client
    raise AssertionError("the device process ended before it served")


def exchange(client: socket.socket, request: bytes) -> dict[str, object]:
    client.sendall(struct.pack(">I", len(request)) + request)
    (size,) = struct.unpack(">I", receive(client, 4))
    return dict(json.loads(receive(client, size)))


def receive(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = client.recv(size - len(data))
        assert part, "the connection ended"
        data += part
    return data


def test_the_process_serves_refuses_and_ends_cleanly(process) -> None:  # type: ignore[no-untyped-def]
    device, path = process
    with connect(device, path) as client:
        assert path.stat().st_mode & 0o777 == 0o600
        assert exchange(client, b'{"op":"describe"}')["simulated"] is True
        assert "not JSON" in str(exchange(client, b"nonsense")["error"])
        assert "report" in exchange(client, b'{"op":"snp","report_data":"%s"}' % (b"07" * 64))
        with connect(device, path) as other:
            other.sendall(struct.pack(">I", MAX_FRAME + 1))
            assert other.recv(1) == b""
        device.send_signal(signal.SIGTERM)
        assert device.wait(timeout=10) == 0
    assert not path.exists()
    assert device.stderr.read() == b""
