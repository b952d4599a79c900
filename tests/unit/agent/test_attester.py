"""The device socket: what is not evidence is refused, silence is told from nonsense."""

import json
from pathlib import Path

import pytest

from keyturn.agent.attester import DeviceSocket, Machine, collect
from keyturn.base.encoding import b64
from keyturn.guest.errors import DeviceAnswerMalformed, DeviceUnreachable
from keyturn.keyrelease.binding import (
    compute_binding,
    device_evidence,
    device_nonce,
    paravisor_nonce,
)
from keyturn.keyrelease.request import GpuEvidence, SnpEvidence, SwitchEvidence, TdxEvidence
from keyturn.keyrelease.tpmpart import TpmPart
from support.devices import device, fixed

CORE = b"k" * 32
SNP = {"report": b64(bytes(1184)), "vek": b64(b"v"), "intermediate": b64(b"i"), "root": b64(b"r")}
DESCRIBED = {"tee": "snp", "devices": [{"kind": "nvidia-gpu"}], "simulated": True}


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


def test_collects_a_td_and_its_switches_numbered_through(tmp_path: Path) -> None:
    asked: list[dict[str, object]] = []
    kinds = ["nvidia-gpu", "nvidia-gpu", "nvidia-switch"]
    described = {"tee": "tdx", "devices": [{"kind": each} for each in kinds], "simulated": False}

    def answers(request: dict[str, object]) -> bytes:
        asked.append(request)
        name = f"{request['op']} {request.get('index')}".encode()
        device = {"report": b64(name), "chain": [b64(b"leaf")]}
        tdx = {"quote": b64(b"quote")}
        found = {"describe": described, "gpu": device, "switch": device, "tdx": tdx}
        return json.dumps(found[str(request["op"])]).encode()

    with device(tmp_path / "d", answers):
        evidence = collect(DeviceSocket(tmp_path / "d"), CORE)

    shown = [device_evidence(name, [b"leaf"]) for name in (b"gpu 0", b"gpu 1", b"switch 0")]
    assert asked[3:] == [
        {"op": "switch", "index": 0, "nonce": device_nonce(CORE, 2).hex()},
        {"op": "tdx", "report_data": compute_binding(CORE, shown).hex()},
    ]
    assert evidence.cpu == TdxEvidence(b"quote")
    assert evidence.switches[0].report == b"switch 0"


def test_a_paravisors_tpm_is_quoted_last_over_the_binding() -> None:
    order: list[str] = []

    class Behind:
        def describe(self) -> Machine:
            return Machine(1, simulated=True, paravisor=True)

        def gpu(self, index: int, nonce: bytes) -> GpuEvidence:
            order.append("gpu")
            return GpuEvidence(b"gpu", (b"leaf",))

        def switch(self, index: int, nonce: bytes) -> SwitchEvidence:
            raise AssertionError

        def cpu(self, report_data: bytes) -> SnpEvidence:
            order.append("cpu")
            return SnpEvidence(b"r", b"v", b"i", b"r", b"runtime")

    class Last:
        def __init__(self) -> None:
            self.asked: list[bytes] = []

        def ak_name(self) -> bytes:
            raise AssertionError

        def quote(self, nonce: bytes) -> TpmPart:
            order.append("tpm")
            self.asked.append(nonce)
            return TpmPart(b"q", b"s", b"a", (), {}, None)

        def forget(self) -> None: ...

    tpm = Last()
    collect(Behind(), CORE, tpm)
    binding = compute_binding(CORE, [device_evidence(b"gpu", [b"leaf"])])
    assert (order, tpm.asked) == (["gpu", "cpu", "tpm"], [paravisor_nonce(binding)])


@pytest.mark.parametrize(
    "answer", [{}, {"quote": ""}, {"quote": b64(bytes(40_000))}, {"error": ""}]
)
def test_what_is_no_quote_is_refused(tmp_path: Path, answer: object) -> None:
    with device(tmp_path / "d", fixed(answer)), pytest.raises(DeviceAnswerMalformed):
        DeviceSocket(tmp_path / "d").tdx(bytes(64))


SWITCH_FIRST = [{"kind": "nvidia-switch"}, {"kind": "nvidia-gpu"}]


@pytest.mark.parametrize(
    "described",
    [
        {**DESCRIBED, "tee": "sgx"},
        {**DESCRIBED, "devices": [{}]},
        {**DESCRIBED, "devices": SWITCH_FIRST},
        {**DESCRIBED, "more": 1},
    ],
)
def test_another_machine_is_refused(tmp_path: Path, described: object) -> None:
    with device(tmp_path / "d", fixed(described)), pytest.raises(DeviceAnswerMalformed):
        DeviceSocket(tmp_path / "d").describe()


def test_nobody_there_and_nothing_said_are_unreachable(tmp_path: Path) -> None:
    with pytest.raises(DeviceUnreachable):
        DeviceSocket(tmp_path / "absent").describe()
    with device(tmp_path / "d", lambda _: None), pytest.raises(DeviceUnreachable):
        DeviceSocket(tmp_path / "d").describe()
