"""Bytes as hex with their ASCII beside, painted line by line; what is chosen is marked.

Ctrl+C copies the lines of what is marked, all of it where nothing is. A click tells which byte.
"""

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFontMetricsF,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame

from keyturn_app.i18n import _
from keyturn_app.qtkit.theme import colour, mono, theme
from keyturn_app.screens.fleet.branches import Bytes
from keyturn_app.screens.fleet.parts import WIDE, dump_text, hex_line, hex_lines

_ROW, _PAD = 18, 8
_OFFSET = 10  # characters before the digits
_HALF = 8


class HexPane(QAbstractScrollArea):
    """`picked`: the place of a byte that was clicked."""

    picked = Signal(int)

    def __init__(self, copied: Callable[[str], None], *, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(_("Bytes"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(4 * _ROW)
        self._copied = copied
        self._shown: Bytes | None = None
        self._font = mono(12)
        metrics = QFontMetricsF(self._font)
        self._wide, self._ascent = metrics.horizontalAdvance("0"), metrics.ascent()
        theme().changed.connect(self.viewport().update)

    def show_bytes(self, shown: Bytes | None) -> None:
        before = self._shown
        if shown == before:
            return
        self._shown = shown
        self._measure()
        if shown is not None:
            self._go_to(shown)
            self.setAccessibleDescription(self.text()[:4000])
        self.viewport().update()

    @property
    def marked(self) -> tuple[int, int]:
        """The bytes that are marked: start and end."""
        return (0, 0) if self._shown is None else (self._shown.start, self._shown.end)

    def text(self) -> str:
        shown = self._shown
        if shown is None:
            return ""
        if shown.end > shown.start:
            return dump_text(shown.raw, shown.start, shown.end)
        return dump_text(shown.raw, 0, len(shown.raw))

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(int(self._wide * (_OFFSET + WIDE * 4 + 4)) + 2 * _PAD, 12 * _ROW)

    def byte_at(self, x: float, y: float) -> int | None:
        """Of the viewport's coordinates; None beside the bytes."""
        if self._shown is None:
            return None
        line = int((y - _PAD) // _ROW) + self.verticalScrollBar().value()
        place = self._column_at((x - _PAD) / self._wide + self.horizontalScrollBar().value())
        if place is None or line < 0:
            return None
        at = line * WIDE + place
        return at if at < len(self._shown.raw) else None

    def place_of(self, at: int) -> tuple[float, float]:
        """The middle of a byte's digits, in the viewport's coordinates."""
        line, place = divmod(at, WIDE)
        x = _PAD + (_digit_column(place) + 1 - self.horizontalScrollBar().value()) * self._wide
        y = _PAD + (line - self.verticalScrollBar().value()) * _ROW + _ROW / 2
        return x, y

    # ---- inside ----

    def _column_at(self, column: float) -> int | None:
        for place in range(WIDE):
            if _digit_column(place) <= column < _digit_column(place) + 2.5:
                return place
        text = column - _text_column()
        return int(text) if 0 <= text < WIDE else None

    def _measure(self) -> None:
        lines = 0 if self._shown is None else hex_lines(self._shown.raw)
        fits = max(1, (self.viewport().height() - 2 * _PAD) // _ROW)
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, lines - fits))
        bar.setPageStep(fits)
        across = self.horizontalScrollBar()
        room = int((self.viewport().width() - 2 * _PAD) / self._wide)
        across.setRange(0, max(0, _text_column() + WIDE - room))
        across.setPageStep(room)

    def _go_to(self, shown: Bytes) -> None:
        line, bar = shown.start // WIDE, self.verticalScrollBar()
        if not bar.value() <= line < bar.value() + bar.pageStep():
            bar.setValue(max(0, line - 2))

    def scrollContentsBy(self, _dx: int, _dy: int) -> None:  # noqa: N802 - Qt's name
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._measure()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        found = self.byte_at(event.position().x(), event.position().y())
        if found is not None:
            self.picked.emit(found)
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.matches(QKeySequence.StandardKey.Copy):
            self._copied(self.text())
            return
        super().keyPressEvent(event)

    # ---- painting ----

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self.viewport())
        painter.fillRect(self.viewport().rect(), colour("field"))
        if self._shown is None:
            return
        painter.setFont(self._font)
        painter.translate(_PAD - self.horizontalScrollBar().value() * self._wide, _PAD)
        first, total = self.verticalScrollBar().value(), hex_lines(self._shown.raw)
        rows = self.viewport().height() // _ROW + 1
        for row in range(min(rows, total - first)):
            self._paint_line(painter, row * _ROW, first + row, self._shown)

    def _paint_line(self, painter: QPainter, top: int, number: int, shown: Bytes) -> None:
        line = hex_line(shown.raw, number)
        base = top + self._ascent + 2
        painter.setPen(colour("muted"))
        painter.drawText(0, int(base), f"{line.offset:08x}")
        for place, digits in enumerate(line.digits):
            marked = shown.start <= line.offset + place < shown.end
            at, text = _digit_column(place) * self._wide, _text_column() + place
            if marked:
                self._mark(painter, at, 2, top)
                self._mark(painter, text * self._wide, 1, top)
            dim = digits == "00" and not marked
            painter.setPen(colour("muted" if dim else "text"))
            painter.drawText(int(at), int(base), digits)
            painter.drawText(int(text * self._wide), int(base), line.text[place])

    def _mark(self, painter: QPainter, at: float, wide: int, top: int) -> None:
        """Tinted and underlined: never by colour alone."""
        area = QRectF(at - 1, top + 1, wide * self._wide + 2, _ROW - 2)
        painter.fillRect(area, colour("selected"))
        painter.fillRect(QRectF(area.x(), area.bottom() - 1, area.width(), 1), colour("accent"))


def _digit_column(place: int) -> int:
    return _OFFSET + place * 3 + (1 if place >= _HALF else 0)


def _text_column() -> int:
    return _OFFSET + WIDE * 3 + 3
