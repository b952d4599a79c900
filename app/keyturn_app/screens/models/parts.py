"""Small widgets that the parts of this page share."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHeaderView, QWidget

from keyturn_app import wording
from keyturn_app.qtkit.cells import CellModel
from keyturn_app.qtkit.noted import NotedLook
from keyturn_app.qtkit.tables import Table
from keyturn_app.qtkit.tokens import HEADER, ROW_COMPACT
from keyturn_app.qtkit.widgets import Item, column, frame, over, row


class SmallTable(Table):
    """A table within a page: as high as its rows, up to `most` of them, then it scrolls."""

    def __init__(
        self,
        model: CellModel,
        *,
        name: str,
        title: str,
        stretch: int,
        most: int,
        copied: Callable[[str], None] | None = None,
        looks: Sequence[int] = (),
    ) -> None:
        super().__init__(name=name, title=title, copied=copied)
        self._most, self._model = most, model
        model.setParent(self)
        self.setModel(model)
        self.verticalHeader().setDefaultSectionSize(ROW_COMPACT)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.horizontalHeader()
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(24)
        header.setSectionResizeMode(stretch, QHeaderView.ResizeMode.Stretch)
        delegate = NotedLook(self)
        for each in looks:
            self.setItemDelegateForColumn(each, delegate)
        self.fit()

    def fit(self) -> None:
        """After the rows changed."""
        rows = max(1, min(self._model.rowCount(), self._most))
        self.setFixedHeight(HEADER + rows * ROW_COMPACT + 2)

    def selected_text(self) -> str:
        """With the whole values where the cells are cut short."""
        role = Qt.ItemDataRole.AccessibleTextRole
        columns = range(self._model.columnCount())
        return "\n".join(
            wording.tabbed(str(self._model.index(at, each).data(role) or "") for each in columns)
            for at in self.selected_rows()
        )


def section(title: str, *items: Item, name: str = "", right: QWidget | None = None) -> QFrame:
    """A heading and what stands under it; `right` at the other end of the heading."""
    head = row(over(title), None, *((right,) if right else ()))
    return frame(column(head, *items, spacing=6), name=name)
