"""One look at the log: a view of its leaves that stays as it is, and the authority beside it."""

from dataclasses import replace

import pytest

from keyturn.client.errors import NotAtHand
from keyturn.client.seen import (
    Leaves,
    at_hand,
    first_at_hand,
    leaf_at_hand,
    nodes_of,
    whole_at_hand,
)
from keyturn.quorum.kinds import Kind
from support.authority import Clock
from support.windowed import windowed
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


# ---- of a log that is not all here ----

ENTRIES = [b"%d" % place for place in range(3 * 256 + 5)]


def test_a_window_gives_what_is_at_hand_and_names_what_is_not() -> None:
    leaves = windowed(ENTRIES, 2, (0, 300))
    assert (len(leaves), first_at_hand(leaves)) == (773, 512)
    assert [leaves[each] for each in (512, 772, -1, 0, 300)] == [
        ENTRIES[each] for each in (512, 772, 772, 0, 300)
    ]
    assert leaves[600:770] == tuple(ENTRIES[600:770])
    assert leaves[770:600:-9] == tuple(ENTRIES[770:600:-9])
    assert [index for index, _ in at_hand(leaves)] == [0, 300, *range(512, 773)]
    assert [index for index, _ in at_hand(leaves, 301)] == list(range(512, 773))
    assert [index for index, _ in at_hand(leaves, 770)] == [770, 771, 772]
    for read in (lambda: leaves[511], lambda: leaves[511:513], lambda: list(leaves)):
        with pytest.raises(NotAtHand):
            read()
    with pytest.raises(IndexError):
        leaves[773]
    found = [leaf_at_hand(leaves, each) for each in (-1, 511, 512, 773)]
    assert found == [None, None, ENTRIES[512], None]
    assert [whole_at_hand(leaves, each) for each in (0, 511, 512, 772)] == [
        False,
        False,
        True,
        True,
    ]


def test_a_list_is_all_at_hand() -> None:
    assert first_at_hand(ENTRIES) == 0
    assert [index for index, _ in at_hand(ENTRIES, 770)] == [770, 771, 772]
    assert whole_at_hand(ENTRIES, 0)


def test_nodes_are_those_of_the_whole_tree_where_leaves_allow() -> None:
    window, whole = nodes_of(windowed(ENTRIES, 2)), nodes_of(ENTRIES)
    for level, index in ((8, 0), (9, 0), (8, 2), (0, 772), (2, 192), (4, 40)):
        assert window(level, index) == whole(level, index)
    with pytest.raises(NotAtHand):
        window(3, 0)
