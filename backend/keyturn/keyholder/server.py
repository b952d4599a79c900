"""The keyholder's unix sockets: one thread a connection, frames in, frames out (our protocol §7.1).

No network socket, ever. The files' mode 0600 decides who may connect; what they say is judged
as if it came from an attacker. The second socket, `<socket>.local`, is for the command on this
machine: its connections are counted apart, so that a control plane which holds all it can get
does not keep a revocation out.
"""

import contextlib
import errno
import logging
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.base.strictjson import JsonObject
from keyturn.keyholder.connections import Connections, Doing, Held, give
from keyturn.keyholder.errors import KeyholderStopped, SocketPathTooLong
from keyturn.wire.errors import PeerUnreachable
from keyturn.wire.frames import encode_frame
from keyturn.wire.keyholder import AnyRequest, error_answer, parse_request

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 128
MAX_LOCAL = 16
MAX_SOCKET_PATH = 107  # bytes: sun_path of unix(7), without its terminator

_BACKLOG = 4096  # a full one turns callers away before any of this is asked

_SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.ECONNABORTED)
_SCARCE_SECONDS = 0.2

Answer = Callable[[AnyRequest], dict[str, object]]


def local_socket(path: Path) -> Path:
    """The socket of the local command, beside the keyholder's."""
    return path.with_name(path.name + ".local")


def check_socket_path(path: Path) -> None:
    """Both sockets' paths, before anything is begun there. Raises SocketPathTooLong."""
    longest = os.fsencode(local_socket(path).absolute())
    if len(longest) > MAX_SOCKET_PATH:
        raise SocketPathTooLong(
            "the socket's path is too long for Linux",
            found=f"{len(longest)} bytes: {local_socket(path).absolute()}",
            expected=f"at most {MAX_SOCKET_PATH} bytes",
            hint="choose a directory nearer to the root",
        )


class KeyholderServer:
    """Serves `answer` on both sockets until `stop`; calls `fatal` when it cannot go on."""

    def __init__(self, path: Path, answer: Answer, fatal: Callable[[str], None]) -> None:
        self._answer = answer
        self._fatal = fatal
        self._door = _Door(path, MAX_CONNECTIONS, self._answered)
        try:
            self._local = _Door(local_socket(path), MAX_LOCAL, self._answered)
        except BaseException:
            self._door.stop()
            raise

    def serve(self) -> None:
        """Accept until `stop`. Connections over the limit displace the longest idle ones."""
        local = threading.Thread(target=self._serve_local, name="local-listener", daemon=True)
        local.start()
        self._door.serve()
        local.join()

    def stop(self) -> None:
        """Close the sockets and every connection; answers under way are cut off."""
        self._door.stop()
        self._local.stop()

    def _serve_local(self) -> None:
        try:
            self._local.serve()
        except OSError as error:
            self._fatal(f"the local listener ended: {error.strerror or error}")

    def _answered(self, document: JsonObject) -> dict[str, object] | JsonObject:
        try:
            return self._answer(parse_request(document))
        except KeyholderStopped as error:
            self._fatal(str(error))
            return error_answer(error)
        except KeyturnError as error:
            logger.info("refused: %s: %s", type(error).__name__, error)
            return error_answer(error)
        except Exception as error:  # outermost loop of a connection: say no, and stop
            logger.exception("a fault in the keyholder")
            self._fatal(f"fault: {type(error).__name__}")
            return error_answer(KeyturnError("the keyholder has a fault and stops"))


class _Door:
    """One listening socket with connections of its own."""

    def __init__(
        self,
        path: Path,
        limit: int,
        answered: Callable[[JsonObject], dict[str, object] | JsonObject],
    ) -> None:
        self._path = path
        self._answered = answered
        self._stopping = threading.Event()
        self._connections = Connections(limit)
        self._listener = _listen(path)

    def serve(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError as error:
                if self._stopping.is_set():
                    return
                if error.errno not in _SCARCE:
                    raise
                self._make_do(error.strerror or str(error))
                continue
            held = self._connections.hold(connection)
            if held is None:
                connection.close()
                return
            try:
                threading.Thread(target=self._serve, args=(held,), daemon=True).start()
            except RuntimeError as error:  # no more threads
                self._connections.release(held)
                connection.close()
                self._make_do(str(error))

    def stop(self) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._connections.close()
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()

    def _make_do(self, why: str) -> None:
        """The system is short of something: give up an idle connection, and go on."""
        logger.error("no connection can be accepted now: %s", why)
        self._connections.evict()
        self._stopping.wait(_SCARCE_SECONDS)

    def _serve(self, held: Held) -> None:
        try:
            with held.socket:
                while self._one(held):
                    pass
        except (PeerUnreachable, MalformedError) as error:
            logger.info("connection ended: %s", error)
        finally:
            self._connections.release(held)

    def _one(self, held: Held) -> bool:
        document = self._connections.receive(held)
        if document is None:
            return False
        self._connections.now(held, Doing.ANSWERED)
        answer = self._answered(document)
        self._connections.now(held, Doing.TAKING)
        give(held.socket, encode_frame(answer))
        self._connections.now(held, Doing.ASKING)
        return True


def _listen(path: Path) -> socket.socket:
    """Raises KeyholderStopped where there is no listening."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise KeyholderStopped(
            f"cannot listen on {path}: {error.strerror or error}", hint="check the setting 'socket'"
        ) from error
    return listener
