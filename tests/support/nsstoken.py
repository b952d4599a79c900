"""An NSS softoken key database as a second token: only for trying what pre-flight says of it.

NSS is started once a process, so every use is a process of its own, as in production.
"""

import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import keyturn
from keyturn.hsm.client import HsmWorker, StartingWorker, WorkerConfig
from keyturn.hsm.errors import HsmUnreachable
from keyturn.hsm.modules import find_nss, library_path
from keyturn.hsm.pins import new_pin, pin_file
from support.nssworker import DIRECTORY_VARIABLE

ROOT = Path(__file__).resolve().parents[2]
NSS_LABEL = "NSS Certificate DB"  # fixed by the module
_INITIALISE = """
import sys
from pathlib import Path
from keyturn.hsm.pins import read_pin
from keyturn.hsm.vendors import start_module
library = start_module(Path(sys.argv[1]), Path(sys.argv[2]))
token = next(each for each in library.tokens() if not each.initialised)
pin = read_pin(int(sys.argv[3]))
with library.session(token.slot) as session:
    session.login(bytearray(), security_officer=True)
    session.init_pin(pin)
library.close()
"""


def nss_module() -> Path:
    """NSS's module, also from packages unpacked into the checkout; skips without."""
    try:
        return find_nss(ROOT / ".cache" / "debian" / "root")
    except HsmUnreachable as error:
        pytest.skip(f"{error}")


@dataclass(frozen=True, slots=True)
class NssToken:
    """A key database with a password."""

    module: Path
    directory: Path
    pin: bytes

    def run(self, program: str, *arguments: str, pin: bytes | None = None) -> "Done":
        """A program of Python in a process of its own, with module, directory, PIN descriptor."""
        with _held(pin or self.pin) as descriptor:
            first = (str(self.module), str(self.directory), str(descriptor))
            done = subprocess.run(
                [sys.executable, "-P", "-c", program, *first, *arguments],
                capture_output=True,
                pass_fds=(descriptor,),
                env=_environment(self.module),
                check=False,
            )
        return Done(done.returncode, done.stdout, done.stderr.decode())

    @contextmanager
    def worker(self) -> Iterator[HsmWorker]:
        """Operations on it, by the worker of the tests (`nssworker`)."""
        config = WorkerConfig(self.module, NSS_LABEL)
        with _held(self.pin) as descriptor:
            starting = _StartingNssWorker(config, self.directory, descriptor)
        with HsmWorker.from_started(config, starting) as worker:
            yield worker


class _StartingNssWorker(StartingWorker):
    """As one of Keyturn's, but another program."""

    def __init__(self, config: WorkerConfig, directory: Path, pin_fd: int) -> None:
        self._config = config
        self.channel, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-m", "support.nssworker"]
        command += ["--module", str(config.module), "--token-label", config.token_label]
        command += ["--socket-fd", str(theirs.fileno()), "--pin-fd", str(pin_fd)]
        with theirs:
            self.process = subprocess.Popen(
                command,
                env=_environment(config.module) | {DIRECTORY_VARIABLE: str(directory)},
                pass_fds=(theirs.fileno(), pin_fd),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )


@dataclass(frozen=True, slots=True)
class Done:
    status: int
    output: bytes
    errors: str

    def document(self) -> dict[str, Any]:
        document = json.loads(self.output)
        assert isinstance(document, dict)
        return document


def make_nss(directory: Path) -> NssToken:
    """A new key database below `directory`, with a PIN and no keys."""
    directory.mkdir(mode=0o700)
    token = NssToken(nss_module(), directory, bytes(new_pin(secrets.token_bytes(16))))
    done = token.run(_INITIALISE)
    assert done.status == 0, done.errors
    return token


def _environment(module: Path) -> dict[str, str]:
    places = (Path(keyturn.__file__).resolve().parents[1], ROOT / "tests")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(map(str, places))}
    libraries = library_path(module)
    return environment | ({"LD_LIBRARY_PATH": libraries} if libraries else {})


@contextmanager
def _held(pin: bytes) -> Iterator[int]:
    descriptor = pin_file(bytearray(pin))
    try:
        yield descriptor
    finally:
        os.close(descriptor)
