"""The forecast as a painted time line. The list below it says the same, and both move together."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from keyturn_app.i18n import _, n_
from keyturn_app.qtkit.icons import pixmap
from keyturn_app.qtkit.theme import colour, mono, sans, theme
from keyturn_app.qtkit.tips import plain
from keyturn_app.screens.collateral.timelayout import (
    HEIGHT,
    LANE,
    LEFT,
    RIGHT,
    TOP,
    Line,
    Mark,
    lay_out,
    mark_at,
)
from keyturn_app.screens.collateral.viewmodel import Forecast
from keyturn_app.screens.collateral.words import VENDORS

_STEPS = {
    Qt.Key.Key_Left: -1,
    Qt.Key.Key_Up: -1,
    Qt.Key.Key_Right: 1,
    Qt.Key.Key_Down: 1,
    Qt.Key.Key_Home: -100_000,
    Qt.Key.Key_End: 100_000,
}


class TimeLine(QWidget):
    """`stepped`: the next or previous event is wanted; `picked`: this one is."""

    stepped = Signal(int)
    picked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("collateral.timeline")
        self.setAccessibleName(_("Forecast on a time line"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(HEIGHT)
        self.setMouseTracking(True)
        self._shown: Forecast | None = None
        theme().changed.connect(self.update)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(480, HEIGHT)

    def show_forecast(self, shown: Forecast | None) -> None:
        if shown == self._shown:
            return
        self._shown = shown
        self.setAccessibleDescription(self._spoken())
        self.update()

    def line(self) -> Line:
        """Where everything stands now."""
        if self._shown is None:
            return Line((), ())
        return lay_out(self._shown.events, self._shown.now, self._shown.days, self.width())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        by = _STEPS.get(Qt.Key(event.key()))
        if by is None:
            super().keyPressEvent(event)
            return
        self.stepped.emit(by)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        mark = mark_at(self.line(), event.position().x(), event.position().y())
        if mark is not None:
            self.picked.emit(self._next_of(mark))
        self.setFocus()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        mark = mark_at(self.line(), event.position().x(), event.position().y())
        text = "" if mark is None or self._shown is None else self._texts(mark, self._shown)
        QToolTip.showText(event.globalPosition().toPoint(), plain(text), self)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        super().focusOutEvent(event)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = self.line()
        self._draw_ground(painter, line)
        for mark in line.marks:
            self._draw_mark(painter, mark)
        if self.hasFocus():
            painter.setPen(QPen(colour("focus"), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)

    # ---- inside ----

    def _next_of(self, mark: Mark) -> int:
        """Pressing a mark of several goes through them."""
        selected = None if self._shown is None else self._shown.selected
        if selected in mark.events:
            at = mark.events.index(selected)
            return mark.events[(at + 1) % len(mark.events)]
        return mark.events[0]

    def _spoken(self) -> str:
        shown = self._shown
        if shown is None or not shown.rows:
            return _("No events.")
        if shown.selected is None:
            return shown.summary
        return shown.rows[shown.selected].spoken

    def _texts(self, mark: Mark, shown: Forecast) -> str:
        texts = [shown.rows[each].spoken for each in mark.events[:6]]
        if len(mark.events) > len(texts):
            texts.append(n_("and {count} more", "and {count} more", len(mark.events) - len(texts)))
        return "\n".join(texts)

    def _draw_ground(self, painter: QPainter, line: Line) -> None:
        right, bottom = self.width() - RIGHT, TOP + LANE * len(VENDORS)
        for lane, name in enumerate(VENDORS):
            y = TOP + LANE * lane + LANE / 2
            painter.setPen(QPen(colour("border"), 1))
            painter.drawLine(QPointF(LEFT, y), QPointF(right, y))
            painter.setFont(sans(12, sans().Weight.DemiBold))
            painter.setPen(colour("text2"))
            area = QRectF(14, y - 10, LEFT - 22, 20)
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, name)
        painter.setFont(mono(11))
        for tick in line.ticks:
            painter.setPen(QPen(colour("border"), 1, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(tick.x, TOP), QPointF(tick.x, bottom))
            painter.setPen(colour("muted"))
            text = _("now") if tick.days == 0 else tick.date
            place = QRectF(min(tick.x - 30, self.width() - 62.0), bottom + 6, 60, 16)
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)

    def _draw_mark(self, painter: QPainter, mark: Mark) -> None:
        chosen = self._shown is not None and self._shown.selected in mark.events
        token, icon = "unknown", "circle"
        if mark.stops:
            token, icon = ("danger", "octagon-x") if mark.over else ("stale", "triangle-alert")
        area = QRectF(mark.x - 10, mark.y - 10, 20, 20)
        painter.setPen(QPen(colour("accent" if chosen else token), 2 if chosen else 1))
        painter.setBrush(colour("selected" if chosen else f"{token}_bg"))
        painter.drawRoundedRect(area, 10, 10)
        painter.drawPixmap(QPointF(mark.x - 6, mark.y - 6), pixmap(icon, token, 12))
        if len(mark.events) > 1:
            painter.setFont(sans(10, sans().Weight.DemiBold))
            painter.setPen(colour("text2"))
            place = QRectF(mark.x + 7, mark.y - 17, 24, 12)
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft, f"{len(mark.events)}")
