"""The heat map as a widget: a cell a rack, coloured and marked by its worst state.

Arrow keys move, Enter or a click chooses. The mark inside a cell says the state without colour.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFont,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from keyturn.client.inventory import NodeState
from keyturn_app.i18n import _
from keyturn_app.qtkit.theme import colour, css, mono, sans, theme
from keyturn_app.qtkit.tips import plain
from keyturn_app.screens.fleet.heat import EMPTY, HeatGroup, HeatView, moved
from keyturn_app.screens.fleet.store import STATES
from keyturn_app.states import node_look

CELL, GAP, HEAD, BETWEEN = 14, 3, 24, 18
NAMED = 25
"""The pitch of rows where names stand beside the cells."""
MIN_ROWS, MAX_ROWS = 11, 20
_EDGE, _WIDEST, _NAMED_ROWS, _TITLED = 3, 8000, 6, 330
_TOKENS = {state: node_look(state).token for state in STATES}
_OUTLINED = {NodeState.REFUSED, NodeState.QUARANTINED, NodeState.STALE}


class HeatMap(QWidget):
    """`chosen` carries the cell. `describe` tells what a cell holds, for tooltip and reader."""

    chosen = Signal(int)
    grown = Signal(int)  # to this height

    def __init__(self, describe: Callable[[int], str]) -> None:
        super().__init__()
        self._describe = describe
        self._view: HeatView = EMPTY
        self._current = -1
        self._rows, self._pitch = MIN_ROWS, QSize(CELL, CELL)
        self._columns: list[tuple[HeatGroup, int]] = []  # with the left edge of each
        self.setObjectName("fleet.heat")
        self.setAccessibleName(_("Heat map of the fleet"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setFixedHeight(HEAD + MIN_ROWS * CELL + _EDGE)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._picture: QPixmap | None = None
        theme().changed.connect(self._draw_anew)

    def show_view(self, view: HeatView) -> None:
        if view == self._view:
            return
        before, self._view = self._view, view
        self._current = min(self._current, len(view.labels) - 1)
        if (view.groups, view.names) != (before.groups, before.names):
            self._arrange()
        elif view.worst != before.worst:
            self._draw_changed(before.worst)
        self._say()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(320, self.height())

    def natural_width(self) -> int:
        """What it takes with the fewest rows: wider than that is of no use."""
        rows, self._rows = self._rows, MIN_ROWS if not self._view.names else _NAMED_ROWS
        widths = sum(self._width_of(each) for each in self._view.groups)
        self._rows = rows
        gaps = BETWEEN * 2 * max(0, len(self._view.groups) - 1)
        return max(_TITLED, widths + gaps + 2 * _EDGE)

    # ---- geometry ----

    def cell_rect(self, cell: int) -> QRect:
        """Where a cell is drawn."""
        for group, left in self._columns:
            if group.start <= cell < group.end:
                at = cell - group.start
                return QRect(
                    left + at // self._rows * self._pitch.width(),
                    HEAD + at % self._rows * self._pitch.height(),
                    CELL - GAP,
                    CELL - GAP,
                )
        return QRect()

    def cell_at(self, point: QPoint) -> int:
        """-1 where there is none. A name belongs to its cell."""
        row = (point.y() - HEAD) // self._pitch.height()
        if not 0 <= row < self._rows:
            return -1
        for group, left in self._columns:
            column = (point.x() - left) // self._pitch.width()
            cell = group.start + column * self._rows + row
            if column >= 0 and cell < group.end:
                return cell
        return -1

    def _arrange(self) -> None:
        """As many rows as it takes to fit the width, within limits; then the groups spread."""
        groups, room = self._view.groups, self._outside() - 2 * _EDGE
        least, most = self._set_pitch()
        widths: list[int] = []
        for self._rows in range(least, most + 1):
            widths = [self._width_of(each) for each in groups]
            if sum(widths) + BETWEEN * max(0, len(groups) - 1) <= room:
                break
        gaps = max(1, len(groups) - 1)
        between = max(BETWEEN, min(44, (room - sum(widths)) // gaps))
        self._columns, left = [], _EDGE
        for group, width in zip(groups, widths, strict=True):
            self._columns.append((group, left))
            left += width + between
        needed = left - between + _EDGE
        self.setMinimumWidth(min(needed, _WIDEST) if needed > self._outside() else 0)
        self._draw_anew()
        tall = HEAD + MIN_ROWS * CELL + _EDGE
        tall = max(tall, HEAD + self._rows * self._pitch.height() + _EDGE)
        if tall != self.height():
            self.setFixedHeight(tall)
            self.grown.emit(tall)

    def _outside(self) -> int:
        """The width that is seen at once: of the scroll area around, if there is one."""
        around = self.parentWidget()
        return self.width() if around is None else around.width()

    def _set_pitch(self) -> tuple[int, int]:
        """From one cell to the next; gives the least and the most rows."""
        names = self._view.names
        if not names:
            self._pitch = QSize(CELL, CELL)
            return MIN_ROWS, MAX_ROWS
        widest = max(QFontMetrics(mono(12)).horizontalAdvance(each) for each in names)
        self._pitch = QSize(widest + CELL + 30, NAMED)
        return _NAMED_ROWS, _NAMED_ROWS

    def _width_of(self, group: HeatGroup) -> int:
        """At least its title, so that titles do not run into each other."""
        columns = -(-(group.end - group.start) // self._rows)
        if self._view.names:
            return columns * self._pitch.width()
        bold, plain = _metrics()
        said = bold.horizontalAdvance(group.name) + 7 + plain.horizontalAdvance(f"{group.nodes:,}")
        return max(columns * CELL - GAP, said)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._picture = None
        if event.size().width() != event.oldSize().width():
            self._arrange()

    # ---- hands ----

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        cell = self.cell_at(event.position().toPoint())
        if cell >= 0 and event.button() is Qt.MouseButton.LeftButton:
            self._move_to(cell)
            self.chosen.emit(cell)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        steps = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
        }
        key = Qt.Key(event.key())
        if key in steps:
            across, down = steps[key]
            self._move_to(moved(self._view, self._current, across, down, self._rows))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            if self._current >= 0:
                self.chosen.emit(self._current)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        super().focusInEvent(event)
        if self._current < 0 and self._view.labels:
            self._move_to(0)
        self.update()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            cell = self.cell_at(event.pos())
            if cell < 0:
                QToolTip.hideText()
            else:
                where = self.cell_rect(cell)
                at = event.globalPos()
                QToolTip.showText(at, plain(self._describe(cell)), self, where)
            return True
        return super().event(event)

    def _move_to(self, cell: int) -> None:
        self._current = cell
        self._say()
        self.update()

    def _say(self) -> None:
        """To a screen reader: where one is, and how to move."""
        how = _("Arrow keys move, Enter filters the table.")
        at = self._describe(self._current) + ". " if self._current >= 0 else ""
        self.setAccessibleDescription(f"{at}{self._view.subtitle}. {how}")

    # ---- paint ----

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        ratio = self.devicePixelRatioF()
        if self._picture is None or self._picture.devicePixelRatio() != ratio:
            self._picture = self._drawn(ratio)
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._view.chosen >= 0:
            self._ring(painter, self._view.chosen, colour("text"))
        if self.hasFocus() and self._current >= 0:
            self._ring(painter, self._current, colour("focus"))

    def _draw_anew(self) -> None:
        self._picture = None
        self.update()

    def _draw_changed(self, before: bytes) -> None:
        if self._picture is None:
            return
        painter = QPainter(self._picture)
        changed = np.flatnonzero(
            np.frombuffer(before, np.uint8) != np.frombuffer(self._view.worst, np.uint8)
        )
        for cell in changed.tolist():
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Clear)
            painter.fillRect(self.cell_rect(cell), Qt.GlobalColor.transparent)
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
            self._paint_cell(painter, cell, self._picture.devicePixelRatio())
        painter.end()

    def _drawn(self, ratio: float) -> QPixmap:
        made = QPixmap(self.size() * ratio)
        made.setDevicePixelRatio(ratio)
        made.fill(Qt.GlobalColor.transparent)
        painter = QPainter(made)
        for group, left in self._columns:
            self._paint_title(painter, group, left)
            for cell in range(group.start, group.end):
                self._paint_cell(painter, cell, ratio)
                if self._view.names:
                    self._paint_name(painter, self.cell_rect(cell), self._view.names[cell])
        painter.end()
        return made

    def _paint_cell(self, painter: QPainter, cell: int, ratio: float) -> None:
        state = STATES[self._view.worst[cell]]
        painter.drawPixmap(self.cell_rect(cell).topLeft(), _cell(state, css(_TOKENS[state]), ratio))

    def _paint_title(self, painter: QPainter, group: HeatGroup, left: int) -> None:
        bold, _plain = _metrics()
        painter.setFont(sans(12, QFont.Weight.DemiBold))
        painter.setPen(colour("text"))
        painter.drawText(left, 13, group.name)
        painter.setFont(sans(11))
        painter.setPen(colour("muted"))
        painter.drawText(left + bold.horizontalAdvance(group.name) + 7, 13, f"{group.nodes:,}")

    def _paint_name(self, painter: QPainter, at: QRect, name: str) -> None:
        painter.setFont(mono(12))
        painter.setPen(colour("text2"))
        beside = QRect(at.right() + 8, at.y() - 6, self._pitch.width(), at.height() + 12)
        painter.drawText(beside, Qt.AlignmentFlag.AlignVCenter, name)

    def _ring(self, painter: QPainter, cell: int, tint: QColor) -> None:
        painter.setPen(QPen(tint, 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(self.cell_rect(cell)).adjusted(-1.5, -1.5, 1.5, 1.5), 4, 4)


def _metrics() -> tuple[QFontMetrics, QFontMetrics]:
    return QFontMetrics(sans(12, QFont.Weight.DemiBold)), QFontMetrics(sans(11))


@lru_cache(maxsize=256)
def _cell(state: NodeState, _tint: str, ratio: float) -> QPixmap:
    """One cell's picture; `_tint` has it drawn again in another theme."""
    side = CELL - GAP
    made = QPixmap(round(side * ratio), round(side * ratio))
    made.setDevicePixelRatio(ratio)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    area, token = QRectF(0, 0, side, side), node_look(state).token
    painter.setPen(Qt.PenStyle.NoPen)
    if state is NodeState.ATTESTED:
        painter.setBrush(_mixed(colour("ok"), colour("surface"), 0.38 if _dark() else 0.30))
        painter.drawRoundedRect(area, 2.5, 2.5)
    else:
        painter.setBrush(colour(f"{token}_bg"))
        if state in _OUTLINED:
            painter.setPen(QPen(colour(token), 1))
        painter.drawRoundedRect(area.adjusted(0.5, 0.5, -0.5, -0.5), 2.5, 2.5)
        _glyph(painter, state, area.center(), colour(token))
    painter.end()
    return made


