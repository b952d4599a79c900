"""When nothing is known, why, and figures that add up."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.client.inventory import FORGOTTEN_SECONDS, NodeState
from keyturn_app.facts import Connection, Facts, Link
from keyturn_app.screens.fleet.filtering import FilterError, parse
from keyturn_app.screens.fleet.viewmodel import (
    TILES,
    Figures,
    counted,
    known,
    notice,
    problem,
    tiles,
    why_unknown,
)
from support.fleets import NOW

COUNTS = {state: 10 + place for place, state in enumerate(TILES)}
FIGURES = Figures(COUNTS, sum(COUNTS.values()), refused_lately=3, silence=42.0)


def linked(link: Link, seconds: int = 0) -> Facts:
    return Facts(Connection(link, heard=NOW - timedelta(seconds=seconds)))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (linked(Link.LIVE), True),
        (linked(Link.STALE, 6), True),
        (linked(Link.STALE, FORGOTTEN_SECONDS), True),
        (linked(Link.STALE, FORGOTTEN_SECONDS + 1), False),
        (Facts(Connection(Link.STALE)), False),
        (linked(Link.RECONNECTING), False),
        (linked(Link.OFFLINE), False),
        (linked(Link.CONNECTING), False),
        (linked(Link.DISTRUSTED), False),
    ],
)
def test_states_are_known_while_the_server_is_heard_and_believed(
    facts: Facts, expected: bool
) -> None:
    assert known(facts, NOW) is expected
    assert bool(notice(facts, NOW).text) is (facts.connection.link is not Link.LIVE)
    assert bool(why_unknown(facts, NOW)) is not expected


def test_a_distrusted_server_is_an_alarm() -> None:
    assert notice(linked(Link.DISTRUSTED), NOW).tone == "danger"
    assert why_unknown(linked(Link.DISTRUSTED), NOW) == "server not believed"


def test_tiles_add_up_to_the_fleet_wide_and_narrow() -> None:
    found = tiles(FIGURES, "")
    assert sum(int(tile.count) for tile in found.wide) == FIGURES.total
    assert len(found.wide) == 7
    assert len(found.narrow) == 6
    wiped = found.wide[-1].count
    assert found.narrow[-1].sub == f"and {wiped} Wiped"
    total = sum(int(tile.count) for tile in found.narrow) + int(wiped)
    assert total == FIGURES.total


def test_a_tile_says_what_its_figure_means() -> None:
    found = {tile.state: tile for tile in tiles(FIGURES, "state:stale").wide}
    assert found[NodeState.STALE].sub == "silent up to 42 s"
    assert found[NodeState.REFUSED].sub == "3 within 1 h"
    assert found[NodeState.REFUSED].alarming
    assert found[NodeState.STALE].chosen
    assert not found[NodeState.REFUSED].chosen
    quiet = tiles(Figures({}, 0), "").wide
    assert [tile.count for tile in quiet] == ["0"] * 7
    assert not any(tile.alarming for tile in quiet)


def test_attested_is_never_rounded_up_to_all() -> None:
    nearly = Figures({NodeState.ATTESTED: 9_999_999}, 10_000_000)
    assert tiles(nearly, "").wide[0].sub == "99.9 % of 10,000,000"
    every = replace(nearly, total=9_999_999)
    assert tiles(every, "").wide[0].sub == "100 % of 9,999,999"


def test_out_of_reach_is_said_beside_unknown() -> None:
    found = tiles(Figures({NodeState.UNKNOWN: 4}, 4), "", unknown_for="server not believed")
    assert found.wide[5].sub == "server not believed"


def test_a_problem_says_found_expected_and_what_to_do() -> None:
    with pytest.raises(FilterError) as caught:
        parse("state:stael")
    shown = problem(caught.value)
    assert (shown.start, shown.end) == (6, 11)
    assert "found stael, expected pending," in shown.text
    assert shown.text.endswith("Did you mean state:stale?")


def test_counting() -> None:
    assert counted(5, 5) == "5 nodes"
    assert counted(1, 1) == "1 node"
    assert counted(94, 10_240) == "94 of 10,240"
