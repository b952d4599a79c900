"""The columns of the fleet table: titles, cell texts, sort keys and what is shown when. No Qt."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy.typing as npt

from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.screens.fleet.rows import NOWHERE
from keyturn_app.screens.fleet.store import STATES, FleetStore
from keyturn_app.states import node_look


class Column(Enum):
    NAME = "name"
    STATE = "state"
    HEARD = "heard"
    SITE = "site"
    RACK = "rack"
    MODEL = "model"
    POLICY = "policy"
    PLATFORM = "platform"
    EVIDENCE = "evidence"
    LEASE = "lease"
    CAVEATS = "caveats"
    SIMULATED = "simulated"


COLUMNS = tuple(Column)


@dataclass(frozen=True, slots=True)
class Shape:
    """`width` in pixels; `shown` unless the officer chose; numbers stand on the right."""

    width: int
    shown: bool = True
    right: bool = False


SHAPES = {
    Column.NAME: Shape(128),
    Column.STATE: Shape(112),
    Column.HEARD: Shape(64, right=True),
    Column.SITE: Shape(64),
    Column.RACK: Shape(60, shown=False),
    Column.MODEL: Shape(112),
    Column.POLICY: Shape(146),
    Column.PLATFORM: Shape(150, shown=False),
    Column.EVIDENCE: Shape(104, right=True),
    Column.LEASE: Shape(120),
    Column.CAVEATS: Shape(150, shown=False),
    Column.SIMULATED: Shape(92, shown=False),
}
ALWAYS = frozenset({Column.NAME, Column.STATE, Column.HEARD})
"""No state without its age (I10)."""
DEFAULT = frozenset(column for column, shape in SHAPES.items() if shape.shown)
_GIVES_WAY = (
    Column.SIMULATED,
    Column.CAVEATS,
    Column.PLATFORM,
    Column.RACK,
    Column.POLICY,
    Column.MODEL,
    Column.SITE,
)
"""Hidden in this order where there is no room."""


def title(column: Column) -> str:
    return {
        Column.NAME: _("Node"),
        Column.STATE: _("State"),
        Column.HEARD: _("Heard"),
        Column.SITE: _("Site"),
        Column.RACK: _("Rack"),
        Column.MODEL: _("Model"),
        Column.POLICY: _("Policy"),
        Column.PLATFORM: _("Platform"),
        Column.EVIDENCE: _("Evidence age"),
        Column.LEASE: _("Lease"),
        Column.CAVEATS: _("Caveats"),
        Column.SIMULATED: _("Simulated"),
    }[column]


def meaning(column: Column) -> str:
    """For the header's tooltip."""
    return {
        Column.HEARD: _("Since the node spoke last"),
        Column.SITE: _("By the platforms statement in force"),
        Column.EVIDENCE: _("Since the log granted or renewed its key"),
        Column.LEASE: _("Until the key must be renewed, by the log"),
        Column.POLICY: _("The policy that the model's admission names"),
    }.get(column, "")


def fitting(chosen: Iterable[Column], width: int) -> tuple[Column, ...]:
    """Of the chosen columns those that fit into `width` pixels, and ALWAYS."""
    kept = [column for column in COLUMNS if column in set(chosen) | ALWAYS]
    for column in _GIVES_WAY:
        if sum(SHAPES[each].width for each in kept) <= width:
            break
        if column in kept:
            kept.remove(column)
    return tuple(kept)


def cell(store: FleetStore, place: int, column: Column) -> str:
    """What stands in a cell, in words."""
    texts = {
        Column.SITE: store.site,
        Column.RACK: store.rack,
        Column.MODEL: store.model,
        Column.POLICY: store.policy,
        Column.PLATFORM: store.platform,
    }
    if column in texts:
        return texts[column][place]
    if column is Column.NAME:
        return store.names[place]
    if column is Column.STATE:
        return node_look(STATES[store.state[place]]).word
    if column is Column.CAVEATS:
        return store.caveats[place] or NOWHERE
    if column is Column.SIMULATED:
        return _("SIMULATED") if store.simulated[place] else _("no")
    return _time(store, place, column)


def spoken(store: FleetStore, place: int, column: Column) -> str:
    """The same for a screen reader: every state with its age (I10)."""
    text = cell(store, place, column)
    if column is Column.STATE:
        age = store.age[place]
        heard = _("never heard") if math.isnan(age) else _("heard {age} ago")
        return f"{text}, {heard.format(age=wording.age(age) if not math.isnan(age) else '')}"
    return _("{column}: {text}").format(column=title(column), text=text)


def lease_fraction(store: FleetStore, place: int) -> float:
    """How much of the lease is left, 0 to 1; not a number where there is none."""
    left = store.lease_of(place)
    whole = float(store.until[place] - store.attested[place])
    known = whole > 0 and not math.isnan(left)
    return min(1.0, left / whole) if known else math.nan


def key(store: FleetStore, column: Column) -> npt.NDArray[Any]:
    """What a column sorts by."""
    keys: dict[Column, Callable[[], npt.NDArray[Any]]] = {
        Column.NAME: lambda: store.name_ranks,
        Column.STATE: lambda: store.state,
        Column.HEARD: lambda: store.age,
        Column.SITE: store.site.ranks,
        Column.RACK: store.rack.ranks,
        Column.MODEL: store.model.ranks,
        Column.POLICY: store.policy.ranks,
        Column.PLATFORM: store.platform.ranks,
        Column.EVIDENCE: store.evidence_age,
        Column.LEASE: store.lease_left,
        Column.CAVEATS: lambda: store.caveat_count,
        Column.SIMULATED: lambda: store.simulated,
    }
    return keys[column]()


def read_columns(text: str | None) -> frozenset[Column]:
    """The officer's choice as it was kept; the defaults where it is unreadable."""
    names = (text or "").split(",")
    known = {each.value for each in Column}
    if not text or not set(names) <= known:
        return DEFAULT
    return frozenset(Column(each) for each in names) | ALWAYS


def write_columns(chosen: Iterable[Column]) -> str:
    return ",".join(each.value for each in COLUMNS if each in set(chosen))


def _time(store: FleetStore, place: int, column: Column) -> str:
    if column is Column.HEARD:
        value, missing = store.age[place], _("never")
    elif column is Column.EVIDENCE:
        value, missing = store.now - store.attested[place], _("never")
    else:
        value, missing = store.lease_of(place), _("none")
    return missing if math.isnan(value) else wording.age(float(value))
