"""A line to a TPM: whole answers, or a typed error."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from keyturn.agent.tpmline import tpm_line
from keyturn.guest.errors import DeviceAnswerMalformed, DeviceUnreachable
from keyturn_sim.tpm import SimTpm

GET_RANDOM = bytes.fromhex("80010000000c0000017b0008")


@contextmanager
def answering(path: Path, answer: bytes) -> Iterator[None]:
    """Something that takes one command and answers with these bytes."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        thread.join(10)
        server.close()


def test_a_command_and_its_whole_answer(booted: SimTpm) -> None:
    with tpm_line(booted.socket) as line:
        answer = line.send(GET_RANDOM)
    assert answer[:10] == bytes.fromhex("80010000001400000000")
    assert len(answer) == 20


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", DeviceUnreachable),
        (b"\x80\x01\0\0", DeviceUnreachable),
        (bytes.fromhex("80010000001400000000") + b"\0", DeviceUnreachable),
        (bytes.fromhex("80010000000900000000"), DeviceAnswerMalformed),
        (bytes.fromhex("8001ffffffff00000000"), DeviceAnswerMalformed),
    ],
)
def test_an_answer_that_is_none(tmp_path: Path, answer: bytes, error: type[Exception]) -> None:
    path = tmp_path / "s"
    with answering(path, answer), tpm_line(path, timeout=5) as line, pytest.raises(error):
        line.send(GET_RANDOM)


def test_a_device_file_takes_the_same_bytes(tmp_path: Path) -> None:
    """No TPM: a plain file gives back what is behind the command, as a driver would."""
    path = tmp_path / "tpmrm0"
    path.write_bytes(GET_RANDOM + bytes.fromhex("80010000000a00000000"))
    with tpm_line(path) as line:
        assert line.send(GET_RANDOM) == bytes.fromhex("80010000000a00000000")
        with pytest.raises(DeviceAnswerMalformed):
            line.send(GET_RANDOM)


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_what_is_no_tpm_cannot_be_opened(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "tpm")
    with pytest.raises(DeviceUnreachable, match="cannot be opened"), tpm_line(tmp_path / "tpm"):
        pass
