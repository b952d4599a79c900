"""Rows as Qt's tables read them: frozen cells, set as a whole, selection kept by key."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from keyturn_app.qtkit.tables import LOOK_ROLE
from keyturn_app.qtkit.theme import colour
from keyturn_app.qtkit.tips import plain
from keyturn_app.states import Look

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Cell:
    """`full` is copied, spoken and in the tip where `text` is shorter."""

    text: str
    look: Look | None = None
    tint: str = ""  # a colour other than the text's
    full: str = ""


@dataclass(frozen=True, slots=True)
class CellRow:
    key: str
    cells: tuple[Cell, ...]


class CellModel(QAbstractTableModel):
    def __init__(self, titles: Sequence[str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._titles = tuple(titles)
        self._rows: tuple[CellRow, ...] = ()

    def show_rows(self, rows: Sequence[CellRow]) -> None:
        rows = tuple(rows)
        if rows == self._rows:
            return
        if [each.key for each in rows] == [each.key for each in self._rows]:
            self._rows = rows
            last = self.index(len(rows) - 1, len(self._titles) - 1)
            self.dataChanged.emit(self.index(0, 0), last)
            return
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def key(self, row: int) -> str:
        return self._rows[row].key

    def row_of(self, key: str) -> int:
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
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._titles[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        cell = self._rows[index.row()].cells[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return cell.text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return cell.full or cell.text
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(cell.full or cell.text)
        if role == Qt.ItemDataRole.ForegroundRole and cell.tint:
            return colour(cell.tint)
        return cell.look if role == LOOK_ROLE else None
