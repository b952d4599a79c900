"""Small widgets that the parts of this page share."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from keyturn_app import wording
from keyturn_app.qtkit.cells import NOTE_ROLE, CellModel
from keyturn_app.qtkit.icons import pixmap
from keyturn_app.qtkit.tables import LOOK_ROLE, Table
from keyturn_app.qtkit.theme import colour, sans
from keyturn_app.qtkit.tokens import HEADER, ROW_COMPACT
from keyturn_app.qtkit.widgets import Item, column, frame, over, row
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
