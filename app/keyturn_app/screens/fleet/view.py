"""The fleet page: figures, heat map and trend, the table, and the drawer beside them.

Shows a `FleetView` and hands on what the officer asks for. Two timers set the pace: states decay
and the order follows each second, figures follow at most five times a second.
"""

from collections.abc import Iterable

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QHideEvent, QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QMenu, QScrollArea, QStackedLayout, QWidget

from keyturn.client.inventory import Node
from keyturn.quorum.kinds import TargetKind
from keyturn_app.actions import Action
from keyturn_app.i18n import _
from keyturn_app.qtkit.pages import Page, PageContext
from keyturn_app.qtkit.theme import theme
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import EmptyState, button, card, column, frame, label, row
from keyturn_app.screens.fleet.drawer import Drawer
from keyturn_app.screens.fleet.evidencepage import EvidenceCalls, EvidencePage
from keyturn_app.screens.fleet.heat import Grouping, HeatGroup
from keyturn_app.screens.fleet.heatmap import HeatMap
from keyturn_app.screens.fleet.legend import Legend
from keyturn_app.screens.fleet.presenter import FleetPresenter
from keyturn_app.screens.fleet.table import NodeTable
from keyturn_app.screens.fleet.tiles import TileRow
from keyturn_app.screens.fleet.toolbar import Toolbar
from keyturn_app.screens.fleet.trend import Trend, title
from keyturn_app.screens.fleet.viewing import EvidenceView
from keyturn_app.screens.fleet.viewmodel import FleetView, Phase
from keyturn_app.settings import Density

TICK_MS, FIGURES_MS = 1000, 200
_TREND, _TREND_WIDEST, _AROUND = 312, 720, 90
_TREND_FROM = 860


def build(context: PageContext) -> Page:
    return FleetPage(context)


