"""Small widgets that the parts of this page share."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QModelIndex, QSignalBlocker, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHeaderView, QPushButton

from keyturn_app import wording
from keyturn_app.qtkit.cells import CellModel, CellRow
from keyturn_app.qtkit.tables import LookDelegate, Table
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.tokens import HEADER, ROW
from keyturn_app.screens.officers.viewmodel import ActionView


class SmallTable(Table):
    """As high as its rows, up to `most`; `chosen` is told the key of the row that one is at.

    `leaves`: columns in the order in which they make room when it is narrow.
    """

    def __init__(
        self,
        titles: Sequence[str],
        widths: Sequence[int],
        *,
        name: str,
        title: str,
        stretch: int,
        most: int = 8,
        copied: Callable[[str], None],
        chosen: Callable[[str], None],
        leaves: Sequence[int] = (),
        looks: int | None = None,
    ) -> None:
        super().__init__(name=name, title=title, copied=copied)
        self._most, self._widths, self._leaves = most, tuple(widths), tuple(leaves)
        self._rows = CellModel(titles, parent=self)
        self.setModel(self._rows)
        self.setSelectionMode(Table.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.set_widths(widths)
        header = self.horizontalHeader()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(stretch, QHeaderView.ResizeMode.Stretch)
        if looks is not None:
            self.setItemDelegateForColumn(looks, LookDelegate(self))
        self._chosen = chosen
        self.selectionModel().currentRowChanged.connect(self._current)
        self._fit()

    def show_rows(self, rows: Sequence[CellRow], selected: str) -> None:
        blocker = QSignalBlocker(self.selectionModel())
        self._rows.show_rows(rows)
        at = self._rows.row_of(selected) if selected else -1
        if at >= 0 and at != self.currentIndex().row():
            self.selectRow(at)
        elif at < 0:
            self.clearSelection()
            self.setCurrentIndex(QModelIndex())
        blocker.unblock()
        self._fit()
        self.viewport().update()

    def key(self, row: int) -> str:
        return str(self._rows.key(row))

    def selected_text(self) -> str:
        """With the whole values where the cells are cut short, of hidden columns too."""
        role = Qt.ItemDataRole.AccessibleTextRole
        columns = range(self._rows.columnCount())
        return "\n".join(
            wording.tabbed(str(self._rows.index(at, each).data(role) or "") for each in columns)
            for at in self.selected_rows()
        )

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        hidden: set[int] = set()
        for each in self._leaves:
            if sum(w for at, w in enumerate(self._widths) if at not in hidden) <= self.width() - 12:
                break
            hidden.add(each)
        for at in range(len(self._widths)):
            self.setColumnHidden(at, at in hidden)

    def _current(self, index: QModelIndex) -> None:
        if index.isValid():
            self._chosen(self.key(index.row()))

    def _fit(self) -> None:
        rows = max(1, min(self._rows.rowCount(), self._most))
        self.setFixedHeight(HEADER + rows * ROW + 2)


def show_action(which: QPushButton, action: ActionView) -> None:
    which.setEnabled(not action.why_not)
    which.setToolTip(plain(action.why_not))
