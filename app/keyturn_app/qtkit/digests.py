"""A digest as one sees it: groups of four, the middle left out; copied and spoken whole.

All of it is shown under the mouse, and to who comes to its button by the keyboard.
"""

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import Button, label, row

_BY_KEYS = {
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
}


class CopyButton(Button):
    """`focused` when somebody came to it by the keyboard; `left` when the focus went on."""

    focused = Signal()
    left = Signal()

    def __init__(self, name: str) -> None:
        super().__init__("", "copy", "text2")
        self.setObjectName(name)
        self.setProperty("kind", "ghost")
        self.setAccessibleName(_("Copy"))
        self.setToolTip(plain(_("Copy")))
        self.setFixedWidth(28)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        super().focusInEvent(event)
        if event.reason() in _BY_KEYS:
            self.focused.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        super().focusOutEvent(event)
        self.left.emit()


class DigestLabel(QWidget):
    """`copy` is given the whole value."""

    def __init__(self, copy: Callable[[str], None], *, name: str) -> None:
        super().__init__()
        self._value = ""
        self._text = label("", "Mono", selectable=True)
        self._copy = CopyButton(f"{name}.copy")
        self._copy.clicked.connect(lambda: copy(self._value))
        self.setObjectName(name)
        self.setLayout(row(self._text, self._copy, None, spacing=4))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._copy.focused.connect(self._show_whole)
        self._copy.left.connect(QToolTip.hideText)

    def show_digest(self, value: str, *, whole: bool = False) -> None:
        """`whole`: a short one that people compare, with nothing left out."""
        self._value = value
        shown = wording.grouped(value) if whole else wording.digest(value)
        self._text.setText(shown if value else "—")
        self._text.setToolTip(plain(wording.grouped(value)))
        self._text.setAccessibleName(value)
        self._copy.setVisible(bool(value))
        self._copy.setAccessibleName(_("Copy {value}").format(value=value[:24]))

    def _show_whole(self) -> None:
        """Beside the button, as long as the focus is there."""
        at = self._text.mapToGlobal(self._text.rect().bottomLeft())
        QToolTip.showText(at, plain(wording.grouped(self._value)), self._text)
