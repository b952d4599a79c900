"""Evidence from the machine's own devices, the CPU last (our protocol §4.3).

`EvidenceSource` is what the agent needs of a machine; `DeviceSocket` speaks to a local process
that owns the devices, by framed JSON over a unix socket. Nothing here can sign evidence, and
nothing here judges it: that is the keyholder's.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from keyturn.base.encoding import unb64
from keyturn.base.errors import MalformedError, UnreachableError
from keyturn.base.strictjson import Fields, Json
from keyturn.guest.errors import DeviceAnswerMalformed, DeviceUnreachable
from keyturn.keyrelease.binding import (
    compute_binding,
    device_evidence,
    device_nonce,
    paravisor_nonce,
    tpm_nonce,
)
from keyturn.keyrelease.request import (
    MAX_QUOTE,
    Evidence,
    GpuEvidence,
    SnpEvidence,
    SwitchEvidence,
    TdxEvidence,
)
from keyturn.keyrelease.tpmpart import TpmPart
from keyturn.quorum.tee_rules import Tee
from keyturn.wire.frames import receive_frame, send_frame

MAX_DEVICES = 64
MAX_FRAME = 1 << 20
MAX_CHAIN = 16
MAX_CERTIFICATE = 16 << 10
MAX_GPU_REPORT = 64 << 10
SNP_REPORT_SIZE = 1184
"""Bytes, AMD publication 56860, table ATTESTATION_REPORT."""


class DeviceKind(Enum):
    GPU = "nvidia-gpu"
    SWITCH = "nvidia-switch"


@dataclass(frozen=True, slots=True)
class Machine:
    """What a source says of itself. It decides nothing: the evidence must show it.

    `paravisor`: one keeps the CPU's report data, so that the TPM is what is quoted last.
    """

    gpus: int
    simulated: bool
    switches: int = 0
    tee: Tee = Tee.SNP
    paravisor: bool = False


class EvidenceSource(Protocol):
    """A machine that can quote. Each call may take up to seconds.

    Every call raises DeviceUnreachable, or DeviceAnswerMalformed.
    """

    def describe(self) -> Machine: ...

    def gpu(self, index: int, nonce: bytes) -> GpuEvidence:
        """Quote GPU `index` over a 32-byte nonce."""

    def switch(self, index: int, nonce: bytes) -> SwitchEvidence:
        """Quote switch `index`, from 0, over a 32-byte nonce."""

    def cpu(self, report_data: bytes) -> SnpEvidence | TdxEvidence:
        """Quote the CPU over 64 bytes of report data."""


class TpmSource(Protocol):
    """A machine's TPM. Every call raises DeviceUnreachable, or DeviceAnswerMalformed."""

    def ak_name(self) -> bytes:
        """The name of the AK that `quote` signs with."""

    def quote(self, nonce: bytes) -> TpmPart:
        """Let the AK quote every register over 32 bytes."""

    def forget(self) -> None:
        """What a keyholder process knew of the AK is void."""


def collect(source: EvidenceSource, core: bytes, tpm: TpmSource | None = None) -> Evidence:
    """Let every device quote over `core` (32 bytes): no evidence can be swapped.

    The CPU is quoted last; behind a paravisor, which lets nobody ask its CPU, the TPM is.
    Raises DeviceUnreachable, or DeviceAnswerMalformed.
    """
    machine = source.describe()
    quoted_first = tpm is not None and not machine.paravisor
    part = tpm.quote(tpm_nonce(core)) if tpm is not None and quoted_first else None
    gpus = tuple(source.gpu(i, device_nonce(core, i)) for i in range(machine.gpus))
    switches = tuple(
        source.switch(i, device_nonce(core, machine.gpus + i)) for i in range(machine.switches)
    )
    shown: tuple[GpuEvidence | SwitchEvidence, ...] = (*gpus, *switches)
    binding = compute_binding(core, [device_evidence(each.report, each.chain) for each in shown])
    cpu = source.cpu(binding)
    if tpm is not None and not quoted_first:
        part = tpm.quote(paravisor_nonce(binding))
    return Evidence(cpu, gpus, part, switches)


