"""A label of one line that gives way: what does not fit is left out at its end, and in the tip."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel

from keyturn_app.qtkit.tips import plain

_LEAST = 20


class OneLine(QLabel):
    """Plain text; `classes` are those of the style sheet."""

    def __init__(self, text: str = "", *classes: str, name: str = "") -> None:
        super().__init__(text)
        self.setTextFormat(Qt.TextFormat.PlainText)
        if classes:
            self.setProperty("class", " ".join(classes))
        if name:
            self.setObjectName(name)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(_LEAST, super().minimumSizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        area = self.contentsRect()
        end = Qt.TextElideMode.ElideRight
        shown = self.fontMetrics().elidedText(self.text(), end, area.width())
        whole = "" if shown == self.text() else self.text()
        if self.toolTip() != plain(whole):
            self.setToolTip(plain(whole))
        self.style().drawItemText(
            QPainter(self),
            area,
            self.alignment().value,
            self.palette(),
            self.isEnabled(),
            shown,
            self.foregroundRole(),
        )
