"""The inbox as a table: Qt's model over frozen rows, and how the quorum is drawn."""

from collections.abc import Sequence
from enum import IntEnum

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    Qt,
)
from PySide6.QtGui import QColor, QFont, QIcon, QPainter
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import icon, pixmap
from keyturn_app.qtkit.tables import LOOK_ROLE
from keyturn_app.qtkit.theme import colour, sans
from keyturn_app.qtkit.tips import plain
from keyturn_app.screens.approvals.inbox import Row

ROW_ROLE = Qt.ItemDataRole.UserRole + 2
_NO_PARENT = QModelIndex()
Index = QModelIndex | QPersistentModelIndex


class Column(IntEnum):
    SUBJECT = 0
    KIND = 1
    VERSION = 2
    STATUS = 3
    QUORUM = 4
    PROPOSER = 5
    AGE = 6
    LAPSES = 7


WIDTHS = {
    Column.SUBJECT: 220,
    Column.KIND: 140,
    Column.VERSION: 72,
    Column.STATUS: 180,
    Column.QUORUM: 120,
    Column.PROPOSER: 130,
    Column.AGE: 76,
    Column.LAPSES: 96,
}


class InboxModel(QAbstractTableModel):
    """Changes of single rows are told as such, so that the selection stays where it is."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[Row, ...] = ()

    def show_rows(self, rows: Sequence[Row]) -> None:
        before, self.rows = self.rows, tuple(rows)
        if before == self.rows:
            return
        if [each.digest for each in before] != [each.digest for each in self.rows]:
            self.beginResetModel()
            self.endResetModel()
            return
        self.dataChanged.emit(self.index(0, 0), self.index(len(self.rows) - 1, len(Column) - 1))

    def rowCount(self, parent: Index = _NO_PARENT) -> int:  # noqa: N802 - Qt's name
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:  # noqa: N802 - Qt's name
        return 0 if parent.isValid() else len(Column)

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation is not Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        return {
            Column.SUBJECT: _("Subject"),
            Column.KIND: _("Kind"),
            Column.VERSION: _("Version"),
            Column.STATUS: _("Status"),
            Column.QUORUM: _("Approved"),
            Column.PROPOSER: _("Proposer"),
            Column.AGE: _("Age"),
            Column.LAPSES: _("Lapses"),
        }[Column(section)]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row, column = self.rows[index.row()], Column(index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(row, column)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return row.spoken if column is Column.SUBJECT else _text(row, column) or _("never")
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(row.digest) if column is Column.SUBJECT else None
        if role == ROW_ROLE:
            return row
        if role == LOOK_ROLE and column is Column.STATUS:
            return row.status
        return _looks(row, column, role)


def _text(row: Row, column: Column) -> str:
    return {
        Column.SUBJECT: row.subject,
        Column.KIND: row.kind,
        Column.VERSION: row.version,
        Column.STATUS: row.status.word,
        Column.QUORUM: row.quorum,
        Column.PROPOSER: row.proposer,
        Column.AGE: row.age,
        Column.LAPSES: row.lapses,
    }[column]


def _looks(row: Row, column: Column, role: int) -> QIcon | QColor | QFont | None:
    if role == Qt.ItemDataRole.DecorationRole and column is Column.SUBJECT:
        return icon(row.icon, "accent" if row.waits else "text2", 16)
    if role == Qt.ItemDataRole.ForegroundRole:
        if column is Column.LAPSES and row.pressing:
            return colour("stale")
        if column in (Column.KIND, Column.AGE, Column.PROPOSER, Column.LAPSES, Column.VERSION):
            return colour("text2")
    if role == Qt.ItemDataRole.FontRole and column is Column.SUBJECT and row.waits:
        return sans(13, QFont.Weight.DemiBold)
    return None


class QuorumDelegate(QStyledItemDelegate):
    """A bar of as many pieces as approvals are needed, and the words beside it."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: Index,
    ) -> None:
        inner = QStyleOptionViewItem(option)
        self.initStyleOption(inner, index)
        words, inner.text = inner.text, ""
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, inner, painter, option.widget)
        row = index.data(ROW_ROLE)
        if not isinstance(row, Row):
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        pieces = max(1, row.needed)
        width = min(14.0, 56.0 / pieces)
        left, middle = option.rect.x() + 8.0, option.rect.center().y()
        for place in range(pieces):
            token = "accent" if place < row.have else "border_strong"
            painter.setBrush(colour(token))
            if place >= row.have:
                painter.setOpacity(0.45)
            painter.drawRoundedRect(QRectF(left + place * (width + 3), middle - 3, width, 6), 3, 3)
            painter.setOpacity(1)
        painter.setFont(sans(12))
        painter.setPen(colour("text2"))
        text = option.rect.adjusted(int(8 + pieces * (width + 3) + 6), 0, 0, 0)
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, words)
        painter.restore()


class SubjectDelegate(QStyledItemDelegate):
    """Icon and subject; a dot before what waits for the officer, who hears it in the name."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: Index,
    ) -> None:
        super().paint(painter, option, index)
        row = index.data(ROW_ROLE)
        if isinstance(row, Row) and row.waits:
            area = option.rect
            painter.drawPixmap(
                area.right() - 18, area.center().y() - 6, pixmap("hourglass", "stale", 12)
            )
