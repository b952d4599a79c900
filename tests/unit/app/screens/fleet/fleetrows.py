"""Rows for the fleet's tests, drawn or made by hand."""

from dataclasses import replace

from hypothesis import strategies as st

from keyturn.client.inventory import NodeState
from keyturn_app.screens.fleet.rows import Row
from keyturn_app.screens.fleet.store import FleetStore

NOW = 1_800_000_000.0


def row(name: str = "node-1", **values: object) -> Row:
    """Attested a minute ago, heard two seconds ago, its lease good for five minutes."""
    made = Row(
        name=name,
        state=NodeState.ATTESTED,
        age=2,
        heard=NOW - 2,
        until=NOW + 300,
        attested=NOW - 60,
        site="fra-1",
        rack="r03",
        model="orion 1",
        policy="serving v2",
        platform="amd-genoa-00",
        simulated=False,
        caveats=(),
    )
    return replace(made, **values)  # type: ignore[arg-type]


def store_of(*rows: Row, now: float = NOW, known: bool = True) -> FleetStore:
    store = FleetStore()
    store.load(rows)
    store.judge(now, known=known)
    return store


_moments = st.one_of(
    st.none(), st.integers(-100, 1000).map(lambda ago: NOW - ago), st.just(NOW - 10)
)

drawn_rows = st.builds(
    Row,
    name=st.text("ab-1*\"'", min_size=1, max_size=5),
    state=st.sampled_from(NodeState),
    age=st.one_of(st.none(), st.integers(0, 200)),
    heard=_moments,
    until=st.one_of(st.none(), st.integers(-5, 900).map(lambda left: NOW + left)),
    attested=_moments,
    site=st.sampled_from(["fra-1", "dub-2", "—"]),
    rack=st.sampled_from(["r01", "r02", "—"]),
    model=st.sampled_from(["Orion 1", "lyra 2", "—"]),
    policy=st.sampled_from(["serving v2", "—"]),
    platform=st.sampled_from(["amd-genoa-00", "amd-milan-01", "—"]),
    simulated=st.booleans(),
    caveats=st.sampled_from([(), ("simulated",), ("no-witness", "simulated")]),
)
drawn_fleets = st.lists(drawn_rows, max_size=12, unique_by=lambda each: each.name)
