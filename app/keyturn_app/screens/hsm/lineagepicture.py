"""The lineage as a painted picture that zooms. The table below it says the same, as text."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QScrollArea, QToolTip, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import pixmap
from keyturn_app.qtkit.theme import colour, mono, sans, theme
from keyturn_app.qtkit.tips import plain
from keyturn_app.screens.hsm.lineage import Tier, Way
from keyturn_app.screens.hsm.lineagelayout import (
    BOX_HEIGHT,
    BOX_WIDTH,
    HEAD,
    MARGIN,
    Box,
    Edge,
    Picture,
    lay_out,
    tier_x,
)
from keyturn_app.screens.hsm.viewmodel import LineageView

ZOOMS = (0.5, 0.67, 0.8, 1.0, 1.25, 1.5, 2.0)
_WAYS = {
    Qt.Key.Key_Up: Way.UP,
    Qt.Key.Key_Down: Way.DOWN,
    Qt.Key.Key_Left: Way.LEFT,
    Qt.Key.Key_Right: Way.RIGHT,
    Qt.Key.Key_Home: Way.FIRST,
    Qt.Key.Key_End: Way.LAST,
}
_ZOOM_KEYS = {Qt.Key.Key_Plus: 1, Qt.Key.Key_Equal: 1, Qt.Key.Key_Minus: -1, Qt.Key.Key_0: 0}
_RADIUS = 6.0


class LineagePicture(QWidget):
    """`stepped`: an arrow key; `picked`: a box was pressed, or none; `zoomed`: by so many steps."""

    stepped = Signal(object)
    picked = Signal(object)
    zoomed = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("hsm.lineage.picture")
        self.setAccessibleName(_("What hangs on each key"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self._view: LineageView | None = None
        self._picture = Picture()
        self._zoom = 1.0
        theme().changed.connect(self.update)

    @property
    def picture(self) -> Picture:
        return self._picture

    def show_lineage(self, view: LineageView) -> None:
        if view == self._view:
            return
        fresh = self._view is None or view.lineage != self._view.lineage
        self._view = view
        if fresh:
            self._picture = lay_out(view.lineage)
            self._fit()
        self.setAccessibleDescription(view.spoken)
        self.update()

    def show_zoom(self, zoom: float) -> None:
        self._zoom = zoom
        self._fit()
        self.update()

    def place_of(self, spot: str | None) -> QRectF | None:
        """Where a spot stands on the widget, with a little room around it."""
        box = self._picture.box(spot)
        if box is None:
            return None
        area = QRectF(box.x - 20, box.y - HEAD, BOX_WIDTH + 40, BOX_HEIGHT + HEAD + 20)
        return QRectF(area.topLeft() * self._zoom, area.size() * self._zoom)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        drawn = self._picture
        return QSize(int(drawn.width * self._zoom), int(drawn.height * self._zoom))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        key = Qt.Key(event.key())
        if key in _WAYS:
            self.stepped.emit(_WAYS[key])
        elif key in _ZOOM_KEYS:
            self.zoomed.emit(_ZOOM_KEYS[key])
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoomed.emit(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
        else:
            super().wheelEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        spot = self._under(event.position())
        self.picked.emit(spot)
        self.setFocus()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        view, under = self._view, self._under(event.position())
        found = None if view is None else view.lineage.find(under)
        text = "" if found is None else found.spoken
        QToolTip.showText(event.globalPosition().toPoint(), plain(text), self)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        super().focusOutEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(self._zoom, self._zoom)
        seen = QRectF(event.rect())
        top, bottom = seen.top() / self._zoom, seen.bottom() / self._zoom
        if self._picture.boxes:
            self._draw_heads(painter)
        for edge in self._picture.edges:
            if edge.end.y + BOX_HEIGHT >= top and edge.start.y <= bottom:
                self._draw_edge(painter, edge)
        for box in self._picture.boxes:
            if box.y + BOX_HEIGHT >= top and box.y <= bottom:
                self._draw_box(painter, box)

    # ---- inside ----

    def _fit(self) -> None:
        self.setFixedSize(self.sizeHint())

    def _under(self, place: QPointF) -> str | None:
        spot = self._picture.at(place.x() / self._zoom, place.y() / self._zoom)
        return None if spot is None else spot.id

    def _draw_heads(self, painter: QPainter) -> None:
        painter.setFont(sans(11, sans().Weight.DemiBold))
        painter.setPen(colour("muted"))
        for tier, name in _heads().items():
            area = QRectF(tier_x(tier), MARGIN - 4, BOX_WIDTH, 18)
            painter.drawText(area, Qt.AlignmentFlag.AlignLeft, name.upper())

    def _draw_edge(self, painter: QPainter, edge: Edge) -> None:
        view = self._view
        marked = view is not None and {edge.start.spot.id, edge.end.spot.id} <= view.marked
        pen = QPen(colour("accent" if marked else "border_strong"), 2.0 if marked else 1.0)
        if not edge.end.spot.proved:
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        x, to_x = edge.start.x + BOX_WIDTH, edge.end.x
        turn = (x + to_x) / 2
        path = QPainterPath(QPointF(x, edge.start.middle))
        path.cubicTo(
            QPointF(turn, edge.start.middle),
            QPointF(turn, edge.end.middle),
            QPointF(to_x, edge.end.middle),
        )
        painter.drawPath(path)

    def _draw_box(self, painter: QPainter, box: Box) -> None:
        view, spot = self._view, box.spot
        chosen = view is not None and view.selected == spot.id
        marked = view is not None and spot.id in view.marked
        area = QRectF(box.x, box.y, BOX_WIDTH, BOX_HEIGHT)
        edge = QPen(colour("accent" if marked else "border_strong"), 1.6 if marked else 1.0)
        if not spot.proved:
            edge.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(edge)
        painter.setBrush(colour("selected" if chosen else "surface"))
        painter.drawRoundedRect(area, _RADIUS, _RADIUS)
        if chosen and self.hasFocus():
            painter.setPen(QPen(colour("focus"), 2.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area.adjusted(-3, -3, 3, 3), _RADIUS + 2, _RADIUS + 2)
        painter.drawPixmap(
            QPointF(box.x + 10, box.y + 14), pixmap(spot.look.icon, spot.look.token, 16)
        )
        self._draw_text(painter, box, f"{spot.look.word} · {spot.text}")

    def _draw_text(self, painter: QPainter, box: Box, below: str) -> None:
        room = BOX_WIDTH - 44
        in_mono = box.spot.tier in (Tier.KEK, Tier.DEK)
        for text, font, token, at in (
            (box.spot.title, mono(12) if in_mono else sans(12), "text", 5.0),
            (below, sans(11), "text2", 23.0),
        ):
            painter.setFont(font)
            painter.setPen(colour(token))
            shown = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, room)
            place = QRectF(box.x + 34, box.y + at, room, 17)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, shown)


class LineageScroll(QScrollArea):
    """The picture in a view that follows what is chosen. `zoom` is its own."""

    def __init__(self, picture: LineagePicture) -> None:
        super().__init__()
        self.setObjectName("hsm.lineage.scroll")
        self.setAccessibleName(_("What hangs on each key"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(picture)
        for each in (self.viewport(), picture):
            each.setAutoFillBackground(False)
        self._picture = picture
        self._at = ZOOMS.index(1.0)
        picture.zoomed.connect(self.zoom_by)

    @property
    def zoom(self) -> float:
        return ZOOMS[self._at]

    def zoom_by(self, steps: int) -> None:
        """0: back to 100 %."""
        self._at = min(len(ZOOMS) - 1, max(0, self._at + steps)) if steps else ZOOMS.index(1.0)
        self._picture.show_zoom(self.zoom)

    def reveal(self, spot: str | None) -> None:
        place = self._picture.place_of(spot)
        if place is None:
            return
        middle = place.center()
        self.ensureVisible(
            int(middle.x()), int(middle.y()), int(place.width() / 2), int(place.height() / 2)
        )


def _heads() -> dict[Tier, str]:
    return {
        Tier.KEK: "KEK",
        Tier.DEK: "DEK",
        Tier.MODEL: _("Model version"),
        Tier.NODE: _("Node that holds it"),
    }
