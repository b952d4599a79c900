"""The shipped witness behind TLS, in a thread of the test."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from keyturn.base.encoding import Digest
from keyturn.wire.serveridentity import server_identity
from keyturn.wire.tls import Pin, pinned_client
from keyturn.witness.config import LogSettings, WitnessConfig
from keyturn.witness.keyfile import new_key_file, open_key_file
from keyturn.witness.program import make_server, opened_logs
from keyturn.witness.watched import WatchedLog
from support.authority import Clock
from support.witnesses import Pen

NAME = "witness.example/w1"


@dataclass
class RunningWitness:
    url: str
    pin: Pin
    log: WatchedLog

    @contextlib.contextmanager
    def client(self) -> Iterator[httpx.Client]:
        with pinned_client(self.url, self.pin, timeout=20) as client:
            yield client


def witness_config(directory: Path, bundle: bytes, fingerprint: Digest) -> WitnessConfig:
    """Key, bundle and data in this directory; made when they are not there."""
    directory.mkdir(exist_ok=True)
    key = directory / "witness.key"
    if not key.exists():
        new_key_file(key, None)
    (directory / "authority.bundle").write_bytes(bundle)
    logs = (LogSettings(fingerprint, directory / "authority.bundle"),)
    return WitnessConfig(NAME, key, directory / "data", logs, port=0)


def pen_of(config: WitnessConfig) -> Pen:
    """Its key, as a roster or a forger needs it."""
    return Pen(config.name, open_key_file(config.key, None))


@contextlib.contextmanager
def running_witness(config: WitnessConfig, clock: Clock) -> Iterator[RunningWitness]:
    listening = threading.Event()
    url: list[str] = []

    def on_ready(at: str) -> None:
        url.append(at)
        listening.set()

    with opened_logs(config, None, clock) as logs:
        identity = server_identity(config.data / "tls", (), clock())
        server = make_server(config, logs, identity, on_ready)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
        thread.start()
        try:
            assert listening.wait(20)
            (log,) = logs.values()
            yield RunningWitness(url[0], identity.pin, log)
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()
