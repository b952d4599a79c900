"""When what is asked again, told by numbers alone."""

import pytest

from keyturn_app.desk import Topic
from keyturn_app.live.gathering import GATHERED
from keyturn_app.live.schedule import LONGEST_PAUSE, PERIODS, Schedule, pause_after

ALL = frozenset(GATHERED)
NODES = frozenset({Topic.NODES})


def answered(at: float = 0.0, *, cost: float = 0.01) -> Schedule:
    made = Schedule()
    assert made.due(at) == ALL
    made.begin(ALL)
    made.asked(ALL, at, at + cost)
    return made


def test_nodes_every_two_seconds_the_log_every_thirty() -> None:
    schedule = answered()
    assert schedule.due(1.9) == frozenset()
    assert schedule.wait(1.0) == pytest.approx(1.0)
    assert schedule.due(2.0) == NODES
    assert Topic.SEEN in schedule.due(30.0)


def test_slow_asking_takes_a_fifth_of_the_time_at_most() -> None:
    schedule = answered(cost=5.0)
    assert schedule.due(24.9) <= {Topic.CONNECTION}  # a checkpoint says that it is still there
    assert schedule.due(25.0) >= NODES
    schedule.touch(ALL)
    assert not schedule.due(24.9) >= NODES


def test_what_was_touched_is_due_after_the_rest() -> None:
    schedule = answered(cost=0.1)
    schedule.touch({Topic.PROPOSALS})
    assert schedule.due(0.2) == frozenset()
    assert schedule.due(0.51) == {Topic.PROPOSALS}


def test_a_quiet_server_is_asked_for_its_checkpoint() -> None:
    schedule = answered()
    schedule.begin(NODES)
    schedule.asked(NODES, 2.0, 3.0)
    assert schedule.due(5.0) == {Topic.CONNECTION}


def test_a_failure_is_waited_out_but_the_officer_is_not() -> None:
    schedule = answered()
    schedule.failed(3.0, 4.0)
    assert schedule.due(6.9) == frozenset()
    assert schedule.wait(4.0) == pytest.approx(3.0)
    schedule.force(NODES)
    assert schedule.due(4.0) == NODES
    assert schedule.wait(4.0) == 0.0
    schedule.begin(NODES)
    assert schedule.due(4.0) == frozenset()
    assert schedule.due(7.0) >= ALL


def test_halted_until_the_officer_says_so() -> None:
    schedule = answered()
    schedule.halt()
    assert schedule.due(1000.0) == frozenset()
    assert schedule.wait(1000.0) is None
    schedule.force(ALL)
    assert schedule.due(1000.0) == ALL
    schedule.begin(ALL)
    schedule.asked(ALL, 1000.0, 1000.1)
    assert schedule.due(1003.0) >= NODES


def test_pauses_double_up_to_the_longest_and_are_spread() -> None:
    assert pause_after(1, 1.0) == 0.5
    assert pause_after(1, 0.0) == 0.25
    assert pause_after(2, 1.0) == 1.0
    assert pause_after(1000, 1.0) == LONGEST_PAUSE
    assert set(PERIODS) == ALL | {Topic.CONNECTION}


def test_witnesses_are_asked_as_often_as_t_wants_and_never_seldomer() -> None:
    schedule = Schedule()
    for seconds, wanted in ((0.5, 0.5), (60.0, PERIODS[Topic.WITNESSES])):
        schedule.every(Topic.WITNESSES, seconds)
        schedule.asked(frozenset(GATHERED), 100.0, 100.0)
        assert Topic.WITNESSES not in schedule.due(100.0 + wanted - 0.01)
        assert Topic.WITNESSES in schedule.due(100.0 + wanted)
