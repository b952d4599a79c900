"""Cells in words, columns that give way, and what is kept of the officer's choice."""

import math

from keyturn.client.inventory import NodeState
from keyturn_app.screens.fleet.columns import (
    ALWAYS,
    COLUMNS,
    DEFAULT,
    Column,
    cell,
    fitting,
    key,
    lease_fraction,
    meaning,
    read_columns,
    spoken,
    title,
    write_columns,
)
from unit.app.screens.fleet.fleetrows import NOW, row, store_of


def test_cells_of_an_attested_node() -> None:
    store = store_of(row(caveats=("no-witness",)))
    found = {column: cell(store, 0, column) for column in COLUMNS}
    assert found[Column.STATE] == "Attested"
    assert found[Column.HEARD] == "2 s"
    assert found[Column.EVIDENCE] == "60 s"
    assert found[Column.LEASE] == "5 min"
    assert found[Column.CAVEATS] == "no-witness"
    assert found[Column.SIMULATED] == "no"


def test_cells_where_nothing_is_known() -> None:
    store = store_of(row(state=NodeState.PENDING, age=None, heard=None, until=None, attested=None))
    for column, text in {
        Column.HEARD: "never",
        Column.EVIDENCE: "never",
        Column.LEASE: "none",
        Column.CAVEATS: "—",
    }.items():
        assert cell(store, 0, column) == text
    assert spoken(store, 0, Column.STATE) == "Pending, never heard"


def test_a_state_is_spoken_with_its_age() -> None:
    store = store_of(row())
    assert spoken(store, 0, Column.STATE) == "Attested, heard 2 s ago"
    assert spoken(store, 0, Column.SITE) == "Site: fra-1"


def test_how_much_of_a_lease_is_left() -> None:
    store = store_of(row("a", attested=NOW - 100), row("b", state=NodeState.REFUSED))
    assert lease_fraction(store, 0) == 0.75
    assert math.isnan(lease_fraction(store, 1))


def test_columns_give_way_but_no_state_is_without_its_age() -> None:
    assert fitting(DEFAULT, 2000) == tuple(c for c in COLUMNS if c in DEFAULT)
    narrow = fitting(COLUMNS, 600)
    assert Column.POLICY not in narrow
    assert {Column.NAME, Column.STATE, Column.LEASE} <= set(narrow)
    assert fitting((), 10) == (Column.NAME, Column.STATE, Column.HEARD)


def test_the_choice_of_columns_is_kept() -> None:
    chosen = ALWAYS | {Column.RACK}
    assert read_columns(write_columns(chosen)) == chosen
    for text in (None, "", "nonsense", "name,nonsense"):
        assert read_columns(text) == DEFAULT


def test_every_column_has_a_title_and_a_key() -> None:
    store = store_of(row())
    assert all(title(column) for column in COLUMNS)
    assert all(len(key(store, column)) == 1 for column in COLUMNS)
    assert meaning(Column.SITE)
