"""A look in a table with what is noted beside it."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from keyturn_app.qtkit.cells import NOTE_ROLE
from keyturn_app.qtkit.icons import pixmap
from keyturn_app.qtkit.tables import LOOK_ROLE
from keyturn_app.qtkit.theme import colour, sans
from keyturn_app.states import Look


class NotedLook(QStyledItemDelegate):
    """A look as icon and word, and what is noted beside it in a quieter colour."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        inner = QStyleOptionViewItem(option)
        self.initStyleOption(inner, index)
        inner.text = ""
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, inner, painter, option.widget)
        look = index.data(LOOK_ROLE)
        if not isinstance(look, Look):
            return
        area = option.rect
        painter.save()
        painter.drawPixmap(
            area.x() + 8, area.center().y() - 6, 14, 14, pixmap(look.icon, look.token, 14)
        )
        self._text(painter, option, look, str(index.data(NOTE_ROLE) or ""))
        painter.restore()

    def _text(self, painter: QPainter, option: QStyleOptionViewItem, look: Look, note: str) -> None:
        area = option.rect.adjusted(28, 0, -4, 0)
        left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.setFont(sans(12, sans().Weight.DemiBold))
        painter.setPen(colour(look.token))
        painter.drawText(area, left, look.word)
        used = QFontMetrics(painter.font()).horizontalAdvance(look.word) + 8
        rest = area.adjusted(used, 0, 0, 0)
        if note and rest.width() > 24:
            painter.setFont(sans(12))
            painter.setPen(colour("text2"))
            shown = QFontMetrics(painter.font()).elidedText(
                note, Qt.TextElideMode.ElideRight, rest.width()
            )
            painter.drawText(rest, left, shown)
