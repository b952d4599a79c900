"""What a row says of a place comes from the statement in force, its times from the log."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.base.errors import MalformedError
from keyturn.keyrelease.entries import grant_entry
from keyturn.quorum.bodies import Platform
from keyturn.quorum.kinds import Kind
from keyturn_app.facts import Facts
from keyturn_app.screens.fleet.rows import NOWHERE, EntryTimes, frame_of, lookup_of, rack_in, row_of
from support import fleets
from support.windowed import windowed
from unit.app.screens.fleet.world import World


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.mark.parametrize(
    ("name", "rack"),
    [("fra-1-r03-g27", "r03"), ("r7", "r7"), ("node-1", NOWHERE), ("server-1", NOWHERE)],
)
def test_a_rack_in_a_name(name: str, rack: str) -> None:
    assert rack_in(name) == rack


def test_a_row_of_a_granted_node(world: World) -> None:
    facts = world.desk.facts
    assert facts.seen is not None
    node = world.node()
    row = row_of(node, lookup_of(facts, fleets.NOW), EntryTimes(facts.seen.leaves))
    assert node.granted is not None
    index, grant = node.granted
    assert (row.site, row.rack) == ("fra-1", "r01")
    assert row.policy == "prod-inference v1"
    assert row.model in ("orion-70b 1", "orion-8b 1")
    assert row.until == grant.until.timestamp()
    assert row.attested == frame_of(facts.seen.leaves[index])[1]
    assert row.caveats == fleets.CAVEATS


def test_the_note_of_a_platform_names_the_rack(world: World) -> None:
    facts, node = world.desk.facts, world.node()
    assert facts.seen is not None
    assert node.platform is not None
    platform = Platform(node.platform, "here", "row 2, rack: b7")
    state = fleets.with_platforms(facts.seen.state, {platform.id: platform})
    told = replace(facts, seen=replace(facts.seen, state=state))
    row = row_of(node, lookup_of(told, fleets.NOW), EntryTimes())
    assert (row.site, row.rack) == ("here", "b7")
    assert row.attested is None  # these leaves do not reach so far


def test_nothing_is_known_of_a_place_that_no_statement_lists(world: World) -> None:
    row = row_of(world.node(), lookup_of(Facts(), fleets.NOW), EntryTimes())
    assert (row.site, row.policy) == (NOWHERE, NOWHERE)
    assert row.model.startswith("sha256 ")


def test_an_expired_statement_says_nothing(world: World) -> None:
    facts = world.desk.facts
    later = fleets.NOW + timedelta(days=91)
    assert lookup_of(facts, later).places == {}
    assert facts.seen is not None
    assert facts.seen.state.in_force(Kind.PLATFORMS, "machines", fleets.NOW) is not None


def test_entry_times_are_of_one_log(world: World) -> None:
    assert world.desk.facts.seen is not None
    leaves = list(world.desk.facts.seen.leaves)
    times = EntryTimes(leaves[:3])
    assert times.at(2) == frame_of(leaves[2])[1]
    assert times.at(3) is None
    times.follow(leaves)
    assert times.at(3) is not None
    times.follow([leaves[5]])
    assert times.at(0) == frame_of(leaves[5])[1]
    assert times.at(2) is None


def test_a_leaf_in_another_spelling_is_parsed_in_full() -> None:
    with pytest.raises(MalformedError):
        frame_of(b'{"type":"other"}')
    spelled = b'{"format":1,"type":"log-entry","time":"2026-11-29T10:00:00Z","kind":"start"}'
    assert frame_of(spelled) == ("start", fleets.NOW.timestamp())


def test_when_an_entry_was_that_is_not_at_hand_is_not_known() -> None:
    time = fleets.NOW
    entry = fleets.grant("a", "p", fleets.MODELS["orion-8b"], time)
    times = EntryTimes(windowed([grant_entry(time, entry)] * 600, 1))
    assert (times.at(3), times.at(256), times.at(600)) == (None, time.timestamp(), None)
