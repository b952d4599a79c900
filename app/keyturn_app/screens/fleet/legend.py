"""What the two lines of the trend are: a stroke and a word each."""

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.theme import colour, theme
from keyturn_app.qtkit.widgets import label, row


class _Stroke(QWidget):
    def __init__(self, token: str, pen: Qt.PenStyle) -> None:
        super().__init__()
        self._token, self._pen = token, pen
        self.setFixedSize(QSize(14, 12))
        theme().changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setPen(QPen(colour(self._token), 2, self._pen))
        painter.drawLine(QPointF(0, 6), QPointF(13, 6))


class Legend(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.setLayout(
            row(
                _Stroke("accent", Qt.PenStyle.SolidLine),
                label(_("attested"), "Second", "Small"),
                4,
                _Stroke("danger", Qt.PenStyle.DashLine),
                label(_("refused"), "Second", "Small"),
                spacing=4,
            )
        )
