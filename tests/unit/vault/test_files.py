import os

import pytest

from keyturn.vault import files
from keyturn.vault.errors import StorageFailed
from keyturn.vault.files import open_regular, read_into, read_small, sync_directory, write_new


def test_small_files_are_read_whole_and_bounded(tmp_path):
    place = tmp_path / "a"
    place.write_bytes(b"0123456789")
    assert read_small(place, 10) == b"0123456789"
    assert read_small(place, 4) == b"01234"  # one more than allowed: the parser refuses it


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_regular_file_is_refused(tmp_path, make):
    make(tmp_path / "a")
    with pytest.raises(StorageFailed, match="not a regular file"):
        open_regular(tmp_path / "a")


def test_a_device_is_refused():
    with pytest.raises(StorageFailed, match="not a regular file"):
        read_small(files.Path("/dev/zero"), 10)


def test_short_reads_are_continued(tmp_path, monkeypatch):
    place = tmp_path / "a"
    place.write_bytes(b"0123456789")
    real = os.preadv
    monkeypatch.setattr(files.os, "preadv", lambda fd, views, at: real(fd, [views[0][:3]], at))
    descriptor = open_regular(place)
    buffer = bytearray(20)
    try:
        assert read_into(descriptor, memoryview(buffer), 1, 20) == 9
    finally:
        os.close(descriptor)
    assert buffer[:9] == b"123456789"


def test_short_writes_are_continued(tmp_path, monkeypatch):
    real = os.pwrite
    monkeypatch.setattr(files.os, "pwrite", lambda fd, view, at: real(fd, view[:3], at))
    write_new(tmp_path / "a", b"0123456789")
    assert (tmp_path / "a").read_bytes() == b"0123456789"


def test_new_files_never_replace(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(StorageFailed, match="File exists"):
        write_new(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_directory_that_is_gone_cannot_be_synced(tmp_path):
    sync_directory(tmp_path)
    with pytest.raises(StorageFailed, match="No such file"):
        sync_directory(tmp_path / "gone")
