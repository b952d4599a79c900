"""Whole files, for one process at a time."""

from pathlib import Path

import pytest

from keyturn.witness.disk import Files
from keyturn.witness.errors import WitnessUnwritable


def test_one_process_at_a_time(tmp_path: Path) -> None:
    first, second = Files(tmp_path / "data"), Files(tmp_path / "data")
    first.lock()
    with pytest.raises(WitnessUnwritable, match="another process"):
        second.lock()
    first.unlock()
    second.lock()
    second.unlock()


def test_what_was_written_is_read_and_the_rest_is_nothing(tmp_path: Path) -> None:
    files = Files(tmp_path)
    assert files.read("a") is None
    files.write("a", b"1")
    files.write("a", b"2")
    assert files.read("a") == b"2"
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_a_disk_that_says_no(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(WitnessUnwritable):
        Files(tmp_path).write("a", b"1")
    with pytest.raises(WitnessUnwritable):
        Files(tmp_path).read("a")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WitnessUnwritable):
        Files(tmp_path / "file").lock()
