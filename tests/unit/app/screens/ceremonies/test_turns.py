"""What one person's turn asks of them: the pages, in their order, and no share on two of them."""

from keyturn.ceremony.script import Part, ShareUse
from keyturn_app.screens.ceremonies.signingview import Page
from keyturn_app.screens.ceremonies.turns import Turn, held_uses, pages_of
from support.paperhost import KEEPERS, SO_KEEPERS
from unit.app.screens.ceremonies.conftest import Room


def turn_of(room: Room, officer: str, part: Part) -> Turn:
    turn = room.wizard._turn(officer, part)
    assert turn is not None
    return turn


def test_without_shares_a_turn_is_the_key_and_what_is_signed(room: Room) -> None:
    room.begin(until="preflight")
    turn = turn_of(room, "novak", Part.ADMINISTRATOR)
    assert [page for page, _about in pages_of(turn)] == [Page.KEY, Page.FORM]


def test_each_share_has_its_own_page_behind_the_question_whether_one_is_alone(room: Room) -> None:
    room.begin(until="prove-shares")
    turn = turn_of(room, KEEPERS[0], Part.CUSTODIAN)
    assert turn.uses == held_uses(turn.course, KEEPERS[0])
    pages = pages_of(turn)
    assert [page for page, _about in pages[:2]] == [Page.KEY, Page.ALONE]
    assert pages[2:-1] == tuple((Page.ENTER, use.value) for use in turn.uses)
    assert pages[-1] == (Page.FORM, "")


def test_a_witness_enters_no_share(room: Room) -> None:
    room.begin(until="prove-shares")
    turn = turn_of(room, "osei", Part.WITNESS)
    assert (turn.uses, turn.boxes) == ((), ())
    assert held_uses(turn.course, SO_KEEPERS[0]) == (ShareUse.SO,)
