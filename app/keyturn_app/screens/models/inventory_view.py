"""Tiles, filter and table of the inventory. Shows a ModelsView and says what was asked for."""

from PySide6.QtCore import QModelIndex, QSignalBlocker, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHeaderView,
    QLineEdit,
    QPushButton,
    QStackedWidget,
    QWidget,
)

from keyturn.base.encoding import Digest
from keyturn_app.i18n import _
from keyturn_app.qtkit.cells import Cell, CellModel, CellRow
from keyturn_app.qtkit.figuretile import FigureTile
from keyturn_app.qtkit.noted import NotedLook
from keyturn_app.qtkit.oneline import OneLine
from keyturn_app.qtkit.tables import Table
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import (
    Banner,
    EmptyState,
    button,
    card,
    column,
    row,
    set_class,
)
from keyturn_app.screens.models.presenter import ModelsPresenter
from keyturn_app.screens.models.viewmodel import (
    ActionView,
    Column,
    ModelsView,
    Phase,
    Row,
    Show,
    Tile,
    title_of,
)

WIDTHS = {
    Column.NAME: 150,
    Column.VERSION: 68,
    Column.STATUS: 240,
    Column.POLICY: 104,
    Column.RUNS: 84,
    Column.SIZE: 84,
    Column.FILES: 56,
    Column.REGISTERED: 100,
    Column.DIGEST: 196,
}
TILE = 96
_LEAVES_FIRST = (Column.FILES, Column.DIGEST, Column.REGISTERED, Column.SIZE, Column.VERSION)
"""In this order columns make room when the table is narrow; the drawer has all of them."""


class TileButton(FigureTile):
    """A figure that filters."""

    def __init__(self, show: Show) -> None:
        super().__init__(f"models.tile.{show.value}", TILE)

    def show_tile(self, tile: Tile) -> None:
        self.show_figure(tile.icon, tile.token, tile.label, tile.figure, tile.text)
        self.setChecked(tile.chosen)