class DeviceSocket:
    """The devices behind a unix socket: one connection a request, `timeout` seconds for each."""

    def __init__(self, path: Path, *, timeout: float = 10.0) -> None:
        self._path = path
        self._timeout = timeout
        self._tee: Tee | None = None  # as last described

    def describe(self) -> Machine:
        with _reading("describe"):
            fields = self._ask({"op": "describe"})
            tee = fields.choice("tee", Tee)
            listed = fields.objects("devices", limit=MAX_DEVICES)
            kinds = [device.choice("kind", DeviceKind) for device in listed]
            gpus = kinds.count(DeviceKind.GPU)
            if DeviceKind.SWITCH in kinds[:gpus]:
                raise DeviceAnswerMalformed("devices: a switch before a GPU", expected="GPUs first")
            simulated = fields.boolean("simulated")
            fields.done()
            self._tee = tee
            return Machine(gpus, simulated, len(kinds) - gpus, tee)

    def gpu(self, index: int, nonce: bytes) -> GpuEvidence:
        return GpuEvidence(*self._device("gpu", index, nonce))

    def switch(self, index: int, nonce: bytes) -> SwitchEvidence:
        return SwitchEvidence(*self._device("switch", index, nonce))

    def cpu(self, report_data: bytes) -> SnpEvidence | TdxEvidence:
        if (self._tee or self.describe().tee) is Tee.TDX:
            return self.tdx(report_data)
        return self.snp(report_data)

    def tdx(self, report_data: bytes) -> TdxEvidence:
        with _reading("tdx"):
            fields = self._ask({"op": "tdx", "report_data": report_data.hex()})
            quote = fields.b64("quote", limit=MAX_QUOTE)
            fields.done()
            if not quote:
                raise DeviceAnswerMalformed("the TD's quote is empty")
            return TdxEvidence(quote)

    def snp(self, report_data: bytes) -> SnpEvidence:
        with _reading("snp"):
            fields = self._ask({"op": "snp", "report_data": report_data.hex()})
            report = fields.b64("report", size=SNP_REPORT_SIZE)
            names = ("vek", "intermediate", "root")
            vek, intermediate, root = (fields.b64(each, limit=MAX_CERTIFICATE) for each in names)
            fields.done()
            return SnpEvidence(report, vek, intermediate, root)

    def _device(self, op: str, index: int, nonce: bytes) -> tuple[bytes, tuple[bytes, ...]]:
        """Report and chain of one device."""
        with _reading(op):
            fields = self._ask({"op": op, "index": index, "nonce": nonce.hex()})
            report = fields.b64("report", limit=MAX_GPU_REPORT)
            chain = tuple(
                _certificate(each, place)
                for place, each in enumerate(fields.items("chain", limit=MAX_CHAIN))
            )
            fields.done()
            if not report or not chain:
                raise DeviceAnswerMalformed(f"{op} {index} gave no report or no certificates")
            return report, chain

    def _ask(self, request: dict[str, object]) -> Fields:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(self._timeout)
                connection.connect(str(self._path))
                send_frame(connection, request, limit=MAX_FRAME)
                answer = receive_frame(connection, limit=MAX_FRAME)
        except (OSError, UnreachableError) as error:
            raise DeviceUnreachable(
                f"the device process does not answer: {error}",
                hint=f"Is it listening at {self._path}?",
            ) from error
        if answer is None:
            raise DeviceUnreachable("the device process closed without an answer")
        return Fields(answer, "device answer")


@contextmanager
def _reading(op: str) -> Iterator[None]:
    try:
        yield
    except DeviceAnswerMalformed:
        raise
    except MalformedError as error:
        raise DeviceAnswerMalformed(
            f"device '{op}': {error.message}", found=error.found, expected=error.expected
        ) from error


def _certificate(value: Json, place: int) -> bytes:
    if not isinstance(value, str) or not value:
        raise DeviceAnswerMalformed(f"device answer: chain[{place}] is not text")
    return unb64(value, what=f"device answer: chain[{place}]")
