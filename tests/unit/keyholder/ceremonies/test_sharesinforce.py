"""Share sets take effect when every share was proved, and not when they are dealt."""

from pathlib import Path

from keyturn.ceremony.course import Course
from keyturn.ceremony.records import Event, make_record
from keyturn.ceremony.script import ShareUse
from keyturn.keyholder.ceremonies.records import CeremonyFiles
from keyturn.keyholder.ceremonies.running import Running, resume
from keyturn.keyholder.ceremonies.sharesinforce import sets_in_force, sets_proved
from support.ceremonies import played_genesis

PLAY = played_genesis(rehearsal=False)


def running(records: int) -> Running:
    return resume(CeremonyFiles(Path("none")), PLAY.course.records[:records], PLAY.cast.roster)


def course(records: int) -> Course:
    return running(records).course


def test_dealt_is_not_proved() -> None:
    steps = [each.id for each in PLAY.course.script.steps]
    proved = steps.index("prove-shares") + 2  # with the opening
    assert sets_proved(course(proved - 1)) == ()
    assert {each.use for each in sets_proved(course(proved))} == set(ShareUse)
    assert sets_in_force([running(proved)]) == sets_proved(course(proved))
    assert sets_in_force([]) == ()


def test_an_aborted_genesis_left_no_shares() -> None:
    play = played_genesis(rehearsal=False)
    aborted = running(len(play.course.records) - 1)
    assert sets_in_force([aborted])
    last = aborted.course.last
    aborted.follow(
        make_record(
            last.ceremony,
            rehearsal=False,
            seq=last.seq + 1,
            previous=last.digest,
            event=Event.ABORTED,
            step=None,
            time=last.time,
            signed=(),
            facts={},
        )
    )
    assert sets_in_force([aborted]) == ()
