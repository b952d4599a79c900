"""The log page: tiles, filter, table and drawer; checkpoints; the alarm."""

from functools import partial

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHeaderView, QProgressBar, QStackedWidget, QWidget

from keyturn_app.actions import Action
from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.oneline import OneLine
from keyturn_app.qtkit.pages import Page, PageContext
from keyturn_app.qtkit.tables import LookDelegate, Table
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.tokens import ROW
from keyturn_app.qtkit.widgets import (
    EmptyState,
    button,
    card,
    column,
    frame,
    label,
    row,
    set_class,
)
from keyturn_app.screens.log.alarmpane import AlarmPane
from keyturn_app.screens.log.checkpointspane import CheckpointsPane
from keyturn_app.screens.log.drawer import EntryDrawer
from keyturn_app.screens.log.filterbar import FilterBar, SectionChips
from keyturn_app.screens.log.model import KIND, EntryModel
from keyturn_app.screens.log.presenter import LogPresenter
from keyturn_app.screens.log.viewmodel import LogView, Section, Tile
from keyturn_app.screens.log.witnesspane import WitnessPane

ID = "log"


def build(context: PageContext) -> Page:
    return LogPage(context)


class LogPage(Page):
    """Shows a `LogView`, and hands on what the officer does."""

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self.setObjectName("log")
        self.setProperty("class", "Page")
        self._presenter = LogPresenter(context.desk, context.door, context.asker, context.copy)
        self._drawer = EntryDrawer(self._presenter, context.go)
        self._sections = SectionChips(self._presenter)
        self._tiles = TileRow()
        self._filter = FilterBar(self._presenter)
        self._model = EntryModel()
        self._table = self._make_table(context)
        self._empty = EmptyState("scroll-text", "", "")
        self._rows = QStackedWidget()
        self._checkpoints = CheckpointsPane(self._presenter)
        self._witnesses = WitnessPane(self._presenter)
        self._alarm = AlarmPane(self._presenter)
        self._parts = QStackedWidget()
        self._work = WorkRow(self._presenter)
        self._stale = False
        self._build()
        self._leave = [
            self._presenter.listeners.add(self._told),
            context.actions.add(*self._actions()),
        ]
        self._show()

    @property
    def of_the_server(self) -> bool:
        return self._presenter.view().section is not Section.ALARM

    def open(self, target: str) -> None:
        self._presenter.open(target)

    def shown(self) -> None:
        if self._presenter.view().section is Section.ENTRIES:
            self._table.setFocus()
        else:
            self._sections.focus_chosen()

    def close_page(self) -> None:
        for leave in self._leave:
            leave()
        self._presenter.close()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() == Qt.Key.Key_Escape and self._drawer.isVisible():
            self._presenter.select(None)
            self._table.setFocus()
            return
        super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        if self._stale:
            self._show()

    # ---- showing ----

    def _told(self) -> None:
        """Behind another page nothing is drawn."""
        self._stale = not self.isVisible()
        if not self._stale:
            self._show()

    def _show(self) -> None:
        self._stale = False
        view = self._presenter.view()
        alarmed = view.section is Section.ALARM
        texts = tuple((section.value, text) for section, text in view.sections)
        self._sections.show_sections(texts, view.section.value)
        self._tiles.show_tiles(view.tiles)
        self._tiles.setVisible(bool(view.tiles) and not alarmed)
        self._filter.show_filter(view.filter, view.why_not.older)
        self._filter.setVisible(view.known)
        self._show_rows(view)
        self._checkpoints.show_checkpoints(view.checkpoints, view.why_not)
        self._witnesses.show_witnesses(view.witnesses, view.why_not.propose)
        self._alarm.show_alarm(view.alarm)
        self._parts.setCurrentIndex(list(Section).index(view.section))
        drawer = view.detail if view.section is Section.ENTRIES else None
        self._drawer.show_detail(drawer, view.why_not)
        self._work.show_work(view)
        for made, reason in (
            (self._export, view.why_not.export),
            (self._verify, view.why_not.verify),
        ):
            made.setEnabled(not reason)
            made.setToolTip(plain(reason))

    def _show_rows(self, view: LogView) -> None:
        bar = self._table.verticalScrollBar()
        before = bar.value()
        added = self._model.show_rows(view.rows)
        if added and before:
            bar.setValue(before + added * ROW)  # what is being read stays where it is
        self._rows.setCurrentIndex(0 if view.empty is None else 1)
        if view.empty is not None:
            self._empty.say(view.empty.title, view.empty.text)
        self._mark(None if view.selected is None else view.rows.row_of(view.selected))

    def _mark(self, place: int | None) -> None:
        """Let the table's current row be the chosen entry's."""
        selection = self._table.selectionModel()
        if place is None:
            selection.clearSelection()  # the row stays current: arrows go on from it
        elif self._table.currentIndex().row() != place or not selection.hasSelection():
            index = self._model.index(place, 0)
            flags = QItemSelectionModel.SelectionFlag
            selection.setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
            self._table.scrollTo(index)

    def _current(self, index: QModelIndex, _before: QModelIndex) -> None:
        if index.isValid():
            self._presenter.select(self._model.index_of(index.row()))

    def _again(self, index: QModelIndex) -> None:
        """A click or Enter on the row that is current already, after its drawer was closed."""
        self._presenter.select(self._model.index_of(index.row()))

    # ---- building ----

    def _make_table(self, context: PageContext) -> Table:
        table = Table(name="log.entries", title=_("Entries of the log"), copied=context.copy)
        table.setModel(self._model)
        table.setSelectionMode(Table.SelectionMode.SingleSelection)
        table.setItemDelegateForColumn(KIND, LookDelegate(table))
        table.set_widths((64, 166, 106))
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        table.selectionModel().currentRowChanged.connect(self._current)
        table.clicked.connect(self._again)
        table.activated.connect(self._again)
        return table

    def _build(self) -> None:
        self._export = button(
            _("Export the log…"),
            name="log.export",
            icon_name="download",
            clicked=self._presenter.export,
        )
        self._verify = button(
            _("Verify an export…"),
            name="log.verify-export",
            icon_name="file-check",
            clicked=self._presenter.verify_export,
        )
        head = row(self._sections, None, self._verify, self._export)
        self._rows.addWidget(self._table)
        self._rows.addWidget(self._empty)
        entries = card(self._filter, self._rows, spacing=0, margin=1, name="log.card")
        for part in (entries, self._checkpoints, self._witnesses, self._alarm):
            self._parts.addWidget(part)
        main = column(
            head,
            self._tiles,
            self._parts,
            self._work,
            spacing=12,
            margins=(20, 16, 20, 16),
        )
        main.setStretch(2, 1)
        whole = row(spacing=0)
        whole.addLayout(main, 1)
        whole.addWidget(self._drawer)
        self.setLayout(whole)

    def _actions(self) -> tuple[Action, ...]:
        presenter = self._presenter

        def why(name: str) -> str:
            return str(getattr(presenter.why_not(), name))

        make = partial(Action, page=ID)
        return (
            make("log.goto", _("Go to a log index"), self._focus_index, "Ctrl+G", "hash"),
            make("log.find", _("Filter the log"), self._focus_filter, "Ctrl+F", "search"),
            make(
                "log.check",
                _("Check the log's consistency now"),
                presenter.check_now,
                icon="refresh-cw",
                why_not=lambda: why("check"),
            ),
            make(
                "log.export",
                _("Export the whole log"),
                presenter.export,
                "Ctrl+E",
                "download",
                why_not=lambda: why("export"),
            ),
            make(
                "log.verify-export",
                _("Verify an exported log"),
                presenter.verify_export,
                icon="file-check",
                why_not=lambda: why("verify"),
            ),
            make(
                "log.copy-entry",
                _("Copy the entry as JSON"),
                presenter.copy_entry,
                "Ctrl+Shift+C",
                "copy",
                why_not=lambda: why("entry"),
            ),
            make(
                "log.copy-proof",
                _("Copy the entry's inclusion proof"),
                presenter.copy_proof,
                icon="badge-check",
                why_not=lambda: why("proof"),
            ),
            make(
                "log.witnesses",
                _("Show who cosigned the log"),
                lambda: presenter.open(Section.WITNESSES.value),
                icon="shield-check",
            ),
            make(
                "log.propose-witness",
                _("Propose this app as a witness"),
                presenter.propose_witness,
                icon="user-plus",
                why_not=lambda: why("propose"),
            ),
            make(
                "log.receipt",
                _("Ask the server for the entry's receipt"),
                presenter.ask_receipt,
                icon="stamp",
                why_not=lambda: why("receipt"),
            ),
        )

    def _focus_index(self) -> None:
        self._presenter.open(Section.ENTRIES.value)
        self._filter.index.setFocus()
        self._filter.index.selectAll()

    def _focus_filter(self) -> None:
        self._presenter.open(Section.ENTRIES.value)
        self._filter.line.setFocus()
        self._filter.line.selectAll()


