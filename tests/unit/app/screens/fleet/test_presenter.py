"""The fleet page without its widgets: facts in, view and rows out, and what the officer does."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from keyturn.base.errors import KeyturnError
from keyturn.client.inventory import NodeState
from keyturn.quorum.kinds import TargetKind
from keyturn_app.desk import Topic
from keyturn_app.facts import Connection, Facts, Link, Nodes
from keyturn_app.questions import Confirm, Confirmed, SaveFile
from keyturn_app.screens.fleet.columns import Column
from keyturn_app.screens.fleet.heat import Grouping
from keyturn_app.screens.fleet.presenter import FleetPresenter
from keyturn_app.screens.fleet.savedviews import ATTENTION
from keyturn_app.screens.fleet.viewmodel import Phase
from support import fleets
from unit.app.screens.fleet.world import NAMES, Screen, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def presenter(world: World) -> FleetPresenter:
    return world.presenter()


def names(presenter: FleetPresenter) -> list[str]:
    return [presenter.store.names[place] for place in presenter.store.order]


def counts(presenter: FleetPresenter) -> dict[NodeState, int]:
    found = presenter.view().tiles.wide
    return {tile.state: int(tile.count) for tile in found if tile.count != "0"}


# ---- what is known ----


def test_before_anything_is_known_it_loads_and_an_empty_fleet_is_empty() -> None:
    world = World(empty=True)
    presenter = world.presenter()
    assert presenter.view().phase is Phase.LOADING
    facts = fleets.facts_of(world.server, fleets.InventedFleet([], []))
    world.desk.show(facts)
    assert presenter.view().phase is Phase.EMPTY
    world.desk.show(fleets.facts_of(world.server, world.fleet))
    presenter.summarise_if_due()
    assert presenter.view().phase is Phase.READY
    assert presenter.view().count == "4 nodes"


def test_everything_is_unknown_without_the_server_and_comes_back(
    world: World, presenter: FleetPresenter
) -> None:
    assert counts(presenter) == {NodeState.ATTESTED: 4}
    live = world.desk.facts
    for link in (Link.RECONNECTING, Link.OFFLINE, Link.DISTRUSTED):
        gone = replace(live, connection=Connection(link, heard=fleets.NOW))
        world.desk.show(gone, Topic.CONNECTION)
        assert counts(presenter) == {NodeState.UNKNOWN: 4}
        assert presenter.view().notice.text
    world.desk.show(live, Topic.CONNECTION)
    assert counts(presenter) == {NodeState.ATTESTED: 4}


def test_states_decay_as_time_passes(world: World, presenter: FleetPresenter) -> None:
    world.wait(30)
    presenter.tick()
    assert counts(presenter) == {NodeState.STALE: 4}
    world.wait(60)
    presenter.tick()
    assert counts(presenter) == {NodeState.UNKNOWN: 4}


def test_a_change_reaches_the_table_at_once_and_the_figures_when_due(
    world: World, presenter: FleetPresenter
) -> None:
    screen = Screen()
    presenter.shown = screen
    world.change(replace(world.node(NAMES[2]), state=NodeState.WIPED))
    assert screen.places == [[2]]
    assert counts(presenter) == {NodeState.ATTESTED: 4}
    presenter.summarise_if_due()
    assert counts(presenter) == {NodeState.ATTESTED: 3, NodeState.WIPED: 1}


def test_nothing_new_tells_nobody(world: World, presenter: FleetPresenter) -> None:
    told: list[int] = []
    presenter.listeners.add(lambda: told.append(1))
    presenter.summarise()
    world.desk.show(world.desk.facts, Topic.NODES)
    presenter.summarise_if_due()
    assert told == []


def test_nodes_that_come_are_loaded_and_the_selection_stays(
    world: World, presenter: FleetPresenter
) -> None:
    presenter.select(NAMES[1])
    screen = Screen()
    presenter.shown = screen
    joined = fleets.a_node("a-new-one", NodeState.PENDING)
    world.show_nodes(Nodes((joined, *world.fleet.nodes), fleets.NOW))
    presenter.summarise_if_due()
    assert screen.anew == 1
    assert presenter.selected == NAMES[1]
    assert "a-new-one" in names(presenter)
    world.show_nodes(Nodes((joined,), fleets.NOW))
    presenter.summarise_if_due()
    assert presenter.selected is None
    assert presenter.view().drawer is None


def test_after_closing_nothing_is_heard(world: World, presenter: FleetPresenter) -> None:
    presenter.close()
    world.change(replace(world.node(), state=NodeState.WIPED))
    presenter.summarise_if_due()
    assert counts(presenter) == {NodeState.ATTESTED: 4}


# ---- the order ----


def test_a_filter_that_is_wrong_leaves_the_last_one_and_says_where(
    presenter: FleetPresenter,
) -> None:
    presenter.filter("site:sin-*")
    presenter.filter("site:sin-* sate:x")
    view = presenter.view()
    assert names(presenter) == [NAMES[3]]
    assert view.problem is not None
    assert view.filter[view.problem.start : view.problem.end] == "sate"
    presenter.filter("nothing-like-this")
    assert presenter.view().none_fits
    assert presenter.view().problem is None


def test_sorting(presenter: FleetPresenter) -> None:
    presenter.sort(Column.NAME, descending=True)
    assert names(presenter) == sorted(NAMES, reverse=True)
    presenter.sort(Column.NAME, descending=False)
    assert names(presenter) == sorted(NAMES)


def test_rows_hold_still_under_the_pointer(world: World, presenter: FleetPresenter) -> None:
    screen = Screen()
    presenter.shown = screen
    presenter.hold(True)
    world.change(replace(world.node(NAMES[3]), state=NodeState.WIPED))
    presenter.tick()
    assert names(presenter)[0] != NAMES[3]
    assert presenter.view().paused
    assert screen.arranged == 0
    presenter.hold(False)
    assert names(presenter)[0] == NAMES[3]
    assert screen.arranged == 1
    assert not presenter.view().paused


def test_tiles_and_views_are_toggled(presenter: FleetPresenter) -> None:
    presenter.toggle("state:attested")
    assert presenter.view().tiles.wide[0].chosen
    presenter.toggle("state:attested")
    assert presenter.view().filter == ""
    presenter.toggle(ATTENTION)
    assert [chip.chosen for chip in presenter.view().chips] == [True, False]


def test_views_and_columns_are_kept(world: World, presenter: FleetPresenter) -> None:
    assert presenter.save_view("mine")  # nothing to save
    presenter.filter("site:sin-*")
    assert presenter.save_view("mine") == ""
    presenter.filter("sate:")
    assert presenter.save_view("broken")
    presenter.show_column(Column.RACK, shown=True)
    presenter.show_column(Column.SITE, shown=False)
    again = world.presenter()
    assert [chip.name for chip in again.view().chips] == ["Needs attention", "All", "mine"]
    assert Column.RACK in again.view().columns
    assert Column.SITE not in again.view().columns
    again.remove_view("mine")
    assert len(again.view().chips) == 2


# ---- the heat map ----


def test_a_cell_of_a_small_fleet_opens_its_node(presenter: FleetPresenter) -> None:
    presenter.choose_cell(0)
    assert presenter.selected == NAMES[0]
    assert presenter.view().heat.chosen == 0
    assert "Attested" in presenter.describe_cell(0)


def test_a_cell_of_a_large_fleet_filters_to_its_rack(world: World) -> None:
    world.fleet = fleets.invent(320, first=len(world.server.leaves))
    world.desk.facts = fleets.facts_of(world.server, world.fleet)
    presenter = world.presenter()
    presenter.choose_cell(0)
    assert presenter.view().filter == "site:dub-2 rack:r00"
    assert len(names(presenter)) == 32
    presenter.choose_cell(0)
    assert len(names(presenter)) == 320
    presenter.filter_to_rack_of(world.fleet.nodes[0].name)
    assert len(names(presenter)) == 32
    presenter.group_by(Grouping.MODEL)
    assert presenter.view().heat.groups[0].name.startswith("orion")


# ---- one node ----


def test_the_examination_is_asked_for_and_shown(world: World, presenter: FleetPresenter) -> None:
    world.desk.waiting = True
    presenter.select(NAMES[0])
    drawer = presenter.view().drawer
    assert drawer is not None
    assert drawer.loading
    world.desk.answer()
    drawer = presenter.view().drawer
    assert drawer is not None
    assert not drawer.loading
    assert drawer.checks[0].title == "Evidence"
    assert drawer.checks_note.endswith("The server has not kept the evidence.")
    presenter.select(None)
    assert presenter.view().drawer is None


def test_a_newer_grant_is_examined_anew(world: World, presenter: FleetPresenter) -> None:
    presenter.select(NAMES[0])
    before = presenter.view().drawer
    node = world.regrant()
    after = presenter.view().drawer
    assert before is not None
    assert after is not None
    assert node.granted is not None
    assert after.entry == node.granted[0] != before.entry
    assert f"Log entry {node.granted[0]}," in after.checks_note
    assert world.desk.facts.seen is not None
    row = presenter.store.evidence_age()[presenter.store.place[NAMES[0]]]
    assert row == 0


def test_a_node_that_the_log_does_not_know_has_no_checks(
    world: World, presenter: FleetPresenter
) -> None:
    world.show_nodes(Nodes((fleets.a_node("new", NodeState.PENDING),), fleets.NOW))
    presenter.select("new")
    drawer = presenter.view().drawer
    assert drawer is not None
    assert (drawer.checks, drawer.entry) == ((), None)
    assert drawer.checks_note == "There is no evidence to check."


def test_an_answer_that_comes_too_late_is_dropped(world: World, presenter: FleetPresenter) -> None:
    world.desk.waiting = True
    presenter.select(NAMES[0])
    presenter.select(NAMES[1])
    world.desk.answer()
    drawer = presenter.view().drawer
    assert drawer is not None
    assert world.node(NAMES[1]).granted is not None
    assert f"Log entry {drawer.entry}," in drawer.checks_note


def test_what_is_unreachable_can_be_tried_again(world: World, presenter: FleetPresenter) -> None:
    world.desk.identity = replace(world.desk.identity, locked=True)
    presenter.select(NAMES[0])
    drawer = presenter.view().drawer
    assert drawer is not None
    assert "locked" in drawer.trouble
    assert "locked" in presenter.revoke_why_not(TargetKind.NODE)
    world.desk.identity = replace(world.desk.identity, locked=False)
    presenter.retry()
    drawer = presenter.view().drawer
    assert drawer is not None
    assert drawer.trouble == ""


def test_the_next_trouble(world: World, presenter: FleetPresenter) -> None:
    presenter.next_trouble()
    assert world.officer.toasts == ["No node in this view is in trouble."]
    bad = [replace(world.node(name), state=NodeState.QUARANTINED) for name in NAMES[1:3]]
    world.change(*bad)
    presenter.arrange()
    for name in (NAMES[1], NAMES[2], NAMES[1]):
        presenter.next_trouble()
        assert presenter.selected == name


# ---- revoking ----


def test_a_revocation_is_proposed_after_a_typed_yes(
    world: World, presenter: FleetPresenter
) -> None:
    world.officer.confirms = Confirmed(" stolen ")
    presenter.select(NAMES[0])
    presenter.revoke(TargetKind.NODE)
    (asked,) = world.officer.asked
    assert isinstance(asked, Confirm)
    assert asked.typed == NAMES[0]
    (made,) = world.open_proposals()
    statement = made.statement
    assert (statement.subject, statement.reason) == (f"node:{NAMES[0]}", "stolen")
    assert statement.expires is None
    assert world.went == [("approvals", made.digest)]
    world.desk.facts = fleets.facts_of(world.server, world.fleet)
    presenter.revoke(TargetKind.NODE)  # gathers approvals already: nothing is asked twice
    assert len(world.officer.asked) == 1
    assert world.went[1] == ("approvals", made.digest)


def test_a_no_proposes_nothing(world: World, presenter: FleetPresenter) -> None:
    world.officer.confirms = None
    presenter.select(NAMES[0])
    presenter.revoke(TargetKind.PLATFORM)
    assert len(world.officer.asked) == 1
    assert world.open_proposals() == []


def test_nothing_selected_nothing_revoked(world: World, presenter: FleetPresenter) -> None:
    presenter.revoke(TargetKind.NODE)
    assert world.officer.asked == []
    assert presenter.revoke_why_not(TargetKind.NODE) == "Select a node first."


def test_a_proposal_that_fails_is_told(world: World, presenter: FleetPresenter) -> None:
    world.officer.confirms = Confirmed("stolen")
    presenter.select(NAMES[0])

    def unreachable(_document: object) -> dict[str, object]:
        raise KeyturnError("gone", found="nothing", hint="Wait.")

    world.server.lie("/v1/proposals", unreachable)
    presenter.revoke(TargetKind.NODE)
    assert world.went == []
    (told,) = world.officer.told
    assert "was not proposed" in told.title
    assert (told.text, told.found, told.hint) == ("gone", "nothing", "Wait.")  # each said once


def test_the_log_entry_of_a_node(world: World, presenter: FleetPresenter) -> None:
    presenter.open_log()
    node = world.node()
    presenter.select(node.name)
    presenter.open_log()
    assert node.granted is not None
    assert world.went == [("log", str(node.granted[0]))]


# ---- taking it away ----


@pytest.mark.parametrize("as_json", [False, True])
def test_an_export_says_what_it_is_of(
    world: World, presenter: FleetPresenter, tmp_path: Path, as_json: bool
) -> None:
    world.officer.chosen = tmp_path / "fleet"
    presenter.filter("site:fra-*")
    presenter.export(as_json=as_json)
    (asked,) = world.officer.asked
    assert isinstance(asked, SaveFile)
    text = (tmp_path / "fleet").read_text("utf-8")
    if as_json:
        found = json.loads(text)
        assert found["filter"] == "site:fra-*"
        assert [each["name"] for each in found["nodes"]] == list(NAMES[:3])
        assert found["log"]["size"] > 0
    else:
        assert text.startswith("# SIMULATED\n")
        assert NAMES[3] not in text
    assert world.officer.toasts == ["3 nodes exported to fleet"]
    presenter.export(as_json=as_json)  # never over a file that is there
    assert world.officer.told[0].title == "Nothing was exported"


def test_no_file_no_export(world: World, presenter: FleetPresenter) -> None:
    presenter.export(as_json=False)
    assert world.officer.toasts == []


def test_rows_are_copied(world: World, presenter: FleetPresenter) -> None:
    presenter.copy_rows(NAMES[:2], as_json=False, shown=(Column.NAME, Column.STATE))
    assert world.copied[0].splitlines()[1] == f"{NAMES[0]}\tAttested"
    presenter.copy_rows(NAMES[:1], as_json=True, shown=())
    assert json.loads(world.copied[1])["nodes"][0]["name"] == NAMES[0]
    presenter.copy_rows(["gone"], as_json=False, shown=())
    assert len(world.copied) == 2


def test_trend_is_of_the_log(world: World, presenter: FleetPresenter) -> None:
    assert sum(presenter.view().trend.granted) == 4
    assert not np.any(presenter.view().trend.refused)
    assert World(empty=True).presenter().view().trend.empty
    assert Facts().nodes is None
