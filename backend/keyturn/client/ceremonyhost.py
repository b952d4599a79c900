"""A host process of one's own: for a genesis, a rehearsal, a restore (our protocol §10.7).

The process is started by its module's name and talked to by its socket; nothing of it is imported
here. It ends with `end`, or with the pipe that this side holds: it does not outlive who began it.
"""

import contextlib
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from keyturn.base.errors import MalformedError, UnreachableError
from keyturn.base.strictjson import parse_object
from keyturn.client.ceremonydoor import LocalDoor

MODULE = "keyturn.keyholder.ceremonies.host"
START_SECONDS = 30.0
END_SECONDS = 10.0
_MAX_SAID = 4096


class HostFailed(UnreachableError):
    """The host process did not start, or ended by itself."""


class HostProcess:
    """One running host. Use as a context manager."""

    def __init__(self, process: "subprocess.Popen[bytes]", socket: Path, phrase: str = "") -> None:
        """`phrase`: the words of its key, as it said them to this process, which started it."""
        self._process = process
        self.door = LocalDoor(socket)
        self.phrase = phrase

    @classmethod
    def start(
        cls,
        directory: Path,
        socket: Path,
        *,
        rehearsal: bool = False,
        module: Path | None = None,
        environment: Mapping[str, str] | None = None,
        log: Path | None = None,
        seconds: float = START_SECONDS,
    ) -> Self:
        """Start one and wait until it listens; what it tells its operator goes to `log`.

        Raises HostFailed with what it said.
        """
        with _stderr(log) as stderr:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    MODULE,
                    *arguments(directory, socket, module, rehearsal=rehearsal),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**(os.environ if environment is None else environment)},
            )
        try:
            phrase = _wait_until_ready(process, seconds)
        except BaseException:
            _end(process)
            raise
        return cls(process, socket, phrase)

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


def arguments(directory: Path, socket: Path, module: Path | None, *, rehearsal: bool) -> list[str]:
    """The command line of the host's module."""
    found = ["--directory", str(directory), "--socket", str(socket)]
    found += ["--module", str(module)] if module is not None else []
    return found + (["--rehearsal"] if rehearsal else [])


@contextlib.contextmanager
def _stderr(log: Path | None) -> Iterator[int]:
    if log is None:
        yield subprocess.DEVNULL
        return
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HostFailed(f"cannot write {log}", found=error.strerror or "") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _wait_until_ready(process: "subprocess.Popen[bytes]", seconds: float) -> str:
    """It writes one line of JSON when its socket listens, or why it does not. Gives its phrase."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    line = process.stdout.readline(_MAX_SAID) if ready else b""
    try:
        said = parse_object(line, limit=_MAX_SAID, what="the host's first line")
        if said.nullable("listens", said.text) is not None:
            return said.text("phrase", limit=400)
        why, hint = said.text("error", empty=True), said.text("hint", empty=True)
    except MalformedError:
        why, hint = line.decode(errors="replace").strip()[:400] or "nothing said", ""
    raise HostFailed(
        "the host process did not start",
        found=why,
        expected=f"that it listens within {seconds:g} s",
        hint=hint,
    )


def _end(process: "subprocess.Popen[bytes]") -> None:
    """It ends when its input is closed; if it does not, it is told to, and then made to."""
    for end in (partial(_close_input, process), process.terminate, process.kill):
        end()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
            break
    if process.stdout is not None:
        process.stdout.close()


def _close_input(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin is not None:
        process.stdin.close()
