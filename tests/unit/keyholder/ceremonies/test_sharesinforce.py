"""Share sets take effect when every share was proved, and not when they are dealt."""

from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.ceremony.course import Course
from keyturn.ceremony.records import Event, make_record
from keyturn.ceremony.script import ScriptKind, ShareUse
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
    abort(aborted)
    assert sets_in_force([aborted]) == ()


@pytest.mark.parametrize("kind", [ScriptKind.RESTORE, ScriptKind.HSM_REPLACEMENT])
def test_a_new_tokens_shares_count_once_the_log_goes_on_under_it(kind: ScriptKind) -> None:
    """Before, the token in use is another; from then on it is this one, also after an abort."""
    stands = [each.id for each in PLAY.course.script.steps].index("found") + 2
    before, after = running(stands - 1), running(stands)
    for each in (before, after):
        plan = replace(each.course.plan, kind=kind)
        each.course = replace(each.course, signed_plan=replace(each.course.signed_plan, plan=plan))
    assert sets_in_force([before]) == ()
    assert sets_in_force([after]) == sets_proved(after.course)
    abort(after)
    assert sets_in_force([after])


def abort(running: Running) -> None:
    last = running.course.last
    running.follow(
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
