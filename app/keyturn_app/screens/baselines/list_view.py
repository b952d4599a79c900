"""Tiles, filter and table of baselines. Shows a BaselinesView and says what was asked for."""

from PySide6.QtCore import QModelIndex, QSignalBlocker, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHeaderView,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QWidget,
)

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
from keyturn_app.screens.baselines.presenter import BaselinesPresenter
from keyturn_app.screens.baselines.standing import ValueKind
from keyturn_app.screens.baselines.viewmodel import (
    ActionView,
    BaselinesView,
    Column,
    Phase,
    Row,
    Tile,
    title_of,
)

WIDTHS = {
    Column.NAME: 130,
    Column.KINDS: 132,
    Column.STATUS: 216,
    Column.VERSION: 64,
    Column.UNTIL: 92,
    Column.USED: 168,
    Column.FROM: 128,
}
TILE = 88
_ICONS = {
    ValueKind.SNP: "cpu",
    ValueKind.TDX: "cpu",
    ValueKind.GPU: "microchip",
    ValueKind.SWITCH: "network",
    ValueKind.TPM: "lock",
}
_LEAVES_FIRST = (Column.FROM, Column.VERSION, Column.USED, Column.KINDS)
"""In this order columns make room when the table is narrow; the drawer has all of them."""


class TileButton(FigureTile):
    """A kind of value; it filters."""

    def __init__(self, kind: ValueKind) -> None:
        super().__init__(f"baselines.tile.{kind.value}", TILE, dense=True)
        self._icon_name = _ICONS[kind]

    def show_tile(self, tile: Tile) -> None:
        self.show_figure(self._icon_name, tile.token, tile.label, tile.figure, tile.text)
        self.setChecked(tile.chosen)


