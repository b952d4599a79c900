"""The index of nodes: each leaf is read once, the newest counts, and only of one log."""

import pytest

from keyturn.client import nodeindex
from keyturn.client.inventory import NodeState
from keyturn.client.nodeindex import Newest, NodeIndex
from keyturn.client.seen import Leaves
from keyturn.quorum.entries import Entry, parse_entry
from keyturn.quorum.errors import LogInconsistent
from support.authority import Clock
from unit.client.scripted_server import ScriptedServer
from unit.client.test_client import node_view
from unit.client.test_inventory import grant, refusal


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every leaf that an index parses."""
    seen: list[bytes] = []

    def counted(leaf: bytes) -> Entry:
        seen.append(leaf)
        return parse_entry(leaf)

    monkeypatch.setattr(nodeindex, "parse_entry", counted)
    return seen


def indexes(newest: Newest) -> tuple[int | None, int | None]:
    granted, refused = newest.granted, newest.refused
    return granted[0] if granted else None, refused[0] if refused else None


def test_the_newest_of_each_kind_and_node_wins() -> None:
    leaves = [grant("n1", 1), refusal("n1"), grant("n2", 1), grant("n1", 2), refusal("n2")]
    index = NodeIndex(leaves)
    assert indexes(index.newest("n1")) == (3, 1)
    assert indexes(index.newest("n2")) == (2, 4)
    assert index.newest("n3") == Newest()
    assert len(index) == 5


def test_last_is_the_newer_of_grant_and_refusal() -> None:
    index = NodeIndex([grant("n1", 1), refusal("n1"), refusal("n2"), grant("n2", 1)])
    assert index.newest("n1").last == index.newest("n1").refused
    assert index.newest("n2").last == index.newest("n2").granted
    assert NodeIndex([refusal("n1")]).newest("n1").last is not None
    assert Newest().last is None


def test_a_longer_prefix_adds_and_a_shorter_one_takes_nothing_away() -> None:
    leaves = [grant("n1", 1), refusal("n1"), grant("n1", 2)]
    index = NodeIndex(Leaves(leaves, 1))
    assert indexes(index.newest("n1")) == (0, None)
    index.extend(Leaves(leaves, 3))
    index.extend(Leaves(leaves, 2))
    assert (indexes(index.newest("n1")), len(index)) == ((2, 1), 3)


def test_a_name_inside_another_or_elsewhere_in_an_entry_is_not_that_node() -> None:
    index = NodeIndex([grant("n10", 1), refusal("stale")])
    assert index.newest("n1") == Newest()
    assert index.newest("n10").granted is not None


def test_a_leaf_that_no_keyholder_writes_is_named_each_time() -> None:
    leaves = [grant("n1", 1), grant("n1", 2).replace(b'"lease"', b'"leese"')]
    index = NodeIndex()
    for _ in range(2):
        with pytest.raises(LogInconsistent, match="entry 1"):
            index.extend(leaves)
    assert len(index) == 1


def test_ten_thousand_nodes_in_twenty_thousand_leaves_are_read_once_each(
    parsed: list[bytes],
) -> None:
    names = [f"n{number}" for number in range(10_000)]
    first, second = grant("NODE", 5), refusal("NODE")
    leaves = [first.replace(b"NODE", name.encode()) for name in names]
    leaves += [second.replace(b"NODE", name.encode()) for name in names]
    index = NodeIndex()
    for size in (15_000, 20_000, 20_000):
        index.extend(Leaves(leaves, size))
        assert all(index.newest(name).last for name in names)
    assert len(parsed) == 20_000


# ---- inside the client ----


def test_a_client_reads_each_leaf_once_and_asks_for_one_checkpoint(
    parsed: list[bytes],
) -> None:
    server = ScriptedServer(Clock())
    server.nodes = [node_view(name=f"n{number}") for number in range(20)]
    for number in range(20):
        server.append(grant(f"n{number}", 5))
    client = server.client()
    server.asked.clear()

    assert {each.state for each in client.nodes()} == {NodeState.ATTESTED}
    assert server.asked.count(("GET", "/v1/log/checkpoint")) == 1
    server.append(refusal("n7"))
    states = {each.name: each.state for each in client.nodes()}

    assert states.pop("n7") is NodeState.REFUSED
    assert set(states.values()) == {NodeState.ATTESTED}
    assert len(parsed) == len(server.leaves)


def test_a_log_that_goes_on_under_another_key_keeps_its_nodes() -> None:
    server = ScriptedServer(Clock())
    server.nodes = [node_view()]
    server.append(grant("n1", 5))
    client = server.client()
    assert client.node("n1").state is NodeState.ATTESTED

    server.replace_log_key()

    assert client.node("n1").state is NodeState.ATTESTED
    assert client.state().log_names[-1].origin == server.origin
