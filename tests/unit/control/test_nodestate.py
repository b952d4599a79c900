"""A node's state decays with age: old is never green (I10)."""

from datetime import UTC, datetime, timedelta

import pytest

from keyturn.control.nodestate import NodeState, assess
from keyturn.store.fleet import NodeRow

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
BEAT = timedelta(seconds=5)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def row(**values: object) -> NodeRow:
    made: dict[str, object] = {
        "last_attested": ago(20),
        "last_seen": ago(1),
        "lease_until": NOW + timedelta(seconds=40),
        "reported": "serving",
    }
    return NodeRow("n", **{**made, **values})  # type: ignore[arg-type]


def state(found: NodeRow, *, revoked: bool = False) -> NodeState:
    return assess(found, revoked=revoked, heartbeat=BEAT, now=NOW).state


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (row(), NodeState.ATTESTED),
        (row(last_seen=ago(10)), NodeState.ATTESTED),
        (row(last_seen=ago(10.1)), NodeState.STALE),
        (row(last_seen=ago(60), last_attested=ago(90)), NodeState.STALE),
        (row(last_seen=ago(60.1), last_attested=ago(90)), NodeState.UNKNOWN),
        (row(lease_until=NOW), NodeState.STALE),
        (row(lease_until=None), NodeState.STALE),
        (row(last_seen=None, last_attested=ago(3)), NodeState.ATTESTED),
        (row(last_refused=ago(1)), NodeState.REFUSED),
        (row(reported="wiped"), NodeState.WIPED),
        (row(last_attested=None, last_seen=None), NodeState.PENDING),
        (NodeRow("n"), NodeState.PENDING),
    ],
)
def test_states(found: NodeRow, expected: NodeState) -> None:
    assert state(found) is expected


def test_a_revoked_node_is_quarantined_until_it_says_wiped() -> None:
    assert state(row(), revoked=True) is NodeState.QUARANTINED
    assert state(row(reported="wiped"), revoked=True) is NodeState.WIPED


def test_only_a_live_lease_with_a_recent_word_is_green() -> None:
    green = [
        (age, left)
        for age in range(0, 100, 5)
        for left in range(-20, 60, 5)
        if state(
            row(
                last_seen=ago(age),
                last_attested=ago(age + 1),
                lease_until=NOW + timedelta(seconds=left),
            )
        )
        is NodeState.ATTESTED
    ]
    assert green == [(age, left) for age in (0, 5, 10) for left in range(5, 60, 5)]


def test_every_state_has_its_age() -> None:
    assert assess(row(), revoked=False, heartbeat=BEAT, now=NOW).age == timedelta(seconds=1)
    assert assess(NodeRow("n"), revoked=False, heartbeat=BEAT, now=NOW).age is None


def test_a_clock_that_went_back_gives_no_negative_age() -> None:
    found = assess(row(last_seen=ago(-5)), revoked=False, heartbeat=BEAT, now=NOW)
    assert found.age == timedelta(0)
