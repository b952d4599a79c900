"""Why an officer cannot do something now: the lock, the server, the connection, the roster."""

from dataclasses import replace

import pytest

from keyturn.quorum.kinds import Role
from keyturn_app.entitled import not_allowed, not_asking
from keyturn_app.facts import Link
from support.authority import Clock
from support.desks import InlineDesk
from support.facts import standing_desk, with_link
from unit.client.scripted_server import ScriptedServer


@pytest.fixture
def desk() -> InlineDesk:
    return standing_desk(ScriptedServer(Clock()))


def test_nothing_stands_in_the_way(desk: InlineDesk) -> None:
    assert (not_asking(desk), not_allowed(desk, Role.PROPOSER)) == ("", "")


def test_the_first_reason_is_told(desk: InlineDesk) -> None:
    connected = desk.facts
    desk.facts = replace(connected, seen=None)
    assert not_asking(desk) == "Not connected to the server."
    desk.facts = with_link(connected, Link.RECONNECTING)
    assert not_allowed(desk, Role.PROPOSER) == "Not connected to the server."
    desk.facts = with_link(connected, Link.DISTRUSTED)
    assert not_asking(desk) == "The server is not believed."
    desk.identity = replace(desk.identity, locked=True)
    assert not_asking(desk) == "Locked: unlock your key first."


def test_one_of_the_roles_is_enough_and_none_is_not(desk: InlineDesk) -> None:
    seen = desk.facts.seen
    assert seen is not None
    mine = seen.roster.officers[desk.identity.officer].roles  # type: ignore[index]
    lacking = tuple(sorted(set(Role) - mine, key=lambda each: each.value))
    assert lacking
    names = " or ".join(each.value for each in lacking)
    assert not_allowed(desk, *lacking) == f"It needs the role {names}."
    assert not_allowed(desk, *lacking, *mine) == ""


def test_who_is_in_no_roster_may_nothing(desk: InlineDesk) -> None:
    desk.identity = replace(desk.identity, officer="nobody")
    assert not_asking(desk) == ""
    assert not_allowed(desk, Role.PROPOSER) == "You are not in the roster in force."
