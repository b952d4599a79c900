"""The graph behind the picture, from values as the client makes them."""

from dataclasses import replace

import pytest

from keyturn.base.encoding import digest_of
from keyturn.client.inventory import Model, Node, NodeState
from keyturn_app.screens.hsm.lineage import (
    NOT_SAID,
    SINGLE,
    Lineage,
    Tier,
    Way,
    lineage_of,
    related,
    step,
)
from support import tokens


def model(name: str, kek: str | None = tokens.ACTIVE.id, *, wrapped: bool = True) -> Model:
    digest = digest_of(name.encode())
    return Model(digest, name, name, "1", 1, 1, "", "ab" * 32, "", wrapped, None, kek)


class _Grant:
    def __init__(self, digest: str) -> None:
        self.model = digest
        self.platform = "snp:1"


def node(name: str, of: Model, state: NodeState = NodeState.ATTESTED) -> Node:
    granted = (1, _Grant(of.digest))
    return Node(
        name, state, 1, None, None, None, of.digest, None, None, "snp:1", (), False, (), None,
        granted, None,  # type: ignore[arg-type]
    )  # fmt: skip


ONE, TWO = model("one"), model("two", tokens.RETIRED.id)


def test_each_kek_carries_its_own_models() -> None:
    drawn = lineage_of(tokens.INVENTORY, (ONE, TWO), (node("n1", ONE),))
    assert [each.up for each in drawn.spots if each.tier is Tier.DEK] == [
        tokens.ACTIVE.id,
        tokens.RETIRED.id,
    ]
    assert [each.kek.split(" · ")[1] for each in drawn.rows] == ["Active", "Deactivated"]
    assert drawn.rows[0].nodes == "n1"
    assert drawn.rows[1].nodes == "–"


def test_a_model_without_a_wrapped_key_hangs_on_nothing() -> None:
    assert lineage_of(tokens.INVENTORY, (model("x", wrapped=False),), ()).rows == ()


def test_a_dek_under_a_kek_that_the_token_lacks_is_told() -> None:
    drawn = lineage_of(tokens.INVENTORY, (model("x", "ff" * 32), model("y", None)), ())
    looks = {each.id: each.look.word for each in drawn.spots if each.tier is Tier.KEK}
    assert looks["ff" * 32] == "Not on the token"
    assert looks[NOT_SAID] == "Not said"


def test_without_the_token_nothing_is_called_missing_from_it() -> None:
    drawn = lineage_of(None, (ONE,), ())
    assert [each.look.word for each in drawn.spots if each.tier is Tier.KEK] == ["Unknown"]


@pytest.mark.parametrize(
    ("state", "holds"),
    [
        (NodeState.ATTESTED, True),
        (NodeState.UNKNOWN, True),
        (NodeState.STALE, True),
        (NodeState.WIPED, False),
        (NodeState.REFUSED, False),
        (NodeState.PENDING, False),
    ],
)
def test_only_a_node_that_may_hold_it_is_drawn(state: NodeState, holds: bool) -> None:
    drawn = lineage_of(tokens.INVENTORY, (ONE,), (node("n1", ONE, state),))
    assert any(each.tier is Tier.NODE for each in drawn.spots) is holds


def test_many_nodes_stand_as_one_for_each_state() -> None:
    nodes = [node(f"n{place:02}", ONE) for place in range(SINGLE + 1)]
    nodes[0] = replace(nodes[0], state=NodeState.STALE)
    drawn = lineage_of(tokens.INVENTORY, (ONE,), nodes)
    titles = [each.title for each in drawn.spots if each.tier is Tier.NODE]
    assert titles == [f"{SINGLE} nodes", "1 node"]
    assert f"{SINGLE + 1} nodes" in drawn.summary


def test_a_filter_of_a_node_shows_that_node() -> None:
    nodes = [node(f"n{place:02}", ONE) for place in range(20)]
    drawn = lineage_of(tokens.INVENTORY, (ONE, TWO), nodes, "n07")
    assert [each.title for each in drawn.spots if each.tier is Tier.NODE] == ["n07"]
    assert len(drawn.rows) == 1
    assert drawn.models == 2
    assert lineage_of(tokens.INVENTORY, (ONE,), nodes, "nothing so called").spots == ()


def test_what_belongs_to_a_spot_is_all_above_and_all_below() -> None:
    drawn = lineage_of(tokens.INVENTORY, (ONE, TWO), (node("n1", ONE), node("n2", ONE)))
    below = related(drawn, tokens.ACTIVE.id)
    assert {ONE.digest, f"node:{ONE.digest}:n1"} <= below
    assert TWO.digest not in below
    leaf = related(drawn, f"node:{ONE.digest}:n1")
    assert f"node:{ONE.digest}:n2" not in leaf
    assert tokens.ACTIVE.id in leaf
    assert related(drawn, "nowhere") == related(drawn, None) == frozenset()


def test_steps_end_at_the_edges() -> None:
    drawn = lineage_of(tokens.INVENTORY, (ONE,), ())
    first = tokens.ACTIVE.id
    assert step(drawn, None, Way.DOWN) == first
    assert step(drawn, first, Way.LEFT) == first
    assert step(drawn, first, Way.UP) == first
    assert step(drawn, first, Way.DOWN) == tokens.RETIRED.id
    assert step(drawn, ONE.digest, Way.RIGHT) == ONE.digest
    assert step(drawn, ONE.digest, Way.LEFT) == f"dek:{ONE.digest}"
    assert step(drawn, first, Way.LAST) == drawn.spots[-1].id
    assert step(Lineage(), None, Way.FIRST) is None
