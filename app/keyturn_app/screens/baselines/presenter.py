"""The baselines page: the list, one baseline, comparing, and new ones. No Qt in here."""

from collections.abc import Callable
from dataclasses import replace

from keyturn.client.proposals import Proposal
from keyturn.quorum.kinds import Role
from keyturn_app.actions import Action
from keyturn_app.desk import Topic
from keyturn_app.entitled import not_allowed, not_asking
from keyturn_app.i18n import _
from keyturn_app.presenting import Presenter
from keyturn_app.screens.baselines.comparing import ComparePresenter
from keyturn_app.screens.baselines.details import Detail, detail_of
from keyturn_app.screens.baselines.new import NewPresenter
from keyturn_app.screens.baselines.observing import SEEN_AGAIN, Evidence
from keyturn_app.screens.baselines.sources import Source
from keyturn_app.screens.baselines.standing import Baseline, ValueKind, baselines
from keyturn_app.screens.baselines.using import Use, use_of
from keyturn_app.screens.baselines.viewmodel import (
    ActionView,
    Arrangement,
    BaselinesView,
    Column,
    Shown,
    banner_of,
    count_text,
    fleet_view,
    phase_of,
    shown_of,
    tiles_of,
)
from keyturn_app.surroundings import Surroundings

Sheet = NewPresenter | ComparePresenter
CAPTURE = "capture:"
"""`open("capture:NODE")` starts a draft from that node: for whoever found its firmware."""


