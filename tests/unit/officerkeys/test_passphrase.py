"""Passphrases come from a descriptor or a terminal, and unfit ones are refused."""

import os
from pathlib import Path

import pytest

from keyturn.officerkeys.errors import PassphraseError
from keyturn.officerkeys.passphrase import read_passphrase


def given_on_a_pipe(data: bytes) -> int:
    reader, writer = os.pipe()
    os.write(writer, data)
    os.close(writer)
    return reader


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a long passphrase", b"a long passphrase"),
        (b"a long passphrase\n", b"a long passphrase"),
        (b"a long passphrase\r\nnext", b"a long passphrase"),
        ("gültig und länger".encode(), "gültig und länger".encode()),
        (b"x" * 1024, b"x" * 1024),
    ],
)
def test_one_line_is_read_from_a_descriptor(data: bytes, expected: bytes) -> None:
    assert read_passphrase("Passphrase", fd=given_on_a_pipe(data)) == expected


@pytest.mark.parametrize(
    ("data", "confirm", "says"),
    [
        (b"", False, "empty"),
        (b"\n", False, "empty"),
        (b"x" * 1025, False, "too long"),
        (b"ninebytes", True, "too short"),
    ],
)
def test_unfit_passphrases_are_refused(data: bytes, confirm: bool, says: str) -> None:
    with pytest.raises(PassphraseError, match=says):
        read_passphrase("Passphrase", fd=given_on_a_pipe(data), confirm=confirm)


def test_a_closed_descriptor_is_an_error_not_an_empty_passphrase() -> None:
    fd = given_on_a_pipe(b"x")
    os.close(fd)
    with pytest.raises(PassphraseError, match="cannot read"):
        read_passphrase("Passphrase", fd=fd)


def test_without_a_terminal_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr("sys.stdin", nobody)
        with pytest.raises(PassphraseError, match="no terminal") as caught:
            read_passphrase("Passphrase", fd=None)
    assert "--passphrase-fd" in caught.value.hint
