"""The filter's grammar agrees with plain Python, and what is not understood is explained."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.client.inventory import NodeState
from keyturn_app.screens.fleet.filtering import (
    EVERYTHING,
    MAX_QUERY,
    FilterError,
    examples,
    parse,
    quoted,
)
from keyturn_app.screens.fleet.rows import Row
from keyturn_app.screens.fleet.store import STATES
from unit.app.screens.fleet.fleetrows import NOW, drawn_fleets, row, store_of

pieces = st.sampled_from(
    ["state:", "stale", "site:", "-", '"', ",", " ", "age:", ">", "10", "m", "*", "x", ":", "é"]
)


def error_of(text: str) -> FilterError | None:
    try:
        parse(text)
    except FilterError as error:
        return error
    return None


@given(st.one_of(st.text(), st.lists(pieces).map("".join)))
def test_any_text_is_a_filter_or_its_place_of_error_is_named(text: str) -> None:
    error = error_of(text)
    if error is not None:
        assert 0 <= error.start < error.end <= len(text) + 1
        assert error.message
        assert error.found
        assert error.expected


def shown(query: str, *rows: Row) -> list[str]:
    store = store_of(*rows)
    mask = parse(query).mask(store)
    return [name for place, name in enumerate(store.names) if mask is None or mask[place]]


words = st.text("abO1-r*", min_size=1, max_size=3).filter(lambda w: w[0] != "-")


@given(drawn_fleets, words, st.booleans())
def test_a_word_is_found_anywhere_in_name_model_and_platform(
    rows: list[Row], word: str, negated: bool
) -> None:
    def fits(each: Row) -> bool:
        pattern = f"*{word.lower()}*"
        return any(fnmatchcase(t.lower(), pattern) for t in (each.name, each.model, each.platform))

    query = f"-{word}" if negated else word
    assert shown(query, *rows) == [each.name for each in rows if fits(each) is not negated]


@given(drawn_fleets, st.sets(st.sampled_from(NodeState), min_size=1), st.booleans())
def test_states_are_those_of_now(rows: list[Row], states: set[NodeState], negated: bool) -> None:
    query = ("-" if negated else "") + "state:" + ",".join(each.value for each in states)
    store = store_of(*rows)
    expected = [
        name
        for place, name in enumerate(store.names)
        if (STATES[store.state[place]] in states) is not negated
    ]
    assert shown(query, *rows) == expected


@given(drawn_fleets, st.sampled_from(["fra-1", "fra-*", "*", "dub-2,fra-1", "—", "nowhere"]))
def test_a_site_is_matched_whole_with_stars(rows: list[Row], value: str) -> None:
    patterns = value.split(",")
    expected = [e.name for e in rows if any(fnmatchcase(e.site, p) for p in patterns)]
    assert shown(f"site:{value}", *rows) == expected


@given(drawn_fleets, st.sampled_from(["<", "<=", ">", ">="]), st.integers(0, 20))
def test_the_age_of_evidence_is_compared(rows: list[Row], operator: str, minutes: int) -> None:
    def holds(each: Row) -> bool:
        if each.attested is None:
            return False
        age, bound = max(0.0, NOW - each.attested), minutes * 60
        return {"<": age < bound, "<=": age <= bound, ">": age > bound, ">=": age >= bound}[
            operator
        ]

    assert shown(f"age:{operator}{minutes}m", *rows) == [e.name for e in rows if holds(e)]


@given(drawn_fleets)
def test_every_condition_must_hold(rows: list[Row]) -> None:
    both = shown("site:fra-1 -rack:r01", *rows)
    assert both == [e.name for e in rows if e.site == "fra-1" and e.rack != "r01"]


@given(st.text(min_size=1, max_size=8).filter(lambda text: '"' not in text and "*" not in text))
def test_a_quoted_value_stands_for_itself(name: str) -> None:
    rows = row(name), row(name + "x")
    assert shown(f"name:{quoted(name)}", *rows) == [name]


def test_caveats_lease_heard_and_simulated() -> None:
    rows = (
        row("a", caveats=("simulated", "no-witness"), simulated=True),
        row("b", until=NOW + 30),
        row("c", heard=NOW - 8, age=8),
    )
    assert shown("caveat:no-*", *rows) == ["a"]
    assert shown("-caveat:*", *rows) == ["b", "c"]
    assert shown("lease:<1m", *rows) == ["b"]
    assert shown("heard:>5s", *rows) == ["c"]
    assert shown("simulated:yes", *rows) == ["a"]
    assert shown('policy:"serving v2" MODEL:ORION*', *rows) == ["a", "b", "c"]


def test_nothing_typed_lets_everything_through() -> None:
    assert parse("  ").terms == EVERYTHING.terms
    assert parse("").mask(store_of(row())) is None


@pytest.mark.parametrize(
    ("query", "place", "found", "hint"),
    [
        ("x sate:stale", "sate", "sate", "Did you mean state: ?"),
        ("state:stael", "stael", "stael", "Did you mean state:stale?"),
        ("state:stale,", "", "nothing", ""),
        ("age:10m", "10m", "10m", "Write < or >, a number, and s, m, h or d."),
        ("lease:<5", "<5", "<5", "Write < or >, a number, and s, m, h or d."),
        ("simulated:maybe", "maybe", "maybe", ""),
        ('name:"open', '"open', '"open', ""),
        ("a - b", "-", "-", ""),
        (":x", ":", ":", ""),
    ],
)
def test_errors_point_to_the_place(query: str, place: str, found: str, hint: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(query)
    error = caught.value
    assert query[error.start : error.end].strip(":,") == place.strip(":")
    assert (error.found, error.hint) == (found, hint)
    assert error.expected


def test_a_filter_has_an_end() -> None:
    with pytest.raises(FilterError, match="too long"):
        parse("x" * (MAX_QUERY + 1))


def test_the_examples_that_are_shown_are_filters() -> None:
    for each in examples():
        assert parse(each).terms
