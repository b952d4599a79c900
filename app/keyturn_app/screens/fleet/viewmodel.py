"""What the fleet page shows, as plain frozen values. No Qt."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from keyturn.client.inventory import FORGOTTEN_SECONDS, STALE_SECONDS, NodeState
from keyturn_app import wording
from keyturn_app.facts import Connection, Facts, Link
from keyturn_app.i18n import _, n_
from keyturn_app.screens.fleet.attempts import NOTHING_COUNTED, Series
from keyturn_app.screens.fleet.columns import DEFAULT, Column
from keyturn_app.screens.fleet.details import DrawerView
from keyturn_app.screens.fleet.explained import WhyView
from keyturn_app.screens.fleet.filtering import FilterError
from keyturn_app.screens.fleet.heat import EMPTY, HeatView
from keyturn_app.screens.fleet.viewing import EvidenceView
from keyturn_app.states import Look, node_look

TILES = (
    NodeState.ATTESTED,
    NodeState.STALE,
    NodeState.PENDING,
    NodeState.REFUSED,
    NodeState.QUARANTINED,
    NodeState.UNKNOWN,
    NodeState.WIPED,
)
"""In the order of the page; their counts add up to the fleet."""


class Phase(Enum):
    LOADING = "loading"  # nothing is known yet
    EMPTY = "empty"  # known: there is no node
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Tile:
    """One state's figure. `alarming`: a figure that must not be overlooked."""

    state: NodeState
    look: Look
    count: str
    sub: str
    query: str
    chosen: bool
    alarming: bool


@dataclass(frozen=True, slots=True)
class Tiles:
    """`narrow`: six of them, the last with what the seventh would say."""

    wide: tuple[Tile, ...] = ()
    narrow: tuple[Tile, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the filter is not understood, and where: `start` to `end` of what was typed."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Chip:
    """A saved view."""

    name: str
    query: str
    chosen: bool
    own: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """A line above everything: why nothing here is known. Empty text: none."""

    text: str = ""
    tone: str = "warn"


@dataclass(frozen=True, slots=True)
class Sorting:
    column: Column = Column.STATE
    descending: bool = True


@dataclass(frozen=True, slots=True)
class FleetView:
    """`why`: why the drawer's node was refused, as far as that is found out. `evidence`: the
    viewer, while it is open in the place of everything else."""

    phase: Phase = Phase.LOADING
    notice: Notice = Notice()
    known: bool = False
    tiles: Tiles = Tiles()
    heat: HeatView = EMPTY
    trend: Series = NOTHING_COUNTED
    filter: str = ""
    problem: Problem | None = None
    chips: tuple[Chip, ...] = ()
    count: str = ""
    none_fits: str = ""
    paused: bool = False
    sorting: Sorting = Sorting()
    columns: frozenset[Column] = DEFAULT
    drawer: DrawerView | None = None
    why: WhyView | None = None
    evidence: EvidenceView | None = None
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """What the tiles are made of. `silence`: the longest in seconds, among the stale ones."""

    counts: dict[NodeState, int]
    total: int
    refused_lately: int = 0
    silence: float | None = None


def known(facts: Facts, now: datetime) -> bool:
    """Whether any node's state is known: the server was heard, not long ago, and is believed."""
    connection = facts.connection
    if not facts.trusted or connection.link not in (Link.LIVE, Link.STALE):
        return False
    if connection.link is Link.LIVE or connection.heard is None:
        return connection.link is Link.LIVE
    return now - connection.heard <= timedelta(seconds=FORGOTTEN_SECONDS)


def why_unknown(facts: Facts, now: datetime) -> str:
    """In a few words; empty while states are known."""
    if known(facts, now):
        return ""
    return _("server out of reach") if facts.trusted else _("server not believed")


def notice(facts: Facts, now: datetime) -> Notice:
    """Why nothing is known, and since when."""
    connection = facts.connection
    if known(facts, now):
        if connection.link is Link.STALE:
            return Notice(_stale_text(connection, now))
        return Notice()
    if not facts.trusted:
        return Notice(
            _("The server is not believed: every node is Unknown. See the alarm."), "danger"
        )
    if connection.reading is not None:
        text = wording.reading(connection.reading.done, connection.reading.total)
        return Notice(_("{text}. Every node is Unknown until then.").format(text=text), "info")
    if connection.link is Link.CONNECTING:
        return Notice(_("Connecting: every node is Unknown until the server is heard."), "info")
    heard = wording.ago(connection.heard, now)
    return Notice(
        _("The server is out of reach: every node is Unknown. It was last heard {ago}.").format(
            ago=heard
        )
    )


def _stale_text(connection: Connection, now: datetime) -> str:
    ago = wording.ago(connection.heard, now)
    return _("No word from the server since {ago}: states here are as old.").format(ago=ago)


def tiles(figures: Figures, query: str, *, unknown_for: str = "") -> Tiles:
    """The figures with a line each that says what the figure means.

    `unknown_for`: why nothing is known, when nothing is.
    """
    wide = tuple(_tile(state, figures, query, unknown_for) for state in TILES)
    unknown, wiped = wide[-2], wide[-1]
    sixth = Tile(
        unknown.state,
        unknown.look,
        unknown.count,
        _("and {count} Wiped").format(count=wiped.count),
        "state:unknown,wiped",
        query == "state:unknown,wiped",
        unknown.alarming,
    )
    return Tiles(wide, (*wide[:-2], sixth))


def _tile(state: NodeState, figures: Figures, query: str, unknown_for: str) -> Tile:
    count = figures.counts.get(state, 0)
    mine = f"state:{state.value}"
    return Tile(
        state,
        node_look(state),
        f"{count:,}",
        _sub(state, figures, unknown_for),
        mine,
        query == mine,
        state is NodeState.REFUSED and count > 0,
    )


def _sub(state: NodeState, figures: Figures, unknown_for: str) -> str:
    if state is NodeState.UNKNOWN and unknown_for:
        return unknown_for
    return {
        NodeState.ATTESTED: _share(figures.counts.get(state, 0), figures.total),
        NodeState.STALE: _("silent over {seconds} s").format(seconds=STALE_SECONDS)
        if figures.silence is None
        else _("silent up to {age}").format(age=wording.age(figures.silence)),
        NodeState.PENDING: _("no verdict yet"),
        NodeState.REFUSED: n_("{count} within 1 h", "{count} within 1 h", figures.refused_lately),
        NodeState.QUARANTINED: _("by revocation"),
        NodeState.UNKNOWN: _("silent over {seconds} s").format(seconds=FORGOTTEN_SECONDS),
        NodeState.WIPED: _("keys erased"),
    }[state]


def _share(count: int, total: int) -> str:
    """Rounded down: never 100 % while one is missing."""
    if not total:
        return _("of no nodes")
    tenths = count * 1000 // total
    return _("{percent} % of {total}").format(
        percent=f"{tenths / 10:.1f}".removesuffix(".0"), total=f"{total:,}"
    )


def problem(error: FilterError) -> Problem:
    """Found, expected and what would be right, in one line."""
    text = _("{message}: found {found}, expected {expected}.").format(
        message=error.message, found=error.found, expected=error.expected
    )
    return Problem(f"{text} {error.hint}".strip(), error.start, error.end)


def counted(shown: int, total: int) -> str:
    if shown == total:
        return n_("{count} node", "{count} nodes", total)
    return _("{shown} of {total}").format(shown=f"{shown:,}", total=f"{total:,}")
