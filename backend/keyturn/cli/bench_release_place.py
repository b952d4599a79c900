"""What `keyturn bench release` measures: a real keyholder on a real token, in a scratch directory.

The keyholder, its HSM worker, the simulated devices and the load are processes of their own, and
all end with the context. The simulator is another distribution: it is run as the program
`keyturn-sim`, never imported.
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from keyturn.base.encoding import b64
from keyturn.base.errors import KeyturnError, UnreachableError
from keyturn.base.strictjson import Fields, parse_object
from keyturn.cli.bench_release_desk import DRIVER, VBIOS, Admitted, Desk, Firmware
from keyturn.hsm.client import WorkerConfig
from keyturn.hsm.pins import pin_file
from keyturn.hsm.pkcs11 import wipe
from keyturn.hsm.process import child_command
from keyturn.keyholder.config import load_config
from keyturn.keyholder.opening import worker_config
from keyturn.wire.frames import receive_frame, send_frame
from keyturn.wire.keyholder import AskHello
from keyturn.wire.keyholder_client import ask_once

SIMULATOR = "keyturn-sim"
START_SECONDS = 30.0
_MAX_PLACE = 107 - len("/keyholder/keyholder.sock")  # bytes: unix(7)
_KEYTURN = "from keyturn.cli.main import main; main()"
_TICK = os.sysconf("SC_CLK_TCK")


class BenchImpossible(KeyturnError):
    """A part that the bench needs is not here, or did not start."""


@dataclass(frozen=True, slots=True)
class NodeKind:
    """Nodes that are alike: a name, and how many GPUs each has."""

    name: str
    gpus: int


KINDS = (NodeKind("cpu", 0), NodeKind("cpu+gpu", 1))


class LoadProcess:
    """The process that asks; it does one job after another."""

    def __init__(self, process: subprocess.Popen[bytes], channel: socket.socket) -> None:
        self._process = process
        self._channel = channel

    def ask(self, document: dict[str, object]) -> Fields:
        """Raises BenchImpossible when a job failed."""
        send_frame(self._channel, document)
        answer = receive_frame(self._channel)
        if answer is None:
            raise BenchImpossible("the load process died", found=str(self._process.poll()))
        fields = Fields(answer, "load")
        if fields.has("error"):
            error, found, expected = (fields.raw(each) for each in ("error", "found", "expected"))
            raise BenchImpossible(str(error), found=str(found), expected=str(expected))
        return fields


@dataclass(frozen=True, slots=True)
class Place:
    """A keyholder that is up, nodes that it grants, and the load in front of it."""

    directory: Path
    keyholder: subprocess.Popen[bytes]
    worker: WorkerConfig
    pin_fd: int
    models: dict[str, Admitted]
    load: LoadProcess

    def cpu_seconds(self) -> float:
        """CPU time so far of the keyholder and its HSM workers, in steps of 10 ms."""
        return sum(_cpu_of(pid) for pid in (self.keyholder.pid, *_children(self.keyholder.pid)))


@contextmanager
def made_place(
    directory: Path,
    nodes: int,
    workers: int,
    module: Path | None = None,
    founded: Callable[[Desk], None] = lambda _: None,
) -> Iterator[Place]:
    """Genesis, processes, statements: everything up to the first request.

    `founded` is given the desk while its PINs are there. Raises BenchImpossible, and what genesis
    and the keyholder raise.
    """
    if len(str(directory)) > _MAX_PLACE:
        raise BenchImpossible(
            "the directory's path is too long for a socket",
            found=f"{len(str(directory))} characters",
            expected=f"at most {_MAX_PLACE}",
            hint="choose a shorter --directory",
        )
    program = simulator()
    with ExitStack() as stack:
        firmware = Firmware(secrets.token_bytes(48), {i: secrets.token_bytes(48) for i in range(8)})
        roots, devices = _devices(program, directory, nodes, firmware, stack)
        desk = Desk(directory / "keyholder", module)
        founded(desk)
        pin_fd = pin_file(desk.founded.pin)
        stack.callback(os.close, pin_fd)
        wipe(desk.founded.pin)
        wipe(desk.founded.so_pin)
        config = load_config(desk.founded.config, {"KEYTURN_KEYHOLDER_WORKERS": str(workers)})
        keyholder = _keyholder(desk.founded.config, pin_fd, workers, directory, stack)
        _wait_for_keyholder(config.socket, keyholder, directory)
        desk.trust(config.socket, roots, firmware)
        models = {each.name: desk.admit(config.socket, each.name, each.gpus) for each in KINDS}
        load = _load(desk, config.socket, models, devices, stack)
        yield Place(directory, keyholder, worker_config(config), pin_fd, models, load)


def simulator() -> str:
    """The simulator's program. Raises BenchImpossible where it is not installed."""
    places = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    found = shutil.which(SIMULATOR, path=places)
    if found is None:
        raise BenchImpossible(
            "there is no simulator, and so nothing that could sign evidence",
            expected=f"the program {SIMULATOR}",
            hint="install the simulator's distribution beside this one (development only)",
        )
    return found


