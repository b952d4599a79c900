"""The keyholder's unix socket: one thread a connection, frames in, frames out (our protocol §7.1).

No network socket, ever. The file's mode 0600 decides who may connect; what they say is judged
as if it came from an attacker.
"""

import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.base.strictjson import JsonObject
from keyturn.keyholder.errors import KeyholderStopped
from keyturn.wire.errors import PeerUnreachable
from keyturn.wire.frames import receive_frame, send_frame
from keyturn.wire.keyholder import AnyRequest, error_answer, parse_request

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 128
IDLE_SECONDS = 300.0

Answer = Callable[[AnyRequest], dict[str, object]]


class KeyholderServer:
    """Serves `answer` on a unix socket until `stop`; calls `fatal` once when it cannot go on."""

    def __init__(self, path: Path, answer: Answer, fatal: Callable[[str], None]) -> None:
        self._path = path
        self._answer = answer
        self._fatal = fatal
        self._stopping = threading.Event()
        self._slots = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = _listen(path)

    def serve(self) -> None:
        """Accept until `stop`. Connections over the limit wait in the kernel's queue."""
        while not self._stopping.is_set():
            self._slots.acquire()
            try:
                connection, _ = self._listener.accept()
            except OSError:
                self._slots.release()
                if self._stopping.is_set():
                    return
                raise
            with self._lock:
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def stop(self) -> None:
        """Close the socket and every connection; answers under way are cut off."""
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(IDLE_SECONDS)
        try:
            with connection:
                while self._one(connection):
                    pass
        except (PeerUnreachable, MalformedError) as error:
            logger.info("connection ended: %s", error)
        finally:
            with self._lock:
                self._open.discard(connection)
            self._slots.release()

    def _one(self, connection: socket.socket) -> bool:
        document = receive_frame(connection)
        if document is None:
            return False
        send_frame(connection, self._answered(document))
        return True

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


def _listen(path: Path) -> socket.socket:
    """Raises KeyholderStopped where there is no listening."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(MAX_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise KeyholderStopped(
            f"cannot listen on {path}: {error.strerror or error}", hint="check the setting 'socket'"
        ) from error
    return listener
