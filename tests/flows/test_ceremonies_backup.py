"""Backup, drill and custodian change at a running keyholder; each from a copy of one genesis."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.ceremony.course import CourseState
from keyturn.ceremony.records import Event
from keyturn.ceremony.script import Part, ScriptKind, ShareUse
from keyturn.ceremony.transcript import parse_transcript, verify_transcript
from keyturn.hsm.errors import PinRefused
from keyturn.wire.errors import PeerRefused
from support.ceremonies import scheme
from support.ceremonies_host import (
    Killed,
    OpenKeyholder,
    Stage,
    Table,
    keyholder_in,
    user_pin,
)

NEW = {
    ShareUse.USER: scheme((2, "ada bela chen")),
    ShareUse.SO: scheme((2, "farid greta hugo")),
}


@pytest.fixture
def directory(founded_stage: Stage, tmp_path: Path) -> Path:
    return founded_stage.copied_to(tmp_path / "keyholder")


@pytest.fixture
def keyholder(founded_stage: Stage, directory: Path) -> Iterator[OpenKeyholder]:
    with keyholder_in(directory, founded_stage) as opened:
        yield opened


def table_at(keyholder: OpenKeyholder, stage: Stage) -> Table:
    table = stage.table(keyholder.door)
    table.authority = keyholder.authority()
    return table


def test_a_backup_is_written_and_proved(
    keyholder: OpenKeyholder, founded_stage: Stage, directory: Path
) -> None:
    table = table_at(keyholder, founded_stage)
    before = (directory / "kek-backup.json").read_bytes()
    table.open(keyholder.plan(ScriptKind.BACKUP, "backup-1"))
    table.run()
    assert table.state is CourseState.DONE
    assert (directory / "kek-backup.json").read_bytes() != before
    assert table.file("kek-backup.json") == (directory / "kek-backup.json").read_bytes()
    verified = verify_transcript(parse_transcript(table.file("transcript.json")))
    assert verified.looked_at.log is not None
    assert not list(directory.rglob("trial"))


def test_a_drill_finds_out_that_the_backup_is_another_ones(
    keyholder: OpenKeyholder, founded_stage: Stage, directory: Path
) -> None:
    table = table_at(keyholder, founded_stage)
    table.open(keyholder.plan(ScriptKind.RESTORE_DRILL, "drill-1"))
    table.run(until="prove-backup")
    backup = directory / "kek-backup.json"
    whole = backup.read_bytes()
    backup.write_bytes(whole.replace(b'"ciphertext":"', b'"ciphertext":"AAAA'))
    assert table.step().event is Event.FAILED
    backup.write_bytes(whole)
    table.run()  # the shares are gone: custodians enter them again
    assert table.state is CourseState.DONE


def test_a_keyholder_that_was_killed_goes_on_with_a_drill(
    founded_stage: Stage, directory: Path
) -> None:
    with keyholder_in(directory, founded_stage) as keyholder:
        table = table_at(keyholder, founded_stage)
        table.open(keyholder.plan(ScriptKind.RESTORE_DRILL, "drill-1"))
        table.run(until="prove-backup")
    with keyholder_in(directory, founded_stage) as keyholder:
        table.at(keyholder.door)
        table.resume()
        table.run()
        assert table.state is CourseState.DONE


def test_a_host_that_was_killed_names_the_shares_that_it_waits_for(
    founded_stage: Stage, directory: Path
) -> None:
    with keyholder_in(directory, founded_stage) as keyholder:
        table = table_at(keyholder, founded_stage)
        table.open(keyholder.plan(ScriptKind.RESTORE_DRILL, "drill-1"))
        table.run(until="prove-backup")
        assert table.unmet == ()
    with keyholder_in(directory, founded_stage) as keyholder:
        table.at(keyholder.door)
        table.resume()
        assert table.unmet == (ShareUse.BACKUP,)
        assert [each for each in table.cast.people if table.asked(each)] == ["ada", "chen", "greta"]
        assert table.asked("ada") == (ShareUse.BACKUP,)  # and not the user PIN's, which she has too
        with pytest.raises(PeerRefused, match="opened before this step"):
            table.sign("hana", Part.ADMINISTRATOR)
        table.unlock(ShareUse.BACKUP, ["ada"])
        waiting = table.read().waiting
        assert waiting is not None
        assert waiting.entered == (("backup", "ada"),)
        assert (table.asked("ada"), table.asked("greta")) == ((), (ShareUse.BACKUP,))
        table.unlock(ShareUse.BACKUP, ["greta"])
        assert table.unmet == ()
        assert table.step().event is Event.DONE


def test_a_custodian_change_that_was_killed_asks_for_the_old_shares(
    founded_stage: Stage, directory: Path
) -> None:
    with keyholder_in(directory, founded_stage) as keyholder:
        table = table_at(keyholder, founded_stage)
        change(keyholder, table)
        table.run(until="prove-shares")
        table.collect_all()
    with keyholder_in(directory, founded_stage) as keyholder:
        table.at(keyholder.door)
        table.resume()
        assert table.unmet == (ShareUse.USER, ShareUse.SO)
        assert table.asked("emil") == (ShareUse.USER,)  # who holds none of the new ones
        assert table.sheet("ada", ShareUse.USER) == table.old_words["ada", ShareUse.USER]
        with pytest.raises(PeerRefused, match="another set"):
            table.unlock(ShareUse.USER, ["ada"], table.words)
        table.run()
        assert table.state is CourseState.DONE


def change(keyholder: OpenKeyholder, table: Table) -> None:
    table.open(
        keyholder.plan(ScriptKind.CUSTODIAN_CHANGE, "change-1", shares=NEW, concerns=("emil",))
    )


def test_after_a_custodian_change_old_shares_open_nothing(
    founded_stage: Stage, directory: Path
) -> None:
    with keyholder_in(directory, founded_stage) as keyholder:
        table = table_at(keyholder, founded_stage)
        change(keyholder, table)
        table.run()
        assert table.state is CourseState.DONE
        new = user_pin(table.words, table.read().share_sets)
    with pytest.raises(PinRefused), keyholder_in(directory, founded_stage):
        pass
    with keyholder_in(directory, founded_stage, new) as keyholder:
        again = table_at(keyholder, founded_stage)
        again.open(
            keyholder.plan(ScriptKind.CUSTODIAN_CHANGE, "change-2", shares=NEW, concerns=("emil",))
        )
        again.words = dict(table.words)
        again.run(until="new-pins")  # the new custodians are those who unlock now


def test_an_aborted_custodian_change_leaves_the_old_shares(
    founded_stage: Stage, directory: Path
) -> None:
    with keyholder_in(directory, founded_stage) as keyholder:
        table = table_at(keyholder, founded_stage)
        change(keyholder, table)
        table.run(until="prove-shares")
        table.abort()
    with keyholder_in(directory, founded_stage):
        pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_killed_between_the_two_pins_a_custodian_change_goes_on(
    founded_stage: Stage, directory: Path
) -> None:
    with keyholder_in(directory, founded_stage) as keyholder:
        table = table_at(keyholder, founded_stage)
        change(keyholder, table)
        table.run(until="prove-shares")

        def at(where: str) -> None:
            if where == "user pin set":
                raise Killed

        keyholder.opened.ceremonies._hosting.at = at
        sets = table.read().share_sets
        for officer, part in table.signers():
            table.sign(officer, part)
    new = user_pin(table.words, sets)
    with keyholder_in(directory, founded_stage, new) as keyholder:
        table.at(keyholder.door)
        table.resume()
        table.run()
        assert table.state is CourseState.DONE
