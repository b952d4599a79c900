"""What one person's turn asks of them: the pages, in their order, and no share on two of them."""

from dataclasses import replace

from keyturn.ceremony.script import Part, ShareUse
from keyturn.quorum.roster import OfficerId
from keyturn_app.screens.ceremonies.signingview import Page
from keyturn_app.screens.ceremonies.turns import Turn, pages_of
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
    assert turn.uses == (ShareUse.USER, ShareUse.BACKUP)
    pages = pages_of(turn)
    assert [page for page, _about in pages[:2]] == [Page.KEY, Page.ALONE]
    assert pages[2:-1] == tuple((Page.ENTER, use.value) for use in turn.uses)
    assert pages[-1] == (Page.FORM, "")


def test_a_witness_enters_no_share(room: Room) -> None:
    room.begin(until="prove-shares")
    turn = turn_of(room, "osei", Part.WITNESS)
    assert (turn.uses, turn.boxes) == ((), ())


def test_a_locked_host_is_given_what_it_waits_for_and_one_holds(room: Room) -> None:
    room.begin(until="found")
    turn = turn_of(room, KEEPERS[0], Part.CUSTODIAN)

    def uses(officer: str, *unmet: ShareUse, entered: tuple[str, str] = ("", "")) -> object:
        awaiting = replace(turn.awaiting, unmet=unmet, entered=(entered,))
        known = turn.course.roster.officers[OfficerId(officer)]
        asked = replace(turn, awaiting=awaiting, officer=known)
        assert asked.unlocks
        assert asked.fields == ()
        pages = [page for page, _about in pages_of(asked)]
        assert pages.count(Page.ENTER) == len(asked.uses)
        return asked.uses

    assert uses(KEEPERS[0], ShareUse.USER) == (ShareUse.USER,)
    assert uses(KEEPERS[0], ShareUse.BACKUP) == (ShareUse.BACKUP,)
    assert uses(KEEPERS[0], ShareUse.SO) == ()
    assert uses(SO_KEEPERS[0], ShareUse.USER, ShareUse.SO) == (ShareUse.SO,)
    entered = (ShareUse.USER.value, KEEPERS[0])
    assert uses(KEEPERS[0], *ShareUse, entered=entered) == (ShareUse.BACKUP,)
