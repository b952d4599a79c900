"""What custodians have seen, held against this host's log. (A real one: tests/flows.)"""

from dataclasses import replace

import pytest

from keyturn.ceremony.course import Course
from keyturn.ceremony.errors import CeremonyRefused
from keyturn.ceremony.records import Event, make_record
from keyturn.ceremony.script import ScriptKind
from keyturn.keyholder.ceremonies.seenlogs import check_all_seen, check_seen
from support.ceremonies_host import InProcess, Table
from unit.ceremony.test_hostphrase import signature

ENTERED = {"size": "7", "root": "01" * 32}


@pytest.fixture
def restoring(table: Table) -> Course:
    course = table.read().course
    plan = replace(course.plan, kind=ScriptKind.RESTORE)
    return replace(course, signed_plan=replace(course.signed_plan, plan=plan))


def test_nothing_was_said(table: Table, door: InProcess) -> None:
    check_seen(table.read().course, signature(), door.host.site)


def test_elsewhere_it_is_for_the_scripts_fields_to_say(table: Table, door: InProcess) -> None:
    """The script of a rehearsed unsealing has fields of these names."""
    check_seen(table.read().course, signature(**ENTERED), door.host.site)


def test_a_host_without_a_log_is_not_the_one(restoring: Course, door: InProcess) -> None:
    with pytest.raises(CeremonyRefused, match="has no log"):
        check_seen(restoring, signature(**ENTERED), door.host.site)
    check_all_seen(restoring, door.host.site)


@pytest.mark.parametrize("event", [Event.DONE, Event.FAILED])
def test_what_stands_in_a_step_that_failed_counts_too(
    restoring: Course, door: InProcess, event: Event
) -> None:
    """Else the log is put back between that step and its next try by others who saw less."""
    signed, last = signature(**ENTERED), restoring.last
    record = make_record(
        restoring.plan.ceremony,
        rehearsal=restoring.plan.rehearsal,
        seq=last.seq + 1,
        previous=last.digest,
        event=event,
        step="unlock",
        time=last.time,
        signed=(signed.raw,),
        facts={},
    )
    course = replace(restoring, records=(*restoring.records, record))
    with pytest.raises(CeremonyRefused, match="has no log"):
        check_all_seen(course, door.host.site)
