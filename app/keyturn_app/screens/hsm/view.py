"""The HSM page: the token's keys, its pre-flight, and what hangs on each key."""

from functools import partial

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QSignalBlocker, Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHeaderView, QPushButton, QStackedWidget, QWidget

from keyturn_app.actions import Action
from keyturn_app.i18n import _
from keyturn_app.qtkit.figuretile import FigureTile
from keyturn_app.qtkit.oneline import OneLine
from keyturn_app.qtkit.pages import Page, PageContext
from keyturn_app.qtkit.tables import LookDelegate, Table
from keyturn_app.qtkit.textmodel import TextModel
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import Banner, EmptyState, button, card, column, row
from keyturn_app.screens.hsm.drawer import KeyDrawer
from keyturn_app.screens.hsm.lineagepane import LineagePane
from keyturn_app.screens.hsm.preflightpane import PreflightPane
from keyturn_app.screens.hsm.presenter import HsmPresenter
from keyturn_app.screens.hsm.viewmodel import HsmView, Section, Tile

ID = "hsm"
STATE, PROFILE, ORIGIN, ATTRIBUTES, KNOWN, KEY = 1, 2, 3, 4, 5, 6
_WIDTHS = (104, 132, 150, 186, 140, 142)
_ROOM = ((1000, ()), (668, (ORIGIN, KEY)), (0, (PROFILE, ORIGIN, KNOWN, KEY)))
"""Which columns are left out below which width: the drawer says them too."""
_TIGHT = 1024
_SPACIOUS = 1300
_TILE = 84


def build(context: PageContext) -> Page:
    return HsmPage(context)


class HsmPage(Page):
    """Shows an `HsmView`, and hands on what the officer does."""

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self.setObjectName(ID)
        self.setProperty("class", "Page")
        self._presenter = HsmPresenter(context.desk, context.door, context.asker)
        self._drawer = KeyDrawer(self._presenter, context.copy)
        self._sections = {each: self._section(each) for each in Section}
        self._banner = Banner(name="hsm.problem")
        self._old = Banner(name="hsm.old")
        self._tiles = Tiles(self._presenter)
        self._keys = KeysPane(self._presenter, context)
        self._preflight = PreflightPane(self._presenter, context)
        self._lineage = LineagePane(self._presenter, context)
        self._parts = QStackedWidget()
        self._build()
        self._leave = [
            self._presenter.listeners.add(self._told),
            context.actions.add(*self._actions()),
        ]
        self._show()

    def open(self, target: str) -> None:
        self._presenter.open(target)

    def shown(self) -> None:
        self._presenter.shown()
        self._take_focus()

    def close_page(self) -> None:
        for leave in self._leave:
            leave()
        self._presenter.close()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() == Qt.Key.Key_Escape and self._drawer.isVisible():
            self._presenter.select(None)
            return
        super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        self._show()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._fit()

    # ---- showing ----

    def _told(self) -> None:
        """Behind another page nothing is drawn."""
        if self.isVisible():
            self._show()

    def _show(self) -> None:
        view = self._presenter.view()
        for section, made in self._sections.items():
            made.setChecked(section is view.section)
        self._banner.say(view.problem, tone="danger")
        self._old.say(view.old)
        self._tiles.show_tiles(view.tiles)
        self._keys.show_keys(view)
        self._preflight.show_preflight(view)
        self._lineage.show_lineage(view.lineage)
        self._parts.setCurrentIndex(list(Section).index(view.section))
        detail = view.detail if view.section is Section.KEYS else None
        self._drawer.show_detail(detail)
        self._fit()
        self._refresh.setEnabled(not view.why_not.refresh)
        self._refresh.setToolTip(plain(view.why_not.refresh))

    def _take_focus(self) -> None:
        section = self._presenter.view().section
        if section is Section.KEYS:
            self._keys.take_focus()
        elif section is Section.PREFLIGHT:
            self._preflight.take_focus()
        else:
            self._lineage.take_focus()

    def _fit(self) -> None:
        """Beside the drawer in a small window, buttons are icons: their names stay."""
        tight = not self._drawer.isHidden() and self.width() < _TIGHT
        for made, text in self._worded:
            wanted = "" if tight else text
            if made.text() != wanted:
                made.setText(wanted)
        self._tiles.make_room(not self._drawer.isHidden() and self.width() < _SPACIOUS)

    # ---- building ----

    def _section(self, section: Section) -> QPushButton:
        text, icon = {
            Section.KEYS: (_("Keys"), "key-round"),
            Section.PREFLIGHT: (_("Pre-flight"), "clipboard-check"),
            Section.LINEAGE: (_("Lineage"), "git-branch"),
        }[section]
        made = button(
            text,
            name=f"hsm.section.{section.value}",
            kind="chip",
            icon_name=icon,
            checkable=True,
            clicked=lambda: self._presenter.open(section.value),
        )
        made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return made

    def _build(self) -> None:
        self._refresh = button(
            _("Refresh"),
            name="hsm.refresh",
            icon_name="refresh-cw",
            clicked=self._presenter.load,
        )
        self._report = button(
            _("Open a report…"),
            name="hsm.report",
            icon_name="file-input",
            clicked=self._presenter.open_report,
        )
        self._worded = tuple((each, each.text()) for each in (self._refresh, self._report))
        head = row(*self._sections.values(), None, self._refresh, self._report)
        for part in (self._keys, self._preflight, self._lineage):
            self._parts.addWidget(part)
        main = column(
            head,
            self._banner,
            self._old,
            self._tiles,
            self._parts,
            spacing=12,
            margins=(20, 16, 20, 16),
        )
        main.setStretch(4, 1)
        whole = row(spacing=0)
        whole.addLayout(main, 1)
        whole.addWidget(self._drawer)
        self.setLayout(whole)

    def _actions(self) -> tuple[Action, ...]:
        presenter, make = self._presenter, partial(Action, page=ID)
        return (
            make(
                "hsm.refresh",
                _("Read the token again"),
                presenter.load,
                icon="refresh-cw",
                why_not=lambda: presenter.why_not().refresh,
            ),
            make(
                "hsm.report",
                _("Open a pre-flight report"),
                presenter.open_report,
                "Ctrl+I",
                "file-input",
            ),
            make(
                "hsm.lineage",
                _("Show what hangs on each key"),
                lambda: presenter.open(Section.LINEAGE.value),
                icon="git-branch",
            ),
            make("hsm.find", _("Filter what hangs on the keys"), self._find, "Ctrl+F", "search"),
        )

    def _find(self) -> None:
        self._presenter.open(Section.LINEAGE.value)
        self._lineage.filter.setFocus()
        self._lineage.filter.selectAll()


