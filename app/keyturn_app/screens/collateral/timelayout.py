"""Where events stand on a time line: three lanes, one for each vendor. Pure, pixels in and out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from keyturn.policy.forecast import Event
from keyturn_app.screens.collateral.words import VENDORS, vendor

LEFT, RIGHT, TOP, LANE, FOOT = 76, 20, 14, 40, 28
MARK = 16
"""Closer together than this, events are one mark with a count."""
HORIZONS = (30, 90, 365)
HEIGHT = TOP + LANE * len(VENDORS) + FOOT
_STEPS = {30: 5, 90: 15, 365: 60}


@dataclass(frozen=True, slots=True)
class Mark:
    """`events`: their places in the list, the first one first. `stops`: any of them stops nodes."""

    x: float
    y: float
    lane: int
    events: tuple[int, ...]
    stops: bool
    over: bool


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    days: int
    date: str


@dataclass(frozen=True, slots=True)
class Line:
    marks: tuple[Mark, ...]
    ticks: tuple[Tick, ...]


def within(events: Sequence[Event], now: datetime, days: int) -> tuple[Event, ...]:
    """Those up to the horizon; what is over already stays in."""
    return tuple(each for each in events if each.when <= now + timedelta(days=days))


def lay_out(events: Sequence[Event], now: datetime, days: int, width: float) -> Line:
    """`events`: within the horizon, in order of time."""
    room = max(1.0, width - LEFT - RIGHT)

    def x_of(when: datetime) -> float:
        share = (when - now) / timedelta(days=days)
        return LEFT + room * min(1.0, max(0.0, share))

    marks: list[Mark] = []
    for lane, name in enumerate(VENDORS):
        mine = [place for place, each in enumerate(events) if vendor(each.kind) == name]
        marks += _marks(events, mine, lane, x_of, now)
    ticks = tuple(
        Tick(x_of(now + timedelta(days=day)), day, f"{now + timedelta(days=day):%m-%d}")
        for day in range(0, days + 1, _STEPS.get(days, max(1, days // 6)))
    )
    return Line(tuple(marks), ticks)


def _marks(
    events: Sequence[Event],
    places: Sequence[int],
    lane: int,
    x_of: Callable[[datetime], float],
    now: datetime,
) -> list[Mark]:
    y = TOP + LANE * lane + LANE / 2
    groups: list[list[int]] = []
    for place in places:
        if groups and x_of(events[place].when) - x_of(events[groups[-1][0]].when) < MARK:
            groups[-1].append(place)
        else:
            groups.append([place])
    return [
        Mark(
            x_of(events[group[0]].when),
            y,
            lane,
            tuple(group),
            any(events[each].nodes for each in group),
            events[group[0]].when <= now,
        )
        for group in groups
    ]


def mark_at(line: Line, x: float, y: float) -> Mark | None:
    """The one under a point."""
    near = [e for e in line.marks if abs(e.x - x) <= MARK * 0.75 and abs(e.y - y) <= MARK * 0.75]
    return min(near, key=lambda each: abs(each.x - x), default=None)
