import os
import socket

import pytest

from keyturn.base.errors import MalformedError
from keyturn.vault import source as module
from keyturn.vault.errors import SealCancelled, SourceChanged, SourceRefused, StorageFailed
from keyturn.vault.source import check_same_listing, list_source, open_source, survey_source


@pytest.fixture
def root(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x").write_bytes(b"123")
    (tmp_path / "a.bin").write_bytes(b"1")
    (tmp_path / "empty-directory").mkdir()
    return tmp_path


def test_files_are_listed_by_the_order_of_their_paths(root):
    assert [(each.path, each.size) for each in list_source(root)] == [("a.bin", 1), ("b/x", 3)]


def link_to_file(root):
    (root / "l").symlink_to(root / "a.bin")


def link_to_directory(root):
    (root / "l").symlink_to(root / "b")


def dangling_link(root):
    (root / "l").symlink_to("nowhere")


def pipe(root):
    os.mkfifo(root / "l")


def unix_socket(root):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "l"))


@pytest.mark.parametrize(
    "make", [link_to_file, link_to_directory, dangling_link, pipe, unix_socket]
)
def test_special_files_are_refused(root, make):
    make(root)
    with pytest.raises(SourceRefused, match="cannot seal 'l'; found a"):
        list_source(root)


@pytest.mark.parametrize(
    "name",
    ["keyturn.json", "keyturn.key", "keyturn.contents.json", "a\\b", "a\nb", b"\xff", "u\u0308"],
)
def test_names_that_the_format_refuses(root, name):
    os.close(os.open(os.fsencode(root) + b"/" + os.fsencode(name), os.O_CREAT))
    with pytest.raises(MalformedError):
        list_source(root)


def test_a_root_that_is_a_link_is_followed(root, tmp_path_factory):
    link = tmp_path_factory.mktemp("links") / "model"
    link.symlink_to(root)
    assert len(list_source(link)) == 2


def test_nothing_to_seal_is_refused(tmp_path):
    with pytest.raises(SourceRefused, match="no file"):
        list_source(tmp_path)


def test_a_file_is_no_directory(root):
    with pytest.raises(SourceRefused, match="not a directory"):
        list_source(root / "a.bin")


def test_a_missing_directory_is_a_clear_error(tmp_path):
    with pytest.raises(StorageFailed, match="No such file"):
        list_source(tmp_path / "gone")


def test_too_many_files_are_refused(root, monkeypatch):
    monkeypatch.setattr(module, "MAX_FILES", 2)
    with pytest.raises(SourceRefused, match="found 2; expected under 2"):
        list_source(root)


def test_a_file_replaced_after_the_listing_is_noticed(root):
    file = list_source(root)[0]
    (root / "new").write_bytes(b"1")
    (root / "new").replace(root / "a.bin")
    with pytest.raises(SourceChanged):
        open_source(root, file)


def test_a_file_replaced_by_a_link_is_not_followed(root):
    file = list_source(root)[0]
    (root / "a.bin").unlink()
    (root / "a.bin").symlink_to("b/x")
    with pytest.raises(StorageFailed, match="symbolic links"):
        open_source(root, file)


def test_an_unchanged_listing_passes(root):
    files = list_source(root)
    check_same_listing(root, files)
    (root / "c").write_bytes(b"")
    with pytest.raises(SourceChanged, match="'c' changed"):
        check_same_listing(root, files)


def test_a_survey_lists_what_can_be_sealed_as_sealing_does(tmp_path):
    (tmp_path / "b").mkdir()
    for name in ("z", "a", "b/c"):
        (tmp_path / name).write_bytes(b"12")
    found = survey_source(tmp_path)
    assert (found.files, found.refused, found.size) == (list_source(tmp_path), (), 6)


def test_a_survey_names_everything_that_cannot_be_sealed(tmp_path):
    (tmp_path / "good").write_bytes(b"x")
    (tmp_path / "link").symlink_to("good")
    (tmp_path / "keyturn.json").write_bytes(b"{}")
    os.mkfifo(tmp_path / "pipe")
    found = survey_source(tmp_path)
    assert [each.path for each in found.files] == ["good"]
    texts = " ".join(map(str, found.refused))
    assert len(found.refused) == 3
    for word in ("symbolic link", "named pipe", "reserved"):
        assert word in texts


def test_a_survey_of_nothing_or_of_no_directory_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_bytes(b"")
    assert "no file" in str(survey_source(tmp_path / "empty").refused[0])
    assert "not a directory" in str(survey_source(tmp_path / "file").refused[0])


def test_a_survey_can_be_stopped(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(SealCancelled):
        survey_source(tmp_path, lambda: True)