def _devices(
    program: str, directory: Path, nodes: int, firmware: Firmware, stack: ExitStack
) -> tuple[dict[str, str], dict[str, tuple[Path, ...]]]:
    """Vendors' roots, and a running device process for each node of each kind."""
    vendors = directory / "vendors"
    made = _run(program, "vendors", "--dir", str(vendors)).fields("roots")
    roots = {name: made.text(name) for name in made.names()}
    sockets: dict[str, tuple[Path, ...]] = {}
    for kind in KINDS:
        paths = []
        for number in range(nodes):
            config = directory / f"node-{kind.gpus}-{number}.json"
            path = config.with_suffix(".sock")
            _run(
                program,
                *("node", "--vendors", str(vendors), "--out", str(config)),
                *("--measurement", firmware.cpu.hex(), "--gpus", str(kind.gpus)),
                *("--driver", DRIVER, "--vbios", VBIOS),
                *(f"--gpu-measurement={i}={value.hex()}" for i, value in firmware.gpu.items()),
            )
            command = (program, "device", "--config", str(config), "--socket", str(path))
            stack.callback(_end, subprocess.Popen(command, stdin=subprocess.DEVNULL))
            paths.append(path)
        sockets[kind.name] = tuple(paths)
    for path in (each for paths in sockets.values() for each in paths):
        _wait_until(path.exists, f"the simulated device {path.name}")
    return roots, sockets


def _run(*command: str) -> Fields:
    done = subprocess.run(command, capture_output=True, check=False, timeout=START_SECONDS)
    if done.returncode:
        raise BenchImpossible(
            "the simulator failed", found=done.stderr.decode(errors="replace")[-300:]
        )
    return parse_object(done.stdout, limit=1 << 20, what="simulator's answer")


def _keyholder(
    config: Path, pin_fd: int, workers: int, directory: Path, stack: ExitStack
) -> subprocess.Popen[bytes]:
    log = stack.enter_context((directory / "keyholder.log").open("wb"))
    process = subprocess.Popen(
        (
            *(sys.executable, "-P", "-s", "-c", _KEYTURN),
            *("keyholder", "--config", str(config), "--pin-fd", str(pin_fd)),
        ),
        pass_fds=(pin_fd,),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={**os.environ, "KEYTURN_KEYHOLDER_WORKERS": str(workers)},
    )
    stack.callback(_end, process)
    return process


def _wait_for_keyholder(path: Path, keyholder: subprocess.Popen[bytes], directory: Path) -> None:
    def answers() -> bool:
        if keyholder.poll() is not None:
            said = (directory / "keyholder.log").read_text(errors="replace")
            raise BenchImpossible("the keyholder did not start", found=said[-500:])
        try:
            return bool(ask_once(path, AskHello()).simulation)
        except UnreachableError:
            return False

    _wait_until(answers, "the keyholder")


def _load(
    desk: Desk,
    keyholder: Path,
    models: Mapping[str, Admitted],
    devices: Mapping[str, tuple[Path, ...]],
    stack: ExitStack,
) -> LoadProcess:
    ours, theirs = socket.socketpair()
    stack.callback(ours.close)
    with theirs:
        command = child_command("keyturn.cli.bench_release_load", "--fd", str(theirs.fileno()))
        process = subprocess.Popen(command, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL)
    stack.callback(_end, process)
    load = LoadProcess(process, ours)
    load.ask(
        {
            "keyholder": str(keyholder),
            "fingerprint": desk.founded.fingerprint,
            "bundle": b64(desk.bundle),
            "variants": {
                name: {
                    "model": admitted.model,
                    "wrapped": b64(admitted.wrapped),
                    "devices": [str(each) for each in devices[name]],
                }
                for name, admitted in models.items()
            },
        }
    )
    return load


def _wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise BenchImpossible(f"{what} does not start", expected=f"in {START_SECONDS:g} s")
        time.sleep(0.02)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _children(pid: int) -> list[int]:
    """Processes whose parent is `pid`, from proc(5)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields and int(fields[1]) == pid:
                found.append(int(entry.name))
    return found


def _cpu_of(pid: int) -> float:
    """Seconds of user and system time, ended children not included."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / _TICK if fields else 0.0


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on; empty when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
