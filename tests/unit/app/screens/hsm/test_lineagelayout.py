from itertools import pairwise

from keyturn_app.screens.hsm.lineage import Lineage, Tier, lineage_of
from keyturn_app.screens.hsm.lineagelayout import BOX_HEIGHT, BOX_WIDTH, ROW, lay_out
from support import tokens
from unit.app.screens.hsm.test_lineage import ONE, TWO, model, node


def test_nothing_takes_no_room() -> None:
    drawn = lay_out(Lineage())
    assert (drawn.boxes, drawn.width, drawn.height) == ((), 0.0, 0.0)


def test_no_two_boxes_overlap_and_each_edge_leads_to_the_right() -> None:
    models = (ONE, TWO, model("three"), model("four", None))
    nodes = [node(f"n{place}", ONE) for place in range(4)] + [node("m", TWO)]
    drawn = lay_out(lineage_of(tokens.INVENTORY, models, nodes))
    places = [(each.x, each.y) for each in drawn.boxes]
    assert len(set(places)) == len(places)
    for tier in Tier:
        column = sorted(each.y for each in drawn.boxes if each.spot.tier is tier)
        assert all(b - a >= BOX_HEIGHT for a, b in pairwise(column))
    assert all(each.start.x + BOX_WIDTH < each.end.x for each in drawn.edges)
    assert max(each.y for each in drawn.boxes) + BOX_HEIGHT < drawn.height


def test_a_place_names_its_spot() -> None:
    drawn = lay_out(lineage_of(tokens.INVENTORY, (ONE,), ()))
    for each in drawn.boxes:
        found = drawn.at(each.x + 3, each.y + 3)
        assert found is each.spot
    assert drawn.at(-1, -1) is None
    assert drawn.box("nowhere") is None


def test_a_destroyed_kek_stands_right_below_and_not_below_all_nodes() -> None:
    nodes = [node(f"n{place}", ONE) for place in range(4)]
    lineage = lineage_of(tokens.INVENTORY, (ONE,), nodes)
    keks = [each.y for each in lay_out(lineage).boxes if each.spot.tier is Tier.KEK]
    assert [b - a for a, b in pairwise(keks)] == [ROW] * (len(keks) - 1)
