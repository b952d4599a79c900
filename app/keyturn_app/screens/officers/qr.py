"""A QR code of a text, black on white in either mode: that is what cameras read."""

import segno
from PySide6.QtCore import QSize
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

QUIET = 4
"""Modules of white around it (ISO/IEC 18004)."""
MODULE = 4
"""Pixels of a module's edge."""
_WHITE, _BLACK = 0xFFFFFFFF, 0xFF000000


def qr_image(text: str) -> QImage:
    """One pixel a module, its quiet zone among them."""
    matrix = segno.make(text, error="m", micro=False).matrix
    size = len(matrix) + 2 * QUIET
    image = QImage(size, size, QImage.Format.Format_RGB32)
    image.fill(_WHITE)
    for y, line in enumerate(matrix, QUIET):
        for x, dark in enumerate(line, QUIET):
            if dark:
                image.setPixel(x, y, _BLACK)
    return image


class QrCode(QWidget):
    """Each module is whole pixels, or a camera sees a moiré."""

    def __init__(self, *, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._text = ""
        self._image = QImage()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_text(self, text: str, spoken: str) -> None:
        self.setAccessibleName(spoken)
        if text != self._text:
            self._text = text
            self._image = qr_image(text) if text else QImage()
            self.setFixedSize(self.sizeHint())
            self.update()

    def image(self) -> QImage:
        return self._image

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return self._image.size() * MODULE

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        if self._image.isNull():
            return
        painter = QPainter(self)
        painter.drawImage(self.rect(), self._image)
