"""A ceremony's host as a process of its own, on the ceremony's machine (our protocol §10.7).

`python -m keyturn.keyholder.ceremonies.host --directory D --socket S`: for a genesis, for a restore
where the token is lost, and with `--rehearsal` for rehearsals, whose directory is destroyed at the
end with all that is in it. One line of JSON on standard output says that it listens, and the words
of its key, by which a person at this machine knows it. It ends at
SIGTERM, and when standard input is closed: with whoever started it.
"""

import argparse
import json
import logging
import os
import secrets
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.hsm.hardening import harden
from keyturn.keyholder.ceremonies.actions.destroying import destroy_tree
from keyturn.keyholder.ceremonies.engine import CeremonyHost
from keyturn.keyholder.ceremonies.hostkey import SignHost
from keyturn.keyholder.ceremonies.site import DeskSite
from keyturn.keyholder.errors import KeyholderStopped
from keyturn.keyholder.identity import FILE as IDENTITY
from keyturn.keyholder.identity import (
    BrokenIdentityKey,
    WrongIdentityKey,
    check_identity,
    load_identity,
)
from keyturn.keyholder.initialise import SOCKET
from keyturn.keyholder.opening import clock
from keyturn.keyholder.server import KeyholderServer, check_socket_path
from keyturn.wire.ceremonies import CeremonyRequest
from keyturn.wire.keyholder import AnyRequest

logger = logging.getLogger(__name__)

_INPUT = 0
_REHEARSALS = "rehearsal-"


def main(arguments: Sequence[str]) -> int:
    """The process. Exit status 1: it could not begin, or not go on."""
    parser = argparse.ArgumentParser(prog="keyturn.keyholder.ceremonies.host")
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--module", type=Path)
    parser.add_argument("--rehearsal", action="store_true")
    options = parser.parse_args(arguments)
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    try:
        _check_paths(options.directory, options.socket, rehearsal=options.rehearsal)
        harden()
        with _place(options.directory, rehearsal=options.rehearsal) as directory:
            serve(directory, options.socket, options.module, rehearsal=options.rehearsal)
    except KeyturnError as error:
        _say({"listens": None, "error": str(error), "hint": error.hint})
        return 1
    return 0


def serve(directory: Path, path: Path, module: Path | None, *, rehearsal: bool) -> None:
    """Until it is told to stop. Raises KeyholderStopped when it cannot go on."""
    stop, ended = threading.Event(), []

    def fatal(why: str) -> None:
        ended.append(why)
        stop.set()

    def told(_: int, __: FrameType | None) -> None:
        stop.set()

    with ExitStack() as stack:
        site = DeskSite(directory, clock, module, rehearsal=rehearsal)
        stack.callback(site.close)
        host = CeremonyHost(site, sign=signer(site))
        stack.callback(host.close)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, told)
        server = KeyholderServer(path, lambda request: _answer(host, request), fatal)
        stack.callback(server.stop)
        threading.Thread(target=server.serve, name="listener", daemon=True).start()
        threading.Thread(target=_until_closed, args=(stop,), name="input", daemon=True).start()
        logger.info("the words of this host's key: %s", host.phrase)
        said = {"listens": str(path), "pid": os.getpid(), "rehearsal": rehearsal}
        _say({**said, "phrase": host.phrase})
        stop.wait()
    if ended:
        raise KeyholderStopped(ended[0], hint="start it again: it goes on from its records")


def _check_paths(directory: Path, path: Path, *, rehearsal: bool) -> None:
    """This host's socket, and the one of the keyholder that a genesis or a restore leaves in the
    directory. Raises SocketPathTooLong."""
    for each in [path] if rehearsal else [path, directory / SOCKET]:
        check_socket_path(each)


def signer(site: DeskSite) -> SignHost | None:
    """By the keyholder's identity key beside the log, where the `keys` statement in force names it.

    Where it is lost, nothing signs: custodians' programs then refuse this host, and say why.
    """
    state = site.state
    try:
        identity = load_identity(site.directory / IDENTITY)
        found = check_identity(identity, state.newest_keys if state is not None else None)
    except (WrongIdentityKey, BrokenIdentityKey) as error:
        logger.error("the host's key is not signed: %s", error)
        return None
    return None if found is None else found.sign


def _answer(host: CeremonyHost, request: AnyRequest) -> dict[str, object]:
    if not isinstance(request, CeremonyRequest):
        raise MalformedError("this host holds ceremonies, and nothing else", found=request.op)
    return host.answer(request)


def _until_closed(stop: threading.Event) -> None:
    """Whoever started this process went away. Not by `sys.stdin`: the interpreter's end waits for a
    buffer that this thread holds, and ends in an abort."""
    while os.read(_INPUT, 4096):
        pass
    stop.set()


def _say(document: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


@contextmanager
def _place(directory: Path, *, rehearsal: bool) -> Iterator[Path]:
    """The directory itself; for rehearsals a new one in it, destroyed at the end."""
    if not rehearsal:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield directory
        return
    inner = directory / f"{_REHEARSALS}{secrets.token_hex(8)}"
    inner.mkdir(mode=0o700, parents=True)
    try:
        yield inner
    finally:
        destroy_tree(inner)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