class ListView(QWidget):
    """The left part of the page, beside the drawer."""

    def __init__(self, presenter: BaselinesPresenter) -> None:
        super().__init__()
        self._presenter = presenter
        self._banner = Banner(name="baselines.banner")
        self._tiles = {kind: self._tile(kind) for kind in ValueKind}
        self._filter = QLineEdit()
        self._filter.setObjectName("baselines.filter")
        self._filter.setAccessibleName(_("Filter baselines"))
        self._filter.setPlaceholderText(_("Filter: name, value, policy, source, status"))
        self._filter.setClearButtonEnabled(True)
        self._filter.setMinimumWidth(80)
        self._filter.setMaximumWidth(320)
        self._filter.textEdited.connect(presenter.filter)
        self._count = OneLine("", "Small", "Second", name="baselines.count")
        self._compare = button(
            _("Compare…"),
            name="baselines.compare",
            icon_name="git-compare-arrows",
            clicked=presenter.compare,
        )
        self._import = button(
            _("Import…"),
            name="baselines.import",
            icon_name="file-input",
            clicked=presenter.import_values,
        )
        self._capture = button(
            _("Capture from a node…"),
            name="baselines.capture",
            kind="primary",
            icon_name="server",
            clicked=presenter.capture,
        )
        bar = row(
            self._filter,
            self._count,
            None,
            self._compare,
            self._import,
            self._capture,
            spacing=10,
        )
        bar.setStretch(0, 4)
        self._model = CellModel([title_of(each) for each in Column], (Column.VERSION,))
        self._table = self._make_table()
        self._instead = self._make_empty()
        self._stack = QStackedWidget()
        self._stack.addWidget(self._table)
        self._stack.addWidget(self._instead)
        self._fleet = self._make_fleet()
        inside = card(
            bar, self._stack, self._fleet, spacing=8, margin=12, name="baselines.inventory"
        )
        tiles = row(*self._tiles.values(), spacing=12)
        whole = column(self._banner, tiles, inside, spacing=12, margins=(20, 16, 20, 16))
        whole.setStretch(2, 1)
        self.setLayout(whole)

    def show_view(self, view: BaselinesView) -> None:
        self._banner.say(view.banner, tone=view.tone)
        for tile in view.tiles:
            self._tiles[tile.kind].show_tile(tile)
        for each in self._tiles.values():
            each.setVisible(bool(view.tiles))
        if self._filter.text() != view.query:
            self._filter.setText(view.query)
        self._count.setText(view.count)
        actions = {each.id: each for each in view.actions}
        for which, name in (
            (self._compare, "baselines.compare"),
            (self._import, "baselines.import"),
            (self._capture, "baselines.capture"),
            (self._empty_capture, "baselines.capture"),
            (self._empty_import, "baselines.import"),
        ):
            _show_action(which, actions[name])
        self._show_instead(view)
        self._show_fleet(view)
        self._show_rows(view)

    def focus_first(self) -> None:
        """To the table, or to what can be done while there is none."""
        first = self._table if self._table.isVisible() else self._empty_capture
        first.setFocus(Qt.FocusReason.OtherFocusReason)

    def focus_filter(self) -> None:
        self._filter.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._make_room()

    # ---- inside ----

    def _tile(self, kind: ValueKind) -> TileButton:
        made = TileButton(kind)
        made.clicked.connect(lambda: self._presenter.show(kind))
        return made

    def _make_table(self) -> Table:
        table = Table(
            name="baselines.table", title=_("Baselines"), copied=self._presenter.copy_rows
        )
        self._model.setParent(table)
        table.setModel(self._model)
        table.setSelectionMode(Table.SelectionMode.SingleSelection)
        table.setItemDelegateForColumn(Column.STATUS, NotedLook(table))
        table.set_widths([WIDTHS[each] for each in Column])
        header = table.horizontalHeader()
        header.setSectionsClickable(True)
        header.setSortIndicatorShown(True)
        header.setStretchLastSection(False)
        header.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        header.setAccessibleName(_("Columns; choose one to sort by it"))
        header.sectionClicked.connect(lambda at: self._presenter.sort(Column(at)))
        table.selectionModel().selectionChanged.connect(self._chosen)
        return table

    def _make_empty(self) -> EmptyState:
        self._empty_capture = button(
            _("Capture from a node…"),
            name="baselines.empty.capture",
            kind="primary",
            icon_name="server",
            clicked=self._presenter.capture,
        )
        self._empty_import = button(
            _("Import…"),
            name="baselines.empty.import",
            icon_name="file-input",
            clicked=self._presenter.import_values,
        )
        self._empty_all = button(
            _("Show all"), name="baselines.empty.all", clicked=self._presenter.open_all
        )
        return EmptyState(
            "layers", "", "", self._empty_capture, self._empty_import, self._empty_all
        )

    def _make_fleet(self) -> QWidget:
        self._fleet_text = OneLine("", "Small", "Second", name="baselines.fleet")
        self._fleet_bar = QProgressBar()
        self._fleet_bar.setObjectName("baselines.fleet.progress")
        self._fleet_bar.setAccessibleName(_("Progress of verifying evidence"))
        self._fleet_bar.setRange(0, 1000)
        self._fleet_bar.setFixedWidth(120)
        self._fleet_stop = button(
            _("Stop"),
            name="baselines.fleet.stop",
            kind="ghost",
            clicked=self._presenter.stop_looking,
        )
        self._fleet_again = button(
            _("Look again"),
            name="baselines.fleet.again",
            kind="ghost",
            icon_name="refresh-cw",
            clicked=self._presenter.look_at_nodes,
        )
        made = QWidget()
        inside = row(self._fleet_text, self._fleet_bar, self._fleet_stop, self._fleet_again)
        inside.setStretch(0, 1)
        made.setLayout(inside)
        return made

    def _show_fleet(self, view: BaselinesView) -> None:
        fleet = view.fleet
        self._fleet.setVisible(view.phase in {Phase.READY, Phase.NO_MATCH})
        self._fleet_text.setText(fleet.text)
        set_class(self._fleet_text, "Small", "Warn" if fleet.failed else "Second")
        busy = fleet.fraction is not None
        self._fleet_bar.setVisible(busy)
        self._fleet_stop.setVisible(busy)
        self._fleet_again.setVisible(not busy)
        self._fleet_bar.setValue(int((fleet.fraction or 0.0) * 1000))
        why_not = next(e.why_not for e in view.actions if e.id == "baselines.refresh")
        self._fleet_again.setEnabled(not why_not)
        self._fleet_again.setToolTip(plain(why_not))

    def _show_instead(self, view: BaselinesView) -> None:
        self._stack.setCurrentWidget(self._table if view.phase is Phase.READY else self._instead)
        self._instead.say(view.title, view.text)
        empty = view.phase is Phase.EMPTY
        for each in (self._empty_capture, self._empty_import):
            each.setVisible(empty)
        known = view.phase in {Phase.READY, Phase.NO_MATCH}
        for shown in (self._filter, self._count, self._import, self._capture):
            shown.setVisible(known)
        self._compare.setVisible(known and view.detail is None)  # the drawer has it then
        self._empty_all.setVisible(view.phase is Phase.NO_MATCH)

    def _show_rows(self, view: BaselinesView) -> None:
        header = self._table.horizontalHeader()
        order = Qt.SortOrder.AscendingOrder if view.ascending else Qt.SortOrder.DescendingOrder
        header.setSortIndicator(view.sort, order)
        set_class(self._table, *(("Dimmed",) if view.dimmed else ()))
        blocker = QSignalBlocker(self._table.selectionModel())
        self._model.show_rows([_cells(each, dimmed=view.dimmed) for each in view.rows])
        blocker.unblock()
        self._select(view.detail.subject if view.detail else None)

    def _select(self, subject: str | None) -> None:
        at = -1 if subject is None else self._model.row_of(subject)
        if self._table.selected_rows() == ([at] if at >= 0 else []):
            return
        blocker = QSignalBlocker(self._table.selectionModel())
        if at < 0:
            self._table.clearSelection()
            self._table.setCurrentIndex(QModelIndex())
        else:
            self._table.selectRow(at)
        blocker.unblock()
        self._table.viewport().update()

    def _chosen(self) -> None:
        """Selected, not current: focus alone makes the first row current, and opens nothing."""
        rows = self._table.selected_rows()
        if rows:
            self._presenter.select(str(self._model.key(rows[0])))

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


def _cells(each: Row, *, dimmed: bool) -> CellRow:
    quiet = "muted" if dimmed else ""
    made = []
    for at in Column:
        text = each.texts[at]
        if at is Column.STATUS:
            made.append(Cell(text, each.look, each.note, full=text))
        elif at is Column.NAME:
            made.append(Cell(text, tint=quiet))
        elif at is Column.UNTIL:
            made.append(Cell(text, tint=each.until.token or quiet or "text2"))
        else:
            made.append(Cell(text, tint="muted" if text == "—" else quiet or "text2"))
    return CellRow(each.subject, tuple(made))


def _show_action(which: QPushButton, action: ActionView) -> None:
    which.setEnabled(not action.why_not)
    which.setToolTip(plain(action.why_not))