def _glyph(painter: QPainter, state: NodeState, at: QPointF, tint: QColor) -> None:
    pen = QPen(tint, 1.8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    x, y, reach = at.x(), at.y(), 2.5
    if state is NodeState.REFUSED:
        painter.drawLine(QPointF(x - reach, y - reach), QPointF(x + reach, y + reach))
        painter.drawLine(QPointF(x - reach, y + reach), QPointF(x + reach, y - reach))
    elif state is NodeState.PENDING:
        painter.drawEllipse(at, 2.3, 2.3)
    elif state is NodeState.UNKNOWN:
        painter.drawLine(QPointF(x - 2.3, y), QPointF(x + 2.3, y))
    elif state is NodeState.WIPED:  # two short lines: nothing is between them any more
        painter.drawLine(QPointF(x - 2.3, y - 1.8), QPointF(x + 2.3, y - 1.8))
        painter.drawLine(QPointF(x - 2.3, y + 1.8), QPointF(x + 2.3, y + 1.8))
    else:
        painter.setBrush(tint)
        painter.setPen(Qt.PenStyle.NoPen)
        if state is NodeState.STALE:
            corners = [QPointF(x, y - 3.2), QPointF(x + 3.2, y + 2.6), QPointF(x - 3.2, y + 2.6)]
            painter.drawPolygon(QPolygonF(corners))
        else:
            painter.drawRect(QRectF(x - 2.5, y - 2.5, 5, 5))


def _mixed(one: QColor, other: QColor, share: float) -> QColor:
    red, green, blue = (
        int(a * share + b * (1 - share))
        for a, b in (
            (one.red(), other.red()),
            (one.green(), other.green()),
            (one.blue(), other.blue()),
        )
    )
    return QColor(red, green, blue)


def _dark() -> bool:
    return colour("surface").lightness() < 128
