"""The fleet page's state and what the officer may do there. No Qt, no timers.

Rows go straight to whoever shows the table (`Shown`), at the pace of the facts; everything else
is the `FleetView`, made anew by `summarise`. A view calls `tick` about once a second, so that
states decay and the order follows, and `summarise` at most five times a second.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import numpy as np

from keyturn.client.inventory import Node, NodeState
from keyturn.quorum.kinds import TargetKind
from keyturn_app.desk import Desk, Topic
from keyturn_app.facts import Facts
from keyturn_app.i18n import _
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Asker
from keyturn_app.screens.fleet import revoking, viewmodel
from keyturn_app.screens.fleet.attempts import Attempts
from keyturn_app.screens.fleet.columns import Column, key, read_columns, write_columns
from keyturn_app.screens.fleet.details import Case, DrawerView, drawer
from keyturn_app.screens.fleet.exporting import Heading
from keyturn_app.screens.fleet.filtering import EVERYTHING, FilterError, parse
from keyturn_app.screens.fleet.heat import EMPTY, Grouping, HeatLayout
from keyturn_app.screens.fleet.nodes import NodeKeeper
from keyturn_app.screens.fleet.savedviews import SavedViews
from keyturn_app.screens.fleet.selected import Selected, newest_entry
from keyturn_app.screens.fleet.store import CODE, STATES, FleetStore, Places
from keyturn_app.screens.fleet.taking import Taking
from keyturn_app.screens.fleet.understanding import Understanding
from keyturn_app.screens.fleet.viewing import EvidenceView
from keyturn_app.screens.fleet.viewmodel import Chip, Figures, FleetView, Phase, Sorting
from keyturn_app.settings import MemoryPreferences, Preferences
from keyturn_app.states import node_look
from keyturn_app.tasks import Door

COLUMNS_KEY = "fleet.columns"
HOUR = 3600
EXPLAINED = (NodeState.REFUSED, NodeState.QUARANTINED)
TROUBLE = (NodeState.REFUSED, NodeState.QUARANTINED, NodeState.UNKNOWN, NodeState.STALE)


class Shown(Protocol):
    """Whoever shows the rows. `before` and `after` stand around every new order."""

    def before(self, *, anew: bool) -> None: ...

    def after(self, *, anew: bool) -> None: ...

    def updated(self, places: Sequence[int] | None) -> None:
        """Rows at these places of the store have other cells; None: perhaps all of them."""


class FleetPresenter(Presenter[FleetView]):
    def __init__(
        self,
        desk: Desk,
        door: Door,
        asker: Asker,
        *,
        copy: Callable[[str], None],
        go: Callable[[str, str], None],
        preferences: Preferences | None = None,
    ) -> None:
        super().__init__()
        self._desk, self._asker, self._copy, self._go = desk, asker, copy, go
        self._preferences = preferences or MemoryPreferences()
        self.views = SavedViews(self._preferences)
        self.columns = read_columns(self._preferences.get(COLUMNS_KEY))
        self.store = FleetStore()
        self.shown: Shown | None = None
        self._keeper = NodeKeeper(self.store)
        self._attempts = Attempts()
        self._taking = Taking(self.store, door, asker, copy)
        self._selected = Selected(desk, asker, go, self._selected_changed)
        self.understanding = Understanding(desk, door, asker, copy, go, self._drawer_changed)
        self._filter, self._typed = EVERYTHING, ""
        self._problem: viewmodel.Problem | None = None
        self._sorting = Sorting()
        self._grouping = Grouping.SITE
        self._heat: HeatLayout | None = None
        self._held, self._due, self._dirty = False, False, False
        self._view = FleetView()
        self._take(frozenset(Topic))
        self.summarise()
        self.keep(
            desk.subscribe(
                self._facts_changed,
                Topic.CONNECTION,
                Topic.SEEN,
                Topic.MODELS,
                Topic.NODES,
                Topic.PROPOSALS,
                Topic.ALARMS,
                Topic.IDENTITY,
            )
        )
        self.keep(self._selected.close)
        self.keep(self.understanding.close)

    def view(self) -> FleetView:
        return self._view

    @property
    def facts(self) -> Facts:
        return self._desk.facts

    # ---- what becomes known ----

    def apply(self, nodes: Iterable[Node]) -> None:
        """Newer values of nodes that are in the table already."""
        self._rows_changed(self._keeper.put(nodes))

    def tick(self) -> None:
        """Time has passed: states decay, ages grow, the order follows unless it is held."""
        self._judge()
        if self.shown is not None:
            self.shown.updated(None)
        self._due = True
        if not self._held:
            self.arrange()
        self.understanding.follow(self._selected, troubled=self._troubled())
        self.summarise()

    def hold(self, held: bool) -> None:
        """Whether rows must stay where they are: the pointer is over them, or a menu is open."""
        if held == self._held:
            return
        self._held = held
        if not held and self._due:
            self.arrange()
        self.summarise()

    def _facts_changed(self, topics: frozenset[Topic]) -> None:
        waiting = self._view.phase is Phase.LOADING
        self._take(topics)
        self._dirty = True
        if waiting or topics & {Topic.CONNECTION, Topic.ALARMS, Topic.IDENTITY}:
            self.summarise()

    def _take(self, topics: frozenset[Topic]) -> None:
        facts = self.facts
        if topics & {Topic.SEEN, Topic.MODELS}:
            if facts.seen is not None:
                self._attempts.extend(facts.seen.leaves)
            moved = self._keeper.look_up(facts, self._desk.now())
            if moved:
                self._rows_changed(self._keeper.put_anew(moved))
                self._heat = None
        changes = self._keeper.changes(facts)
        if changes.anew:
            self._load(facts)
        elif changes.any:
            self._rows_changed(self._keeper.take(facts, changes))
        elif topics & {Topic.CONNECTION, Topic.ALARMS}:
            self._rows_changed(())
        node = self._keeper.find(self._selected.name)
        if node is not None:
            self._selected.follow(node)

    def _load(self, facts: Facts) -> None:
        if self.shown is not None:
            self.shown.before(anew=True)
        self._keeper.load(facts)
        self._judge()
        self._heat, self._due = None, False
        self.store.show(self._order())
        if self.shown is not None:
            self.shown.after(anew=True)
        if self._keeper.find(self._selected.name) is None:
            self._selected.choose(None)

    def _rows_changed(self, places: Sequence[int]) -> None:
        now = self._desk.now()
        known = viewmodel.known(self.facts, now)
        some = np.asarray(places, np.int64)
        everything = self.store.judge_only(some, now.timestamp(), known=known)
        self._due, self._dirty = True, True
        if self.shown is not None:
            self.shown.updated(None if everything else places)

    def _judge(self) -> None:
        now = self._desk.now()
        self.store.judge(now.timestamp(), known=viewmodel.known(self.facts, now))

    # ---- the order ----

    def arrange(self) -> None:
        """Sort and filter now."""
        self._due = False
        order = self._order()
        if np.array_equal(order, self.store.order):
            return
        if self.shown is not None:
            self.shown.before(anew=False)
        self.store.show(order)
        if self.shown is not None:
            self.shown.after(anew=False)

    def _order(self) -> Places:
        column, mask = self._sorting.column, self._filter.mask(self.store)
        return self.store.arranged(mask, key(self.store, column), self._sorting.descending)

    def sort(self, column: Column, descending: bool) -> None:
        self._sorting = Sorting(column, descending)
        self.arrange()
        self.summarise()

    def filter(self, text: str) -> None:
        """Take a filter as it is typed; one that is not understood leaves the last in place."""
        self._typed = text
        try:
            self._filter = parse(text)
        except FilterError as error:
            self._problem = viewmodel.problem(error)
        else:
            self._problem = None
            self.arrange()
        self.summarise()

    def toggle(self, query: str) -> None:
        """A tile or a saved view: shown alone, or everything again when it was."""
        self.filter("" if query == self._typed else query)

    def save_view(self, name: str) -> str:
        """Keep the filter under a name. Gives why not, or nothing."""
        if self._problem is not None:
            return self._problem.text
        if not name.strip() or not self._typed.strip():
            return _("A view needs a name and a filter.")
        self.views.save(name, self._typed)
        self.summarise()
        return ""

    def remove_view(self, name: str) -> None:
        self.views.remove(name)
        self.summarise()

    def show_column(self, column: Column, shown: bool) -> None:
        self.columns = self.columns | {column} if shown else self.columns - {column}
        self._preferences.set(COLUMNS_KEY, write_columns(self.columns))
        self.summarise()

    # ---- the heat map ----

    def group_by(self, grouping: Grouping) -> None:
        self._grouping, self._heat = grouping, None
        self.summarise()

    @property
    def grouping(self) -> Grouping:
        return self._grouping

    def describe_cell(self, cell: int) -> str:
        return self._heat_layout().describe(cell)

    def choose_cell(self, cell: int) -> None:
        """Filter the table to a rack; where a cell is a node, open it."""
        layout = self._heat_layout()
        if layout.by_node:
            self.select(self.store.names[int(layout.nodes_in(cell)[0])])
        else:
            self.toggle(layout.query(cell))

    def filter_to_rack_of(self, name: str) -> None:
        layout = self._heat_layout()
        place = self.store.place.get(name)
        if place is not None:
            self.filter(layout.query(int(layout.cell_of[place])))

    def _heat_layout(self) -> HeatLayout:
        if self._heat is None:
            self._heat = HeatLayout(self.store, self._grouping)
        return self._heat

    # ---- one node ----

    @property
    def selected(self) -> str | None:
        return self._selected.name

    def select(self, name: str | None) -> None:
        """Open the drawer on a node, or close it."""
        if name != self._selected.name:
            self._selected.choose(self._keeper.find(name))
            self._selected_changed()

    def next_trouble(self) -> None:
        """The next node below the selected one that is in trouble; from the top after the last."""
        order, store = self.store.order, self.store
        codes = {int(CODE[each]) for each in TROUBLE}
        bad = [int(place) for place in order if int(store.state[place]) in codes]
        if not bad:
            self._asker.toast(_("No node in this view is in trouble."))
            return
        place = store.place.get(self._selected.name or "")
        row = -1 if place is None else int(store.inv[place])
        after = [each for each in bad if int(store.inv[each]) > row]
        self.select(store.names[(after or bad)[0]])

    def retry(self) -> None:
        self.understanding.explaining.leave()
        self._selected.retry()

    def open_evidence(self) -> None:
        """The viewer, on all that the selected node showed."""
        if not self.evidence_why_not():
            self.understanding.viewing.show()
            self._selected_changed()

    def close_evidence(self) -> None:
        self.understanding.viewing.hide()

    def toggle_evidence(self) -> None:
        if self.understanding.viewing.open:
            self.close_evidence()
        else:
            self.open_evidence()

    def evidence_why_not(self) -> str:
        node = self._keeper.find(self._selected.name)
        if node is None:
            return _("Select a node first.")
        return "" if newest_entry(node) is not None else _("It has shown no evidence yet.")

    def export_why_not(self) -> str:
        if self.understanding.explaining.held is None:
            return self.evidence_why_not() or _("Its evidence is not verified yet.")
        return self.understanding.explaining.exporting

    def export_explanation(self) -> None:
        self.understanding.explaining.export()

    def repair(self, place: int) -> None:
        self.understanding.repair(place)

    def revoke(self, kind: TargetKind) -> None:
        """Ask whether to propose a revocation of the selected node or of its platform."""
        node = self._keeper.find(self._selected.name)
        if node is None:
            return
        offer = next(each for each in self._offers(node) if each.kind is kind)
        if offer.why_not:
            self._asker.toast(offer.why_not)
            return
        self._selected.revoke(offer, node, self._also_on(offer, node))

    def revoke_why_not(self, kind: TargetKind) -> str:
        node = self._keeper.find(self._selected.name)
        if node is None:
            return _("Select a node first.")
        return next(each.why_not for each in self._offers(node) if each.kind is kind)

    def open_log(self) -> None:
        drawer_view = self._view.drawer
        if drawer_view is not None and drawer_view.entry is not None:
            self._go("log", str(drawer_view.entry))

    def copy(self, text: str) -> None:
        self._copy(text)

    def _offers(self, node: Node) -> tuple[revoking.Offer, ...]:
        unknown_for = viewmodel.why_unknown(self.facts, self._desk.now())
        return revoking.offers(node, self.facts, self._desk.identity, unknown_for=unknown_for)

    def _also_on(self, offer: revoking.Offer, node: Node) -> list[str]:
        if offer.kind is not TargetKind.PLATFORM:
            return []
        on_it = self.store.platform.matching(lambda each: each == offer.target)
        names = (self.store.names[place] for place in on_it.nonzero()[0])
        return [name for name in names if name != node.name]

    def _selected_changed(self) -> None:
        """What was refused is explained at once; everything else when its evidence is looked at."""
        self.understanding.follow(self._selected, troubled=self._troubled())
        self._drawer_changed()

    def _troubled(self) -> bool:
        node = self._keeper.find(self._selected.name)
        return node is not None and self._state(node) in EXPLAINED

    def _drawer_changed(self) -> None:
        self._dirty = True
        self.summarise()

    # ---- taking it away ----

    def copy_rows(self, names: Iterable[str], *, as_json: bool, shown: Sequence[Column]) -> None:
        self._taking.copy_rows(self._heading(), names, as_json=as_json, shown=shown)

    def export(self, *, as_json: bool) -> None:
        """Write what the table shows now to a file that the officer names."""
        self._taking.export(self._heading(), as_json=as_json)

    def _heading(self) -> Heading:
        seen = self.facts.seen
        return Heading(
            self._filter.text,
            self._desk.now(),
            None if seen is None else seen.checkpoint,
            self.facts.simulated or bool(self.store.simulated.any()),
        )

    # ---- the view ----

    def summarise_if_due(self) -> None:
        if self._dirty:
            self.summarise()

    def summarise(self) -> None:
        """Make the view anew, and tell whoever shows it if it is another one."""
        self._dirty = False
        made = self._made()
        if made != self._view:
            self._view = made
            self.changed()

    def _made(self) -> FleetView:
        facts, now, store = self.facts, self._desk.now(), self.store
        unknown_for = viewmodel.why_unknown(facts, now)
        phase = self._phase(facts)
        ready = phase is Phase.READY
        place = store.place.get(self._selected.name or "")
        return FleetView(
            phase=phase,
            notice=viewmodel.notice(facts, now),
            known=not unknown_for,
            tiles=viewmodel.tiles(
                self._figures(now.timestamp()), self._typed, unknown_for=unknown_for
            ),
            heat=self._heat_layout().view(place) if ready else EMPTY,
            trend=self._attempts.series(now.timestamp()),
            filter=self._typed,
            problem=self._problem,
            chips=tuple(
                Chip(each.name, each.query, each.query == self._typed, each.own)
                for each in self.views
            ),
            count=viewmodel.counted(len(store.order), len(store)),
            none_fits=_("No node fits this filter.") if ready and not len(store.order) else "",
            paused=self._held and self._due,
            sorting=self._sorting,
            columns=self.columns,
            drawer=self._drawer(unknown_for),
            why=self.understanding.why(self._selected) if self._troubled() else None,
            evidence=self._evidence(),
            simulated=facts.simulated,
        )

    def _phase(self, facts: Facts) -> Phase:
        if facts.nodes is None:
            return Phase.LOADING
        return Phase.READY if len(self.store) else Phase.EMPTY

    def _figures(self, now: float) -> Figures:
        stale = self.store.age[self.store.state == CODE[NodeState.STALE]]
        lately = self._attempts.refused_since(now - HOUR)
        refused = CODE[NodeState.REFUSED]
        mine = [self.store.place[each] for each in lately if each in self.store.place]
        return Figures(
            self.store.counts(),
            len(self.store),
            sum(1 for place in mine if self.store.state[place] == refused),
            float(stale.max()) if len(stale) else None,
        )

    def _state(self, node: Node) -> NodeState:
        return STATES[self.store.state[self.store.place[node.name]]]

    def _evidence(self) -> EvidenceView | None:
        node = self._keeper.find(self._selected.name)
        if node is None:
            return None
        return self.understanding.evidence(self._selected, node_look(self._state(node)))

    def _drawer(self, unknown_for: str) -> DrawerView | None:
        node = self._keeper.find(self._selected.name)
        if node is None:
            return None
        facts = self.facts
        case = Case(
            node,
            self._keeper.row(node),
            self._state(node),
            unknown_for,
            None if facts.seen is None else facts.seen.state,
            self._selected.examination,
            self._selected.error,
            self._selected.loading,
            revoking.offers(node, facts, self._desk.identity, unknown_for=unknown_for),
        )
        return drawer(case, self._desk.now())
