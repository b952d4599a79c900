"""Who must sign: one signature for every line of a part, and no quorum without its proposer."""

from dataclasses import replace

from keyturn.ceremony.script import Part, ShareUse
from keyturn.quorum.roster import OfficerId
from keyturn_app.screens.ceremonies import leading
from keyturn_app.screens.ceremonies.casting import (
    Needed,
    missing,
    needed,
    opened,
    total,
    unlocking,
)
from support.ceremonies import scheme
from support.paperhost import KEEPERS, SO_KEEPERS
from unit.app.screens.ceremonies.conftest import Room

CUSTODIAN, OFFICER = Part.CUSTODIAN.value, Part.OFFICER.value
ABC = (OfficerId("ada"), OfficerId("bela"), OfficerId("chen"))
EACH = Needed(Part.CUSTODIAN, ABC, 3)


def test_a_quorum_of_those_who_sign_anyway_takes_no_more() -> None:
    backup = ((ShareUse.BACKUP, scheme((2, "ada bela dora"))),)
    quorum = Needed(Part.CUSTODIAN, (*ABC[:2], OfficerId("dora")), 0, backup, by_quorum=True)
    assert total((EACH, quorum)) == 3
    assert missing((EACH, quorum), (("ada", CUSTODIAN),)) == 2
    assert missing((EACH, quorum), (("dora", CUSTODIAN),)) == 3


def test_a_quorum_of_others_is_counted() -> None:
    backup = ((ShareUse.BACKUP, scheme((2, "ada dora emil"))),)
    who = (OfficerId("ada"), OfficerId("dora"), OfficerId("emil"))
    quorum = Needed(Part.CUSTODIAN, who, 0, backup, by_quorum=True)
    assert total((EACH, quorum)) == 4


def test_who_opens_what_a_host_forgot_holds_a_share_of_it(room: Room) -> None:
    """Each use has a line; who holds two has signed when both are there."""
    room.begin(until="found")
    course = room.host.courses[room.ceremony]
    assert unlocking(course, ()) == ()
    (so,) = unlocking(course, (ShareUse.SO,))
    assert (so.part, so.who, so.missing(())) == (Part.CUSTODIAN, SO_KEEPERS, 2)
    lines = unlocking(course, (ShareUse.USER, ShareUse.BACKUP))
    assert [each.who for each in lines] == [KEEPERS, ("mara", "jun", "sofia")]
    entered = (("user", "mara"), ("user", "jun"), ("backup", "jun"), ("user", "aiko"))
    assert opened(lines, entered) == (("jun", CUSTODIAN), ("aiko", CUSTODIAN))
    assert [each.missing(opened(lines, entered)) for each in lines] == [1, 1]


def test_who_proposes_is_not_stood_in_for(room: Room) -> None:
    """Approvals without a statement are no quorum: the proposer stays asked for."""
    room.begin(until="sign-founding")
    course = room.host.courses[room.ceremony]
    step = course.step
    assert step is not None
    approved = [(each, OFFICER) for each in ("mara", "jun", "sofia", "tomas")]
    assert missing(needed(course, step), approved) == 0
    lines = needed(course, step, {"novak"})
    assert total(lines) == total(needed(course, step))
    assert missing(lines, approved) == 1
    assert lines[0].who == ("novak",)


def test_who_stands_in_two_lines_has_one_row(room: Room) -> None:
    rows = room.begin().view().people
    mara = next(each for each in rows if each.officer == "mara")
    again = replace(mara, share="backup 1 of 2", action="")
    once = leading._once((*rows, again))
    assert [each.officer for each in once] == [each.officer for each in rows]
    assert next(each for each in once if each.officer == "mara").share.endswith("backup 1 of 2")
    assert next(each for each in once if each.officer == "mara").action == mara.action
