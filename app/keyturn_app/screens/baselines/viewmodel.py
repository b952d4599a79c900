"""The list of baselines as it is shown: frozen values, made of verified facts. No Qt in here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, IntEnum

from keyturn.policy.baseline_use import origins
from keyturn_app import wording
from keyturn_app.facts import Facts, Link
from keyturn_app.i18n import _, n_
from keyturn_app.screens.baselines.comparison import Comparison
from keyturn_app.screens.baselines.details import Detail
from keyturn_app.screens.baselines.items import sets_of
from keyturn_app.screens.baselines.naming import (
    ENDS_SOON,
    Until,
    first_end,
    kind_word,
    kinds_text,
    provenance_text,
)
from keyturn_app.screens.baselines.observing import Fleet
from keyturn_app.screens.baselines.standing import (
    Baseline,
    Standing,
    ValueKind,
    counts,
    ends,
    look_of,
    note_of,
)
from keyturn_app.screens.baselines.using import Use
from keyturn_app.states import Look


class Column(IntEnum):
    NAME = 0
    KINDS = 1
    STATUS = 2
    VERSION = 3
    UNTIL = 4
    USED = 5
    FROM = 6


def title_of(column: Column) -> str:
    return {
        Column.NAME: _("Baseline"),
        Column.KINDS: _("Values of"),
        Column.STATUS: _("Status"),
        Column.VERSION: _("Version"),
        Column.UNTIL: _("First end"),
        Column.USED: _("Used by"),
        Column.FROM: _("Where from"),
    }[column]


class Phase(Enum):
    LOADING = "loading"
    OFFLINE = "offline"  # nothing was ever known in this session
    DISTRUSTED = "distrusted"
    EMPTY = "empty"
    NO_MATCH = "no-match"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Row:
    """`search` is all that the filter looks at, values and sources among it."""

    baseline: Baseline
    look: Look
    note: str
    until: Until
    use: Use
    search: str
    texts: tuple[str, ...]  # by Column

    @property
    def subject(self) -> str:
        return self.baseline.subject


@dataclass(frozen=True, slots=True)
class Tile:
    """One kind of value; it filters too."""

    kind: ValueKind
    label: str
    figure: str
    text: str
    token: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class ActionView:
    id: str
    text: str
    icon: str
    why_not: str


@dataclass(frozen=True, slots=True)
class FleetView:
    """What is known of the nodes' evidence. `fraction` None: nothing is under way."""

    text: str
    fraction: float | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    """What can be compared: `key` names it, `text` says it."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class ComparingView:
    """`problem`: why nothing is shown."""

    lefts: tuple[Side, ...]
    rights: tuple[Side, ...]
    left: str
    right: str
    every: bool
    shown: Comparison | None
    problem: str


@dataclass(frozen=True, slots=True)
class BaselinesView:
    phase: Phase
    title: str = ""
    text: str = ""
    banner: str = ""
    tone: str = "warn"
    dimmed: bool = False
    tiles: tuple[Tile, ...] = ()
    query: str = ""
    rows: tuple[Row, ...] = ()
    count: str = ""
    sort: Column = Column.NAME
    ascending: bool = True
    fleet: FleetView = FleetView("")
    detail: Detail | None = None
    actions: tuple[ActionView, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What the officer chose: filter, order, selection; sets whose values are all shown."""

    query: str = ""
    kind: ValueKind | None = None
    sort: Column = Column.NAME
    ascending: bool = True
    selected: str = ""
    unfolded: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Shown:
    """All baselines, and those that the arrangement lets through, in order."""

    every: tuple[Row, ...] = ()
    rows: tuple[Row, ...] = ()


def shown_of(
    found: Sequence[Baseline],
    uses: Mapping[str, Use],
    facts: Facts,
    now: datetime,
    arrangement: Arrangement,
) -> Shown:
    every = tuple(_row(each, uses[each.subject], facts, now) for each in found)
    kept = [each for each in every if _let_through(each, arrangement)]
    kept.sort(key=_ORDER[arrangement.sort], reverse=not arrangement.ascending)
    return Shown(every, tuple(kept))


def _row(baseline: Baseline, use: Use, facts: Facts, now: datetime) -> Row:
    look, note = look_of(baseline, facts), note_of(baseline)
    until = first_end(ends(baseline), now)
    values = baseline.values
    version = str(baseline.version) if baseline.version else "—"
    texts = (
        baseline.subject,
        kinds_text(values),
        f"{look.word} ({note})" if note else look.word,
        version,
        until.text,
        use.text,
        provenance_text(values),
    )
    hexes = [value for each in sets_of(values) for item in each.items for value in item.values]
    sources = [origin.source for _what, origin in origins(values)]
    search = " ".join([*texts, *hexes, *sources, *use.policies]).casefold()
    return Row(baseline, look, note, until, use, search, texts)


def _let_through(row: Row, arrangement: Arrangement) -> bool:
    if arrangement.kind is not None and arrangement.kind not in counts(row.baseline.values):
        return False
    return all(word in row.search for word in arrangement.query.casefold().split())


