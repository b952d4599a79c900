"""Records on the disk: durable, in order, and what is kept beside them."""

import errno
from contextlib import suppress
from pathlib import Path

import pytest

from keyturn.base.errors import MalformedError
from keyturn.ceremony.errors import CeremonyRefused
from keyturn.keyholder.ceremonies.records import CeremonyFiles, ceremonies_in
from keyturn.keyholder.logdisk_errors import LogFull, LogUnwritable
from support.ceremonies import played_genesis
from unit.keyholder.failing_disk import FailingDisk

RECORDS = played_genesis().course.records[:4]


@pytest.fixture
def files(tmp_path: Path) -> CeremonyFiles:
    made = CeremonyFiles(tmp_path / "ceremonies" / "one")
    made.clean()
    return made


def test_records_come_back_as_they_were(files: CeremonyFiles, tmp_path: Path) -> None:
    assert files.records() == ()
    for each in RECORDS:
        files.append(each)
    assert [each.raw for each in files.records()] == [each.raw for each in RECORDS]
    assert [each.name for each in ceremonies_in(tmp_path)] == ["one"]


def test_a_missing_record_is_told(files: CeremonyFiles, tmp_path: Path) -> None:
    for each in RECORDS:
        files.append(each)
    (tmp_path / "ceremonies" / "one" / "000001.json").unlink()
    with pytest.raises(CeremonyRefused, match="missing"):
        files.records()


def test_what_is_no_record_is_told(files: CeremonyFiles, tmp_path: Path) -> None:
    (tmp_path / "ceremonies" / "one" / "000000.json").write_text("{}")
    with pytest.raises(MalformedError):
        files.records()


def test_files_are_kept_replaced_and_forgotten(files: CeremonyFiles) -> None:
    assert files.kept("boxes.json") is None
    files.keep("boxes.json", b"one")
    files.keep("boxes.json", b"two")
    assert (files.kept("boxes.json"), files.names()) == (b"two", ("boxes.json",))
    files.forget("boxes.json", "never-there")
    assert files.names() == ()


@pytest.mark.parametrize("name", ["", "../up", ".hidden", "a/b", "UPPER", "x" * 65])
def test_a_name_is_of_its_own_directory(files: CeremonyFiles, name: str) -> None:
    with pytest.raises(MalformedError):
        files.keep(name, b"")


@pytest.mark.parametrize(("code", "error"), [(errno.ENOSPC, LogFull), (errno.EIO, LogUnwritable)])
@pytest.mark.parametrize("at", range(7))
def test_a_disk_that_fails_leaves_the_records_of_before(
    tmp_path: Path, at: int, code: int, error: type[Exception]
) -> None:
    directory = tmp_path / "ceremonies" / "one"
    whole = CeremonyFiles(directory)
    whole.clean()
    whole.append(RECORDS[0])
    failing = CeremonyFiles(directory, FailingDisk(at, code))
    with suppress(error):
        failing.append(RECORDS[1])
    whole.clean()
    assert [each.seq for each in whole.records()] in ([0], [0, 1])


def test_what_was_left_unfinished_is_removed(tmp_path: Path) -> None:
    directory = tmp_path / "ceremonies" / "one"
    (directory / "tmp").mkdir(parents=True)
    (directory / "tmp" / "0").write_bytes(b"half")
    CeremonyFiles(directory).clean()
    assert list((directory / "tmp").iterdir()) == []


def test_nothing_is_there_before_the_first_record(tmp_path: Path) -> None:
    files = CeremonyFiles(tmp_path / "none")
    assert (files.records(), files.names(), list(ceremonies_in(tmp_path))) == ((), (), [])
    files.clean()
    files.remove()
    assert not (tmp_path / "none").exists()
