"""One cell a rack with its worst state; in a small fleet, one a node."""

from keyturn.client.inventory import NodeState
from keyturn_app.screens.fleet.filtering import parse
from keyturn_app.screens.fleet.heat import EMPTY, FEW, Grouping, HeatLayout, moved
from keyturn_app.screens.fleet.store import STATES, FleetStore
from unit.app.screens.fleet.fleetrows import row, store_of


def racks(*worst: tuple[str, str, NodeState]) -> FleetStore:
    """Sixty-four attested nodes in each of these racks, but one."""
    rows = []
    for site, rack, state in worst:
        for at in range(64):
            each = state if at == 9 else NodeState.ATTESTED
            rows.append(row(f"{site}-{rack}-g{at}", site=site, rack=rack, state=each))
    return store_of(*rows)


STORE = racks(
    ("sin-2", "r01", NodeState.REFUSED),
    ("fra-1", "r10", NodeState.ATTESTED),
    ("fra-1", "r2", NodeState.PENDING),
)


def test_the_worst_state_of_each_rack_by_site() -> None:
    layout = HeatLayout(STORE, Grouping.SITE)
    view = layout.view(None)
    assert view.labels == ("fra-1 · rack r2", "fra-1 · rack r10", "sin-2 · rack r01")
    assert [STATES[code] for code in view.worst] == [
        NodeState.PENDING,
        NodeState.ATTESTED,
        NodeState.REFUSED,
    ]
    assert [(g.name, g.nodes, g.start, g.end) for g in view.groups] == [
        ("fra-1", 128, 0, 2),
        ("sin-2", 64, 2, 3),
    ]
    assert view.subtitle == "3 racks of up to 64 · worst state shown"
    assert view.names == ()


def test_the_selected_node_marks_its_rack() -> None:
    layout = HeatLayout(STORE, Grouping.SITE)
    assert layout.view(STORE.place["sin-2-r01-g3"]).chosen == 2


def test_a_cell_in_words_and_as_a_filter() -> None:
    layout = HeatLayout(STORE, Grouping.SITE)
    assert layout.describe(2) == "sin-2 · rack r01: 1 Refused, 63 Attested"
    mask = parse(layout.query(2)).mask(STORE)
    assert mask is not None
    assert mask.nonzero()[0].tolist() == layout.nodes_in(2).tolist()


def test_other_groupings() -> None:
    layout = HeatLayout(STORE, Grouping.MODEL)
    assert [each.name for each in layout.view(None).groups] == ["orion 1"]
    mask = parse(layout.query(0)).mask(STORE)
    assert mask is not None
    assert int(mask.sum()) == 64


def test_a_small_fleet_shows_each_node_by_name() -> None:
    store = store_of(row("node-2", rack="—"), row("node-1", rack="—", state=NodeState.STALE))
    view = HeatLayout(store, Grouping.SITE).view(0)
    assert view.names == ("node-1", "node-2")
    assert view.labels == ("node-1 · fra-1", "node-2 · fra-1")
    assert view.chosen == 1
    assert HeatLayout(store, Grouping.SITE).query(0) == "name:node-1"
    many = store_of(*(row(f"n{at}") for at in range(FEW + 1)))
    assert HeatLayout(many, Grouping.SITE).view(None).names == ()


def test_arrow_keys_stay_inside() -> None:
    view = HeatLayout(STORE, Grouping.SITE).view(None)
    assert moved(view, -1, 1, 0, 11) == 0
    assert moved(view, 0, 0, 1, 11) == 1
    assert moved(view, 1, 1, 0, 11) == 2
    assert moved(view, 0, 0, -1, 11) == 0
    assert moved(EMPTY, 0, 1, 0, 11) == -1
