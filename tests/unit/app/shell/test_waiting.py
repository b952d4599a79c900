"""The count of nodes in trouble is what judging each of them by itself gives."""

from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from keyturn.client.inventory import NodeState, standing
from keyturn_app.desk import Desk
from keyturn_app.facts import Connection, Facts, Link, Nodes
from keyturn_app.shell.waiting import NEEDS_ATTENTION, nodes_in_trouble
from support.fleets import NOW, invent


def desk(facts: Facts, later: int) -> Desk:
    return cast(Desk, SimpleNamespace(facts=facts, now=lambda: NOW + timedelta(seconds=later)))


@pytest.mark.parametrize("later", [-5, 0, 5, 9, 10, 11, 12, 61, 300, 601])
def test_nodes_in_trouble_at_any_time(later: int) -> None:
    nodes = tuple(invent(300).nodes)
    assert {each.state for each in nodes} >= {NodeState.ATTESTED}
    facts = Facts(Connection(Link.LIVE, heard=NOW), nodes=Nodes(nodes, NOW))
    now = NOW + timedelta(seconds=later)
    expected = sum(standing(each, now)[0] in NEEDS_ATTENTION for each in nodes)
    assert nodes_in_trouble(desk(facts, later)) == expected


def test_nothing_is_counted_while_the_server_is_out_of_reach() -> None:
    facts = Facts(Connection(Link.RECONNECTING), nodes=Nodes(tuple(invent(300).nodes), NOW))
    assert nodes_in_trouble(desk(facts, 0)) == 0