class InventoryView(QWidget):
    """The left part of the page, beside the drawer."""

    def __init__(self, presenter: ModelsPresenter) -> None:
        super().__init__()
        self._presenter = presenter
        self._banner = Banner(name="models.banner")
        self._tiles: dict[Show, TileButton] = {
            show: self._tile(show) for show in Show if show is not Show.ALL
        }
        self._filter = QLineEdit()
        self._filter.setObjectName("models.filter")
        self._filter.setAccessibleName(_("Filter models"))
        self._filter.setPlaceholderText(_("Filter: name, policy, digest"))
        self._filter.setClearButtonEnabled(True)
        self._filter.setMinimumWidth(80)
        self._filter.setMaximumWidth(320)
        self._filter.textEdited.connect(presenter.filter)
        self._count = OneLine("", "Small", "Second", name="models.count")
        self._seal = button(
            _("Seal a model…"),
            name="models.seal",
            kind="primary",
            icon_name="file-lock",
            clicked=presenter.seal,
        )
        self._register = button(
            _("Register…"),
            name="models.register",
            icon_name="circle-plus",
            clicked=presenter.register,
        )
        bar = row(self._filter, self._count, None, self._register, self._seal, spacing=10)
        self._model = CellModel(
            [title_of(each) for each in Column], (Column.RUNS, Column.SIZE, Column.FILES)
        )
        self._table = self._make_table()
        self._instead = self._make_empty()
        self._stack = QStackedWidget()
        self._stack.addWidget(self._table)
        self._stack.addWidget(self._instead)
        inside = card(bar, self._stack, spacing=8, margin=12, name="models.inventory")
        tiles = row(*self._tiles.values(), spacing=12)
        whole = column(self._banner, tiles, inside, spacing=12, margins=(20, 16, 20, 16))
        whole.setStretch(2, 1)
        self.setLayout(whole)

    def show_view(self, view: ModelsView) -> None:
        self._banner.say(view.banner, tone=view.tone)
        for tile in view.tiles:
            self._tiles[tile.show].show_tile(tile)
        for each in self._tiles.values():
            each.setVisible(bool(view.tiles))
        if self._filter.text() != view.query:
            self._filter.setText(view.query)
        self._count.setText(view.count)
        for which, action in zip((self._seal, self._register), view.actions, strict=True):
            _show_action(which, action)
        self._show_instead(view)
        self._show_rows(view)

    def focus_first(self) -> None:
        """To the table, or to what can be done while there is none."""
        empty = self._seal if self._seal.isVisible() else self._empty_seal
        first = self._table if self._table.isVisible() else empty
        first.setFocus(Qt.FocusReason.OtherFocusReason)

    def focus_filter(self) -> None:
        self._filter.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._make_room()

    # ---- inside ----

    def _tile(self, show: Show) -> TileButton:
        made = TileButton(show)
        made.clicked.connect(lambda: self._presenter.show(show))
        return made

    def _make_table(self) -> Table:
        table = Table(name="models.table", title=_("Sealed models"), copied=self._presenter.copy)
        self._model.setParent(table)
        table.setModel(self._model)
        table.setSelectionMode(Table.SelectionMode.SingleSelection)
        table.setItemDelegateForColumn(Column.STATUS, NotedLook(table))
        table.set_widths([WIDTHS[each] for each in Column])
        header = table.horizontalHeader()
        header.setSectionsClickable(True)
        header.setSortIndicatorShown(True)
        header.setStretchLastSection(False)
        header.setSectionResizeMode(Column.STATUS, QHeaderView.ResizeMode.Stretch)
        header.setAccessibleName(_("Columns; choose one to sort by it"))
        header.sectionClicked.connect(lambda at: self._presenter.sort(Column(at)))
        table.selectionModel().currentRowChanged.connect(self._current)
        return table

    def _make_empty(self) -> EmptyState:
        self._empty_seal = button(
            _("Seal a model…"),
            name="models.empty.seal",
            kind="primary",
            icon_name="file-lock",
            clicked=self._presenter.seal,
        )
        self._empty_all = button(
            _("Show all"), name="models.empty.all", clicked=self._presenter.open_all
        )
        return EmptyState("package", "", "", self._empty_seal, self._empty_all)

    def _show_instead(self, view: ModelsView) -> None:
        self._stack.setCurrentWidget(self._table if view.phase is Phase.READY else self._instead)
        self._instead.say(view.title, view.text)
        empty = view.phase in {Phase.EMPTY, Phase.OFFLINE}
        self._empty_seal.setVisible(empty)
        self._seal.setVisible(not empty)  # one primary button a page
        self._empty_all.setVisible(view.phase is Phase.NO_MATCH)

    def _show_rows(self, view: ModelsView) -> None:
        header = self._table.horizontalHeader()
        order = Qt.SortOrder.AscendingOrder if view.ascending else Qt.SortOrder.DescendingOrder
        header.setSortIndicator(view.sort, order)
        set_class(self._table, *(("Dimmed",) if view.dimmed else ()))
        blocker = QSignalBlocker(self._table.selectionModel())
        self._model.show_rows([_cells(each, dimmed=view.dimmed) for each in view.rows])
        blocker.unblock()
        self._select(view.detail.digest if view.detail else None)

    def _select(self, digest: Digest | None) -> None:
        at = -1 if digest is None else self._model.row_of(digest)
        if at == self._table.currentIndex().row():
            return
        blocker = QSignalBlocker(self._table.selectionModel())
        if at < 0:
            self._table.clearSelection()
            self._table.setCurrentIndex(QModelIndex())
        else:
            self._table.selectRow(at)
        blocker.unblock()
        self._table.viewport().update()

    def _current(self, index: QModelIndex) -> None:
        if index.isValid():
            self._presenter.select(Digest(str(self._model.key(index.row()))))

    def _make_room(self) -> None:
        """Hide what the width has no room for; the name and how it stands are always there."""
        room = self.width() - 40 - 24 - 16
        hidden: set[Column] = set()
        for each in _LEAVES_FIRST:
            if sum(width for at, width in WIDTHS.items() if at not in hidden) <= room:
                break
            hidden.add(each)
        for each in Column:
            self._table.setColumnHidden(each, each in hidden)
        mode = QHeaderView.ResizeMode
        wide = not hidden
        self._table.horizontalHeader().setSectionResizeMode(
            Column.NAME, mode.Stretch if wide else mode.Interactive
        )
        if not wide:
            self._table.setColumnWidth(Column.NAME, WIDTHS[Column.NAME])


def _cells(model: Row, *, dimmed: bool) -> CellRow:
    quiet = "muted" if dimmed else ""
    made = []
    for at in Column:
        text = model.texts[at]
        if at is Column.STATUS:
            made.append(Cell(text, model.look, model.note))
        elif at is Column.DIGEST:
            made.append(Cell(text, mono=True, full=model.digest, tint=quiet or "text2"))
        elif at is Column.NAME:
            made.append(Cell(text, tint=quiet))
        else:
            none = text == "—" or (at is Column.RUNS and model.runs is None)
            made.append(Cell(text, tint="muted" if none else quiet or "text2"))
    return CellRow(model.digest, tuple(made))


def _show_action(which: QPushButton, action: ActionView) -> None:
    which.setEnabled(not action.why_not)
    which.setToolTip(plain(action.why_not))