class TileRow(QWidget):
    """Figures over the page."""

    def __init__(self) -> None:
        super().__init__()
        self._row = row(spacing=12)
        self._made: dict[str, _TileCard] = {}
        self.setLayout(self._row)

    def show_tiles(self, tiles: tuple[Tile, ...]) -> None:
        wanted = {each.id for each in tiles}
        for name in [name for name in self._made if name not in wanted]:
            self._made.pop(name).deleteLater()
        for each in tiles:
            made = self._made.get(each.id)
            if made is None:
                made = self._made[each.id] = _TileCard(each.id)
                self._row.addWidget(made, 1)
            made.show_tile(each)


class _TileCard(QFrame):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(f"log.tile.{name}")
        self.setProperty("class", "Card")
        self._icon = IconLabel("circle", "muted", 16)
        self._label = OneLine("", "Second", "Small")
        self._figure = OneLine("", "Figure")
        self._note = OneLine("", "Muted", "Small")
        head = row(self._icon, self._label, None, spacing=8)
        self.setLayout(column(head, self._figure, self._note, spacing=4, margins=(14, 12, 14, 12)))

    def show_tile(self, tile: Tile) -> None:
        self._icon.show_icon(tile.look.icon, tile.look.token)
        self._label.setText(tile.label)
        self._figure.setText(tile.figure)
        loud = {"danger": ("Danger",)}.get(tile.look.token, ())
        set_class(self._figure, "Figure", *loud)
        self._note.setText(tile.note)
        self.setAccessibleName(f"{tile.label}: {tile.figure}, {tile.note}")


class WorkRow(QFrame):
    """What is under way, how far it is, and a way to stop it."""

    def __init__(self, presenter: LogPresenter) -> None:
        super().__init__()
        self.setObjectName("log.work")
        self._text = label("", "Small", name="log.work.text")
        self._bar = QProgressBar()
        self._bar.setObjectName("log.work.bar")
        self._bar.setTextVisible(False)
        stop = button(_("Stop"), name="log.work.stop", icon_name="x", clicked=presenter.cancel)
        inside = row(self._text, self._bar, stop, spacing=12, margins=(12, 8, 12, 8))
        inside.setStretch(1, 1)
        self.setLayout(column(frame(inside, "Raised")))
        self.hide()

    def show_work(self, view: LogView) -> None:
        work = view.work
        self.setVisible(work is not None)
        if work is None:
            return
        self._text.setText(work.text)
        self._bar.setAccessibleName(work.text)
        self._bar.setRange(0, 0 if work.fraction is None else 1000)
        if work.fraction is not None:
            self._bar.setValue(int(work.fraction * 1000))