_NEVER = datetime.max.replace(tzinfo=UTC)
_SEVERITY = {each: place for place, each in enumerate(Standing)}
_ORDER: dict[Column, Callable[[Row], tuple[object, ...]]] = {
    Column.NAME: lambda row: (row.subject.casefold(),),
    Column.KINDS: lambda row: (row.texts[Column.KINDS],),
    Column.STATUS: lambda row: (_SEVERITY[row.baseline.standing],),
    Column.VERSION: lambda row: (row.baseline.version,),
    Column.UNTIL: lambda row: (row.until.moment or _NEVER,),
    Column.USED: lambda row: (len(row.use.policies), len(row.use.nodes or ())),
    Column.FROM: lambda row: (row.texts[Column.FROM],),
}


def tiles_of(every: Sequence[Row], chosen: ValueKind | None) -> tuple[Tile, ...]:
    return tuple(_tile(kind, every, chosen is kind) for kind in ValueKind)


def _tile(kind: ValueKind, every: Sequence[Row], chosen: bool) -> Tile:
    good = [each for each in every if each.baseline.standing is Standing.IN_FORCE]
    number = sum(counts(each.baseline.values).get(kind, 0) for each in good)
    holding = sum(kind in counts(each.baseline.values) for each in good)
    text = n_("in {count} baseline", "in {count} baselines", holding)
    return Tile(
        kind,
        kind_word(kind),
        f"{number:,}",
        text if number else _("none in force"),
        good[0].look.token if number else "unknown",
        chosen,
    )


def ending_soon(every: Sequence[Row], now: datetime) -> int:
    return sum(
        each.baseline.standing is Standing.IN_FORCE
        and each.until.moment is not None
        and each.until.moment - now <= ENDS_SOON
        for each in every
    )


def banner_of(facts: Facts, shown: Shown, now: datetime) -> tuple[str, str, bool]:
    """(text, tone, whether what is shown is old) of the line above the page."""
    connection, seen = facts.connection, facts.seen
    if seen is None or not facts.trusted:
        return "", "warn", False
    if connection.link is not Link.LIVE:
        age = wording.ago(connection.heard or seen.as_of, now)
        return _("Not live: baselines are as of {age}.").format(age=age), "warn", True
    soon = ending_soon(shown.every, now)
    if soon:
        text = n_(
            "Values of {count} baseline end within 14 days: nodes that rest on them lose keys.",
            "Values of {count} baselines end within 14 days: nodes that rest on them lose keys.",
            soon,
        )
        return text, "warn", False
    return "", "warn", False


def phase_of(facts: Facts, shown: Shown) -> tuple[Phase, str, str]:
    """(phase, title, text) of what stands instead of the table."""
    if not facts.trusted:
        return (
            Phase.DISTRUSTED,
            _("The server is not believed"),
            _("It was caught at a lie or at rewriting history. Nothing that it says is shown."),
        )
    if facts.seen is None:
        if facts.connection.link in {Link.OFFLINE, Link.RECONNECTING, Link.REMOVED}:
            text = _("Baselines are statements in the log, and the log is on the server.")
            error = facts.connection.error
            return Phase.OFFLINE, _("Not connected"), f"{error} {text}".strip()
        return Phase.LOADING, _("Reading the log"), _("Each statement is checked first.")
    if not shown.every:
        return Phase.EMPTY, _("No baseline yet"), _empty_text()
    if not shown.rows:
        return (
            Phase.NO_MATCH,
            _("No baseline fits"),
            _("Change the filter, or show all {count}.").format(count=len(shown.every)),
        )
    return Phase.READY, "", ""


def _empty_text() -> str:
    return _(
        "A baseline holds known-good values: what firmware, GPUs and the boot must measure as. "
        "Take them from a golden node's verified evidence, or import them from a signed manifest, "
        "an image or an event log. Nothing counts until others approve it."
    )


def count_text(shown: Shown) -> str:
    if len(shown.rows) == len(shown.every):
        return n_("{count} baseline", "{count} baselines", len(shown.every))
    return _("{shown} of {all}").format(shown=len(shown.rows), all=len(shown.every))


def fleet_view(fleet: Fleet, now: datetime) -> FleetView:
    """A node's place here is always by evidence verified on this machine."""
    if fleet.error:
        return FleetView(_("Nodes are not known: {error}").format(error=fleet.error), failed=True)
    if fleet.asking:
        text = _("Verifying the nodes' evidence: {done} of {total}").format(
            done=f"{fleet.done:,}", total=f"{fleet.total:,}"
        )
        return FleetView(text, fleet.done / fleet.total if fleet.total else 0.0)
    if fleet.as_of is None:
        return FleetView(_("The nodes' evidence was not looked at yet."))
    good = sum(each.measurable for each in fleet.all)
    return FleetView(
        _("Evidence of {good} of {count} nodes verified here {age}").format(
            good=f"{good:,}",
            count=f"{len(fleet.observed):,}",
            age=wording.ago(fleet.as_of, now),
        )
    )
