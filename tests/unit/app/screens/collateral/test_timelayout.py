"""Where events stand on the time line: by time, in their vendor's lane, together when crowded."""

from datetime import UTC, datetime, timedelta

from keyturn.base.collateral import CollateralKind
from keyturn.policy.forecast import Event, Why
from keyturn_app.screens.collateral.timelayout import LEFT, RIGHT, lay_out, mark_at, within

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


def event(days: float, kind: str = "intel-qe-identity", *nodes: str) -> Event:
    when = NOW + timedelta(days=days)
    return Event(when, CollateralKind(kind), "td", Why.DOCUMENT_ENDS, "", nodes, ())


def test_the_horizon_keeps_what_is_over_and_drops_what_is_far() -> None:
    events = (event(-3), event(10), event(91))
    assert within(events, NOW, 90) == events[:2]


def test_marks_stand_by_time_in_lanes_and_inside() -> None:
    events = (event(-3), event(45), event(90), event(45, "amd-crl", "n1"))
    line = lay_out(events, NOW, 90, 1000)
    xs = {each.events: each.x for each in line.marks}
    assert xs[(0,)] == LEFT, "what is over stands at now"
    assert xs[(2,)] == 1000 - RIGHT
    assert xs[(1,)] == xs[(3,)] == (LEFT + 1000 - RIGHT) / 2
    assert {each.lane for each in line.marks} == {0, 1}
    assert [each.stops for each in line.marks if each.events == (3,)] == [True]
    assert [each.over for each in line.marks if each.events == (0,)] == [True]
    assert (line.ticks[0].days, line.ticks[-1].days) == (0, 90)


def test_what_is_crowded_is_one_mark_and_can_be_hit() -> None:
    events = tuple(event(30 + each / 100) for each in range(5))
    line = lay_out(events, NOW, 365, 600)
    (mark,) = line.marks
    assert mark.events == (0, 1, 2, 3, 4)
    assert mark_at(line, mark.x + 3, mark.y - 3) == mark
    assert mark_at(line, mark.x + 60, mark.y) is None


def test_no_room_is_no_fault() -> None:
    assert lay_out((event(1),), NOW, 30, 0).marks[0].x >= LEFT
    assert lay_out((), NOW, 30, 500).marks == ()
