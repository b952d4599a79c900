"""A share on the screen: shown to its custodian, masked until asked for; and typed in again.

Words are painted, never put into a label: no tree of accessible texts holds them, no selection
copies them. What Qt's own copy of a typed text leaves in memory cannot be wiped.
"""

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QHideEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QCheckBox, QFrame, QGridLayout, QLineEdit, QWidget

from keyturn.ceremony.sharewords import Feedback, WordState, complete, completions, word_state
from keyturn_app.i18n import _
from keyturn_app.qtkit.secretfield import forget_secret
from keyturn_app.qtkit.theme import colour, mono, sans, theme
from keyturn_app.qtkit.widgets import clear, column, label, restyle, row, set_class
from keyturn_app.screens.ceremonies.signingview import ShareView, entry_text

COLUMNS = 4
_ROW = 34
_LONGEST = 8
"""Letters of the longest word of the list."""
_MASK = "••••••"
_FORBIDDEN = (
    QKeySequence.StandardKey.Paste,
    QKeySequence.StandardKey.Copy,
    QKeySequence.StandardKey.Cut,
    QKeySequence.StandardKey.Undo,
    QKeySequence.StandardKey.Redo,
)


class ShareWords(QWidget):
    """Numbered words in four columns. `masked` when the focus goes elsewhere, and on Esc."""

    masked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("share.words")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._share = ShareView("", 0, (), shown=False, seconds=0, seen=False)
        theme().changed.connect(self.update)

    def show_share(self, share: ShareView) -> None:
        if share.count != self._share.count:
            self.setMinimumHeight(_rows(share.count) * _ROW + 8)
        self._share = share
        said = _("{count} words, shown") if share.shown else _("{count} words, masked")
        self.setAccessibleName(said.format(count=share.count))
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(560, _rows(self._share.count) * _ROW + 8)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        super().focusOutEvent(event)
        self.masked.emit()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        super().hideEvent(event)
        self.masked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() == Qt.Key.Key_Escape and self._share.shown:
            self.masked.emit()
            return
        super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        share = self._share
        rows = _rows(share.count)
        width = self.width() / COLUMNS
        for at in range(share.count):
            cell = QRectF(at // rows * width, at % rows * _ROW + 4, width, _ROW)
            painter.setFont(sans(12))
            painter.setPen(colour("muted"))
            number = QRectF(cell.x(), cell.y(), 24, cell.height())
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(number, right, str(at + 1))
            painter.setFont(mono(15))
            painter.setPen(colour("text" if share.shown else "muted"))
            word = share.words[at] if share.shown and at < len(share.words) else _MASK
            left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(cell.adjusted(34, 0, 0, 0), left, word)


def _rows(count: int) -> int:
    return max(1, -(-count // COLUMNS))


class WordField(QLineEdit):
    """One word of a share: completed at its end, never pasted, copied or dropped."""

    refused = Signal()
    ended = Signal()
    back = Signal()

    def __init__(self, place: int) -> None:
        super().__init__()
        self.setObjectName(f"share.word.{place}")
        self.setAccessibleName(_("Word {place}").format(place=place))
        self.setMaxLength(_LONGEST)
        self.setFont(mono(13))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.setAcceptDrops(False)
        self.setDragEnabled(False)
        self.setInputMethodHints(
            Qt.InputMethodHint.ImhSensitiveData | Qt.InputMethodHint.ImhNoPredictiveText
        )

    def finish(self) -> None:
        """The whole word, where what is typed means just one."""
        typed = self.text()
        found = complete(typed) if typed.strip() else None
        if found is not None and found != typed:
            self.setText(found)

    def show_state(self, state: WordState) -> None:
        wanted = {WordState.KNOWN: "good", WordState.UNKNOWN: "error"}.get(state, "")
        if self.property("state") != wanted:
            self.setProperty("state", wanted)
            restyle(self)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if any(event.matches(each) for each in _FORBIDDEN):
            self.refused.emit()
            return
        if event.key() in {Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.finish()
            self.ended.emit()
            return
        if event.key() == Qt.Key.Key_Backspace and not self.displayText():
            self.back.emit()
            return
        super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        self.finish()
        super().focusOutEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        if event.button() is Qt.MouseButton.MiddleButton:
            self.refused.emit()
            return
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """The middle button pastes what is selected elsewhere: not here."""
        if event.button() is not Qt.MouseButton.MiddleButton:
            super().mouseReleaseEvent(event)


class ShareEntry(QFrame):
    """A box for each word. `feedback` is asked after each key; nothing is kept when it hides."""

    def __init__(
        self, feedback: Callable[[list[str]], Feedback], changed: Callable[[], None]
    ) -> None:
        super().__init__()
        self.setObjectName("share.entry")
        self._feedback, self._changed = feedback, changed
        self._fields: list[WordField] = []
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(6)
        self._mask = QCheckBox(_("Mask the words"))
        self._mask.setObjectName("share.mask")
        self._mask.setAccessibleName(_("Mask the words"))
        self._mask.toggled.connect(self._show_masked)
        self._hint = label("", "Small", "Muted", name="share.hint")
        self._said = label("", "Small", wrap=True, name="share.feedback")
        foot = row(self._hint, None, self._mask)
        self.setLayout(column(self._grid, foot, self._said, spacing=8))

    @property
    def first(self) -> QWidget:
        return self._fields[0] if self._fields else self

    def show_entry(self, count: int) -> None:
        if count == len(self._fields):
            return
        self._forget()
        clear(self._grid)
        self._fields = [WordField(at + 1) for at in range(count)]
        rows = _rows(count)
        for at, each in enumerate(self._fields):
            number = label(str(at + 1), "Small", "Muted")
            number.setFixedWidth(20)
            number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self._grid.addWidget(number, at % rows, at // rows * 2)
            self._grid.addWidget(each, at % rows, at // rows * 2 + 1)
            each.textChanged.connect(self._typed)
            each.refused.connect(self._refused)
            each.ended.connect(lambda to=at + 1: self._move(to))
            each.back.connect(lambda to=at - 1: self._move(to))
        for at in range(len(self._fields) - 1):
            QWidget.setTabOrder(self._fields[at], self._fields[at + 1])
        self._show_masked(self._mask.isChecked())
        self._typed()

    def typed(self) -> list[str]:
        """What stands in the boxes, to be used at once and not kept."""
        return [each.text() for each in self._fields]

    def taken(self) -> list[str]:
        """The words; the boxes are empty afterwards."""
        words = self.typed()
        self._forget()
        return words

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        self._forget()
        super().hideEvent(event)

    # ---- inside ----

    def _forget(self) -> None:
        for each in self._fields:
            each.blockSignals(True)
            forget_secret(each)
            each.show_state(WordState.EMPTY)
            each.blockSignals(False)

    def _move(self, to: int) -> None:
        if 0 <= to < len(self._fields):
            self._fields[to].setFocus(Qt.FocusReason.TabFocusReason)
            self._fields[to].selectAll()

    def _typed(self) -> None:
        words = self.typed()
        found = self._feedback(words)
        for each, word in zip(self._fields, words, strict=True):
            each.show_state(word_state(word))
        text, token = entry_text(found)
        self._said.setText(text)
        set_class(self._said, "Small", {"ok": "Ok", "danger": "Danger"}.get(token, "Second"))
        self._show_hint()
        self._changed()

    def _show_hint(self) -> None:
        """What the box could become. Not while the words are masked."""
        focused = next((each for each in self._fields if each.hasFocus()), None)
        masked = self._mask.isChecked()
        found = completions(focused.text(), 5) if focused is not None and not masked else ()
        self._hint.setText(" · ".join(found))

    def _refused(self) -> None:
        self._said.setText(_("A share is typed from the sheet: it is never copied or pasted."))
        set_class(self._said, "Small", "Warn")

    def _show_masked(self, masked: bool) -> None:
        mode = QLineEdit.EchoMode.Password if masked else QLineEdit.EchoMode.Normal
        for each in self._fields:
            each.setEchoMode(mode)
        self._show_hint()
