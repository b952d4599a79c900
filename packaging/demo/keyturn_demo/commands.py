"""Running `keyturn` and the simulator as a person would, secrets by descriptor."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keyturn_demo.console import StepFailed

KEYTURN = str(Path(sys.executable).parent / "keyturn")
SIMULATOR = (sys.executable, "-m", "keyturn_sim")

Document = dict[str, Any]


def secret_fd(secret: bytes | bytearray, name: str = "secret") -> int:
    """A memory file that holds a secret, for one child to read; the caller closes it."""
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC)
    os.writev(descriptor, [secret])
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


class Commands:
    """Runs commands to their end and reads their JSON."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)

    def keyturn(self, *arguments: str, pass_fds: tuple[int, ...] = (), ok: bool = True) -> Document:
        """One `keyturn … --json`. Raises StepFailed when it does not end as `ok` says."""
        return self._run((KEYTURN, *arguments, "--json"), pass_fds, ok)

    def simulator(self, *arguments: str) -> Document:
        return self._run((*SIMULATOR, *arguments), (), True)

    def python(self, *arguments: str, pass_fds: tuple[int, ...] = ()) -> Document:
        return self._run((sys.executable, *arguments), pass_fds, True)

    def background(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """A Python program whose JSON is fetched later with `collect`."""
        return subprocess.Popen(
            (sys.executable, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment,
        )

    def collect(self, process: "subprocess.Popen[bytes]", seconds: float = 120) -> Document:
        out, error = process.communicate(timeout=seconds)
        return _document(process.args, process.returncode, out, error, True)

    def _run(
        self, command: tuple[str, ...], pass_fds: tuple[int, ...], ok: bool, seconds: float = 120
    ) -> Document:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=self._environment,
            pass_fds=pass_fds,
            timeout=seconds,
            check=False,
        )
        return _document(command, done.returncode, done.stdout, done.stderr, ok)


def _document(command: object, status: int, out: bytes, error: bytes, ok: bool) -> Document:
    if (status == 0) != ok:
        said = (error + out).decode(errors="replace").strip()[-1500:]
        shown = " ".join(str(each) for each in command) if isinstance(command, tuple) else command
        raise StepFailed(f"{shown} ended with {status}:\n{said}")
    try:
        document = json.loads(out)
    except ValueError as problem:
        raise StepFailed(f"{command} printed no JSON: {problem}") from problem
    if not isinstance(document, dict):
        raise StepFailed(f"{command} printed no JSON object")
    return document
