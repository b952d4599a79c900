"""The columns agree with plain Python: states as they decay, orders, and who wins an update."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.client.inventory import NodeState, standing
from keyturn_app.screens.fleet.columns import Column, key
from keyturn_app.screens.fleet.rows import Row
from keyturn_app.screens.fleet.store import CODE, STATES, Texts, ranks_of
from support.fleets import MODELS, a_node, grant
from unit.app.screens.fleet.fleetrows import NOW, drawn_fleets, drawn_rows, row, store_of

later = st.integers(0, 700)


@given(drawn_rows, later)
def test_states_decay_as_the_client_says(drawn: Row, seconds: int) -> None:
    until = None if drawn.until is None else datetime.fromtimestamp(drawn.until, UTC)
    node = a_node(
        drawn.name,
        drawn.state,
        age_seconds=drawn.age,
        heard=None if drawn.heard is None else datetime.fromtimestamp(drawn.heard, UTC),
        granted=None if until is None else (1, grant("n", "p", MODELS["orion-8b"], until)),
    )
    moment = datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=seconds)
    state, age = standing(node, moment)
    store = store_of(drawn, now=moment.timestamp())
    assert STATES[store.state[0]] is state
    assert (None if math.isnan(store.age[0]) else int(store.age[0])) == age


@given(drawn_fleets)
def test_out_of_reach_everything_is_unknown(rows: list[Row]) -> None:
    store = store_of(*rows, known=False)
    assert store.counts()[NodeState.UNKNOWN] == len(rows)


PLAIN: dict[Column, Callable[[Row], object]] = {
    Column.NAME: lambda each: each.name,
    Column.SITE: lambda each: each.site,
    Column.MODEL: lambda each: each.model,
    Column.EVIDENCE: lambda each: None if each.attested is None else max(0.0, NOW - each.attested),
    Column.CAVEATS: lambda each: len(each.caveats),
    Column.SIMULATED: lambda each: each.simulated,
}


@pytest.mark.parametrize("column", PLAIN)
@given(rows=drawn_fleets, descending=st.booleans())
def test_sorting_is_stable_by_name_and_the_unknown_is_last(
    column: Column, rows: list[Row], descending: bool
) -> None:
    store = store_of(*rows)
    value = PLAIN[column]
    by_name = sorted(rows, key=lambda each: each.name)
    known = [each for each in by_name if value(each) is not None]
    known.sort(key=value, reverse=descending)  # type: ignore[arg-type]
    missing = [each for each in by_name if value(each) is None]
    store.show(store.arranged(None, key(store, column), descending))
    assert [store.names[place] for place in store.order] == [e.name for e in known + missing]


@given(drawn_fleets, st.data())
def test_a_mask_leaves_rows_out_and_inv_leads_back(rows: list[Row], data: st.DataObject) -> None:
    store = store_of(*rows)
    chosen = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    store.show(store.arranged(np.array(chosen, bool), key(store, Column.NAME), False))
    expected = sorted(r.name for r, yes in zip(rows, chosen, strict=True) if yes)
    assert [store.names[place] for place in store.order] == expected
    for place in range(len(store)):
        at = store.inv[place]
        assert store.order[at] == place if chosen[place] else at == -1


@given(drawn_fleets.filter(bool), st.data())
def test_of_one_batch_the_last_word_on_a_node_counts(rows: list[Row], data: st.DataObject) -> None:
    store = store_of(*rows)
    names = st.sampled_from([each.name for each in rows])
    batch = data.draw(st.lists(st.builds(lambda n, r: replace(r, name=n), names, drawn_rows)))
    store.update(batch)
    store.judge(NOW, known=True)
    newest = {each.name: each for each in (*rows, *batch)}
    fresh = store_of(*(newest[each.name] for each in rows))
    for column in Column:
        np.testing.assert_array_equal(
            np.argsort(key(store, column), kind="stable"),
            np.argsort(key(fresh, column), kind="stable"),
        )
    np.testing.assert_array_equal(store.state, fresh.state)


def test_a_heartbeat_takes_the_short_way_to_the_same_end() -> None:
    store = store_of(row("a"), row("b"))
    store.hear([1], [NodeState.STALE], [20], [NOW - 20])
    assert store.judge_only(np.array([1]), NOW, known=True) is False
    assert [STATES[code] for code in store.state] == [NodeState.ATTESTED, NodeState.STALE]
    assert store.age.tolist() == [2, 20]


def test_when_the_server_is_lost_a_part_becomes_the_whole() -> None:
    store = store_of(row("a"), row("b"))
    assert store.judge_only(np.array([0]), NOW, known=False) is True
    assert set(store.state.tolist()) == {CODE[NodeState.UNKNOWN]}


def test_an_unknown_name_changes_nothing() -> None:
    store = store_of(row("a"))
    with pytest.raises(KeyError):
        store.update([row("a", site="sin-2"), row("z")])
    assert store.site[0] == "fra-1"


def test_a_lease_is_counted_where_one_is_held() -> None:
    store = store_of(row("a"), row("b", state=NodeState.WIPED), row("c", until=None))
    assert store.lease_left()[0] == 300
    assert np.isnan(store.lease_left()[1:]).all()
    assert (store.lease_of(0), math.isnan(store.lease_of(1))) == (300, True)


def test_texts_are_kept_once_and_rank_as_they_sort() -> None:
    texts = Texts(["b", "a", "b"])
    assert texts.values == ["b", "a"]
    assert texts.ranks().tolist() == [1, 0, 1]
    texts.put(1, "c")
    assert texts.ranks().tolist() == [1, 2, 1]
    assert texts.matching(lambda each: each == "b").tolist() == [True, False, True]
    assert ranks_of(["b", "a"]).tolist() == [1, 0]
