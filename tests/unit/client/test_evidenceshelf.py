"""A cache of requests that believes no file, and never grows beyond its bound."""

from pathlib import Path

import pytest

from keyturn.base.encoding import Digest, digest_of
from keyturn.client.evidenceshelf import EvidenceShelf
from keyturn.keyrelease.request import MAX_REQUEST

A, B, C = b"a" * 10, b"b" * 10, b"c" * 10


@pytest.fixture(params=["disk", "memory"])
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "evidence" if request.param == "disk" else None


def path(directory: Path, raw: bytes) -> Path:
    return directory / digest_of(raw).removeprefix("sha256:")


def test_what_was_put_is_there_by_its_digest(directory: Path | None) -> None:
    shelf = EvidenceShelf(directory)
    for each in (A, B, A):
        shelf.put(each)
    assert (len(shelf), shelf.size) == (2, 20)
    assert shelf.get(digest_of(A)) == A
    assert shelf.get(digest_of(C)) is None


def test_the_oldest_goes_when_there_is_too_much(directory: Path | None) -> None:
    shelf = EvidenceShelf(directory, most=25)
    for each in (A, B, C):
        shelf.put(each)
    assert [shelf.get(digest_of(each)) for each in (A, B, C)] == [None, B, C]
    assert shelf.size == 20


def test_what_is_not_wanted_goes(directory: Path | None) -> None:
    shelf = EvidenceShelf(directory)
    shelf.put(A)
    shelf.put(B)
    shelf.keep_only({digest_of(B)})
    assert (shelf.get(digest_of(A)), shelf.get(digest_of(B))) == (None, B)
    assert shelf.size == 10


def test_what_no_request_can_be_is_not_kept(directory: Path | None) -> None:
    shelf = EvidenceShelf(directory)
    shelf.put(bytes(MAX_REQUEST + 1))
    assert len(shelf) == 0


def test_another_run_finds_it_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    EvidenceShelf(tmp_path / "e").put(A)
    (tmp_path / "e" / "notes.txt").write_bytes(b"not ours")
    again = EvidenceShelf(tmp_path / "e")
    assert again.get(digest_of(A)) == A
    assert (len(again), again.size) == (1, 10)
    assert path(tmp_path / "e", A).stat().st_mode & 0o77 == 0


@pytest.mark.parametrize("changed", [b"", b"x" * 10, A + b"!", bytes(MAX_REQUEST + 2)])
def test_a_changed_file_is_given_up(tmp_path: Path, changed: bytes) -> None:
    EvidenceShelf(tmp_path).put(A)
    path(tmp_path, A).write_bytes(changed)
    shelf = EvidenceShelf(tmp_path)
    assert shelf.get(digest_of(A)) is None
    assert len(shelf) == 0
    assert not path(tmp_path, A).exists()


def test_a_link_is_not_followed_and_a_disk_that_says_no_costs_nothing(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(A)
    (tmp_path / "e").mkdir()
    path(tmp_path / "e", A).symlink_to(elsewhere)
    assert EvidenceShelf(tmp_path / "e").get(digest_of(A)) is None

    shelf = EvidenceShelf(elsewhere)  # a file where a directory should be
    shelf.put(B)
    assert shelf.get(Digest(digest_of(B))) is None
