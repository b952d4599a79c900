"""A share on a terminal: alone on the alternate screen, and gone when it was read."""

import os
import pty
import select
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from keyturn.ceremony.shareerrors import MalformedShare
from keyturn.cli import ceremony_screen
from keyturn.cli.ceremony_screen import (
    CLEAR,
    ENTER_ALTERNATE,
    LEAVE_ALTERNATE,
    NoTerminal,
    read_words,
    show_words,
    type_words,
    write_words,
)
from keyturn.officerkeys.errors import PassphraseError

WORDS = bytearray(b"duckling enlarge academic acid")


class Terminal:
    """A pseudo-terminal: the stream to draw on, and what was drawn."""

    def __init__(self, master: int, stream: TextIO) -> None:
        self._master = master
        self.stream = stream

    def seen(self) -> str:
        """All of it, up to the end of the alternate screen: it may come in parts."""
        drawn = b""
        while LEAVE_ALTERNATE.encode() not in drawn:
            assert select.select([self._master], [], [], 10)[0], drawn
            drawn += os.read(self._master, 1 << 16)
        return drawn.decode().replace("\r\n", "\n")


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    master, slave = pty.openpty()
    with os.fdopen(slave, "w", encoding="utf-8") as stream:
        yield Terminal(master, stream)
    os.close(master)


def test_a_share_is_shown_alone_and_cleared(terminal: Terminal) -> None:
    asked: list[str] = []

    def ask(text: str) -> str:
        asked.append(text)
        return ""

    show_words(WORDS, ["REHEARSAL", "share 1 of 5"], ask, terminal.stream)
    drawn = terminal.seen()
    assert drawn.startswith(ENTER_ALTERNATE + CLEAR + "REHEARSAL\nshare 1 of 5\n")
    assert "   1  duckling\n   2  enlarge\n" in drawn
    assert drawn.endswith(CLEAR + LEAVE_ALTERNATE)
    assert len(asked) == 1


def test_it_is_cleared_when_somebody_interrupts(terminal: Terminal) -> None:
    def interrupt(_: str) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        show_words(WORDS, [], interrupt, terminal.stream)
    assert terminal.seen().endswith(CLEAR + LEAVE_ALTERNATE)


def test_nothing_but_a_terminal_shows_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "out").open("w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        with pytest.raises(NoTerminal):
            show_words(WORDS, [], lambda _: "")
        with pytest.raises(NoTerminal):
            type_words("title", 2, lambda _: "acid")
    assert (tmp_path / "out").read_text() == ""


def test_a_line_of_all_words_is_what_a_scanner_types(terminal: Terminal) -> None:
    """What a sheet's QR code holds; the words up to one that is none count."""
    typed = iter(["duckling enlarge acid xyz acid", "academic acid"])
    found = type_words("Your share, 5 words", 5, lambda _: next(typed), terminal.stream)
    assert found == b"duckling enlarge acid academic acid"
    assert "no word of the list begins so" in terminal.seen()


def test_words_are_typed_with_completion_and_taken_back(terminal: Terminal) -> None:
    typed = iter(["duck", "xyz", "a", "ACID", "", "enlarge", "acad"])
    found = type_words("Your share", 3, lambda _: next(typed), terminal.stream)
    assert found == b"duckling enlarge academic"
    drawn = terminal.seen()
    assert "no word of the list begins so" in drawn
    assert "more letters: academic, acid" in drawn
    assert drawn.endswith(CLEAR + LEAVE_ALTERNATE)


def test_an_empty_line_at_the_start_takes_nothing_back(terminal: Terminal) -> None:
    typed = iter(["", "acid"])
    assert type_words("Your share", 1, lambda _: next(typed), terminal.stream) == b"acid"
    assert terminal.stream.isatty()


def test_words_on_descriptors() -> None:
    reader, writer = os.pipe()
    write_words(WORDS, writer)
    write_words(bytearray(b"ACAD zero"), writer)
    os.close(writer)
    assert read_words(reader) == WORDS
    assert read_words(reader) == b"academic zero"
    assert read_words(reader) == b""
    os.close(reader)
    assert WORDS == b"duckling enlarge academic acid"


def test_a_descriptor_that_is_closed() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    os.close(writer)
    with pytest.raises(NoTerminal):
        write_words(WORDS, writer)
    with pytest.raises(PassphraseError):
        read_words(reader)


def test_a_line_without_end_is_refused() -> None:
    reader, writer = os.pipe()

    def feed() -> None:
        with os.fdopen(writer, "wb") as end:
            end.write(b"a" * (ceremony_screen.MAX_SHARE + 1))

    feeding = threading.Thread(target=feed)
    feeding.start()
    with pytest.raises(MalformedShare):
        read_words(reader)
    feeding.join(10)
    os.close(reader)
