"""One side of a diff, painted: line numbers, signs, marked words, hatching where a line is absent.

Monospaced and without ligatures: what is shown are the characters that are there. Signs and
underline repeat what the tint says, so that colour is never alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QBrush,
    QFontMetricsF,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QScrollArea, QWidget

from keyturn_app.qtkit.theme import colour, mono, theme
from keyturn_app.statements.difference import Line, Pair, Sign, Unified

ROW = 18
_PAD = 8
_TAB = "    "
_LONG = 4000
"""Characters drawn of a line: more than any window is wide."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A row: its numbers as text, and the line; None where this side has none."""

    numbers: str
    line: Line | None


def see_through(area: QScrollArea) -> None:
    """Let a scroll area have the surface that it lies on."""
    area.viewport().setAutoFillBackground(False)
    inside = area.widget()
    if inside is not None:
        inside.setAutoFillBackground(False)


def left_of(pairs: Sequence[Pair]) -> tuple[Shown, ...]:
    return tuple(_side(each.before) for each in pairs)


def right_of(pairs: Sequence[Pair]) -> tuple[Shown, ...]:
    return tuple(_side(each.after) for each in pairs)


def rows_of(lines: Sequence[Unified]) -> tuple[Shown, ...]:
    """Both numbers before each line of the unified form."""
    width = max((len(str(n)) for u in lines for n in (u.before, u.after) if n), default=1)
    return tuple(
        Shown(f"{_number(u.before):>{width}} {_number(u.after):>{width}}", u.line) for u in lines
    )


def _side(line: Line | None) -> Shown:
    return Shown("" if line is None else str(line.number), line)


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


class DiffPane(QAbstractScrollArea):
    """Read with the arrow keys; Ctrl+C gives all of it with its signs."""

    def __init__(self, *, name: str, title: str, copied: Callable[[str], None]) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(160, 120)
        self._copied = copied
        self.setCornerWidget(QWidget())
        self._rows: tuple[Shown, ...] = ()
        self._led = False
        self._font = mono(12)
        metrics = QFontMetricsF(self._font)
        self._wide, self._ascent = metrics.horizontalAdvance("0"), metrics.ascent()
        self._height = metrics.height()
        theme().changed.connect(self.viewport().update)

    def show_rows(self, rows: Sequence[Shown]) -> None:
        if tuple(rows) == self._rows:
            return
        self._rows = tuple(rows)
        self.setAccessibleDescription(self.text()[:4000])
        self._measure()
        self.verticalScrollBar().setValue(self._first_change() * ROW)
        self.viewport().update()

    def follow(self, other: "DiffPane") -> None:
        """Scroll together, up and down; only the other one shows a bar."""
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalScrollBar().valueChanged.connect(partial(self._lead, other))
        other.verticalScrollBar().valueChanged.connect(partial(other._lead, self))

    def text(self) -> str:
        return "\n".join(
            f"{each.line.sign.value} {each.line.text}" for each in self._rows if each.line
        )

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(320, min(max(len(self._rows), 8), 40) * ROW + 2 * _PAD)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.matches(QKeySequence.StandardKey.Copy):
            self._copied(self.text())
            return
        bar = self.verticalScrollBar()
        if event.key() == Qt.Key.Key_Home:
            bar.setValue(0)
        elif event.key() == Qt.Key.Key_End:
            bar.setValue(bar.maximum())
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._measure()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._font)
        area = self.viewport().rect()
        painter.setPen(QPen(colour("focus" if self.hasFocus() else "border"), 1))
        painter.setBrush(colour("field"))
        painter.drawRoundedRect(QRectF(area).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.setClipRect(area.adjusted(2, 2, -2, -2))
        top = self.verticalScrollBar().value()
        first, last = max(0, (top - _PAD) // ROW), (top + area.height()) // ROW + 1
        for place in range(first, min(last, len(self._rows))):
            self._row(painter, self._rows[place], _PAD + place * ROW - top, area.width())

    # ---- inside ----

    def _lead(self, other: "DiffPane", value: int) -> None:
        """Take the other along; one that cannot go as far does not pull back."""
        if self._led:
            return
        other._led = True
        other.verticalScrollBar().setValue(value)
        other._led = False

    def _gutter(self) -> float:
        digits = max((len(each.numbers) for each in self._rows), default=1)
        return _PAD + (max(digits, 2) + 3) * self._wide

    def _first_change(self) -> int:
        for place, each in enumerate(self._rows):
            if each.line is None or each.line.sign is not Sign.SAME:
                return max(0, place - 4)
        return 0

    def _measure(self) -> None:
        size = self.viewport().size()
        longest = max((len(_spaced(e.line.text)) for e in self._rows if e.line), default=0)
        width = int(self._gutter() + (longest + 2) * self._wide)
        height = len(self._rows) * ROW + 2 * _PAD
        across, down = self.horizontalScrollBar(), self.verticalScrollBar()
        across.setRange(0, max(0, width - size.width()))
        across.setPageStep(size.width())
        across.setSingleStep(int(self._wide * 4))
        down.setRange(0, max(0, height - size.height()))
        down.setPageStep(size.height())
        down.setSingleStep(ROW)

    def _row(self, painter: QPainter, shown: Shown, y: int, width: int) -> None:
        line = shown.line
        full = QRect(_PAD, y, width - 2 * _PAD, ROW)
        if line is None:
            painter.fillRect(full, QBrush(colour("border"), Qt.BrushStyle.BDiagPattern))
            return
        kind = {Sign.ADDED: "added", Sign.REMOVED: "removed"}.get(line.sign, "")
        if kind:
            painter.fillRect(full, colour(f"{kind}_bg"))
        base = y + (ROW - self._height) / 2 + self._ascent
        gutter = self._gutter()
        painter.save()
        painter.setClipRect(QRectF(gutter - 2, y, width - gutter - 6, ROW))
        left = gutter - self.horizontalScrollBar().value()
        self._words(painter, line, kind, QPointF(left, base), y)
        painter.restore()
        painter.setPen(colour(kind or "muted"))
        painter.drawText(QPointF(gutter - 2 * self._wide, base), line.sign.value)
        numbers = shown.numbers
        at = gutter - (3 + len(numbers)) * self._wide
        painter.drawText(QPointF(at, base), numbers)

    def _words(self, painter: QPainter, line: Line, kind: str, at: QPointF, y: int) -> None:
        text = _spaced(line.text)
        for start, end in line.marks if kind else ():
            left = at.x() + len(_spaced(line.text[:start])) * self._wide
            long = len(_spaced(line.text[start:end])) * self._wide
            painter.fillRect(QRectF(left, y + 1, long, ROW - 2), colour(f"{kind}_mark"))
            painter.setPen(QPen(colour(kind), 1))
            painter.drawLine(QPointF(left, y + ROW - 3), QPointF(left + long, y + ROW - 3))
        painter.setPen(colour(kind or "text"))
        skipped = self._out_of_sight(at.x()) if len(text) > _LONG else 0
        painter.drawText(
            QPointF(at.x() + skipped * self._wide, at.y()), text[skipped : skipped + _LONG]
        )

    def _out_of_sight(self, left: float) -> int:
        """Characters that are scrolled away: laying out all of a long line would take seconds."""
        return max(0, int(-left / self._wide) - _LONG // 4)


def _spaced(text: str) -> str:
    return text.replace("\t", _TAB)
