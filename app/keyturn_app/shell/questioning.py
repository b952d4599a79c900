"""Questions in a row: one shown at a time, each answered exactly once. No Qt in here."""

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from keyturn_app.i18n import _
from keyturn_app.presenting import Listeners
from keyturn_app.questions import (
    Confirm,
    Confirmed,
    Notice,
    OpenDirectory,
    OpenFile,
    OpenFiles,
    Passphrase,
    Paths,
    SaveFile,
)

Question = Confirm | Passphrase | OpenFile | OpenFiles | OpenDirectory | SaveFile | Notice
Answer = Confirmed | bytearray | Path | Paths | None


@dataclass(slots=True, eq=False)
class Asked:
    """One question under way."""

    question: Question
    _answered: Callable[[Answer], None]
    over: bool = field(default=False)

    def answer(self, answer: Answer) -> None:
        """Once; what comes later is dropped, and wiped if it is a secret."""
        if self.over:
            if isinstance(answer, bytearray):
                answer[:] = bytes(len(answer))
            return
        self.over = True
        self._answered(answer)


class Questions:
    """The queue. While `shut` (the app is locked) everything is turned down at once, but for what
    is lasting: that waits until it is opened again."""

    def __init__(self) -> None:
        self.listeners = Listeners()
        self._queue: list[Asked] = []
        self._shut = False

    @property
    def current(self) -> Asked | None:
        return self._queue[0] if self._queue and not self._shut else None

    @property
    def waiting(self) -> int:
        """How many come after the one that is shown."""
        return max(0, len(self._queue) - 1)

    @property
    def lasting(self) -> bool:
        """Whether something waits, or is shown, that nobody has read yet and that must be."""
        return any(_is_lasting(each) for each in self._queue)

    def put(self, question: Question, answered: Callable[[Answer], None]) -> None:
        asked = Asked(question, answered)
        if self._shut and not _is_lasting(asked):
            asked.answer(None)
            return
        self._queue.append(asked)
        if len(self._queue) == 1:
            self.listeners.tell()

    def answer(self, asked: Asked, answer: Answer) -> None:
        """Answer it and go on with the next. The answer may well lead to another question."""
        if asked in self._queue:
            self._queue.remove(asked)
        asked.answer(answer)
        self.listeners.tell()

    def turn_down_all(self) -> None:
        """Everything asked so far is answered None, in order."""
        while self._queue:
            self._queue.pop(0).answer(None)
        self.listeners.tell()

    def shut(self, shut: bool) -> None:
        """Locked: turn everything down, now and until opened again."""
        self._shut = shut
        if shut:
            lasting = [each for each in self._queue if _is_lasting(each)]
            self._queue = [each for each in self._queue if not _is_lasting(each)]
            self.turn_down_all()
            self._queue = [*lasting, *self._queue]
        elif self._queue:
            self.listeners.tell()


def _is_lasting(asked: Asked) -> bool:
    return isinstance(asked.question, Notice) and asked.question.lasting


def cannot_confirm(question: Confirm, typed: str, comment: str) -> str:
    """Why yes cannot be said yet; empty when it can."""
    if question.typed is not None and typed != question.typed:
        return _("Type {word} to go on.").format(word=question.typed)
    if question.comment is not None and question.comment_required and not comment.strip():
        return _("{label} is needed.").format(label=question.comment)
    return ""


def paths_in(text: str) -> tuple[Path, ...]:
    """Several files in one line: those with spaces in their names stand in quotation marks.

    What is no such list is taken for one name, and so is what names a file as it stands.
    """
    if Path(text).expanduser().is_file():
        return (Path(text).expanduser(),)
    try:
        return tuple(Path(each).expanduser() for each in shlex.split(text))
    except ValueError:
        return (Path(text).expanduser(),)


def one_line(paths: Iterable[str]) -> str:
    """What `paths_in` reads."""
    return shlex.join(paths)


def cannot_take(question: OpenFile | OpenFiles | OpenDirectory | SaveFile, text: str) -> str:
    """Why this path does not answer the question; empty when it does."""
    if not text.strip():
        return _("Name a directory.") if isinstance(question, OpenDirectory) else _("Name a file.")
    if isinstance(question, OpenFiles):
        missing = [each.name for each in paths_in(text) if not each.is_file()]
        return _("There is no file {name}.").format(name=missing[0]) if missing else ""
    path = Path(text).expanduser()
    if isinstance(question, OpenDirectory):
        return "" if path.is_dir() else _("There is no such directory.")
    if isinstance(question, OpenFile):
        there = path.is_socket() if question.socket else path.is_file()
        return "" if there else _("There is no such file.")
    if path.exists():
        return _("That file is there already. Choose another name.")
    return "" if path.parent.is_dir() else _("There is no such directory.")
