"""Starts the demo's processes, restarts what dies, hands PINs over by descriptor, ends everything.

Each process leads a session of its own, so that its children end with it. A process that dies
before it is stopped is started again, at most five times within a minute.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from keyturn_demo.console import StepFailed

_POLL = 0.1
_BURST = 5
_WINDOW = 60.0


@dataclass
class Part:
    """One supervised process; `restart` False: it may end by itself."""

    name: str
    command: Sequence[str]
    log: Path
    pass_fds: tuple[int, ...] = ()
    restart: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)  # beside the supervisor's
    process: subprocess.Popen[bytes] | None = None
    starts: list[float] = field(default_factory=list)

    @property
    def pid(self) -> int:
        if self.process is None:
            raise StepFailed(f"{self.name} was never started")
        return self.process.pid


class Supervisor:
    """Owns every process of the demo. Use as a context manager."""

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs = logs
        self._environment = dict(environment)
        self._parts: dict[str, Part] = {}
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._watcher.start()
        self.restarts: list[str] = []

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        pass_fds: tuple[int, ...] = (),
        restart: bool = True,
        environment: Mapping[str, str] | None = None,
    ) -> Part:
        """Start a part; its output goes to a log file of its own."""
        log = self._logs / f"{name}.log"
        part = Part(name, command, log, pass_fds, restart, dict(environment or {}))
        with self._lock:
            self._parts[name] = part
            self._spawn(part)
        return part

    def part(self, name: str) -> Part:
        return self._parts[name]

    def wait_exit(self, name: str, seconds: float) -> int:
        """The exit status of a part that ends by itself. Raises StepFailed."""
        process = self._parts[name].process
        if process is None:
            raise StepFailed(f"{name} was never started")
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise StepFailed(f"{name} did not end within {seconds:.0f} s") from None

    def check(self, name: str) -> None:
        """Raises StepFailed when a part that should run has given up."""
        part = self._parts[name]
        if part.process is None or part.process.poll() is not None:
            raise StepFailed(f"{name} is not running; {tail(part.log)}")

    def check_given_up(self, name: str) -> None:
        """Raises StepFailed when a part died too often to be started again."""
        if not self._parts[name].restart:
            self.check(name)

    def stop(self, name: str) -> None:
        with self._lock:
            part = self._parts.pop(name, None)
        if part is not None:
            _end([part])

    def close(self) -> None:
        """Stop everything, in the reverse order of starting; nobody is left."""
        self._stopping.set()
        self._watcher.join()
        with self._lock:
            parts = list(self._parts.values())[::-1]
            self._parts.clear()
        _end(parts)

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _spawn(self, part: Part) -> None:
        part.starts.append(time.monotonic())
        with part.log.open("ab") as log:
            part.process = subprocess.Popen(
                part.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**self._environment, **part.environment},
                pass_fds=part.pass_fds,
                start_new_session=True,
            )

    def _watch(self) -> None:
        while not self._stopping.wait(_POLL):
            with self._lock:
                for part in self._parts.values():
                    self._revive(part)

    def _revive(self, part: Part) -> None:
        if not part.restart or part.process is None or part.process.poll() is None:
            return
        recent = [each for each in part.starts if time.monotonic() - each < _WINDOW]
        if len(recent) > _BURST:
            part.restart = False
            return
        self.restarts.append(part.name)
        self._spawn(part)


def tail(log: Path, lines: int = 12) -> str:
    """The end of a log, for messages."""
    if not log.exists():
        return "it wrote no log"
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    return f"{log.name} ends:\n" + "\n".join(text)


def _end(parts: Sequence[Part]) -> None:
    """SIGTERM to the process, then SIGKILL to its whole session."""
    for part in parts:
        if part.process is not None and part.process.poll() is None:
            with suppress(ProcessLookupError):
                part.process.terminate()
    for part in parts:
        if part.process is None:
            continue
        with suppress(subprocess.TimeoutExpired):
            part.process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(part.process.pid, signal.SIGKILL)
        part.process.wait()
