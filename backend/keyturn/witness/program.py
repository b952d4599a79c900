"""The witness as a process: its key and state, TLS, a ready line, a clean stop on SIGTERM."""

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from keyturn.quorum.bundle import MAX_BUNDLE
from keyturn.serving.listening import ListeningServer, listening_config
from keyturn.wire.serveridentity import ServerIdentity, server_identity
from keyturn.witness.config import WitnessConfig
from keyturn.witness.disk import Disk, Files
from keyturn.witness.errors import UnknownLog, WitnessUnwritable
from keyturn.witness.http import WitnessHttp
from keyturn.witness.keyfile import open_key_file, witness_of
from keyturn.witness.watched import Clock, WatchedLog

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 256
KEEP_ALIVE_SECONDS = 5


def clock() -> datetime:
    return datetime.now(UTC)


@contextlib.contextmanager
def opened_logs(
    config: WitnessConfig, passphrase: bytes | None, clock: Clock, disk: Disk | None = None
) -> Iterator[dict[str, WatchedLog]]:
    """The logs by origin, with this process as the only one that has their state.

    Raises WitnessKeyRefused, WitnessUnwritable, DamagedState, UnknownLog, and as `load_bundle`.
    """
    witness, sign = witness_of(config.name, open_key_file(config.key, passphrase))
    files = Files(config.data, disk)
    files.lock()
    try:
        logs: dict[str, WatchedLog] = {}
        for each in config.logs:
            bundle = _read_bundle(each.bundle)
            log = WatchedLog(bundle, each.fingerprint, witness, sign, files, clock)
            if log.origin in logs:
                raise UnknownLog("two logs of one origin", found=log.origin)
            logs[log.origin] = log
        yield logs
    finally:
        files.unlock()


def make_server(
    config: WitnessConfig,
    logs: dict[str, WatchedLog],
    identity: ServerIdentity,
    on_ready: Callable[[str], None],
) -> ListeningServer:
    """A server that is not running yet."""
    settings = listening_config(
        WitnessHttp(logs).app(),
        identity,
        (config.host, config.port),
        connections=MAX_CONNECTIONS,
        keep_alive=KEEP_ALIVE_SECONDS,
    )
    return ListeningServer(settings, "the witness", on_ready)


def run_witness(config: WitnessConfig, passphrase: bytes | None, ready_fd: int | None) -> None:
    """Until SIGTERM or SIGINT. Raises as `opened_logs`, BrokenIdentity, CannotListen."""
    os.umask(0o077)
    with opened_logs(config, passphrase, clock) as logs:
        identity = server_identity(config.data / "tls", config.names, clock())

        def on_ready(url: str) -> None:
            line = json.dumps({"ready": True, "url": url, "pin": identity.pin}) + "\n"
            os.write(1 if ready_fd is None else ready_fd, line.encode())
            if ready_fd is not None:
                os.close(ready_fd)

        server = make_server(config, logs, identity, on_ready)
        asyncio.run(server.serve())
    logger.info("stopped")


def _read_bundle(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BUNDLE + 1)
    except OSError as error:
        raise WitnessUnwritable(
            f"the authority bundle cannot be read: {error.strerror or error}", found=str(path)
        ) from error
