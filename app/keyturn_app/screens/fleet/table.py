"""The table of nodes: copying, sorting by its header, rows that hold still under the pointer."""

from collections.abc import Callable

from PySide6.QtCore import (
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPoint,
    Qt,
    Signal,
)
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QMenu

from keyturn_app.i18n import _
from keyturn_app.qtkit.tables import Table
from keyturn_app.qtkit.tokens import ROW, ROW_COMPACT
from keyturn_app.screens.fleet.columns import COLUMNS, SHAPES, Column, fitting
from keyturn_app.screens.fleet.model import FleetDelegate, FleetModel
from keyturn_app.screens.fleet.store import FleetStore
from keyturn_app.screens.fleet.viewmodel import Sorting

_LONG = {Column.NAME: 8, Column.MODEL: 4, Column.POLICY: 4, Column.PLATFORM: 4}
"""Columns that are wider where there is room, and by which part of it."""
_DESCENDING_FIRST = {Column.STATE, Column.HEARD, Column.EVIDENCE, Column.CAVEATS}


class NodeTable(Table):
    """`picked`: a node to be opened. `held`: whether rows must stay where they are."""

    picked = Signal(str)
    held = Signal(bool)
    sorted_by = Signal(Column, bool)
    copied = Signal(bool)  # as JSON

    def __init__(self, store: FleetStore) -> None:
        super().__init__(name="fleet.table", title=_("Nodes"))
        self._chosen: frozenset[Column] = frozenset()
        self._sorting = Sorting()
        self._marked: str | None = None
        self._sized: set[Column] = set()  # by hand
        self._over, self._menu_open, self._showing = False, False, False
        self.fleet = FleetModel(store, self._visible)
        self._delegate = FleetDelegate(self.fleet)
        self.setModel(self.fleet)
        self.setItemDelegate(self._delegate)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.set_widths([SHAPES[each].width for each in COLUMNS])
        header = self.horizontalHeader()
        header.setSectionsClickable(True)
        header.setSortIndicatorShown(True)
        header.setSectionsMovable(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setMinimumSectionSize(56)
        header.sectionClicked.connect(self._header_clicked)
        header.sectionResized.connect(self._section_resized)
        self.selectionModel().currentRowChanged.connect(self._current_changed)
        self.activated.connect(lambda index: self.picked.emit(self.fleet.name_at(index.row())))
        self.clicked.connect(self._clicked)
        self.viewport().installEventFilter(self)

    def set_compact(self, compact: bool) -> None:
        self.verticalHeader().setDefaultSectionSize(ROW_COMPACT if compact else ROW)

    def selected_names(self) -> list[str]:
        return [self.fleet.name_at(each) for each in self.selected_rows()]

    def shown_columns(self) -> list[Column]:
        """In the order on screen."""
        header = self.horizontalHeader()
        places = (header.logicalIndex(each) for each in range(header.count()))
        return [COLUMNS[each] for each in places if not self.isColumnHidden(each)]

    def show_columns(self, chosen: frozenset[Column]) -> None:
        if chosen != self._chosen:
            self._chosen = chosen
            self._fit()

    def show_sorting(self, sorting: Sorting) -> None:
        self._sorting = sorting
        order = Qt.SortOrder.DescendingOrder if sorting.descending else Qt.SortOrder.AscendingOrder
        self.horizontalHeader().setSortIndicator(COLUMNS.index(sorting.column), order)

    def show_selected(self, name: str | None) -> None:
        """Mark a node's row, and bring it into sight when it is another node than before."""
        before, self._marked = self._marked, name
        if name is None:
            if before is not None:
                self._quietly(self.clearSelection)
            return
        row = self.fleet.row_of(name)
        if row < 0 or self.selectionModel().isRowSelected(row, QModelIndex()):
            return
        self._quietly(lambda: self._mark(row))
        if name != before:
            self._bring(row)

    def _mark(self, row: int) -> None:
        """Not `selectRow`: that would mean something else while Ctrl or Shift is held."""
        flags = QItemSelectionModel.SelectionFlag
        index = self.fleet.index(row, 0)
        self.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)

    def _bring(self, row: int) -> None:
        first, last = self._visible()
        if not first < row < last:
            self.scrollTo(self.fleet.index(row, 0), QAbstractItemView.ScrollHint.PositionAtCenter)

    def show_menu(self, menu: QMenu, at: QPoint) -> None:
        """Rows hold still while it is open."""
        self._menu_open = True
        self._tell_held()
        menu.aboutToHide.connect(self._menu_closed)
        menu.popup(self.viewport().mapToGlobal(at))

    # ---- inside ----

    def _quietly(self, change: Callable[[], None]) -> None:
        self._showing = True
        change()
        self._showing = False

    def _current_changed(self, current: QModelIndex, _before: QModelIndex) -> None:
        if current.isValid() and not self._showing and self.hasFocus():
            self.picked.emit(self.fleet.name_at(current.row()))

    def _clicked(self, index: QModelIndex) -> None:
        """Also the row that is current already, whose drawer was closed or never open."""
        if len(self.selected_rows()) == 1:
            self.picked.emit(self.fleet.name_at(index.row()))

    def _header_clicked(self, section: int) -> None:
        column = COLUMNS[section]
        descending = column in _DESCENDING_FIRST
        if self._sorting.column is column:
            descending = not self._sorting.descending
        self.sorted_by.emit(column, descending)

    def _visible(self) -> tuple[int, int]:
        height = self.viewport().height()
        first = self.rowAt(0)
        last = self.rowAt(height - 1)
        return max(first, 0), last if last >= 0 else self.fleet.rowCount() - 1

    def _fit(self) -> None:
        """Hide what has no room; what is long by nature gets of the room that is left."""
        width = self.viewport().width()
        shown = fitting(self._chosen, width)
        spare = max(0, width - sum(SHAPES[each].width for each in shown))
        for place, column in enumerate(COLUMNS):
            self.setColumnHidden(place, column not in shown)
            if column not in self._sized:
                more = min(spare // _LONG[column], 90) if column in _LONG else 0
                self.setColumnWidth(place, SHAPES[column].width + more)

    def _section_resized(self, section: int, _before: int, _now: int) -> None:
        """Widths change for many reasons; only a hand on the header means one to stay."""
        if QApplication.mouseButtons() & Qt.MouseButton.LeftButton:
            self._sized.add(COLUMNS[section])

    def _menu_closed(self) -> None:
        self._menu_open = False
        self._tell_held()

    def _tell_held(self) -> None:
        self.held.emit(self._over or self._menu_open)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        """Coming here opens nothing: Qt makes the first row current by itself."""
        self._quietly(lambda: super(NodeTable, self).focusInEvent(event))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() in (QEvent.Type.Enter, QEvent.Type.Leave):
            self._over = event.type() is QEvent.Type.Enter
            self._tell_held()
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copied.emit(False)
            return
        control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
        if event.key() == Qt.Key.Key_C and event.modifiers() == control | shift:
            self.copied.emit(True)
            return
        super().keyPressEvent(event)
