"""What a draft would change, asked for and put into words for every page alike. No Qt in here.

The fleet's evidence is fetched and judged on the network thread; how far it is, is read from
there by whoever polls.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.client.client import KeyturnClient
from keyturn.client.previews import impact_of
from keyturn.policy.drafts import Draft
from keyturn.policy.findings import Finding
from keyturn.policy.impact import Group, Impact, ModelImpact, NodeImpact
from keyturn.policy.impact_document import preview_bytes, preview_digest
from keyturn.policy.observed import Observed
from keyturn.quorum.state import AuthorityState
from keyturn_app import wording
from keyturn_app.desk import Desk
from keyturn_app.i18n import _, n_
from keyturn_app.tasks import Cancelled

LISTED = 500
"""Nodes of one group on screen; the document names all."""
_MINUS = "\N{MINUS SIGN}"


# ---- in words ----


@dataclass(frozen=True, slots=True)
class ImpactTile:
    """Sign, icon and words say the same as the colour. `short`: where there is little room."""

    id: str
    figure: str
    text: str
    short: str
    detail: str
    icon: str
    token: str


@dataclass(frozen=True, slots=True)
class CheckLine:
    """A check that decides: found beside expected."""

    check: str
    found: str
    expected: str
    hint: str


@dataclass(frozen=True, slots=True)
class NodeLine:
    node: str
    model: str
    where: str
    """Site and kind of TEE."""
    checks: tuple[CheckLine, ...]


@dataclass(frozen=True, slots=True)
class GroupLines:
    """`left`: how many more there are than `nodes`."""

    group: Group
    title: str
    icon: str
    token: str
    count: int
    nodes: tuple[NodeLine, ...]
    left: int


@dataclass(frozen=True, slots=True)
class ModelLine:
    text: str
    icon: str
    token: str


@dataclass(frozen=True, slots=True)
class SiteLine:
    """Counts as texts, in the order of the tiles."""

    site: str
    counts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImpactView:
    """Groups without a node are left out; the dangerous direction comes first."""

    tiles: tuple[ImpactTile, ...]
    groups: tuple[GroupLines, ...]
    models: tuple[ModelLine, ...]
    sites: tuple[SiteLine, ...]
    digest: Digest
    at: datetime
    nodes: int


def group_word(group: Group) -> str:
    return {
        Group.NEWLY: _("Would newly get keys"),
        Group.LOSES: _("Would lose keys"),
        Group.KEEPS: _("Keep their keys"),
        Group.REFUSED: _("Stay refused"),
        Group.UNMEASURED: _("Cannot be measured"),
    }[group]


def group_look(group: Group) -> tuple[str, str]:
    """(icon, colour)."""
    return {
        Group.NEWLY: ("lock-open", "stale"),
        Group.LOSES: ("octagon-x", "danger"),
        Group.KEEPS: ("circle-check", "ok"),
        Group.REFUSED: ("circle-slash", "unknown"),
        Group.UNMEASURED: ("circle-question-mark", "pending"),
    }[group]


def impact_view(impact: Impact) -> ImpactView:
    names = {each.model: model_name(each) for each in impact.models}
    groups = (_group(impact.of(group), group, names) for group in Group)
    return ImpactView(
        tiles_of(impact),
        tuple(each for each in groups if each.count),
        tuple(_model(each) for each in impact.models if each.goes_dark or each.newly_served),
        tuple(_site(site, counts) for site, counts in impact.by_site.items()),
        preview_digest(impact),
        impact.time,
        len(impact.nodes),
    )


def tiles_of(impact: Impact) -> tuple[ImpactTile, ...]:
    """Four, the dangerous direction first."""
    counts = impact.counts
    keeps, refused = counts[Group.KEEPS], counts[Group.REFUSED]
    dark = sum(each.goes_dark for each in impact.models)
    served = sum(each.newly_served for each in impact.models)
    return (
        _tile(
            Group.NEWLY,
            counts[Group.NEWLY],
            "+",
            n_("node would newly get keys", "nodes would newly get keys", counts[Group.NEWLY]),
            _("newly get keys"),
            n_("{count} model newly served", "{count} models newly served", served)
            if served
            else "",
        ),
        _tile(
            Group.LOSES,
            counts[Group.LOSES],
            _MINUS,
            n_("node would lose keys", "nodes would lose keys", counts[Group.LOSES]),
            _("lose keys"),
            n_("{count} model goes dark", "{count} models go dark", dark) if dark else "",
        ),
        _tile(
            Group.UNMEASURED,
            counts[Group.UNMEASURED],
            "",
            n_("node not measurable", "nodes not measurable", counts[Group.UNMEASURED]),
            _("not measurable"),
            "",
        ),
        ImpactTile(
            "unchanged",
            f"{keeps + refused:,}",
            n_("node unchanged", "nodes unchanged", keeps + refused),
            _("unchanged"),
            _("{keeps} keep · {refused} refused").format(
                keeps=f"{keeps:,}", refused=f"{refused:,}"
            ),
            "circle-dashed",
            "unknown",
        ),
    )


def model_name(model: ModelImpact) -> str:
    return model.name or wording.digest(model.model)


def _tile(group: Group, count: int, sign: str, text: str, short: str, detail: str) -> ImpactTile:
    icon, token = group_look(group)
    return ImpactTile(
        group.value,
        f"{sign if count else ''}{count:,}",
        text,
        short,
        detail,
        icon,
        token if count else "unknown",
    )


def _group(nodes: Sequence[NodeImpact], group: Group, names: dict[Digest, str]) -> GroupLines:
    icon, token = group_look(group)
    shown = tuple(_node(each, names) for each in nodes[:LISTED])
    left = max(0, len(nodes) - LISTED)
    return GroupLines(group, group_word(group), icon, token, len(nodes), shown, left)


def _node(node: NodeImpact, names: dict[Digest, str]) -> NodeLine:
    where = (node.site or _("no site"), node.tee.value.upper() if node.tee else _("no TEE proved"))
    return NodeLine(
        node.node,
        names.get(node.model, wording.digest(node.model)),
        " · ".join(where),
        tuple(_check(each) for each in node.decisive),
    )


def _check(finding: Finding) -> CheckLine:
    return CheckLine(finding.check, finding.found, finding.expected, finding.hint)


def _model(model: ModelImpact) -> ModelLine:
    name = model_name(model)
    if model.goes_dark:
        told = n_("{count} node serves it now", "{count} nodes serve it now", model.before)
        text = _("{model} goes dark: {told}, none would").format(model=name, told=told)
        return ModelLine(text, "octagon-x", "danger")
    told = n_("{count} node would serve it", "{count} nodes would serve it", model.after)
    text = _("{model} is newly served: {told}, none may now").format(model=name, told=told)
    return ModelLine(text, "lock-open", "stale")


def _site(site: str | None, counts: Mapping[Group, int]) -> SiteLine:
    numbers = (
        counts[Group.NEWLY],
        counts[Group.LOSES],
        counts[Group.UNMEASURED],
        counts[Group.KEEPS] + counts[Group.REFUSED],
    )
    signs = ("+", _MINUS, "", "")
    texts = (f"{sign if n else ''}{n:,}" for sign, n in zip(signs, numbers, strict=True))
    return SiteLine(_("No site") if site is None else site, tuple(texts))


# ---- asking ----


class Phase(Enum):
    NONE = "none"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Simulation:
    """What was asked last, and what came of it. The last outcome stays while another runs.

    `done` of `total` nodes. `document` are the exact bytes whose digest an approval names.
    `observed`: the evidence that it was computed from, for whoever lints.
    """

    phase: Phase = Phase.NONE
    done: int = 0
    total: int = 0
    error: str = ""
    impact: Impact | None = None
    document: bytes = field(default=b"", repr=False)
    view: ImpactView | None = None
    observed: tuple[Observed, ...] | None = None

    @property
    def running(self) -> bool:
        return self.phase is Phase.RUNNING

    def of(self, draft: Draft | None) -> bool:
        """Whether the outcome is of this very body."""
        own = self.impact.draft if self.impact is not None else None
        return (
            own is not None
            and draft is not None
            and (own.kind, own.subject, own.body_digest)
            == (draft.kind, draft.subject, draft.body_digest)
        )


def simulated_text(simulation: Simulation, now: datetime) -> str:
    """Like *simulated against live evidence 40 s ago*."""
    if simulation.running:
        return _("simulating: {done} of {total} nodes").format(
            done=f"{simulation.done:,}", total=f"{simulation.total:,}"
        )
    if simulation.view is None:
        return _("not simulated yet")
    age = wording.ago(simulation.view.at, now)
    return _("simulated against live evidence {age}").format(age=age)


MakeDraft = Callable[[AuthorityState, datetime], Draft]
"""A draft on top of the state that is verified when it is asked for. Raises MalformedError."""


class _Run:
    """One question; counted on the network thread, read on the window's."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.counted = (0, 0)

    def step(self, done: int, total: int) -> None:
        """On the network thread. Raises Cancelled."""
        if self.stop.is_set():
            raise Cancelled(_("the simulation was stopped"))
        self.counted = (done, total)


