"""Qt's models over the page's rows: they parse nothing that is not drawn, and decide nothing."""

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from keyturn_app.i18n import _
from keyturn_app.qtkit.tables import LOOK_ROLE
from keyturn_app.qtkit.theme import colour, mono
from keyturn_app.qtkit.tips import plain
from keyturn_app.screens.log.viewmodel import CheckpointRow, Rows
from keyturn_app.screens.log.words import Row

Index = QModelIndex | QPersistentModelIndex
INDEX, TIME, KIND, TEXT = range(4)
_NOWHERE = QModelIndex()


class EntryModel(QAbstractTableModel):
    """The entries of the log, newest first."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: Rows | None = None

    def show_rows(self, rows: Rows) -> int:
        """Show these; how many came on top of those that were shown."""
        before = self._rows
        if before is rows:
            return 0
        if before is None or before.era != rows.era or rows.count < before.count:
            self.beginResetModel()
            self._rows = rows
            self.endResetModel()
            return 0
        added = rows.count - before.count
        if added:
            self.beginInsertRows(_NOWHERE, 0, added - 1)
            self._rows = rows
            self.endInsertRows()
        else:
            self._rows = rows
            self._repaint()
        return added

    def index_of(self, row: int) -> int:
        """The log's index of a row."""
        assert self._rows is not None
        return self._rows.index_of(row)

    def rowCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 - Qt's name
        return 0 if self._rows is None or parent.isValid() else self._rows.count

    def columnCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 - Qt's name
        return 0 if parent.isValid() else 4

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section == INDEX)
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return (_("Index"), _("Time (UTC)"), _("Kind"), _("What it says"))[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if self._rows is None or not 0 <= index.row() < self._rows.count:
            return None
        column = index.column()
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column == INDEX)
        if role == Qt.ItemDataRole.FontRole:
            return mono() if column in (INDEX, TIME) else None
        row = self._rows.at(index.row())
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(_text(row, column))
        if role == Qt.ItemDataRole.ForegroundRole:
            return colour("muted" if column in (INDEX, TIME) else "text")
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self.headerData(column, Qt.Orientation.Horizontal)}: {_text(row, column)}"
        if role == LOOK_ROLE and column == KIND:
            return row.look
        return None

    def _repaint(self) -> None:
        if self._rows is not None and self._rows.count:
            self.dataChanged.emit(self.index(0, 0), self.index(self._rows.count - 1, 3))


class CheckpointModel(QAbstractTableModel):
    """The checkpoints that were seen, newest first."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[CheckpointRow, ...] = ()

    def show_rows(self, rows: tuple[CheckpointRow, ...]) -> None:
        if rows == self._rows:
            return
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 - Qt's name
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 - Qt's name
        return 0 if parent.isValid() else 4

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section == 1)
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return (_("Seen (UTC)"), _("Entries"), _("Root"), _("Compared with the log"))[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self._rows[index.row()], index.column()
        texts = (row.time, row.size, row.root, row.look.word)
        if role == Qt.ItemDataRole.DisplayRole:
            return texts[column]
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(row.full_root if column == 2 else texts[column])
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self.headerData(column, Qt.Orientation.Horizontal)}: {texts[column]}"
        if role == Qt.ItemDataRole.FontRole:
            return mono() if column < 3 else None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column == 1)
        if role == LOOK_ROLE and column == 3:
            return row.look
        return None


def _text(row: Row, column: int) -> str:
    return (f"{row.index:,}", row.time, row.look.word, row.text)[column]


def _alignment(right: bool) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
