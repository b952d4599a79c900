"""The inventory as it is shown: frozen values, made of verified facts. No Qt in here."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, IntEnum

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.base.times import parse_time
from keyturn.client.inventory import Model
from keyturn_app import wording
from keyturn_app.facts import Facts, Link
from keyturn_app.i18n import _, n_
from keyturn_app.screens.models.admission import (
    Admission,
    Standing,
    admission_of,
    grouped,
    look_of,
    nodes_known,
    note_of,
    serving_counts,
)
from keyturn_app.screens.models.detail import Detail
from keyturn_app.states import Look


class Column(IntEnum):
    NAME = 0
    VERSION = 1
    STATUS = 2
    POLICY = 3
    RUNS = 4
    SIZE = 5
    FILES = 6
    REGISTERED = 7
    DIGEST = 8


def title_of(column: Column) -> str:
    return {
        Column.NAME: _("Model"),
        Column.VERSION: _("Version"),
        Column.STATUS: _("Admission"),
        Column.POLICY: _("Policy"),
        Column.RUNS: _("Runs on"),
        Column.SIZE: _("Size"),
        Column.FILES: _("Files"),
        Column.REGISTERED: _("Registered"),
        Column.DIGEST: _("Digest"),
    }[column]


class Show(Enum):
    """The tiles: each is a filter too."""

    ALL = "all"
    IN_FORCE = "in-force"
    WAITING = "waiting"
    CLOSED = "closed"
    RUNNING = "running"


class Phase(Enum):
    LOADING = "loading"
    OFFLINE = "offline"  # nothing was ever known in this session
    DISTRUSTED = "distrusted"
    EMPTY = "empty"
    NO_MATCH = "no-match"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Row:
    """One model version. `runs` is None while nobody knows (I10)."""

    digest: Digest
    name: str
    version: str
    standing: Standing
    look: Look
    note: str
    policy: str
    runs: int | None
    size: int
    files: int
    registered: datetime | None
    texts: tuple[str, ...]  # by Column


@dataclass(frozen=True, slots=True)
class Tile:
    show: Show
    label: str
    figure: str
    text: str
    icon: str
    token: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class ActionView:
    """A button. `why_not` stands in its tooltip, and beside it for the first one."""

    id: str
    text: str
    icon: str
    why_not: str


@dataclass(frozen=True, slots=True)
class Check:
    """How checking a copy goes, or went. `fraction` is None when it is over."""

    directory: str
    title: str
    look: Look
    lines: tuple[str, ...] = ()
    fraction: float | None = None
    progress: str = ""


@dataclass(frozen=True, slots=True)
class ModelsView:
    phase: Phase
    title: str = ""  # of what stands instead of the table
    text: str = ""
    banner: str = ""
    tone: str = "warn"
    dimmed: bool = False  # what is shown is not of now
    tiles: tuple[Tile, ...] = ()
    query: str = ""
    rows: tuple[Row, ...] = ()
    count: str = ""
    sort: Column = Column.NAME
    ascending: bool = True
    detail: Detail | None = None
    actions: tuple[ActionView, ...] = ()
    row_actions: tuple[ActionView, ...] = ()
    check: Check | None = None


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What the officer chose: filter, order, selection."""

    query: str = ""
    show: Show = Show.ALL
    sort: Column = Column.NAME
    ascending: bool = True
    selected: Digest | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """What `rows_of` found: all models, and those that the arrangement lets through, in order."""

    every: tuple[Row, ...] = ()
    rows: tuple[Row, ...] = field(default=())


def rows_of(facts: Facts, now: datetime, arrangement: Arrangement) -> Shown:
    models = facts.models.all if facts.models else ()
    counts = serving_counts(facts)
    proposed = grouped(facts)
    every = tuple(
        _row(each, admission_of(each.digest, facts, now, proposed), facts, now, counts)
        for each in models
    )
    kept = [each for each in every if _let_through(each, arrangement)]
    kept.sort(key=lambda each: (each.name.casefold(), each.version, each.digest))
    kept.sort(key=_ORDER[arrangement.sort], reverse=not arrangement.ascending)
    return Shown(every, tuple(kept))


def _row(
    model: Model,
    admission: Admission,
    facts: Facts,
    now: datetime,
    counts: Counter[Digest] | None,
) -> Row:
    runs = None if counts is None else counts[model.digest]
    look, note = look_of(admission, facts), note_of(admission)
    registered = _time(model.registered)
    status = f"{look.word} ({note})" if note else look.word
    texts = (
        model.name,
        model.version,
        status,
        admission.policy or "—",
        _runs_text(runs),
        wording.size(model.size),
        f"{model.files:,}",
        wording.ago(registered, now) if registered else _("unknown"),
        wording.digest(model.digest),
    )
    return Row(
        model.digest,
        model.name,
        model.version,
        admission.standing,
        look,
        note,
        admission.policy,
        runs,
        model.size,
        model.files,
        registered,
        texts,
    )


def _runs_text(runs: int | None) -> str:
    if runs is None:
        return _("unknown")
    return n_("{count} node", "{count} nodes", runs) if runs else "—"


def _time(text: str) -> datetime | None:
    try:
        return parse_time(text)
    except MalformedError:
        return None


