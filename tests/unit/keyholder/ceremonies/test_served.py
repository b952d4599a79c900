"""The files that a host serves: of what is there, and of nothing else."""

from keyturn.ceremony.script import ScriptKind
from keyturn.ceremony.transcript import parse_transcript, verify_transcript
from keyturn.keyholder.ceremonies.served import BUNDLE, FILES, PREFLIGHT, PUTS
from keyturn.keyholder.ceremonies.site import BACKUP
from support.ceremonies_host import InProcess, Table


def test_a_transcript_of_what_has_been_recorded(table: Table) -> None:
    table.step()
    verified = verify_transcript(parse_transcript(table.file("transcript.json")))
    assert len(verified.course.records) == 2
    assert not verified.looked_at.bundle
    assert verified.looked_at.log is None


def test_what_is_not_there_is_not_served(table: Table, door: InProcess) -> None:
    hosting = door.host._hosting
    running = hosting.find(table.ceremony)
    for name in (BUNDLE, PREFLIGHT, BACKUP):
        assert FILES[name](hosting.site, running) is None
    running.files.keep(PREFLIGHT, b"report")
    assert FILES[PREFLIGHT](hosting.site, running) == b"report"


def test_a_backup_that_was_handed_in_comes_before_the_one_that_lies_there(
    table: Table, door: InProcess
) -> None:
    hosting = door.host._hosting
    running = hosting.find(table.ceremony)
    (hosting.site.directory / BACKUP).write_bytes(b"lies there")
    assert FILES[BACKUP](hosting.site, running) == b"lies there"
    assert ScriptKind.RESTORE in PUTS[BACKUP]
    assert ScriptKind.BACKUP not in PUTS[BACKUP]
    running.files.keep(BACKUP, b"handed in")
    assert FILES[BACKUP](hosting.site, running) == b"handed in"
