"""The collateral page: what is kept, what ends, and carrying it over an air gap."""

from functools import partial

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QSignalBlocker, Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHeaderView, QLayout, QLineEdit, QPushButton, QStackedWidget, QWidget

from keyturn_app.actions import Action
from keyturn_app.i18n import _
from keyturn_app.qtkit.oneline import OneLine
from keyturn_app.qtkit.pages import Page, PageContext
from keyturn_app.qtkit.tables import LookDelegate, Table
from keyturn_app.qtkit.textmodel import TextModel
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import (
    Banner,
    EmptyState,
    button,
    card,
    column,
    frame,
    label,
    row,
    set_class,
)
from keyturn_app.screens.collateral.carrypane import CarryPane, Commands
from keyturn_app.screens.collateral.drawer import DocumentDrawer
from keyturn_app.screens.collateral.presenter import CollateralPresenter
from keyturn_app.screens.collateral.timelayout import HORIZONS
from keyturn_app.screens.collateral.timeline import TimeLine
from keyturn_app.screens.collateral.viewmodel import CollateralView, Empty, Forecast, Section

ID = "collateral"
STATE, HELD, NODES, ISSUED = 3, 6, 7, 8
EVENT_STATE, EVENT_DATE = 1, 5
_TIGHT = 1024
_WIDE = (64, 186, 190, 124, 76, 104, 136, 64, 104)
_NARROW = (60, 140, 140, 92, 66, 100, 126)


def build(context: PageContext) -> Page:
    return CollateralPage(context)


