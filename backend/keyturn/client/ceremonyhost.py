"""A host process of one's own: for a genesis, a rehearsal, a restore (our protocol §10.7).

The process is started by its module's name and talked to by its socket; nothing of it is imported
here. It ends with `end`, or with the pipe that this side holds: it does not outlive who began it.
"""

import contextlib
import os
import select
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from keyturn.base.errors import UnreachableError
from keyturn.client.ceremonydoor import LocalDoor

MODULE = "keyturn.keyholder.ceremonies.host"
START_SECONDS = 30.0
END_SECONDS = 10.0
_MAX_SAID = 4096


class HostFailed(UnreachableError):
    """The host process did not start, or ended by itself."""


class HostProcess:
    """One running host. Use as a context manager."""

    def __init__(self, process: "subprocess.Popen[bytes]", socket: Path) -> None:
        self._process = process
        self.door = LocalDoor(socket)

    @classmethod
    def start(
        cls,
        directory: Path,
        socket: Path,
        *,
        rehearsal: bool = False,
        module: Path | None = None,
        environment: Mapping[str, str] | None = None,
        seconds: float = START_SECONDS,
    ) -> Self:
        """Start one and wait until it answers. Raises HostFailed with what it said."""
        process = subprocess.Popen(
            [sys.executable, "-m", MODULE, *arguments(directory, socket, module, rehearsal)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**(os.environ if environment is None else environment)},
        )
        try:
            _wait_until_ready(process, seconds)
        except BaseException:
            _end(process)
            raise
        return cls(process, socket)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        """Stop it; what it was doing it takes up again when it is started anew."""
        _end(self._process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()


def arguments(directory: Path, socket: Path, module: Path | None, rehearsal: bool) -> list[str]:
    """The command line of the host's module."""
    found = ["--directory", str(directory), "--socket", str(socket)]
    found += ["--module", str(module)] if module is not None else []
    return found + (["--rehearsal"] if rehearsal else [])


def _wait_until_ready(process: "subprocess.Popen[bytes]", seconds: float) -> None:
    """It writes one line when its socket listens."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    said = os.read(process.stdout.fileno(), _MAX_SAID) if ready else b""
    if said:
        return
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(END_SECONDS)
    assert process.stderr is not None
    told = os.read(process.stderr.fileno(), _MAX_SAID) if process.poll() is not None else b""
    raise HostFailed(
        "the host process did not start",
        found=told.decode(errors="replace").strip()[-400:] or "nothing said",
        expected=f"a line within {seconds:g} s",
    )


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for each in (process.stdin, process.stdout, process.stderr):
        if each is not None:
            each.close()
