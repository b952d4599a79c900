"""The frame's presenter over real facts of a real client."""

from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.client.inventory import NodeState
from keyturn.quorum.kinds import Kind
from keyturn_app.facts import AlarmKind, Facts, Link
from keyturn_app.news import News
from keyturn_app.questions import Confirm, Confirmed
from keyturn_app.settings import MemoryPreferences
from keyturn_app.shell.presenter import ShellPresenter
from keyturn_app.shell.waiting import nodes_in_trouble, officer_of, waiting_for_me
from support.authority import Clock, policy_body
from support.desks import InlineDesk, ScriptedOfficer
from support.facts import alarm, standing_desk, with_link, with_nodes
from unit.client.scripted_server import PIN, ScriptedServer


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer(Clock())


def presenter(desk: InlineDesk, officer: ScriptedOfficer | None = None) -> ShellPresenter:
    return ShellPresenter(desk, News(desk, MemoryPreferences()), officer or ScriptedOfficer())


def test_simulation_is_said_from_the_roster_in_force(server: ScriptedServer) -> None:
    assert presenter(standing_desk(server)).view().band.startswith("SIMULATED")
    real = ScriptedServer(Clock(), simulation=False)
    view = presenter(standing_desk(real)).view()
    assert (view.band, view.environment.mark) == ("", "PROD")


def test_the_officer_is_named_by_the_roster(server: ScriptedServer) -> None:
    view = presenter(standing_desk(server, "bela")).view()
    assert (view.officer.name, view.officer.roles) == ("Officer Bela", "Proposer, Approver")


def test_before_anything_is_known_the_profile_names_the_officer(server: ScriptedServer) -> None:
    desk = standing_desk(server)
    desk.show(Facts())
    view = presenter(desk).view()
    assert (view.officer.name, view.officer.roles) == ("Ada", "ada")
    assert not view.dimmed
    assert officer_of(desk) is None


@pytest.mark.parametrize("link", [Link.STALE, Link.RECONNECTING, Link.OFFLINE, Link.DISTRUSTED])
def test_what_is_not_of_now_is_dimmed(server: ScriptedServer, link: Link) -> None:
    desk = standing_desk(server)
    desk.show(with_link(desk.facts, link))
    assert presenter(desk).view().dimmed


def test_proof_files_are_told_by_their_paths(server: ScriptedServer) -> None:
    desk, officer = standing_desk(server), ScriptedOfficer()
    shell = presenter(desk, officer)
    shell.show_proof()
    assert officer.told == []
    saved = (Path("/kept/one"), Path("/kept/two"))
    desk.show(replace(desk.facts, alarms=(alarm(saved=saved),)))
    shell.show_proof()
    assert officer.told[0].details == ("/kept/one", "/kept/two")
    assert officer.told[0].found == "41 entries"


def test_check_again_asks_the_server(server: ScriptedServer) -> None:
    desk = standing_desk(server)
    desk.show(with_link(desk.facts, Link.STALE))
    presenter(desk).check_again()
    assert desk.facts.connection.link is Link.LIVE


def test_closed_it_hears_nothing(server: ScriptedServer) -> None:
    desk, told = standing_desk(server), list[int]()
    shell = presenter(desk)
    shell.listeners.add(lambda: told.append(1))
    shell.close()
    desk.show(desk.facts)
    assert told == []


def test_proposals_wait_for_whoever_may_still_decide(server: ScriptedServer) -> None:
    made = server.authority.propose(Kind.POLICY, "p", policy_body())
    server.post(made)
    assert waiting_for_me(standing_desk(server, "ada")) == 0  # her own
    assert waiting_for_me(standing_desk(server, "bela")) == 1
    server.held[made.digest].approvals.append(server.authority.approval(made.digest, "bela"))
    assert waiting_for_me(standing_desk(server, "bela")) == 0
    assert waiting_for_me(standing_desk(server, "chen")) == 1


def test_nothing_is_counted_before_it_is_known(server: ScriptedServer) -> None:
    desk = standing_desk(server)
    desk.show(with_link(Facts(), Link.LIVE))
    assert (waiting_for_me(desk), nodes_in_trouble(desk)) == (0, 0)


def test_nodes_in_trouble_are_counted_while_live(server: ScriptedServer) -> None:
    desk = standing_desk(server)
    desk.show(with_nodes(desk.facts, *NodeState))
    assert nodes_in_trouble(desk) == 5  # an attested one without a grant in the log is unknown
    desk.show(with_link(desk.facts, Link.STALE))
    assert nodes_in_trouble(desk) == 0


def test_a_server_that_is_not_believed_has_nothing_that_waits(server: ScriptedServer) -> None:
    server.post(server.authority.propose(Kind.POLICY, "p", policy_body()))
    desk = standing_desk(server, "bela")
    desk.show(with_link(desk.facts, Link.DISTRUSTED))
    assert waiting_for_me(desk) == 0


def test_another_tls_key_is_a_question_with_both_pins_and_never_taken_unasked(
    server: ScriptedServer,
) -> None:
    desk, officer, pinned = standing_desk(server), ScriptedOfficer(), []
    news = News(desk, MemoryPreferences())
    shell = ShellPresenter(desk, news, officer, "", pinned.append)
    shell.ask_other_key()
    assert officer.asked == []

    found = "cd" * 32
    other = alarm(kind=AlarmKind.OTHER_KEY, found=found, expected=PIN)
    desk.show(replace(with_link(desk.facts, Link.DISTRUSTED), alarms=(other,)))
    banner = shell.view().banner
    assert banner is not None
    assert banner.other_key
    officer.confirms = None  # turned down
    shell.ask_other_key()
    (question,) = officer.asked
    assert isinstance(question, Confirm)
    assert question.details == (f"Pinned: {PIN}", f"Found: {found}")
    assert question.typed == found[:8]
    assert pinned == []

    officer.confirms = Confirmed()
    shell.ask_other_key()
    assert pinned == [found]
