"""How each question looks: one sheet a kind. A sheet hands its answer on and knows nothing more."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QFileDialog,
    QFrame,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)

from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.secretfield import forget_secret, secret_field, taken_secret
from keyturn_app.qtkit.widgets import Item, KeyValues, button, column, label, row
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
    Weight,
)
from keyturn_app.shell.questioning import (
    Answer,
    Question,
    cannot_confirm,
    cannot_take,
    one_line,
    paths_in,
)

WIDTH = 480
Answered = Callable[[Answer], None]


class Sheet(QFrame):
    """A question's panel. Enter says yes where that can be said; `turn_down` is Esc."""

    def __init__(self, title: str, icon: str, tint: str, answered: Answered) -> None:
        super().__init__()
        self.answered = answered
        self.setObjectName("question")
        self.setProperty("class", "Sheet")
        self.setAccessibleName(title)
        self.setFixedWidth(WIDTH)
        head = label(title, "H2", wrap=True, name="question.title")
        self._rows = column(spacing=12, margins=(24, 20, 24, 20))
        top = row(IconLabel(icon, tint, 20), spacing=12)
        top.addWidget(head, 1)
        self._rows.addLayout(top)
        self.setLayout(self._rows)
        self._blocked = label("", "Muted", "Small", wrap=True, name="question.why")
        self.yes: QAbstractButton | None = None
        self.first: QWidget | None = None

    def add(self, *items: Item) -> None:
        self._rows.addLayout(column(*items, spacing=8))

    def finish(self, yes: str, kind: str, no: str) -> None:
        """The last line: why not yet, then no, then yes."""
        self._no = button(no, name="question.no", clicked=self.turn_down) if no else None
        self.yes = button(yes, name="question.yes", kind=kind, clicked=self.accept)
        buttons = row(spacing=12)
        buttons.addWidget(self._blocked, 1)
        for each in (self._no, self.yes):
            if each is not None:
                buttons.addWidget(each)
        self._rows.addSpacing(4)
        self._rows.addLayout(buttons)
        self.refresh()

    def refresh(self) -> None:
        """Say why yes cannot be said yet."""
        why = self.cannot()
        self._blocked.setText(why)
        if self.yes is not None:
            self.yes.setEnabled(not why)

    def cannot(self) -> str:
        return ""

    def answer(self) -> Answer:
        raise NotImplementedError

    def accept(self) -> None:
        if not self.cannot():
            self.answered(self.answer())

    def turn_down(self) -> None:
        self.answered(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Enter on a button is that button's, anywhere else it is yes."""
        if event.key() not in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            super().keyPressEvent(event)
            return
        focused = self.focusWidget()
        if isinstance(focused, QAbstractButton):
            focused.click()
        else:
            self.accept()


class ConfirmSheet(Sheet):
    """Yes or no; with a word to be typed, and a comment, where the question wants them."""

    def __init__(self, question: Confirm, answered: Answered) -> None:
        danger = question.weight is Weight.DANGER
        icon, tint = ("triangle-alert", "danger") if danger else ("circle-help", "accent")
        super().__init__(question.title, icon, tint, answered)
        self._question = question
        self.add(
            label(question.text, "Second", wrap=True, name="question.text"),
            *_details(question.details),
        )
        self._typed, self._comment = QLineEdit(), QPlainTextEdit()
        if question.comment is not None:
            self._add_comment(question.comment)
        if question.typed is not None:
            self._add_typed(question.typed)
        self.finish(question.yes, "danger" if danger else "primary", _("Cancel"))
        self.first = self._first(question, danger=danger)

    def _first(self, question: Confirm, *, danger: bool) -> QWidget | None:
        if question.comment is not None:
            return self._comment
        if question.typed is not None:
            return self._typed
        return self._no if danger else self.yes

    def _add_comment(self, text: str) -> None:
        self._comment.setObjectName("question.comment")
        self._comment.setAccessibleName(text)
        self._comment.setFixedHeight(72)
        self._comment.setTabChangesFocus(True)
        self._comment.textChanged.connect(self.refresh)
        self.add(label(text, "Strong", "Small"), self._comment)

    def _add_typed(self, word: str) -> None:
        text = _("Type {word} to confirm").format(word=word)
        self._typed.setObjectName("question.typed")
        self._typed.setAccessibleName(text)
        self._typed.textChanged.connect(self.refresh)
        self.add(label(text, "Strong", "Small"), self._typed)

    def cannot(self) -> str:
        return cannot_confirm(self._question, self._typed.text(), self._comment.toPlainText())

    def answer(self) -> Answer:
        return Confirmed(self._comment.toPlainText().strip())


class PassphraseSheet(Sheet):
    """A secret, masked, taken out of the field as soon as it is answered.

    What Qt's own copy of the text leaves in memory cannot be wiped.
    """

    def __init__(self, question: Passphrase, answered: Answered) -> None:
        super().__init__(question.title, "key-round", "accent", answered)
        self._field = secret_field("question.secret", question.title)
        self._field.textChanged.connect(self.refresh)
        error = label(question.error, "Danger", "Small", wrap=True, name="question.error")
        error.setVisible(bool(question.error))
        self.add(
            label(question.text, "Second", wrap=True, name="question.text"), self._field, error
        )
        self.finish(_("Unlock"), "primary", _("Cancel"))
        self.first = self._field

    def cannot(self) -> str:
        return "" if self._field.displayText() else _("Enter the passphrase.")

    def answer(self) -> Answer:
        return taken_secret(self._field)

    def turn_down(self) -> None:
        forget_secret(self._field)
        super().turn_down()


class PathSheet(Sheet):
    """A path, typed or chosen. The chooser is opened at once where there is a screen for it."""

    def __init__(
        self, question: OpenFile | OpenFiles | OpenDirectory | SaveFile, answered: Answered
    ) -> None:
        super().__init__(question.title, "folder-open", "accent", answered)
        self._question = question
        self._dialog: QFileDialog | None = None
        self._field = QLineEdit(question.suggested if isinstance(question, SaveFile) else "")
        self._field.setObjectName("question.path")
        self._field.setAccessibleName(_("Path"))
        self._field.textChanged.connect(self.refresh)
        browse = button(
            _("Browse…"), name="question.browse", icon_name="folder-open", clicked=self.browse
        )
        line = row()
        line.addWidget(self._field, 1)
        line.addWidget(browse)
        self.add(line)
        yes = _("Save") if isinstance(question, SaveFile) else _("Open")
        self.finish(yes, "primary", _("Cancel"))
        self.first = self._field

    def browse(self) -> None:
        """Not modal to anything but this sheet; nothing waits in a loop."""
        if self._dialog is None:
            self._dialog = self._chooser()
        self._dialog.open()

    def _chooser(self) -> QFileDialog:
        question = self._question
        made = QFileDialog(self, question.title)
        made.setObjectName("question.chooser")
        if QGuiApplication.platformName() in ("offscreen", "minimal"):
            made.setOption(QFileDialog.Option.DontUseNativeDialog)
        if isinstance(question, OpenDirectory):
            made.setFileMode(QFileDialog.FileMode.Directory)
            made.setOption(QFileDialog.Option.ShowDirsOnly)
        elif isinstance(question, SaveFile):
            made.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            made.setFileMode(QFileDialog.FileMode.AnyFile)
            made.selectFile(question.suggested)
        elif isinstance(question, OpenFiles):
            made.setFileMode(QFileDialog.FileMode.ExistingFiles)
        else:
            made.setFileMode(QFileDialog.FileMode.ExistingFile)
        if not isinstance(question, OpenDirectory) and question.patterns:
            made.setNameFilters(list(question.patterns))
        if isinstance(question, OpenFiles):
            made.filesSelected.connect(self._several_chosen)
        else:
            made.fileSelected.connect(self._chosen)
        return made

    def _chosen(self, path: str) -> None:
        self._field.setText(path)
        self.accept()

    def _several_chosen(self, paths: list[str]) -> None:
        self._chosen(one_line(paths))

    def cannot(self) -> str:
        return cannot_take(self._question, self._field.text())

    def answer(self) -> Answer:
        if isinstance(self._question, OpenFiles):
            return Paths(paths_in(self._field.text()))
        return Path(self._field.text()).expanduser()


class NoticeSheet(Sheet):
    """Something to be read, selected and copied."""

    def __init__(self, notice: Notice, answered: Answered, copy: Callable[[str], None]) -> None:
        danger = notice.weight is Weight.DANGER
        icon, tint = ("octagon-x", "danger") if danger else ("info", "accent")
        super().__init__(notice.title, icon, tint, answered)
        self.add(label(notice.text, "Second", wrap=True, name="question.text", selectable=True))
        rows = [
            (name, value, False)
            for name, value in (
                (_("Found"), notice.found),
                (_("Expected"), notice.expected),
                (_("What to do"), notice.hint),
            )
            if value
        ]
        if rows:
            facts = KeyValues(width=88, name="question.facts")
            facts.show_rows(rows)
            self.add(facts)
        self.add(*_details(notice.details))
        lines = [notice.title, notice.text, *(f"{n}: {v}" for n, v, _m in rows), *notice.details]
        self._copy = button(
            _("Copy"),
            name="question.copy",
            kind="ghost",
            icon_name="copy",
            clicked=lambda: copy("\n".join(lines)),
        )
        self._rows.addLayout(row(self._copy, None))
        self.finish(_("Close"), "primary", "")
        self.first = self.yes

    def answer(self) -> Answer:
        return None


def _details(texts: tuple[str, ...]) -> list[QWidget]:
    return [label(each, "Mono", wrap=True, selectable=True) for each in texts]


def sheet_of(question: Question, answered: Answered, copy: Callable[[str], None]) -> Sheet:
    """The sheet that shows this question."""
    if isinstance(question, Confirm):
        return ConfirmSheet(question, answered)
    if isinstance(question, Passphrase):
        return PassphraseSheet(question, answered)
    if isinstance(question, Notice):
        return NoticeSheet(question, answered, copy)
    return PathSheet(question, answered)
