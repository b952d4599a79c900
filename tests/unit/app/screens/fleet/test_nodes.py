"""What changed among the facts' nodes is found, by the hint or without it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.client.inventory import NodeState
from keyturn_app.facts import Facts, Nodes
from keyturn_app.screens.fleet.nodes import NodeKeeper
from keyturn_app.screens.fleet.rows import NOWHERE
from keyturn_app.screens.fleet.store import CODE, FleetStore
from support import fleets
from unit.app.screens.fleet.world import NAMES, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def keeper(world: World) -> NodeKeeper:
    made = NodeKeeper(FleetStore())
    made.look_up(world.desk.facts, fleets.NOW)
    made.load(world.desk.facts)
    return made


def facts(world: World, *names: str, hint: frozenset[str] | None = None, **values: object) -> Facts:
    nodes = tuple(
        replace(each, **values) if each.name in names else each  # type: ignore[arg-type]
        for each in world.fleet.nodes
    )
    return replace(world.desk.facts, nodes=Nodes(nodes, fleets.NOW, hint))


@pytest.mark.parametrize("hint", [None, frozenset({NAMES[1]}), frozenset({NAMES[1], "gone"})])
def test_changes_are_found_with_a_hint_or_without(
    world: World, keeper: NodeKeeper, hint: frozenset[str] | None
) -> None:
    newer = facts(world, NAMES[1], hint=hint, state=NodeState.WIPED)
    changes = keeper.changes(newer)
    assert [each.name for each in changes.nodes] == [NAMES[1]]
    assert keeper.take(newer, changes) == [1]
    keeper.store.judge(fleets.NOW.timestamp(), known=True)
    assert keeper.store.state[1] == CODE[NodeState.WIPED]
    assert keeper.changes(newer).any is False


def test_nodes_that_come_or_move_are_loaded_anew(world: World, keeper: NodeKeeper) -> None:
    fewer = replace(world.desk.facts, nodes=Nodes(tuple(world.fleet.nodes[1:]), fleets.NOW))
    assert keeper.changes(fewer).anew
    turned = Nodes(tuple(reversed(world.fleet.nodes)), fleets.NOW, frozenset({NAMES[0]}))
    assert keeper.changes(replace(world.desk.facts, nodes=turned)).anew
    assert keeper.changes(Facts()).anew
    keeper.load(fewer)
    assert keeper.find(NAMES[0]) is None
    assert keeper.find(NAMES[1]) is not None
    assert keeper.find(None) is None


def test_a_new_grant_is_dated_once_the_log_is_here(world: World, keeper: NodeKeeper) -> None:
    node, seen = world.node(), world.desk.facts.seen
    assert node.granted is not None
    assert seen is not None
    ahead = replace(node, granted=(len(seen.leaves), node.granted[1]))
    keeper.put([ahead])
    assert keeper.row(ahead).attested is None
    assert keeper.look_up(world.desk.facts, fleets.NOW) == ()
    grown = replace(seen, leaves=[*seen.leaves, seen.leaves[-1]])
    later = keeper.look_up(replace(world.desk.facts, seen=grown), fleets.NOW)
    assert later == (ahead,)
    keeper.put_anew(later)
    assert keeper.store.evidence_age()[0] == keeper.store.evidence_age()[0]


def test_another_inventory_changes_every_row(world: World, keeper: NodeKeeper) -> None:
    without = replace(world.desk.facts, models=None)
    assert len(keeper.look_up(without, fleets.NOW)) == len(NAMES)


def test_statements_are_looked_up_anew_only_when_they_may_differ(
    world: World, keeper: NodeKeeper
) -> None:
    assert keeper.look_up(world.desk.facts, fleets.NOW + timedelta(seconds=1)) == ()
    expired = keeper.look_up(world.desk.facts, fleets.NOW + timedelta(days=91))
    assert len(expired) == len(NAMES)
    assert keeper.row(expired[0]).site == NOWHERE
