"""One look at the log: a view of its leaves that stays as it is, and the authority beside it."""

from dataclasses import replace

import pytest

from keyturn.client.seen import Leaves
from keyturn.quorum.kinds import Kind
from support.authority import Clock
from unit.client.scripted_server import ScriptedServer


def test_a_view_is_a_prefix_without_a_copy() -> None:
    grown = [b"a", b"b", b"c"]
    view = Leaves(grown, 2)
    grown.append(b"d")
    assert (len(view), list(view), view[0], view[-1]) == (2, [b"a", b"b"], b"a", b"b")
    assert (view[1:], view[:9], view[::-1]) == ((b"b",), (b"a", b"b"), (b"b", b"a"))
    assert b"b" in view
    assert b"c" not in view


@pytest.mark.parametrize("place", [2, -3])
def test_what_is_beyond_the_view_is_not_there(place: int) -> None:
    with pytest.raises(IndexError):
        Leaves([b"a", b"b", b"c"], 2)[place]


def test_a_view_of_more_than_there_is_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="more leaves"):
        Leaves([b"a"], 2)


def test_a_newer_roster_in_the_log_overtakes_the_authority() -> None:
    server = ScriptedServer(Clock())
    before = server.client().seen()
    assert not before.overtaken
    server.enact(Kind.ROSTER, "roster", server.authority.roster_body())
    after = server.client().seen()
    assert not after.overtaken
    assert replace(after, authority=before.authority).overtaken