_CLOSED = {Standing.NEVER, Standing.ENDED, Standing.EXPIRED, Standing.REVOKED}


def _let_through(row: Row, arrangement: Arrangement) -> bool:
    fits = {
        Show.ALL: True,
        Show.IN_FORCE: row.standing is Standing.IN_FORCE,
        Show.WAITING: row.standing is Standing.OPEN,
        Show.CLOSED: row.standing in _CLOSED,
        Show.RUNNING: bool(row.runs),
    }[arrangement.show]
    words = arrangement.query.casefold().split()
    text = " ".join((*row.texts, row.digest)).casefold()
    return fits and all(word in text for word in words)


def _first(row: Row) -> str:
    return row.name.casefold()


_SEVERITY = {each: place for place, each in enumerate(Standing)}
_ORDER: dict[Column, Callable[[Row], tuple[object, ...]]] = {
    Column.NAME: lambda row: (_first(row),),
    Column.VERSION: lambda row: (row.version,),
    Column.STATUS: lambda row: (_SEVERITY[row.standing],),
    Column.POLICY: lambda row: (row.policy,),
    Column.RUNS: lambda row: (-1 if row.runs is None else row.runs,),
    Column.SIZE: lambda row: (row.size,),
    Column.FILES: lambda row: (row.files,),
    Column.REGISTERED: lambda row: (row.registered.timestamp() if row.registered else 0.0,),
    Column.DIGEST: lambda row: (row.digest,),
}


def tiles_of(facts: Facts, every: Sequence[Row], chosen: Show) -> tuple[Tile, ...]:
    """A dash where nobody knows: not known is never shown as none (I10)."""
    known = facts.models is not None

    def tile(show: Show, name: str, icon: str, token: str, text: str, *standing: Standing) -> Tile:
        figure = sum(row.standing in standing for row in every)
        tint = token if figure else "unknown"
        return Tile(show, name, f"{figure:,}" if known else "—", text, icon, tint, chosen is show)

    return (
        tile(
            Show.IN_FORCE,
            _("In force"),
            "circle-check",
            "ok" if facts.connection.link is Link.LIVE else "unknown",
            _("a key can be released"),
            Standing.IN_FORCE,
        ),
        tile(
            Show.WAITING,
            _("Proposed"),
            "hourglass",
            "stale",
            _("not in force yet"),
            Standing.OPEN,
        ),
        tile(
            Show.CLOSED,
            _("No admission"),
            "ban",
            "unknown",
            _("none, expired, revoked"),
            *_CLOSED,
        ),
        _running(facts, every, chosen),
    )


def _running(facts: Facts, every: Sequence[Row], chosen: Show) -> Tile:
    runs = [row.runs for row in every if row.runs is not None]
    models, nodes = sum(1 for each in runs if each), sum(runs)
    text = n_("on {count} node", "on {count} nodes", nodes) if nodes else _("on no node")
    figure, token = f"{models:,}", "pending" if models else "unknown"
    if not nodes_known(facts) or facts.models is None:
        figure, text = "—", _("not known")
    return Tile(
        Show.RUNNING, _("Running now"), figure, text, "server", token, chosen is Show.RUNNING
    )


def banner_of(facts: Facts, now: datetime) -> tuple[str, str]:
    """(text, tone) of the line above the page; empty while live."""
    connection, models = facts.connection, facts.models
    if models is None or connection.link is Link.LIVE:
        return "", "warn"
    age = wording.ago(connection.heard or models.as_of, now)
    if connection.link is Link.STALE:
        return _("The server is silent. Admissions are as of {age}.").format(age=age), "warn"
    text = _("Where a model runs is unknown while not connected. Admissions are as of {age}.")
    return text.format(age=age), "warn"


def phase_of(facts: Facts, shown: Shown) -> tuple[Phase, str, str]:
    """(phase, title, text) of what stands instead of the table."""
    if not facts.trusted:
        return (
            Phase.DISTRUSTED,
            _("The server is not believed"),
            _("It was caught at a lie or at rewriting history. Nothing that it says is shown."),
        )
    if facts.models is None:
        if facts.connection.link in {Link.OFFLINE, Link.RECONNECTING}:
            error = facts.connection.error
            text = _("Which models are registered is on the server. Sealing needs no server.")
            return Phase.OFFLINE, _("Not connected"), f"{error} {text}".strip()
        return Phase.LOADING, _("Asking for the inventory"), _("Each answer is checked first.")
    if not shown.every:
        return Phase.EMPTY, _("No sealed model yet"), _empty_text()
    if not shown.rows:
        return (
            Phase.NO_MATCH,
            _("No model fits"),
            _("Change the filter, or show all {count}.").format(count=len(shown.every)),
        )
    return Phase.READY, "", ""


def _empty_text() -> str:
    return _(
        "Sealing encrypts a model so that only an attested machine, which a quorum agreed to, "
        "can open it. It needs no secret: anyone can seal to the authority's ingest key, and "
        "nobody can open. A sealed model is then registered here, and admitted under a policy."
    )


def count_text(shown: Shown) -> str:
    if len(shown.rows) == len(shown.every):
        return n_("{count} model", "{count} models", len(shown.every))
    return _("{shown} of {all}").format(shown=len(shown.rows), all=len(shown.every))