class FleetPage(Page):
    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self.setObjectName("fleet")
        self.setProperty("class", "Page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._context = context
        self._heat_groups: tuple[HeatGroup, ...] = ()
        self.presenter = FleetPresenter(
            context.desk,
            context.door,
            context.asker,
            copy=context.copy,
            go=context.go,
            preferences=context.settings.preferences,
        )
        self._tiles = TileRow(self.presenter.toggle)
        self._heat = HeatMap(self.presenter.describe_cell)
        self._trend = Trend()
        self._toolbar = Toolbar()
        self.table = NodeTable(self.presenter.store)
        self.presenter.shown = self.table.fleet
        self.drawer = Drawer()
        self.evidence = self._evidence_page()
        self._place()
        self._connect()
        self._tick = self._timer(TICK_MS, self.presenter.tick)
        self._figures = self._timer(FIGURES_MS, self.presenter.summarise_if_due)
        self._leave_actions = context.actions.add(*self._actions())
        self._leave_settings = context.settings.listeners.add(self._settings_changed)
        self._settings_changed()
        self._leave = self.presenter.listeners.add(self._show)
        self._show()

    # ---- what the window asks ----

    def open(self, target: str) -> None:
        """A node's name opens it; otherwise the target is a filter."""
        if not target:
            return
        if target in self.presenter.store.place:
            self.presenter.select(target)
        else:
            self.presenter.filter(target)

    def shown(self) -> None:
        self.presenter.tick()

    def close_page(self) -> None:
        self._tick.stop()
        self._figures.stop()
        self._leave()
        self._leave_actions()
        self._leave_settings()
        self.presenter.shown = None
        self.presenter.close()

    def apply(self, nodes: Iterable[Node]) -> None:
        """Newer values of nodes in the table, as the facts would bring them: for measuring."""
        self.presenter.apply(nodes)

    # ---- how it is put together ----

    def _place(self) -> None:
        self._heat_card = self._heat_part()
        self._trend_card = self._trend_part()
        middle = row(self._heat_card, self._trend_card, spacing=12)
        middle.setStretch(0, 1)
        middle.setStretch(1, 100)  # as wide as it may be; the heat map takes the rest
        self._nothing = label("", "Muted", name="fleet.none_fits")
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        table = card(self._toolbar, self._nothing, self.table, spacing=0, margin=1)
        table.setObjectName("fleet.table_card")
        inside = table.layout()
        if inside is not None:
            inside.setContentsMargins(1, 0, 1, 4)
        ready = column(self._tiles, middle, table, spacing=12, margins=(20, 16, 20, 16))
        ready.setStretch(2, 1)
        self._ready = QWidget()
        self._ready.setLayout(ready)
        self._empty = EmptyState("server", "", "")
        self._empty.setObjectName("fleet.empty")
        self._stack = QStackedLayout()
        whole = row(spacing=0)
        whole.addLayout(self._stack, 1)
        whole.addWidget(self.drawer)
        front = QWidget()
        front.setLayout(whole)
        self._fronts = QStackedLayout()
        self.setLayout(self._fronts)
        self._fronts.addWidget(front)  # shows it: by now it has a window to be in
        self._fronts.addWidget(self.evidence)
        self._stack.addWidget(self._ready)  # the same
        self._stack.addWidget(self._empty)

    def _evidence_page(self) -> EvidencePage:
        asked, viewing = self.presenter, self.presenter.understanding.viewing
        return EvidencePage(
            EvidenceCalls(
                viewing.turn_to,
                viewing.search,
                viewing.choose,
                viewing.choose_byte,
                viewing.copy_chosen,
                viewing.copy_all,
                asked.export_explanation,
                asked.retry,
                asked.copy,
            )
        )

    def _heat_part(self) -> QFrame:
        self._heat_sub = label("", "Muted", "Small", name="fleet.heat.subtitle")
        self._heat_sub.setMinimumWidth(20)
        self._group = button("", name="fleet.heat.group", kind="ghost", icon_name="list-filter")
        menu = QMenu(self._group)
        for grouping, text in _groupings().items():
            action = menu.addAction(text)
            action.triggered.connect(
                lambda _on=False, chosen=grouping: self.presenter.group_by(chosen)
            )
        self._group.setMenu(menu)
        area = QScrollArea()
        area.setObjectName("fleet.heat.scroll")
        area.setWidgetResizable(True)
        area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(self._heat)
        area.viewport().setAutoFillBackground(False)
        self._heat.setAutoFillBackground(False)
        self._heat_area = area
        head = row(label(_("Fleet"), "H2"), self._heat_sub, None, self._group)
        return card(head, area, None, spacing=6, name="fleet.heat_card")

    def _trend_part(self) -> QFrame:
        head = row(label(title(), "H2"), None, Legend())
        inside = column(head, spacing=6, margins=(16, 16, 16, 16))
        inside.addWidget(self._trend, 1)
        return frame(inside, "Card", name="fleet.trend_card")

    def _connect(self) -> None:
        asked = self.presenter
        self._heat.chosen.connect(asked.choose_cell)
        self._heat.grown.connect(lambda tall: self._heat_area.setFixedHeight(tall + 4))
        self._toolbar.filtered.connect(asked.filter)
        self._toolbar.toggled.connect(asked.toggle)
        self._toolbar.saved.connect(self._save_view)
        self._toolbar.removed.connect(asked.remove_view)
        self._toolbar.column_shown.connect(asked.show_column)
        self._toolbar.sorted_by.connect(lambda col: asked.sort(col, descending=False))
        self._toolbar.exported.connect(lambda as_json: asked.export(as_json=as_json))
        self.table.picked.connect(asked.select)
        self.table.held.connect(asked.hold)
        self.table.sorted_by.connect(asked.sort)
        self.table.copied.connect(self._copy_rows)
        self.table.customContextMenuRequested.connect(self._row_menu)
        self.drawer.closed.connect(self._close_drawer)
        self.drawer.retry.connect(asked.retry)
        self.drawer.log.connect(asked.open_log)
        self.drawer.revoke.connect(asked.revoke)
        self.drawer.copied.connect(asked.copy)
        self.drawer.evidence.connect(asked.open_evidence)
        self.drawer.repaired.connect(asked.repair)
        self.drawer.selected.connect(self._select_other)
        self.drawer.exported.connect(asked.export_explanation)
        self.drawer.stopped.connect(asked.understanding.explaining.stop_comparing)
        self.evidence.closed.connect(asked.close_evidence)
        theme().changed.connect(self.table.viewport().update)

    def _timer(self, milliseconds: int, work: object) -> QTimer:
        made = QTimer(self)
        made.setInterval(milliseconds)
        made.timeout.connect(work)
        return made

    def _actions(self) -> tuple[Action, ...]:
        asked = self.presenter

        def revoking(kind: TargetKind) -> dict[str, object]:
            return {
                "run": lambda: asked.revoke(kind),
                "why_not": lambda: asked.revoke_why_not(kind),
            }

        return tuple(
            Action(f"fleet.{name}", text, page="fleet", icon=icon, shortcut=keys, **rest)
            for name, text, icon, keys, rest in (
                ("filter", _("Filter nodes"), "search", "/", {"run": self._focus_filter}),
                (
                    "next_trouble",
                    _("Next node in trouble"),
                    "triangle-alert",
                    "N",
                    {"run": asked.next_trouble},
                ),
                (
                    "export_csv",
                    _("Export the table as CSV"),
                    "download",
                    "Ctrl+E",
                    {"run": lambda: asked.export(as_json=False)},
                ),
                (
                    "export_json",
                    _("Export the table as JSON"),
                    "download",
                    "Ctrl+Shift+E",
                    {"run": lambda: asked.export(as_json=True)},
                ),
                (
                    "evidence",
                    _("Evidence of the selected node"),
                    "file-search",
                    "E",
                    {"run": asked.toggle_evidence, "why_not": asked.evidence_why_not},
                ),
                (
                    "explain_export",
                    _("Export why the selected node is in its state"),
                    "download",
                    "",
                    {"run": asked.export_explanation, "why_not": asked.export_why_not},
                ),
                (
                    "quarantine",
                    _("Quarantine the selected node (propose its revocation)"),
                    "shield-off",
                    "",
                    revoking(TargetKind.NODE),
                ),
                (
                    "revoke_platform",
                    _("Revoke the selected node's platform"),
                    "ban",
                    "",
                    revoking(TargetKind.PLATFORM),
                ),
            )
        )

    # ---- showing ----

    def _show(self) -> None:
        view = self.presenter.view()
        self._stack.setCurrentIndex(0 if view.phase is Phase.READY else 1)
        if view.phase is not Phase.READY:
            self._empty.say(*_nothing_here(view))
        self._tiles.show_tiles(view.tiles)
        self._heat_sub.setText(view.heat.subtitle)
        self._group.setText(f" {_groupings()[self.presenter.grouping]}")
        self._group.setAccessibleName(_("Group the heat map"))
        if view.heat.groups != self._heat_groups:
            self._heat_groups = view.heat.groups
            self._heat.show_view(view.heat)
            self._collapse()
        self._heat.show_view(view.heat)
        self._trend.show_series(view.trend)
        self._toolbar.show_view(view)
        self._nothing.setText(view.none_fits)
        self._nothing.setVisible(bool(view.none_fits))
        self.table.show_columns(view.columns)
        self.table.show_sorting(view.sorting)
        moving = not self._context.settings.choices.reduce_motion and self.isVisible()
        self.drawer.show_view(view.drawer, view.why, moving=moving)
        self._show_evidence(view.evidence)
        self.table.show_selected(None if view.drawer is None else view.drawer.name)

    def _show_evidence(self, view: EvidenceView | None) -> None:
        self.evidence.show_view(view)
        front = 0 if view is None else 1
        if self._fronts.currentIndex() == front:
            return
        self._fronts.setCurrentIndex(front)
        if view is None:
            self.table.setFocus()
        else:
            self.evidence.focus_tree()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._collapse()

    def _collapse(self) -> None:
        """The trend gives way before the heat map does."""
        width = self._ready.width()
        self._trend_card.setVisible(width >= _TREND_FROM)
        spare = width - self._heat.natural_width() - _AROUND
        self._trend_card.setMaximumWidth(max(_TREND, min(spare, _TREND_WIDEST)))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        self._tick.start()
        self._figures.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        super().hideEvent(event)
        self._tick.stop()
        self._figures.stop()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() == Qt.Key.Key_Escape and self.drawer.is_open:
            self._close_drawer()
            return
        super().keyPressEvent(event)

    # ---- what is asked for ----

    def _select_other(self, name: str) -> None:
        """A node that is named in an explanation: shown in the table too."""
        if self.table.fleet.row_of(name) < 0:
            self.presenter.filter("")
        self.presenter.select(name)

    def _focus_filter(self) -> None:
        if self.presenter.understanding.viewing.open:
            self.evidence.focus_search()
            return
        self._toolbar.filter.setFocus()
        self._toolbar.filter.selectAll()

    def _close_drawer(self) -> None:
        self.presenter.select(None)
        self.table.setFocus()

    def _save_view(self, name: str) -> None:
        why_not = self.presenter.save_view(name)
        if why_not:
            self._context.asker.toast(why_not)

    def _copy_rows(self, as_json: bool) -> None:
        shown = self.table.shown_columns()
        self.presenter.copy_rows(self.table.selected_names(), as_json=as_json, shown=shown)

    def _row_menu(self, at: QPoint) -> None:
        index = self.table.indexAt(at)
        if not index.isValid():
            return
        name = self.table.fleet.name_at(index.row())
        menu = QMenu(self.table)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for text, work in (
            (_("Copy name"), lambda: self.presenter.copy(name)),
            (_("Copy rows\tCtrl+C"), lambda: self._copy_rows(as_json=False)),
            (_("Copy rows as JSON\tCtrl+Shift+C"), lambda: self._copy_rows(as_json=True)),
            (_("Show its rack only"), lambda: self.presenter.filter_to_rack_of(name)),
        ):
            menu.addAction(text).triggered.connect(lambda _on=False, work=work: work())
        menu.addSeparator()
        revoke = menu.addAction(_("Quarantine…"))
        revoke.triggered.connect(lambda: self.presenter.revoke(TargetKind.NODE))
        self.presenter.select(name)
        why_not = self.presenter.revoke_why_not(TargetKind.NODE)
        revoke.setEnabled(not why_not)
        revoke.setToolTip(plain(why_not))
        self.table.show_menu(menu, at)

    def _settings_changed(self) -> None:
        self.table.set_compact(self._context.settings.choices.density is Density.COMPACT)


def _groupings() -> dict[Grouping, str]:
    return {
        Grouping.SITE: _("By site"),
        Grouping.MODEL: _("By model"),
        Grouping.POLICY: _("By policy"),
    }


def _nothing_here(view: FleetView) -> tuple[str, str]:
    if view.phase is Phase.LOADING:
        return _("Loading the fleet"), view.notice.text or _("The server has not answered yet.")
    return _("No nodes yet"), _(
        "A node appears here as soon as its agent asks for a key. Nothing needs to be registered."
    )
