"""Questions to the officer, as values: asked through one `Asker`, shown by one place.

Whoever asks knows no widget. Questions are queued; each is answered exactly once, with None when
the officer turned it down (or the app was locked).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol

from keyturn.base.errors import KeyturnError


class Weight(Enum):
    """How much hangs on a yes."""

    PLAIN = "plain"
    DANGER = "danger"


@dataclass(frozen=True, slots=True)
class Confirm:
    """Yes or no. With `typed`, the officer must type that word first: it stops production."""

    title: str
    text: str
    yes: str
    details: tuple[str, ...] = ()
    typed: str | None = None
    weight: Weight = Weight.PLAIN
    comment: str | None = None  # label of a free text, answered along
    comment_required: bool = False


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The answer to `Confirm`."""

    comment: str = ""


@dataclass(frozen=True, slots=True)
class Passphrase:
    """A secret text, masked; answered as a bytearray that whoever asked must wipe."""

    title: str
    text: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that is there. `patterns` like ("Proposal files (*.json)",). `socket`: a local
    socket, and no other file."""

    title: str
    patterns: tuple[str, ...] = ()
    socket: bool = False


@dataclass(frozen=True, slots=True)
class OpenFiles:
    """One or more files that are there: the pictures of one transfer, say."""

    title: str
    patterns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Paths:
    """The answer to `OpenFiles`; never empty."""

    all: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class OpenDirectory:
    title: str


@dataclass(frozen=True, slots=True)
class SaveFile:
    """A file that is not there yet."""

    title: str
    suggested: str = ""
    patterns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that went wrong or right, said once: found, expected and what to do."""

    title: str
    text: str
    found: str = ""
    expected: str = ""
    hint: str = ""
    weight: Weight = Weight.PLAIN
    details: tuple[str, ...] = field(default=())
    lasting: bool = False
    """No lock turns it down: it is shown when the app is open again."""


def failure(title: str, error: KeyturnError) -> Notice:
    """Something that was asked for and did not work, with all that its error says."""
    return Notice(title, error.message, error.found, error.expected, error.hint, Weight.DANGER)


class Asker(Protocol):
    """Where presenters put questions. Answers come later, on the same thread."""

    def confirm(self, question: Confirm, answered: Callable[[Confirmed | None], None]) -> None: ...

    def passphrase(
        self, question: Passphrase, answered: Callable[[bytearray | None], None]
    ) -> None: ...

    def path(
        self,
        question: OpenFile | OpenDirectory | SaveFile,
        answered: Callable[[Path | None], None],
    ) -> None: ...

    def paths(
        self, question: OpenFiles, answered: Callable[[tuple[Path, ...] | None], None]
    ) -> None: ...

    def tell(self, notice: Notice) -> None:
        """A dialog with one button: for what must be read."""

    def toast(self, text: str) -> None:
        """A short line that goes by itself: for what went well."""
