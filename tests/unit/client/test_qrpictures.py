"""Files through PNG pictures and back, with what else may lie in a directory."""

import os
import sys
from pathlib import Path

import pytest

from keyturn.client import qrpictures
from keyturn.client.errors import FileUnusable, ForeignPart, MalformedPart, PartsMissing
from keyturn.client.qrparts import split

WHOLE = os.urandom(1500)


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Path, ...]:
    return qrpictures.write_pictures(WHOLE, tmp_path / "out")


def test_written_and_read_in_any_order(pictures: tuple[Path, ...], tmp_path: Path) -> None:
    assert [each.name for each in pictures] == ["part-001-of-002.png", "part-002-of-002.png"]
    assert qrpictures.read_pictures([*reversed(pictures), pictures[0]]) == WHOLE
    assert qrpictures.read_pictures([tmp_path / "out"]) == WHOLE


def test_one_picture_brings_the_others_of_its_transfer(
    pictures: tuple[Path, ...], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    qrpictures.write_pictures(os.urandom(900), out, "another")
    (out / "broken.png").write_bytes(b"no picture")
    assert qrpictures.read_with_others(pictures[1]) == WHOLE
    pictures[0].unlink()
    with pytest.raises(PartsMissing) as caught:
        qrpictures.read_with_others(pictures[1])
    assert caught.value.missing == (1,)


def test_a_foreign_picture_is_named(pictures: tuple[Path, ...], tmp_path: Path) -> None:
    other = qrpictures.write_pictures(b"other", tmp_path / "other")
    with pytest.raises(ForeignPart):
        qrpictures.read_pictures([*pictures, *other])


def test_what_is_there_is_not_overwritten(pictures: tuple[Path, ...]) -> None:
    with pytest.raises(FileUnusable, match="cannot write"):
        qrpictures.write_pictures(WHOLE, pictures[0].parent)
    with pytest.raises(FileUnusable, match="cannot make"):
        qrpictures.write_pictures(WHOLE, pictures[0])


def test_a_picture_without_a_code_and_one_that_is_damaged(
    pictures: tuple[Path, ...], tmp_path: Path
) -> None:
    blank = tmp_path / "blank.png"
    blank.write_bytes(qrpictures.picture("NOT OURS"))
    with pytest.raises(MalformedPart, match=r"blank\.png shows no part"):
        qrpictures.read_pictures([blank])
    raw = pictures[0].read_bytes()
    pictures[0].write_bytes(raw[: len(raw) // 2])
    with pytest.raises(MalformedPart, match="not a whole PNG"):
        qrpictures.read_pictures(pictures)


def test_too_many_and_unreadable(tmp_path: Path) -> None:
    with pytest.raises(FileUnusable, match="too many"):
        qrpictures.read_pictures([tmp_path / "a.png"] * 257)
    with pytest.raises(FileUnusable, match="cannot read"):
        qrpictures.read_pictures([tmp_path / "a.png"])


def test_what_is_not_installed_is_said(
    pictures: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("segno", "zxingcpp"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(FileUnusable, match="no writer of QR pictures is installed"):
        qrpictures.picture("A")
    with pytest.raises(FileUnusable, match="no reader of QR pictures is installed") as caught:
        qrpictures.read_pictures(pictures)
    assert "keyturn[app]" in caught.value.hint


def test_small_pictures_are_enough_for_a_reader() -> None:
    text = split(b"small")[0]
    assert qrpictures.texts_in(qrpictures.picture(text, scale=2), "a") == (text,)
