"""What lies over the window: a veil with one panel on it, which keeps the focus until it goes."""

from collections.abc import Callable
from enum import Enum

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QBoxLayout, QLayout, QVBoxLayout, QWidget
from shiboken6 import isValid

from keyturn_app.qtkit.widgets import row


class Place(Enum):
    CENTRE = "centre"
    TOP = "top"
    BELOW = "below"  # a widget


class Overlay(QWidget):
    """Lies over `host` as long as a panel is open. `dismissed`: Esc, or a click beside it.

    `light` ones go away by themselves when dismissed; the others are questions.
    """

    dismissed = Signal()

    def __init__(self, host: QWidget, *, name: str, light: bool) -> None:
        super().__init__(host)
        self.setObjectName(name)
        self._host = host
        self._light = light
        self._panel: QWidget | None = None
        self._before: QWidget | None = None
        self._place, self._anchor = Place.CENTRE, host
        self._closed: Callable[[], None] = lambda: None
        self.setLayout(QVBoxLayout())
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        host.installEventFilter(self)
        self.hide()

    @property
    def panel(self) -> QWidget | None:
        return self._panel

    def open_panel(
        self,
        panel: QWidget,
        place: Place,
        *,
        anchor: QWidget | None = None,
        focus: QWidget | None = None,
        closed: Callable[[], None] = lambda: None,
    ) -> None:
        """Show `panel`, in place of the one that was there; `closed` is called when it goes."""
        self._drop()
        if self._before is None or not self.isVisible():
            self._before = QApplication.focusWidget()
        self._panel, self._place, self._closed = panel, place, closed
        self._anchor = anchor or self._host
        self._arrange()
        self.setGeometry(self._host.rect())
        self.raise_()
        self.show()
        first = focus or self._first()
        if first is not None:
            first.setFocus(Qt.FocusReason.PopupFocusReason)

    def close_panel(self) -> None:
        """The focus goes back to where it was."""
        if self._panel is None:
            return
        before, self._before = self._before, None
        self.hide()
        self._drop()
        if before is not None and isValid(before) and before.isVisible():
            before.setFocus(Qt.FocusReason.PopupFocusReason)

    def _drop(self) -> None:
        panel, self._panel = self._panel, None
        if panel is None:
            return
        closed, self._closed = self._closed, lambda: None
        panel.hide()
        panel.setParent(None)
        panel.deleteLater()
        closed()

    def _arrange(self) -> None:
        """Lay the panel out anew: anchors move with the window."""
        layout = self.layout()
        if self._panel is None or not isinstance(layout, QVBoxLayout):
            return
        _emptied(layout)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(0)
        if self._place is Place.BELOW:
            anchor = self._anchor
            corner = anchor.mapTo(self._host, anchor.rect().bottomRight())
            right = max(12, self._host.width() - corner.x() - 1)
            layout.setContentsMargins(12, corner.y() + 6, right, 12)
            layout.addLayout(row(None, self._panel))
            layout.addStretch(1)
            return
        layout.addStretch(1) if self._place is Place.CENTRE else layout.addSpacing(56)
        layout.addLayout(row(None, self._panel, None))
        layout.addStretch(1 if self._place is Place.CENTRE else 100)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.Resize and self._panel is not None:
            self.setGeometry(self._host.rect())
            self._arrange()
        return super().eventFilter(watched, event)

    def focusNextPrevChild(self, forward: bool) -> bool:  # noqa: N802 - Qt's name
        """Tab goes round inside: asked by whatever child has the focus."""
        inside = self._focusable()
        current = QApplication.focusWidget()
        if not inside:
            return True
        at = inside.index(current) if current in inside else -1
        after = inside[(at + (1 if forward else -1)) % len(inside)]
        after.setFocus(
            Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason
        )
        return True

    def _focusable(self) -> list[QWidget]:
        """From top to bottom, and within a line from left to right.

        Not along `nextInFocusChain`: the binding then takes the next widget, in the end the window,
        for a child of the one before, and its actions for gone once the panel is deleted.
        """
        panel = self._panel
        if panel is None:
            return []
        found = [each for each in (panel, *panel.findChildren(QWidget)) if _takes_tab(each)]

        def place(each: QWidget) -> tuple[int, int]:
            middle = each.mapTo(panel, each.rect().center())
            return middle.y(), middle.x()

        return sorted(found, key=place)

    def _first(self) -> QWidget | None:
        inside = self._focusable()
        return inside[0] if inside else None

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() == Qt.Key.Key_Escape:
            self._dismiss()
        event.accept()  # nothing below hears a key while this is open

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        event.accept()
        panel = self._panel
        if self._light and panel and not panel.geometry().contains(event.position().toPoint()):
            self._dismiss()

    def _dismiss(self) -> None:
        if self._light:
            self.close_panel()
        self.dismissed.emit()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        if self._place is not Place.BELOW:
            QPainter(self).fillRect(self.rect(), QColor(0, 0, 0, 128))


def _emptied(layout: QLayout) -> None:
    """Take the items out; the widgets stay."""
    while (item := layout.takeAt(0)) is not None:
        inner = item.layout()
        if isinstance(inner, QBoxLayout):
            _emptied(inner)
            inner.deleteLater()


def _takes_tab(widget: QWidget) -> bool:
    takes = Qt.FocusPolicy.TabFocus.value & widget.focusPolicy().value
    ready = widget.isEnabled() and widget.isVisible()
    return bool(takes) and ready and widget.focusProxy() is None