class CollateralPage(Page):
    """Shows a `CollateralView`, and hands on what the officer does."""

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self.setObjectName(ID)
        self.setProperty("class", "Page")
        self._presenter = CollateralPresenter(context.desk, context.door, context.asker)
        self._drawer = DocumentDrawer(self._presenter, context.copy)
        self._sections = {each: self._section(each) for each in Section}
        self._banner = Banner(name="collateral.problem")
        self._cache = CachePane(self._presenter, context)
        self._forecast = ForecastPane(self._presenter, context)
        self._carry = CarryPane(self._presenter, context.copy)
        self._parts = QStackedWidget()
        self._work = label("", "Small", name="collateral.work.text")
        stop = button(
            _("Stop"), name="collateral.work.stop", icon_name="x", clicked=self._presenter.cancel
        )
        self._working = frame(
            row(self._work, None, stop, margins=(12, 8, 12, 8)), "Raised", name="collateral.work"
        )
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
        if self._presenter.view().section is Section.CACHE:
            self._cache.take_focus()
        elif self._presenter.view().section is Section.FORECAST:
            self._forecast.line.setFocus()

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

    # ---- showing ----

    def _told(self) -> None:
        """Behind another page nothing is drawn."""
        if self.isVisible():
            self._show()

    def _show(self) -> None:
        view = self._presenter.view()
        for section, made in self._sections.items():
            made.setChecked(section is view.section)
        known = view.empty is None or bool(view.rows) or bool(view.counts)
        self._banner.say(view.problem if known else "", tone="danger")
        self._cache.show_cache(view)
        self._forecast.show_forecast(view.forecast, view.empty)
        self._carry.show_parcel(view.parcel, self._presenter.commands(), view.why_not)
        self._parts.setCurrentIndex(list(Section).index(view.section))
        carrying = view.section is Section.CARRY
        detail = None if carrying else view.detail
        self._drawer.show_detail(detail)
        self._cache.make_room(detail is not None)
        self._fit()
        self._working.setVisible(bool(view.work))
        self._work.setText(view.work)
        for made, reason in (
            (self._refresh, view.why_not.refresh),
            (self._import, view.why_not.bring),
            (self._export, view.why_not.export),
        ):
            made.setEnabled(not reason)
            made.setToolTip(plain(reason))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Beside the drawer in a small window, buttons are icons: their names stay."""
        tight = not self._drawer.isHidden() and self.width() < _TIGHT
        for made, text in self._worded:
            wanted = "" if tight else text
            if made.text() != wanted:
                made.setText(wanted)

    # ---- building ----

    def _section(self, section: Section) -> QPushButton:
        text, icon = {
            Section.CACHE: (_("Documents"), "database"),
            Section.FORECAST: (_("Forecast"), "calendar-clock"),
            Section.CARRY: (_("Air gap"), "usb"),
        }[section]
        made = button(
            text,
            name=f"collateral.section.{section.value}",
            kind="chip",
            icon_name=icon,
            checkable=True,
            clicked=lambda: self._presenter.open(section.value),
        )
        made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return made

    def _build(self) -> None:
        presenter = self._presenter
        self._refresh = button(
            _("Refresh"),
            name="collateral.refresh",
            icon_name="refresh-cw",
            clicked=presenter.load,
        )
        self._import = button(
            _("Import…"), name="collateral.import", icon_name="file-input", clicked=presenter.bring
        )
        self._export = button(
            _("Export…"),
            name="collateral.export",
            icon_name="file-output",
            clicked=presenter.export,
        )
        self._worded = tuple((b, b.text()) for b in (self._refresh, self._export, self._import))
        head = row(*self._sections.values(), None, self._refresh, self._export, self._import)
        for part in (self._cache, self._forecast, self._carry):
            self._parts.addWidget(part)
        main = column(
            head, self._banner, self._parts, self._working, spacing=12, margins=(20, 16, 20, 16)
        )
        main.setStretch(2, 1)
        whole = row(spacing=0)
        whole.addLayout(main, 1)
        whole.addWidget(self._drawer)
        self.setLayout(whole)

    def _actions(self) -> tuple[Action, ...]:
        presenter, make = self._presenter, partial(Action, page=ID)

        def why(name: str) -> str:
            return str(getattr(presenter.why_not(), name))

        return (
            make("collateral.find", _("Filter the collateral"), self._find, "Ctrl+F", "search"),
            make(
                "collateral.forecast",
                _("Show what ends when"),
                lambda: presenter.open(Section.FORECAST.value),
                icon="calendar-clock",
            ),
            make(
                "collateral.refresh",
                _("Read the collateral again"),
                presenter.load,
                icon="refresh-cw",
                why_not=lambda: why("refresh"),
            ),
            make(
                "collateral.import",
                _("Import a bundle or document of collateral"),
                presenter.bring,
                "Ctrl+I",
                "file-input",
                why_not=lambda: why("bring"),
            ),
            make(
                "collateral.export",
                _("Export the collateral as a bundle"),
                presenter.export,
                "Ctrl+E",
                "file-output",
                why_not=lambda: why("export"),
            ),
            make(
                "collateral.hand-in",
                _("Hand in the imported collateral"),
                presenter.hand_over,
                icon="send",
                why_not=lambda: why("hand_in"),
            ),
        )

    def _find(self) -> None:
        self._presenter.open(Section.CACHE.value)
        self._cache.filter.setFocus()
        self._cache.filter.selectAll()


class CachePane(QWidget):
    """Filter and table, or what is to be done where there is nothing."""

    def __init__(self, presenter: CollateralPresenter, context: PageContext) -> None:
        super().__init__()
        self._presenter = presenter
        self._ids: tuple[str, ...] = ()
        self.filter = QLineEdit()
        self.filter.setObjectName("collateral.filter")
        self.filter.setAccessibleName(_("Filter the collateral"))
        self.filter.setPlaceholderText(_("Filter: words, FMSPC, node, digest"))
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(presenter.filter_line)
        self._chips: dict[str, QPushButton] = {}
        self._chip_row = row(spacing=6)
        self._summary = label("", "Muted", "Small", name="collateral.summary")
        self._note = OneLine("", "Muted", "Small")
        heads = (
            lambda: _("Vendor"),
            lambda: _("Document"),
            lambda: _("What for"),
            lambda: _("State"),
            lambda: _("Age"),
            lambda: _("Valid until"),
            lambda: _("Keyholder (said)"),
            lambda: _("Nodes"),
            lambda: _("Issued"),
        )
        looks = {STATE: lambda each: each.look, HELD: lambda each: each.held}
        self._model = TextModel(heads, looks, frozenset({5, 7, 8}))
        self._model.setParent(self)
        self.table = Table(
            name="collateral.documents", title=_("Documents of collateral"), copied=context.copy
        )
        self.table.setModel(self._model)
        self.table.setSelectionMode(Table.SelectionMode.SingleSelection)
        for place in (STATE, HELD):
            self.table.setItemDelegateForColumn(place, LookDelegate(self.table))
        self.table.set_widths(_WIDE)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.table.selectionModel().currentRowChanged.connect(self._current)
        self.table.clicked.connect(self._again)
        self.table.activated.connect(self._again)
        self._commands = Commands(context.copy, name="collateral.empty.commands")
        self._commands.setMinimumWidth(440)
        self._empty = EmptyState("calendar-clock", "", "", self._commands)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.table)
        self._stack.addWidget(self._empty)
        first = row(self.filter, self._summary)
        first.setStretch(0, 1)
        bar = column(first, self._chip_row, self._note, margins=(12, 12, 12, 6))
        whole = card(self._frame_of(bar), self._stack, spacing=0, margin=1, name="collateral.card")
        self.setLayout(column(whole))

    def show_cache(self, view: CollateralView) -> None:
        self._show_chips(view.counts)
        self._bar.setVisible(bool(view.counts))
        self._summary.setText(view.summary)
        self._note.setText(view.note)
        self._ids = tuple(each.id for each in view.rows)
        with QSignalBlocker(self.table.selectionModel()):
            self._model.show_rows(view.rows)
            self._mark(view.selected)
        self._stack.setCurrentIndex(0 if view.empty is None else 1)
        if view.empty is not None:
            self._empty.say(view.empty.title, view.empty.text)
        self._commands.show_commands(() if view.empty is None else view.empty.commands)

    def take_focus(self) -> None:
        """Where there is no row, keys go to the filter."""
        (self.table if self._stack.currentIndex() == 0 else self.filter).setFocus()

    def make_room(self, narrow: bool) -> None:
        """Beside the drawer, what it says too is left out."""
        if self.table.isColumnHidden(ISSUED) is narrow:
            return
        for place in (NODES, ISSUED):
            self.table.setColumnHidden(place, narrow)
        self.table.set_widths(_NARROW if narrow else _WIDE)

    def _frame_of(self, bar: QLayout) -> QWidget:
        self._bar = QWidget()
        self._bar.setLayout(bar)
        return self._bar

    def _mark(self, selected: str | None) -> None:
        selection = self.table.selectionModel()
        if selected is None or selected not in self._ids:
            selection.clearSelection()
        else:
            index = self._model.index(self._ids.index(selected), 0)
            flags = QItemSelectionModel.SelectionFlag
            selection.setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        self.table.viewport().update()

    def _show_chips(self, counts: tuple[tuple[str, str, int, bool], ...]) -> None:
        for name, text, count, is_on in counts:
            made = self._chips.get(name)
            if made is None:
                made = self._chips[name] = self._chip(name, text)
                self._chip_row.addWidget(made)
                if len(self._chips) == len(counts):
                    self._chip_row.addStretch(1)
            made.setText(f"{text} {count:,}")
            made.setChecked(is_on)

    def _chip(self, name: str, text: str) -> QPushButton:
        made = button(
            text,
            name=f"collateral.only.{name}",
            kind="chip",
            checkable=True,
            clicked=lambda: self._presenter.toggle(name),
        )
        made.setAccessibleName(_("Only {kind}").format(kind=text))
        return made

    def _current(self, index: QModelIndex, before: QModelIndex) -> None:
        """Getting the focus makes a row current: that asks for nothing."""
        if before.isValid():
            self._again(index)

    def _again(self, index: QModelIndex) -> None:
        if index.isValid() and index.row() < len(self._ids):
            self._presenter.select(self._ids[index.row()])


class ForecastPane(QWidget):
    """Horizon, time line, and the same as a list."""

    def __init__(self, presenter: CollateralPresenter, context: PageContext) -> None:
        super().__init__()
        self._presenter = presenter
        self._days = {days: self._horizon(days) for days in HORIZONS}
        self._summary = label("", "Muted", "Small", name="collateral.forecast.summary")
        self.line = TimeLine()
        self.line.stepped.connect(presenter.step_event)
        self.line.picked.connect(presenter.select_event)
        heads = (
            lambda: _("When"),
            lambda: _("Then"),
            lambda: _("Nodes · models"),
            lambda: _("Document"),
            lambda: _("What happens"),
            lambda: _("Date"),
        )
        self._model = TextModel(
            heads, {EVENT_STATE: lambda each: each.look}, frozenset({EVENT_DATE})
        )
        self._model.setParent(self)
        self._table = Table(
            name="collateral.events", title=_("What ends, soonest first"), copied=context.copy
        )
        self._table.setModel(self._model)
        self._table.setSelectionMode(Table.SelectionMode.SingleSelection)
        self._table.setItemDelegateForColumn(EVENT_STATE, LookDelegate(self._table))
        self._table.set_widths((86, 132, 176, 250, 216, 104))
        self._table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self._table.selectionModel().currentRowChanged.connect(self._current)
        for signal in (self._table.clicked, self._table.activated):
            signal.connect(lambda index: presenter.select_event(index.row()))
        self._empty = EmptyState("calendar-clock", *_nothing_ends(guessing=False))
        self._stack = QStackedWidget()
        self._stack.addWidget(self._table)
        self._stack.addWidget(self._empty)
        bar = row(*self._days.values(), None, self._summary, margins=(12, 12, 12, 4))
        drawn = card(bar, self.line, spacing=4, margin=1, name="collateral.forecast.card")
        listed = card(self._stack, margin=1)
        whole = column(drawn, listed, spacing=12)
        whole.setStretch(1, 1)
        self.setLayout(whole)

    def show_forecast(self, shown: Forecast | None, unknown: Empty | None) -> None:
        """`unknown`: why nothing is known; then it must not look as if all were well."""
        self.line.show_forecast(shown)
        if shown is None and unknown is not None:
            self._empty.say(unknown.title, unknown.text)
        else:
            bare = shown is not None and not shown.known
            self._empty.say(*_nothing_ends(shown is not None and shown.guessing, bare=bare))
        rows = () if shown is None else shown.rows
        with QSignalBlocker(self._table.selectionModel()):
            self._model.show_rows(rows)
            self._mark(None if shown is None else shown.selected)
        self._stack.setCurrentIndex(0 if rows else 1)
        self._summary.setText("" if shown is None else shown.summary)
        guessing = shown is not None and shown.guessing
        set_class(self._summary, "Warn" if guessing else "Muted", "Small")
        for days, made in self._days.items():
            made.setChecked(shown is not None and shown.days == days)

    def _mark(self, place: int | None) -> None:
        selection = self._table.selectionModel()
        if place is None:
            selection.clearSelection()
        else:
            index = self._model.index(place, 0)
            flags = QItemSelectionModel.SelectionFlag
            selection.setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
            self._table.scrollTo(index)
        self._table.viewport().update()

    def _current(self, index: QModelIndex, before: QModelIndex) -> None:
        if index.isValid() and before.isValid():
            self._presenter.select_event(index.row())

    def _horizon(self, days: int) -> QPushButton:
        return button(
            _("{count} days").format(count=days),
            name=f"collateral.days.{days}",
            kind="chip",
            checkable=True,
            clicked=lambda: self._presenter.choose_days(days),
        )


def _nothing_ends(guessing: bool, *, bare: bool = False) -> tuple[str, str]:
    """`guessing`: not of every node it is known what it needs. `bare`: there is no document."""
    if bare:
        return (
            _("Nothing can be foretold"),
            _("There is no collateral, and so no date that is known. See Documents."),
        )
    if guessing:
        return (
            _("Nothing that is here ends within this time"),
            _("What some nodes need is not known: the server does not give their evidence."),
        )
    return (
        _("Nothing ends within this time"),
        _("What is proved here is good until then, and nothing that nodes need is missing."),
    )
