"""Lucide icons, recoloured by a token and drawn sharp at any scale."""

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QLabel, QWidget

from keyturn_app import resources
from keyturn_app.qtkit.theme import css, theme

_SCALE = 2.0


def pixmap(name: str, tint: str = "text2", size: int = 16) -> QPixmap:
    """An icon of `size` logical pixels. Raises FileNotFoundError on a name that is not there."""
    return _drawn(name, css(tint), size)


def icon(name: str, tint: str = "text2", size: int = 18, gap: int = 0) -> QIcon:
    """With a disabled look of its own, and `gap` pixels of nothing between it and a text."""
    made = QIcon()
    made.addPixmap(_spaced(pixmap(name, tint, size), gap))
    made.addPixmap(_spaced(pixmap(name, "muted", size), gap), QIcon.Mode.Disabled)
    return made


def _spaced(drawn: QPixmap, gap: int) -> QPixmap:
    if not gap:
        return drawn
    made = QPixmap(drawn.width() + int(gap * _SCALE), drawn.height())
    made.setDevicePixelRatio(_SCALE)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.drawPixmap(0, 0, drawn)
    painter.end()
    return made


class IconLabel(QLabel):
    """An icon as a label that follows the theme. Says nothing to a screen reader."""

    def __init__(
        self, name: str, tint: str = "text2", size: int = 16, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._name, self._tint, self._size = name, tint, size
        self.setFixedSize(size, size)
        self._draw()
        theme().changed.connect(self._draw)

    def show_icon(self, name: str, tint: str) -> None:
        if (name, tint) != (self._name, self._tint):
            self._name, self._tint = name, tint
            self._draw()

    def _draw(self) -> None:
        self.setPixmap(pixmap(self._name, self._tint, self._size))


@lru_cache(maxsize=1024)
def _drawn(name: str, colour: str, size: int) -> QPixmap:
    svg = (resources.directory() / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    renderer = QSvgRenderer(QByteArray(svg.replace("currentColor", colour).encode()))
    side = int(size * _SCALE)
    made = QPixmap(side, side)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    renderer.render(painter, QRectF(0, 0, side, side))
    painter.end()
    made.setDevicePixelRatio(_SCALE)
    return made
