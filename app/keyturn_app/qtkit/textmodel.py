"""A page's tables of texts as Qt wants them: texts by column, some columns a state."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from keyturn_app.qtkit.tables import LOOK_ROLE
from keyturn_app.qtkit.theme import colour, mono
from keyturn_app.qtkit.tips import plain
from keyturn_app.states import Look

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()


class TextRow(Protocol):
    @property
    def texts(self) -> tuple[str, ...]: ...


class TextModel(QAbstractTableModel):
    """`looks`: the columns whose text is a look's word, and how a row gives it."""

    def __init__(
        self,
        heads: Sequence[Callable[[], str]],
        looks: dict[int, Callable[[Any], Look]],
        in_mono: frozenset[int] = frozenset(),
    ) -> None:
        super().__init__()
        self._heads, self._looks, self._mono = tuple(heads), looks, in_mono
        self._rows: tuple[TextRow, ...] = ()

    def show_rows(self, rows: tuple[TextRow, ...]) -> None:
        if rows == self._rows:
            return
        if len(rows) == len(self._rows) and rows:  # ages: what is selected stays so
            self._rows = rows
            last = self.index(len(rows) - 1, len(self._heads) - 1)
            self.dataChanged.emit(self.index(0, 0), last)
            return
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 - Qt's name
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 - Qt's name
        return 0 if parent.isValid() else len(self._heads)

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation is not Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        return self._heads[section]()

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row, at = self._rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return row.texts[at]
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(row.texts[at])
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self._heads[at]()}: {row.texts[at]}"
        if role == Qt.ItemDataRole.FontRole:
            return mono() if at in self._mono else None
        if role == Qt.ItemDataRole.ForegroundRole:
            return colour("text" if at not in self._mono else "text2")
        if role == LOOK_ROLE and at in self._looks:
            return self._looks[at](row)
        return None
