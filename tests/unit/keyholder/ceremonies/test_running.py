"""A ceremony in memory: taken up from its records, and what is void after a record."""

from pathlib import Path

import pytest

from keyturn.base.errors import MalformedError
from keyturn.ceremony.errors import CeremonyRefused
from keyturn.ceremony.script import Part, ShareUse
from keyturn.keyholder.ceremonies.records import CeremonyFiles
from keyturn.keyholder.ceremonies.running import Running, plan_of, resume
from keyturn.keyholder.ceremonies.sharing import Entered
from support.ceremonies import played_genesis
from support.ceremonies_host import InProcess, Table
from support.sharethief import sheets, thief

PLAY = played_genesis()
RECORDS = PLAY.course.records


@pytest.fixture
def files(tmp_path: Path) -> CeremonyFiles:
    return CeremonyFiles(tmp_path / "one")


def test_it_goes_on_from_its_records(files: CeremonyFiles) -> None:
    running = resume(files, RECORDS[:3], PLAY.cast.roster)
    assert running.interrupted
    assert running.course.step is not None
    assert running.course.step.id == "make-token"
    assert running.id == plan_of(RECORDS[0]).ceremony == PLAY.plan.ceremony
    assert not resume(files, RECORDS, PLAY.cast.roster).interrupted


def test_records_that_do_not_follow_are_refused(files: CeremonyFiles) -> None:
    with pytest.raises(CeremonyRefused):
        resume(files, (RECORDS[0], RECORDS[2]), PLAY.cast.roster)
    with pytest.raises(MalformedError):
        resume(files, RECORDS[1:], PLAY.cast.roster)
    with pytest.raises(MalformedError):
        plan_of(PLAY.course.last)


def test_shares_of_the_other_sort_are_not_gone_on_with(files: CeremonyFiles) -> None:
    made_up = thief(sheets(rehearsal=False).sets)
    with pytest.raises(CeremonyRefused, match="a share set of a real token"):
        resume(files, made_up._playing().course.records, made_up.cast.roster)


def test_a_record_voids_what_was_signed_for_the_place_before(table: Table, door: InProcess) -> None:
    running: Running = door.host._hosting.find(table.ceremony)
    table.sign("hana", Part.ADMINISTRATOR)
    shares = Entered(())
    running.shares, running.unlocked[ShareUse.SO] = shares, Entered(())
    assert running.signatures
    running.void()
    assert (running.signatures, running.shares, running.progress) == ([], None, None)
    assert ShareUse.SO in running.unlocked
    running.lock()
    assert not running.unlocked
