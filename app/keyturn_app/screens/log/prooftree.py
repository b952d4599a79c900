"""An inclusion proof, drawn as the small tree that it is; spoken as its steps."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import pixmap
from keyturn_app.qtkit.theme import colour, mono, sans, theme
from keyturn_app.qtkit.tips import plain
from keyturn_app.screens.log.prooflayout import (
    NODE_HEIGHT,
    NODE_WIDTH,
    Box,
    Edge,
    Layout,
    Role,
    layout,
)
from keyturn_app.screens.log.viewmodel import Proof

_CHECK = 12
_RADIUS = 6.0


class ProofTree(QWidget):
    """Shows one proof at a time; empty, and of no height, without one."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("log.proof.tree")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._proof: Proof | None = None
        self._layout: Layout | None = None
        theme().changed.connect(self.update)

    def show_proof(self, proof: Proof) -> None:
        if proof == self._proof:
            return
        self._proof = proof
        self._layout = None if proof.path is None else layout(proof.path)
        self.setVisible(self._layout is not None)
        self.setAccessibleName(_("Inclusion proof, {state}").format(state=proof.look.word))
        self.setAccessibleDescription("\n".join(proof.spoken))
        self.setToolTip(plain("\n".join(proof.spoken)))
        self.setFixedHeight(self.sizeHint().height())
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        if self._layout is None:
            return QSize(0, 0)
        return QSize(int(self._layout.width), int(self._layout.height))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        drawn = self._layout
        if drawn is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(max(0.0, (self.width() - drawn.width) / 2), 0)
        for edge in drawn.edges:
            self._draw_edge(painter, edge)
        for box in drawn.boxes:
            self._draw_box(painter, box)

    def _draw_edge(self, painter: QPainter, edge: Edge) -> None:
        token, width = ("ok", 2.0) if edge.on_path else ("border_strong", 1.0)
        painter.setPen(QPen(colour(token), width))
        (x, y), (to_x, to_y) = edge.start, edge.end
        if x == to_x:
            painter.drawLine(QPointF(x, y), QPointF(to_x, to_y))
            return
        turn = (y + to_y) / 2  # up, across, up: it reads as a tree
        inner = to_x + (-8 if x < to_x else 8)
        points = [QPointF(x, y), QPointF(x, turn), QPointF(inner, turn), QPointF(inner, to_y)]
        painter.drawPolyline(points)

    def _draw_box(self, painter: QPainter, box: Box) -> None:
        area = QRectF(box.x, box.y, NODE_WIDTH, NODE_HEIGHT)
        painter.setPen(QPen(colour("ok" if box.on_path else "border"), 1.2))
        painter.setBrush(colour("ok_bg" if box.on_path else "raised"))
        painter.drawRoundedRect(area, _RADIUS, _RADIUS)
        inner = area.adjusted(7, 3, -5, -3)
        painter.setPen(colour("text" if box.on_path else "text2"))
        painter.setFont(mono(11))
        painter.drawText(inner, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft, box.hash)
        font = sans(10)
        painter.setFont(font)
        painter.setPen(colour("ok" if box.on_path else "muted"))
        room = inner.width() - (_CHECK + 2 if box.on_path else 0)
        caption = QFontMetricsF(font).elidedText(_caption(box), Qt.TextElideMode.ElideMiddle, room)
        painter.drawText(inner, Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft, caption)
        if box.on_path and box.role is not Role.LEAF:
            place = QPointF(area.right() - _CHECK - 5, area.bottom() - _CHECK - 3)
            painter.drawPixmap(place, pixmap("check", "ok", _CHECK))


def _caption(box: Box) -> str:
    return {
        Role.LEAF: _("leaf {span}"),
        Role.SIBLING: "{span}",
        Role.JOINED: "{span}",
        Role.ROOT: _("root {span}"),
    }[box.role].format(span=box.span)