class Tiles(QWidget):
    """Figures of the token; pressed, each shows what it is about."""

    def __init__(self, presenter: HsmPresenter) -> None:
        super().__init__()
        self._presenter = presenter
        self._all: dict[str, FigureTile] = {}
        self._opens: dict[str, str] = {}
        self._row = row(spacing=10)
        self.setLayout(self._row)
        self.hide()

    def show_tiles(self, tiles: tuple[Tile, ...]) -> None:
        self.setVisible(bool(tiles))
        for tile in tiles:
            made = self._all.get(tile.name)
            if made is None:
                made = self._all[tile.name] = self._made(tile.name)
                self._row.addWidget(made)
            self._opens[tile.name] = tile.opens
            made.show_figure(tile.look.icon, tile.look.token, tile.title, tile.figure, tile.text)

    def make_room(self, tight: bool) -> None:
        """Beside the drawer in a small window, those that the table says too are left out."""
        for name in ("keys", "workers"):
            if name in self._all:
                self._all[name].setVisible(not tight)

    def _made(self, name: str) -> FigureTile:
        made = FigureTile(f"hsm.tile.{name}", _TILE, dense=True)
        made.setCheckable(False)
        made.clicked.connect(lambda: self._presenter.open(self._opens[name]))
        return made


class KeysPane(QWidget):
    """The keys, or why there are none."""

    def __init__(self, presenter: HsmPresenter, context: PageContext) -> None:
        super().__init__()
        self._presenter = presenter
        self._ids: tuple[str, ...] = ()
        self._hidden: tuple[int, ...] = ()
        self._note = OneLine("", "Muted", "Small", name="hsm.note")
        heads = (
            lambda: _("Key"),
            lambda: _("State"),
            lambda: _("Profile"),
            lambda: _("Came here"),
            lambda: _("Attributes"),
            lambda: _("Known by"),
            lambda: _("Id"),
        )
        looks = {
            STATE: lambda each: each.look,
            ATTRIBUTES: lambda each: each.attributes,
            KNOWN: lambda each: each.known,
        }
        self._model = TextModel(heads, looks, frozenset({KEY}))
        self._model.setParent(self)
        self.table = Table(name="hsm.keys", title=_("Keys on the token"), copied=context.copy)
        self.table.setModel(self._model)
        self.table.setSelectionMode(Table.SelectionMode.SingleSelection)
        for place in looks:
            self.table.setItemDelegateForColumn(place, LookDelegate(self.table))
        self.table.set_widths(_WIDTHS)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.table.selectionModel().currentRowChanged.connect(self._current)
        self.table.clicked.connect(self._picked)
        self.table.activated.connect(self._picked)
        self._empty = EmptyState("microchip", "", "")
        self._stack = QStackedWidget()
        self._stack.addWidget(self.table)
        self._stack.addWidget(self._empty)
        self._bar = QWidget()
        self._bar.setLayout(column(self._note, margins=(14, 10, 14, 8)))
        self.setLayout(column(card(self._bar, self._stack, spacing=0, margin=1, name="hsm.card")))

    def show_keys(self, view: HsmView) -> None:
        self._bar.setVisible(bool(view.note))
        self._note.setText(view.note)
        self._ids = tuple(each.id for each in view.rows)
        with QSignalBlocker(self.table.selectionModel()):
            self._model.show_rows(view.rows)
            self._mark(view.selected)
        self._stack.setCurrentIndex(0 if view.empty is None else 1)
        if view.empty is not None:
            self._empty.say(view.empty.title, view.empty.text)

    def take_focus(self) -> None:
        if self._stack.currentIndex() == 0:
            self.table.setFocus()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        hidden = next(columns for width, columns in _ROOM if self.width() >= width)
        if hidden == self._hidden:
            return
        self._hidden = hidden
        for place in range(1, KEY + 1):
            self.table.setColumnHidden(place, place in hidden)
        self.table.set_widths(_WIDTHS)  # the last one was as wide as there was room

    def _mark(self, selected: str | None) -> None:
        selection = self.table.selectionModel()
        if selected is None or selected not in self._ids:
            selection.clearSelection()
        else:
            index = self._model.index(self._ids.index(selected), 0)
            flags = QItemSelectionModel.SelectionFlag
            selection.setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        self.table.viewport().update()

    def _current(self, index: QModelIndex, before: QModelIndex) -> None:
        """Getting the focus makes a row current: that asks for nothing."""
        if before.isValid():
            self._picked(index)

    def _picked(self, index: QModelIndex) -> None:
        if index.isValid() and index.row() < len(self._ids):
            self._presenter.select(self._ids[index.row()])
