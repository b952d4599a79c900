"""Shares at a terminal: shown alone and gone again, typed with word completion, never kept.

The terminal's alternate screen is used, which has no scroll-back; it is cleared before it is left.
What a terminal emulator, a multiplexer or a recorder keeps of it, no program here can know.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from keyturn.base.errors import KeyturnError
from keyturn.ceremony.shareerrors import MalformedShare, ShareFault
from keyturn.ceremony.sharewords import WordState, complete, completions, joined, word_state
from keyturn.officerkeys.errors import PassphraseError
from keyturn.seal.keys import wipe

ENTER_ALTERNATE, LEAVE_ALTERNATE = "\x1b[?1049h", "\x1b[?1049l"
CLEAR = "\x1b[2J\x1b[H\x1b[3J"
MAX_SHARE = 2048
"""Bytes of a share on a file descriptor: 33 words of 8 letters are 297."""


class NoTerminal(KeyturnError):
    """A share is shown on a terminal alone, or written to the descriptor that was named."""


def check_terminal(stream: TextIO) -> None:
    """Raises NoTerminal."""
    if not stream.isatty():
        raise NoTerminal(
            "a share is shown on a terminal and nowhere else",
            hint="Use a terminal, or name a file descriptor: --fd N.",
        )


@contextmanager
def alone(stream: TextIO) -> Iterator[TextIO]:
    """The alternate screen, cleared before it is left, whatever happens."""
    stream.write(ENTER_ALTERNATE + CLEAR)
    stream.flush()
    try:
        yield stream
    finally:
        stream.write(CLEAR + LEAVE_ALTERNATE)
        stream.flush()


def show_words(
    words: bytearray, head: list[str], ask: Callable[[str], str], stream: TextIO | None = None
) -> None:
    """Show one share until Enter is pressed. Raises NoTerminal."""
    stream = stream or sys.stdout
    check_terminal(stream)
    with alone(stream) as screen:
        for line in head:
            screen.write(line + "\n")
        screen.write("\n")
        for place, word in enumerate(words.split(b" "), start=1):
            screen.write(f"{place:>4}  {word.decode()}\n")
        screen.flush()
        ask("\nWrite them down, compare each, then press Enter: ")


def write_words(words: bytearray, fd: int) -> None:
    """One line to a descriptor, unbuffered, all of it. Raises NoTerminal where it is not taken."""
    line = bytearray(words + b"\n")
    try:
        with memoryview(line) as view:
            done = 0
            while done < len(line):
                done += os.write(fd, view[done:])
    except OSError as error:
        raise NoTerminal(
            f"the share cannot be written to descriptor {fd}", found=error.strerror or ""
        ) from error
    finally:
        wipe(line)


def read_words(fd: int) -> bytearray:
    """One line of words from a descriptor; the caller wipes it. Raises PassphraseError."""
    found = bytearray()
    try:
        while len(found) <= MAX_SHARE and b"\n" not in found:
            piece = os.read(fd, 1)  # no more than the line: others may follow on it
            if not piece:
                break
            found += piece
    except OSError as error:
        wipe(found)
        raise PassphraseError(f"cannot read file descriptor {fd}: {error.strerror}") from error
    if len(found) > MAX_SHARE:
        wipe(found)
        raise MalformedShare(
            ShareFault.LENGTH, "share: too long", expected=f"at most {MAX_SHARE} bytes"
        )
    text = found.decode("ascii", errors="replace")
    wipe(found)
    return joined(text.lower().split())


def type_words(
    title: str, expected: int, ask: Callable[[str], str], stream: TextIO | None = None
) -> bytearray:
    """Typed at a terminal, one word or several a line; the caller wipes it.

    Four letters stand for a word. An empty line goes back one word. A scanner that types what a
    sheet's QR code holds is a line of all words. Raises NoTerminal.
    """
    stream = stream or sys.stdout
    check_terminal(stream)
    words: list[str] = []
    with alone(stream) as screen:
        screen.write(title + "\nFour letters are enough; an empty line takes the last word back.\n")
        while len(words) < expected:
            screen.flush()
            typed = ask(f"{len(words) + 1:>4}: ").lower().split()
            if not typed:
                del words[-1:]
            for each in typed:
                whole = complete(each)
                if whole is None:
                    screen.write(_why(each))
                    break
                words.append(whole)
    found = joined(words)
    words.clear()
    return found


def _why(typed: str) -> str:
    if word_state(typed) is WordState.UNKNOWN:
        return "      no word of the list begins so\n"
    return f"      more letters: {', '.join(completions(typed))}\n"