@dataclass(frozen=True, slots=True)
class _Found:
    observed: tuple[Observed, ...]
    impact: Impact | None
    document: bytes
    view: ImpactView | None


class ImpactService:
    """Asks the desk, one question at a time: a newer one stops the one before."""

    def __init__(self, desk: Desk, changed: Callable[[], None]) -> None:
        self._desk, self._changed = desk, changed
        self._run: _Run | None = None
        self._drop: Callable[[], None] = lambda: None
        self.simulation = Simulation()

    def simulate(self, make: MakeDraft) -> None:
        self._begin(make)

    def observe(self) -> None:
        """The fleet's evidence alone, as far as it is not at hand."""
        self._begin(None)

    def cancel(self) -> None:
        if self._run is not None:
            self._run.stop.set()

    def close(self) -> None:
        self.cancel()
        self._drop()

    def forget(self) -> None:
        """Something else is looked at: what was found of the fleet stays, the outcome goes."""
        self.close()
        self._run = None
        self.simulation = Simulation(observed=self.simulation.observed)

    def poll(self) -> None:
        """A moment went by: how far is it?"""
        if self._run is None:
            return
        done, total = self._run.counted
        if (done, total) != (self.simulation.done, self.simulation.total):
            self.simulation = replace(self.simulation, done=done, total=total)
            self._changed()

    # ---- inside ----

    def _begin(self, make: MakeDraft | None) -> None:
        self.close()
        run, now = _Run(), self._desk.now()
        self._run = run
        self.simulation = replace(self.simulation, phase=Phase.RUNNING, done=0, total=0, error="")

        def done(found: _Found) -> None:
            if run is self._run:
                self._end(Phase.DONE, found)

        def failed(error: KeyturnError) -> None:
            if run is self._run:
                cancelled = isinstance(error, Cancelled) or run.stop.is_set()
                self._end(Phase.CANCELLED if cancelled else Phase.FAILED, error=error)

        self._drop = self._desk.ask(
            lambda client: _computed(client, make, now, run.step),
            done=done,
            failed=failed,
        )
        self._changed()

    def _end(
        self, phase: Phase, found: _Found | None = None, error: KeyturnError | None = None
    ) -> None:
        self._run = None
        told = replace(self.simulation, phase=phase)
        if error is not None and phase is Phase.FAILED:
            told = replace(told, error=wording.error_text(error))
        if found is not None:
            told = replace(told, observed=found.observed)
        if found is not None and found.impact is not None:
            told = replace(told, impact=found.impact, document=found.document, view=found.view)
        self.simulation = told
        self._changed()


def _computed(
    client: KeyturnClient, make: MakeDraft | None, now: datetime, step: Callable[[int, int], None]
) -> _Found:
    """On the network thread."""
    seen, fleet = client.seen(), client.fleet_evidence
    collateral = client.collateral_at_hand()
    observed = fleet.observe_fleet(seen, now, collateral=collateral, step=step)
    if make is None:
        return _Found(observed, None, b"", None)
    draft = make(seen.state, now)
    impact = impact_of(draft, seen, fleet, now, step, collateral=collateral)
    return _Found(observed, impact, preview_bytes(impact), impact_view(impact))
