"""Tables as every page has them: rows of 34 px, whole-row selection, copying by keyboard."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from keyturn_app import wording
from keyturn_app.qtkit.icons import pixmap
from keyturn_app.qtkit.theme import colour, sans
from keyturn_app.qtkit.tokens import HEADER, ROW
from keyturn_app.states import Look

LOOK_ROLE = Qt.ItemDataRole.UserRole + 1
"""A `Look`, painted by `LookDelegate` as icon and word."""


class Table(QTableView):
    """`copied` gets the selected rows as tab-separated text; Enter activates a row."""

    def __init__(
        self, *, name: str, title: str, copied: Callable[[str], None] | None = None
    ) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(title)
        self._copied = copied
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.horizontalHeader()
        header.setFixedHeight(HEADER)
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)

    def set_widths(self, widths: Sequence[int]) -> None:
        for place, width in enumerate(widths):
            self.setColumnWidth(place, width)

    def selected_rows(self) -> list[int]:
        selection = self.selectionModel()
        return sorted(index.row() for index in selection.selectedRows()) if selection else []

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.matches(QKeySequence.StandardKey.Copy) and self._copied is not None:
            self._copied(self.selected_text())
            return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.activated.emit(self.currentIndex())
            return
        super().keyPressEvent(event)

    def selected_text(self) -> str:
        """The selected rows, visible columns, tabs between."""
        model = self.model()
        if model is None:
            return ""
        columns = [c for c in range(model.columnCount()) if not self.isColumnHidden(c)]
        return "\n".join(
            wording.tabbed(str(model.index(row, column).data() or "") for column in columns)
            for row in self.selected_rows()
        )


class LookDelegate(QStyledItemDelegate):
    """Paints the `Look` in LOOK_ROLE: icon, then word, in the state's colour."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        look = index.data(LOOK_ROLE)
        inner = QStyleOptionViewItem(option)
        self.initStyleOption(inner, index)
        if isinstance(look, Look):
            inner.text = ""
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, inner, painter, option.widget)
        if not isinstance(look, Look):
            return
        area = option.rect
        painter.save()
        painter.drawPixmap(
            QRect(area.x() + 8, area.center().y() - 6, 14, 14), pixmap(look.icon, look.token, 14)
        )
        painter.setFont(sans(12, sans().Weight.DemiBold))
        painter.setPen(colour(look.token))
        painter.drawText(
            area.adjusted(28, 0, -4, 0),
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
            look.word,
        )
        painter.restore()
