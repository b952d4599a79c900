"""A line to a TPM 2.0: whole commands go out, whole answers come back.

`/dev/tpmrm0` (Linux's resource manager) and a simulator's unix socket take the very same bytes
(TPM 2.0 Library, Part 1, "Command/Response Structure").
"""

import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keyturn.guest.errors import DeviceAnswerMalformed, DeviceUnreachable

MAX_ANSWER = 4096
"""Bytes; Linux's driver takes and gives no more."""
_HEADER = 10


class TpmLine:
    """An open line. `send` raises DeviceUnreachable, or DeviceAnswerMalformed."""

    def __init__(self, descriptor: int, connection: socket.socket | None) -> None:
        self._descriptor = descriptor
        self._connection = connection

    def send(self, command: bytes) -> bytes:
        """One command; its answer, with header, of exactly the length that the header says."""
        try:
            answer = self._over_socket(command) if self._connection else self._over_device(command)
        except OSError as error:
            raise DeviceUnreachable(f"the TPM does not answer: {error}") from error
        if len(answer) < _HEADER or struct.unpack_from(">I", answer, 2)[0] != len(answer):
            raise DeviceAnswerMalformed(
                "the TPM's answer has another length than it says", found=f"{len(answer)} bytes"
            )
        return answer

    def _over_device(self, command: bytes) -> bytes:
        if os.write(self._descriptor, command) != len(command):
            raise DeviceUnreachable("the TPM took a part of a command only")
        return os.read(self._descriptor, MAX_ANSWER)

    def _over_socket(self, command: bytes) -> bytes:
        assert self._connection is not None
        self._connection.sendall(command)
        header = self._receive(_HEADER)
        size = struct.unpack_from(">I", header, 2)[0]
        if not _HEADER <= size <= MAX_ANSWER:
            raise DeviceAnswerMalformed(
                "the TPM's answer has an impossible length", found=f"{size}"
            )
        return header + self._receive(size - _HEADER)

    def _receive(self, size: int) -> bytes:
        assert self._connection is not None
        received = b""
        while len(received) < size:
            more = self._connection.recv(size - len(received))
            if not more:
                raise DeviceUnreachable("the TPM hung up")
            received += more
        return received


@contextmanager
def tpm_line(path: Path, *, timeout: float = 30.0) -> Iterator[TpmLine]:
    """Open a TPM, a device or a unix socket; `timeout` in seconds is a socket's.

    Raises DeviceUnreachable.
    """
    connection: socket.socket | None = None
    descriptor = -1
    try:
        if stat.S_ISSOCK(path.stat().st_mode):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(timeout)
            connection.connect(str(path))
        else:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        if connection is not None:
            connection.close()
        raise DeviceUnreachable(
            f"the TPM cannot be opened: {error}", hint=f"Is {path} a TPM, and may I use it?"
        ) from error
    try:
        yield TpmLine(descriptor, connection)
    finally:
        if connection is not None:
            connection.close()
        else:
            os.close(descriptor)