class BaselinesPresenter(Presenter[BaselinesView]):
    """`sheet` is what lies over the list: a draft, or a comparison."""

    def __init__(self, around: Surroundings) -> None:
        super().__init__()
        self._desk, self._door, self._asker = around.desk, around.door, around.asker
        self._copy, self._go = around.copy, around.go
        self._arranged = Arrangement()
        self._uses: tuple[object, dict[str, Use]] | None = None
        self.evidence = Evidence(self._desk, self._evidence_changed)
        self.keep(self.evidence.close)
        self.sheet: Sheet | None = None
        topics = (Topic.CONNECTION, Topic.SEEN, Topic.PROPOSALS, Topic.IDENTITY)
        self.keep(self._desk.subscribe(self._on_facts, *topics))
        self._all_actions = self._make_actions()
        self.keep(around.actions.add(*self._all_actions))

    def view(self) -> BaselinesView:
        facts, now = self._desk.facts, self._desk.now()
        found = baselines(facts, now)
        shown = shown_of(found, self._use(found), facts, now, self._arranged)
        phase, title, text = phase_of(facts, shown)
        banner, tone, dimmed = banner_of(facts, shown, now)
        arranged = self._arranged
        return BaselinesView(
            phase=phase,
            title=title,
            text=text,
            banner=banner,
            tone=tone,
            dimmed=dimmed,
            tiles=tiles_of(shown.every, arranged.kind) if shown.every else (),
            query=arranged.query,
            rows=shown.rows,
            count=count_text(shown) if shown.every else "",
            sort=arranged.sort,
            ascending=arranged.ascending,
            fleet=fleet_view(self.evidence.fleet, now),
            detail=self._detail(shown),
            actions=tuple(
                ActionView(each.id, each.text, each.icon, each.why_not())
                for each in self._all_actions
            ),
        )

    # ---- arranging ----

    def filter(self, query: str) -> None:
        self._arrange(query=query)

    def show(self, kind: ValueKind) -> None:
        """Only those with such values; the same again shows all."""
        self._arrange(kind=None if self._arranged.kind is kind else kind)

    def open_all(self) -> None:
        self._arrange(query="", kind=None)

    def sort(self, column: Column) -> None:
        """By this column; the same again turns the order round."""
        same = self._arranged.sort is column
        self._arrange(sort=column, ascending=not self._arranged.ascending if same else True)

    def select(self, subject: str) -> None:
        if subject != self._arranged.selected:
            self._arrange(selected=subject, unfolded=frozenset())

    def unfold(self, key: str) -> None:
        """All values of a set; the same again folds them."""
        self._arrange(unfolded=self._arranged.unfolded ^ {key})

    def open(self, target: str) -> None:
        """A baseline by its name, or `capture:NODE`; an unknown name changes nothing."""
        if target.startswith(CAPTURE):
            self._new(Source.NODE, node=target.removeprefix(CAPTURE))
            return
        if any(each.subject == target for each in baselines(self._desk.facts, self._desk.now())):
            self._arranged = replace(self._arranged, query="", kind=None)
            self.select(target)
            self.changed()

    def tick(self) -> None:
        """A second went by: countdowns are told anew, and old evidence is asked for again."""
        self.evidence.want(SEEN_AGAIN)
        self.changed()

    def follow(self, page: str, target: str) -> None:
        self._go(page, target)

    def copy(self, text: str) -> None:
        self._copy(text)
        self._asker.toast(_("Copied"))

    def copy_rows(self, text: str) -> None:
        self._copy(text)

    # ---- evidence ----

    def seen(self) -> None:
        """The page came to the front."""
        self.evidence.want()

    def look_at_nodes(self) -> None:
        self.evidence.ask()

    def stop_looking(self) -> None:
        self.evidence.stop()

    # ---- what lies over the list ----

    def capture(self) -> None:
        self._new(Source.NODE)

    def import_values(self) -> None:
        self._new(Source.RIM)

    def new_version(self) -> None:
        """Values are added to the chosen baseline."""
        self._new(Source.NODE, subject=self._arranged.selected)

    def compare(self) -> None:
        self._show_sheet(
            ComparePresenter(
                self._desk,
                self.evidence,
                self._copy,
                closed=self._close_sheet,
                subject=self._arranged.selected,
            )
        )

    def compare_version(self, digest: str) -> None:
        """An older version beside the newest."""
        self._show_sheet(
            ComparePresenter(
                self._desk,
                self.evidence,
                self._copy,
                closed=self._close_sheet,
                subject=self._arranged.selected,
                version=digest,
            )
        )

    def close(self) -> None:
        if self.sheet is not None:
            self.sheet.close()
            self.sheet = None
        super().close()

    # ---- inside ----

    def _new(self, source: Source, *, node: str = "", subject: str = "") -> None:
        if self._may_open():
            return
        self.evidence.want()
        self._show_sheet(
            NewPresenter(
                self._desk,
                self._door,
                self._asker,
                self.evidence,
                copy=self._copy,
                closed=self._close_sheet,
                proposed=self._is_proposed,
                source=source,
                node=node,
                subject=subject,
            )
        )

    def _is_proposed(self, proposal: Proposal) -> None:
        self._asker.toast(
            _("Proposed. Not in force: {missing} to approve.").format(missing=proposal.missing)
        )
        self._desk.refresh(Topic.PROPOSALS)
        self._go("approvals", proposal.digest)

    def _may_open(self) -> str:
        """A draft half filled in is not thrown away by a shortcut."""
        if self.sheet is not None:
            return _("Finish or cancel what is open first.")
        return not_allowed(self._desk, Role.PROPOSER)

    def _make_actions(self) -> tuple[Action, ...]:
        desk = self._desk

        def chosen() -> str:
            return "" if self._arranged.selected else _("Choose a baseline first.")

        def may_compare() -> str:
            if self.sheet is not None:
                return _("Finish or cancel what is open first.")
            found = baselines(desk.facts, desk.now())
            return "" if found else _("There is no baseline yet.")

        def made(
            name: str, text: str, run: Callable[[], None], icon: str, why: Callable[[], str]
        ) -> Action:
            return Action(f"baselines.{name}", text, run, icon=icon, page="baselines", why_not=why)

        return (
            made("capture", _("Capture from a node…"), self.capture, "server", self._may_open),
            made("import", _("Import…"), self.import_values, "file-input", self._may_open),
            made("compare", _("Compare…"), self.compare, "git-compare-arrows", may_compare),
            made(
                "new-version",
                _("New version…"),
                self.new_version,
                "circle-plus",
                lambda: chosen() or self._may_open(),
            ),
            made(
                "refresh",
                _("Look at the nodes again"),
                self.look_at_nodes,
                "refresh-cw",
                lambda: not_asking(desk),
            ),
        )

    def _use(self, found: tuple[Baseline, ...]) -> dict[str, Use]:
        """Counted again only when the log, the evidence or the minute is another."""
        seen = self._desk.facts.seen
        if seen is None:
            return {}
        fleet, now = self.evidence.fleet, self._desk.now()
        minute = now.replace(second=0)
        digests = tuple(_digest(each) for each in found)
        key = (seen.state.size, digests, fleet.as_of, minute)
        if self._uses is None or self._uses[0] != key:
            observed = None if fleet.as_of is None else fleet.all
            self._uses = (
                key,
                {
                    each.subject: use_of(each.subject, each.values, seen.state, observed, now)
                    for each in found
                },
            )
        return self._uses[1]

    def _detail(self, shown: Shown) -> Detail | None:
        facts = self._desk.facts
        row = next((e for e in shown.rows if e.subject == self._arranged.selected), None)
        if row is None or facts.seen is None:
            return None
        return detail_of(
            row.baseline,
            facts.seen.state,
            row.use,
            facts,
            self._desk.now(),
            self._arranged.unfolded,
        )

    def _arrange(self, **changes: object) -> None:
        self._arranged = replace(self._arranged, **changes)  # type: ignore[arg-type]
        self.changed()

    def _on_facts(self, _topics: frozenset[Topic]) -> None:
        self.changed()

    def _evidence_changed(self) -> None:
        self.changed()
        if self.sheet is not None:
            self.sheet.changed()

    def _show_sheet(self, sheet: Sheet) -> None:
        if self.sheet is not None:
            self.sheet.close()
        self.sheet = sheet
        self.changed()

    def _close_sheet(self) -> None:
        self.sheet = None
        self.changed()


def _digest(baseline: Baseline) -> str:
    """Of what is shown of it."""
    if baseline.statement is not None:
        return baseline.statement.statement.digest
    return baseline.open[0].digest
