"""A digest as one sees it: groups of four, the middle left out; copied and spoken whole.

All of it is shown under the mouse, and to who comes to its button by the keyboard.
"""

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QFocusEvent, QHideEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget
from shiboken6 import isValid

from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import Button, column, frame, label, row

_WIDE, _EDGE = 600, 16
_BY_KEYS = {
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
}


class CopyButton(Button):
    """Shows all of a value below itself to who comes to it by the keyboard, while they are there.

    Within the window: a tip of the system's would take the focus's window along.
    """

    def __init__(self, name: str) -> None:
        super().__init__("", "copy", "text2")
        self.setObjectName(name)
        self.setProperty("kind", "ghost")
        self.setAccessibleName(_("Copy"))
        self.setToolTip(plain(_("Copy")))
        self.setFixedWidth(28)
        self.whole = ""
        self._tip: QLabel | None = None
        self._frame: QWidget | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._show)

    @property
    def shown(self) -> str:
        """What is shown below it now."""
        return self._tip.text() if self._tip is not None else ""

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        super().focusInEvent(event)
        if event.reason() in _BY_KEYS and self.whole:
            # Not at once: Qt passes the focus on, as by Tab, while what had it is hidden or
            # destroyed, and a window's children must not become more meanwhile.
            self._soon.start()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        super().focusOutEvent(event)
        self._forget()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        super().hideEvent(event)
        self._forget()

    def _show(self) -> None:
        self._forget()
        if not (self.hasFocus() and self.isVisible()):
            return
        window = self.window()
        made = label(self.whole, "Mono", "Small", wrap=True)
        tip = frame(column(made, margins=(10, 6, 10, 6)), "Raised")
        tip.setParent(window)
        tip.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        tip.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        width = min(_WIDE, window.width() - 2 * _EDGE)
        tip.setFixedWidth(width)
        tip.adjustSize()
        below = self.mapTo(window, self.rect().bottomLeft())
        left = max(_EDGE, min(below.x() - width // 2, window.width() - width - _EDGE))
        top = below.y() + 4
        if top + tip.height() > window.height():
            top = self.mapTo(window, self.rect().topLeft()).y() - tip.height() - 4
        tip.move(left, top)
        tip.show()
        tip.raise_()
        self.destroyed.connect(tip.deleteLater)
        self._tip, self._frame = made, tip

    def _forget(self) -> None:
        self._soon.stop()
        tip, self._tip, self._frame = self._frame, None, None
        if tip is not None and isValid(tip):  # it went with its window, if that is gone
            tip.hide()
            tip.deleteLater()


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

    def show_digest(self, value: str, *, whole: bool = False) -> None:
        """`whole`: a short one that people compare, with nothing left out."""
        self._value = value
        shown = wording.grouped(value) if whole else wording.digest(value)
        self._text.setText(shown if value else "—")
        self._text.setToolTip(plain(wording.grouped(value)))
        self._text.setAccessibleName(value)
        self._copy.whole = "" if whole else wording.grouped(value)
        self._copy.setVisible(bool(value))
        self._copy.setAccessibleName(_("Copy {value}").format(value=value[:24]))
