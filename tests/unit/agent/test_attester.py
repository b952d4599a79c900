"""The device socket: what is not evidence is refused, silence is told from nonsense."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from keyturn.agent.attester import DeviceSocket, collect
from keyturn.agent.errors import DeviceAnswerMalformed, DeviceUnreachable
from keyturn.base.encoding import b64
from keyturn.keyrelease.binding import compute_binding, device_evidence, device_nonce

CORE = b"k" * 32
SNP = {"report": b64(bytes(1184)), "vek": b64(b"v"), "intermediate": b64(b"i"), "root": b64(b"r")}
DESCRIBED = {"tee": "snp", "devices": [{"kind": "nvidia-gpu"}], "simulated": True}


@contextmanager
def device(path: Path, answers: Callable[[dict[str, object]], bytes | None]) -> Iterator[None]:
    """Frames by hand: `answers` gives the JSON bytes of each answer, None closes."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(path))
    server.listen()

    def run() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            with peer, peer.makefile("rb") as stream:
                size = int.from_bytes(stream.read(4), "big")
                if size == 0:
                    return
                body = answers(json.loads(stream.read(size)))
                if body is not None:
                    peer.sendall(len(body).to_bytes(4, "big") + body)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(str(path))
            last.sendall(bytes(4))
        thread.join(5)
        server.close()


def fixed(answer: object) -> Callable[[dict[str, object]], bytes]:
    return lambda _: json.dumps(answer).encode()


def test_collects_devices_first_each_over_its_nonce(tmp_path: Path) -> None:
    asked: list[dict[str, object]] = []

    def answers(request: dict[str, object]) -> bytes:
        asked.append(request)
        gpu = {"report": b64(b"gpu"), "chain": [b64(b"leaf"), b64(b"root")]}
        return json.dumps(
            {"describe": DESCRIBED, "gpu": gpu, "snp": SNP}[str(request["op"])]
        ).encode()

    with device(tmp_path / "d", answers):
        evidence = collect(DeviceSocket(tmp_path / "d"), CORE)

    binding = compute_binding(CORE, [device_evidence(b"gpu", [b"leaf", b"root"])])
    assert asked == [
        {"op": "describe"},
        {"op": "gpu", "index": 0, "nonce": device_nonce(CORE, 0).hex()},
        {"op": "snp", "report_data": binding.hex()},
    ]
    assert evidence.gpus[0].chain == (b"leaf", b"root")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {**SNP, "report": b64(bytes(1183))},
        {**SNP, "more": 1},
        {**SNP, "vek": "?"},
        {"error": "no"},
    ],
)
def test_what_is_no_snp_evidence_is_refused(tmp_path: Path, answer: object) -> None:
    with device(tmp_path / "d", fixed(answer)), pytest.raises(DeviceAnswerMalformed):
        DeviceSocket(tmp_path / "d").snp(bytes(64))


@pytest.mark.parametrize("chain", [[], [1], [""], "x", ["A" * 3]])
def test_what_is_no_chain_is_refused(tmp_path: Path, chain: object) -> None:
    answer = {"report": b64(b"r"), "chain": chain}
    with device(tmp_path / "d", fixed(answer)), pytest.raises(DeviceAnswerMalformed):
        DeviceSocket(tmp_path / "d").gpu(0, bytes(32))


@pytest.mark.parametrize("described", [{**DESCRIBED, "tee": "tdx"}, {**DESCRIBED, "devices": [{}]}])
def test_another_machine_is_refused(tmp_path: Path, described: object) -> None:
    with device(tmp_path / "d", fixed(described)), pytest.raises(DeviceAnswerMalformed):
        DeviceSocket(tmp_path / "d").describe()


def test_nobody_there_and_nothing_said_are_unreachable(tmp_path: Path) -> None:
    with pytest.raises(DeviceUnreachable):
        DeviceSocket(tmp_path / "absent").describe()
    with device(tmp_path / "d", lambda _: None), pytest.raises(DeviceUnreachable):
        DeviceSocket(tmp_path / "d").describe()
