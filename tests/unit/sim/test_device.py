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
from keyturn_sim import SimNode
from keyturn_sim.device import MAX_FRAME, answer

BACKEND = Path(__file__).resolve().parents[3] / "backend"


def ask(node: SimNode, request: dict[str, object]) -> dict[str, object]:
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
