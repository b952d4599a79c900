"""One part of a file as a QR code, as large as there is room, in whole pixels."""

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from keyturn.client.errors import FileUnusable
from keyturn.client.qrpictures import picture


class PartCode(QWidget):
    """One QR code, black on white in every theme, each module a whole number of pixels."""

    def __init__(self, *, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(240, 240)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._text, self._pixmap = "", QPixmap()

    def show_text(self, text: str, name: str) -> None:
        self.setAccessibleName(name)
        if text == self._text:
            return
        self._text, made = text, QPixmap()
        try:
            made.loadFromData(picture(text, scale=1))
        except FileUnusable as error:
            self.setAccessibleName(str(error))
        self._pixmap = made
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        size = self._pixmap.width()
        if not size:
            return
        ratio = self.devicePixelRatioF()
        modules = max(1, int(min(self.width(), self.height()) * ratio) // size)
        side = int(modules * size / ratio)
        place = QRect((self.width() - side) // 2, (self.height() - side) // 2, side, side)
        painter = QPainter(self)
        painter.drawPixmap(place, self._pixmap)
        painter.end()
