"""The evidence viewer: what a node showed, as trees in tabs, searched and copied. No Qt."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from keyturn.base.strictjson import Json, JsonObject
from keyturn.base.times import format_time
from keyturn.client.examination import Basis, Examination
from keyturn.client.explaining import explanation_document, finding_document
from keyturn.policy.trust import anchors_in_force
from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.screens.fleet import chains, checktree, parts
from keyturn_app.screens.fleet.branches import Branch, Detail, every, found
from keyturn_app.screens.fleet.explaining import Explaining, Held
from keyturn_app.screens.fleet.selected import Selected
from keyturn_app.statements.caveats import meaning
from keyturn_app.states import Look


class Tab(Enum):
    CHECKS = "checks"
    FIELDS = "fields"
    CERTIFICATES = "certificates"
    EVENTS = "events"
    CAVEATS = "caveats"


@dataclass(frozen=True, slots=True)
class TabView:
    """`mono` columns are of digits; `empty` says why there is no branch."""

    tab: Tab
    title: str
    columns: tuple[str, ...]
    branches: tuple[Branch, ...] = ()
    empty: str = ""
    mono: frozenset[int] = frozenset()

    @property
    def has_bytes(self) -> bool:
        """Whether the bytes of what is chosen are shown beside it."""
        return self.tab in (Tab.FIELDS, Tab.EVENTS)


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """`chosen` is the branch whose details and bytes are shown; `note` what all of it rests on."""

    node: str
    look: Look
    simulated: bool
    note: str
    trouble: str
    loading: str
    tabs: tuple[TabView, ...]
    tab: Tab
    query: str
    chosen: Branch | None
    can_copy: bool
    exporting: str

    @property
    def shown(self) -> TabView:
        return next(each for each in self.tabs if each.tab is self.tab)


class Viewing:
    """Whether the viewer is open, and on what. Trees are made once for each explanation."""

    def __init__(self, copy: Callable[[str], None], changed: Callable[[], None]) -> None:
        self._copy, self._changed = copy, changed
        self.open = False
        self._tab, self._query, self._chosen = Tab.CHECKS, "", ""
        self._of: Held | None = None
        self._tabs: tuple[TabView, ...] = ()
        self._found: tuple[str, tuple[TabView, ...]] = ("", ())

    def show(self) -> None:
        self.open, self._query, self._chosen = True, "", ""
        self._changed()

    def hide(self) -> None:
        if not self.open:
            return
        self.open = False
        self._of, self._tabs, self._found = None, (), ("", ())
        self._changed()

    def turn_to(self, tab: Tab) -> None:
        if tab is not self._tab:
            self._tab, self._chosen = tab, ""
            self._changed()

    def search(self, query: str) -> None:
        if query != self._query:
            self._query = query
            self._changed()

    def choose(self, key: str) -> None:
        if key != self._chosen:
            self._chosen = key
            self._changed()

    def choose_byte(self, place: int) -> None:
        """The field that a byte of the shown part belongs to."""
        part = self._part()
        field = None if part is None else parts.field_at(part, place)
        if field is not None:
            self.choose(field.key)

    def copy_chosen(self) -> None:
        """The branch as JSON; with everything below it."""
        branch = self._branch(self._chosen)
        if branch is not None:
            self._copy(_json(branch.document))

    def copy_all(self) -> None:
        if self._of is not None:
            self._copy(_json(document(self._of)))

    def view(
        self, node: str, look: Look, explaining: Explaining, selected: Selected, now: datetime
    ) -> EvidenceView:
        held = explaining.held
        self._take(held, now)
        error = explaining.error or selected.error
        loading = explaining.loading or selected.loading
        return EvidenceView(
            node=node,
            look=look,
            simulated=_simulated(held),
            note=note_of(selected.examination),
            trouble="" if error is None else wording.error_text(error),
            loading=_("Verifying its evidence here…") if loading else "",
            tabs=self._filtered(),
            tab=self._tab,
            query=self._query,
            chosen=self._branch(self._chosen),
            can_copy=held is not None,
            exporting=explaining.exporting,
        )

    # ---- inside ----

    def _take(self, held: Held | None, now: datetime) -> None:
        if held is self._of and self._tabs:
            return
        self._of = held
        self._tabs = tabs(held, now)
        self._found = ("", self._tabs)

    def _filtered(self) -> tuple[TabView, ...]:
        if self._found[0] != self._query:
            kept = tuple(_searched(each, self._query) for each in self._tabs)
            self._found = (self._query, kept)
        return self._found[1]

    def _branch(self, key: str) -> Branch | None:
        if not key:
            return None
        for tab in self._filtered():
            if tab.tab is self._tab:
                return next((each for each in every(tab.branches) if each.key == key), None)
        return None

    def _part(self) -> Branch | None:
        """The part that the chosen branch is, or lies in: of all, whatever the search left."""
        name = ".".join(self._chosen.split(".")[:2])
        whole = next((each for each in self._tabs if each.tab is Tab.FIELDS), None)
        branches = () if whole is None else whole.branches
        return next((each for each in branches if each.key == name), None)


def _searched(tab: TabView, query: str) -> TabView:
    kept = found(tab.branches, query)
    if kept or not tab.branches:
        return replace(tab, branches=kept)
    return replace(tab, branches=(), empty=_("Nothing here has “{query}”.").format(query=query))


def tabs(held: Held | None, now: datetime) -> tuple[TabView, ...]:
    """In the order of the page; each says why it is empty."""
    gone = _("There is no evidence to show.") if held is None else _not_kept(held)
    trees = _trees(held, now)
    titles = {
        Tab.CHECKS: (_("Checks"), checktree.columns(), gone, {2, 3}),
        Tab.FIELDS: (_("Fields"), parts.columns(), gone, {1, 2, 3}),
        Tab.CERTIFICATES: (_("Certificates"), chains.columns(), gone, {4}),
        Tab.EVENTS: (_("Boot log"), parts.event_columns(), gone or _no_log(), {3}),
        Tab.CAVEATS: (
            _("Caveats"),
            (_("Caveat"), _("Meaning")),
            _("Nothing limits what it proves."),
            set[int](),
        ),
    }
    return tuple(
        TabView(tab, title, columns, trees.get(tab, ()), empty, frozenset(mono))
        for tab, (title, columns, empty, mono) in titles.items()
    )


def _no_log() -> str:
    return _("This evidence has no boot log.")


def _not_kept(held: Held) -> str:
    if held.explained.request is not None:
        return ""
    return _("The server does not keep this evidence any more: only the log entry is left.")


def _trees(held: Held | None, now: datetime) -> dict[Tab, tuple[Branch, ...]]:
    if held is None:
        return {}
    explained, state = held.explained, held.seen.state
    shown = [each for each in held.sections if each.title != parts.EVENTS]
    return {
        Tab.CHECKS: checktree.checks(explained.examination.checks, state),
        Tab.FIELDS: parts.parts(shown),
        Tab.CERTIFICATES: chains.chains(held.sections, anchors_in_force(state, now)[0], now),
        Tab.EVENTS: parts.events(held.sections),
        Tab.CAVEATS: _caveats(held),
    }


def _caveats(held: Held) -> tuple[Branch, ...]:
    owed = {each.value for each in held.explained.observed.caveats}
    names = sorted(owed | set(held.explained.examination.caveats))
    return tuple(
        Branch(
            f"caveat.{name}",
            (name, meaning(name)),
            "triangle-alert",
            "stale",
            details=(Detail(_("Caveat"), name), Detail(_("Meaning"), meaning(name))),
            document=name,
        )
        for name in names
    )


def _simulated(held: Held | None) -> bool:
    identity = None if held is None else held.explained.examination.identity
    return identity is not None and identity.simulated


def note_of(examination: Examination | None) -> str:
    """What all of it rests on."""
    if examination is None:
        return ""
    when = wording.moment(examination.time)
    if examination.basis is Basis.NOT_KEPT:
        text = _("Log entry {index}, {when}. The server has not kept the evidence.")
    else:
        text = _("Log entry {index}, {when}. Verified here.")
    return text.format(index=examination.index, when=when)


# ---- as JSON ----


def document(held: Held) -> JsonObject:
    """Everything that the viewer shows."""
    found_here = held.explained
    examination = found_here.examination
    return {
        "node": examination.node,
        "index": examination.index,
        "time": format_time(examination.time),
        "verdict": examination.verdict.value,
        "basis": examination.basis.value,
        "evidence": examination.evidence,
        "checks": [finding_document(each) for each in examination.checks],
        "parts": [parts.section_document(each) for each in held.sections],
        "caveats": [each.key.removeprefix("caveat.") for each in _caveats(held)],
        "explanation": explanation_document(found_here.explanation),
    }


def _json(value: Json) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
