"""The rows of news as Qt wants them, and how a row is painted."""

from enum import IntEnum

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from keyturn_app.qtkit.icons import pixmap
from keyturn_app.qtkit.theme import colour, sans
from keyturn_app.qtkit.tips import plain
from keyturn_app.screens.notifications.viewmodel import Row

_HEIGHT = 54
Index = QModelIndex | QPersistentModelIndex


class Role(IntEnum):
    ROW = Qt.ItemDataRole.UserRole + 1


class NewsModel(QAbstractListModel):
    """Frozen rows. Ages change all the time: rows are replaced only where they differ."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[Row, ...] = ()

    def show_rows(self, rows: tuple[Row, ...]) -> None:
        if len(rows) != len(self._rows):
            self.beginResetModel()
            self._rows = rows
            self.endResetModel()
            return
        changed = [at for at, each in enumerate(rows) if each != self._rows[at]]
        self._rows = rows
        for at in changed:
            self.dataChanged.emit(self.index(at, 0), self.index(at, 0))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's own
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row = self._rows[index.row()]
        if role == Role.ROW:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return row.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return row.spoken
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(row.moment)
        return None


class NewsPainter(QStyledItemDelegate):
    """Two lines, the age on the right, a mark where it is new, an arrow where it leads on."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:  # noqa: N802
        return QSize(200, _HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: Row = index.data(Role.ROW)
        area: QRect = option.rect
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._ground(painter, area, option)
        if row.fresh:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour("accent"))
            painter.drawEllipse(area.x() + 8, area.center().y() - 3, 7, 7)
        painter.drawPixmap(area.x() + 24, area.center().y() - 9, pixmap(row.icon, row.token, 18))
        right = area.right() - 36
        painter.setFont(sans(12))
        painter.setPen(colour("muted"))
        width = painter.fontMetrics().horizontalAdvance(row.age)
        painter.drawText(
            QRect(right - width, area.y(), width + 2, area.height()),
            Qt.AlignmentFlag.AlignVCenter,
            row.age,
        )
        if row.goes:
            painter.drawPixmap(
                area.right() - 26, area.center().y() - 8, pixmap("chevron-right", "muted", 16)
            )
        self._texts(painter, area.x() + 56, right - width - 16, area, row)
        painter.restore()

    def _ground(self, painter: QPainter, area: QRect, option: QStyleOptionViewItem) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, colour("selected"))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(area, colour("hover"))
        painter.fillRect(QRect(area.x(), area.bottom(), area.width(), 1), colour("border"))

    def _texts(self, painter: QPainter, left: int, right: int, area: QRect, row: Row) -> None:
        elide = Qt.TextElideMode.ElideRight
        middle = Qt.AlignmentFlag.AlignVCenter
        place = QRect(left, area.y(), max(0, right - left), area.height())
        painter.setFont(sans(13, sans().Weight.Medium))
        painter.setPen(colour("text"))
        title = painter.fontMetrics().elidedText(row.title, elide, place.width())
        upper = place.adjusted(0, 0, 0, -20) if row.detail else place
        painter.drawText(upper, middle, title)
        if row.detail:
            painter.setFont(sans(12))
            painter.setPen(colour("text2"))
            detail = painter.fontMetrics().elidedText(row.detail, elide, place.width())
            painter.drawText(place.adjusted(0, 20, 0, 0), middle, detail)
