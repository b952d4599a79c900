"""Rows as Qt's small tables read them: frozen cells, set as a whole, selection kept by key."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from keyturn_app.qtkit.tables import LOOK_ROLE
from keyturn_app.qtkit.theme import colour, mono
from keyturn_app.qtkit.tips import plain
from keyturn_app.states import Look

Index = QModelIndex | QPersistentModelIndex
NOTE_ROLE = LOOK_ROLE + 1
"""What stands beside a look, in a quieter colour."""


@dataclass(frozen=True, slots=True)
class Cell:
    """`full` is copied and spoken where `text` is cut short."""

    text: str
    look: Look | None = None
    note: str = ""
    mono: bool = False
    full: str = ""
    tint: str = ""  # a colour other than the text's


@dataclass(frozen=True, slots=True)
class CellRow:
    key: Hashable
    cells: tuple[Cell, ...]


class CellModel(QAbstractTableModel):
    """`right`: columns of numbers."""

    def __init__(
        self, titles: Sequence[str], right: Sequence[int] = (), parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._titles, self._right = tuple(titles), frozenset(right)
        self._rows: tuple[CellRow, ...] = ()

    def show_rows(self, rows: Sequence[CellRow]) -> bool:
        """Whether other rows stand there now, or in another order: the selection is gone then."""
        rows = tuple(rows)
        if rows == self._rows:
            return False
        if [each.key for each in rows] == [each.key for each in self._rows]:
            self._rows = rows
            last = self.index(len(rows) - 1, len(self._titles) - 1)
            self.dataChanged.emit(self.index(0, 0), last)
            return False
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()
        return True

    def key(self, row: int) -> Hashable:
        return self._rows[row].key

    def row_of(self, key: Hashable) -> int:
        """-1 where it is not there."""
        return next((at for at, each in enumerate(self._rows) if each.key == key), -1)

    # ---- Qt's own names ----

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else len(self._titles)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._titles[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._alignment(section)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        cell = self._rows[index.row()].cells[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return cell.text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return cell.full or cell.text
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(cell.full or cell.text)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._alignment(index.column())
        return self._drawn(cell, role)

    def _drawn(self, cell: Cell, role: int) -> Any:
        if role == Qt.ItemDataRole.FontRole and cell.mono:
            return mono()
        if role == Qt.ItemDataRole.ForegroundRole and cell.tint:
            return colour(cell.tint)
        if role == LOOK_ROLE:
            return cell.look
        return cell.note if role == NOTE_ROLE else None

    def _alignment(self, column: int) -> Qt.AlignmentFlag:
        side = Qt.AlignmentFlag.AlignRight if column in self._right else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter
