"""A share's sheet from one's own page: one file, for its owner alone, never forgotten."""

from dataclasses import replace
from pathlib import Path

import pypdf
import pytest

from keyturn_app.questions import SaveFile
from keyturn_app.screens.ceremonies.signing import SignPresenter
from keyturn_app.screens.ceremonies.signingview import Page
from unit.app.screens.ceremonies.conftest import Room
from unit.app.screens.ceremonies.test_signing import alone, share_of


@pytest.fixture
def sheet(room: Room, tmp_path: Path) -> SignPresenter:
    """Mara's share of the user PIN, on the page."""
    room.begin(until="hand-out")
    room.asker.chosen = tmp_path / "sheet.pdf"
    return alone(room, "mara", lambda: 0.0)


def text_of(path: Path) -> str:
    (page,) = pypdf.PdfReader(path).pages
    return " ".join(page.extract_text().replace("\u00a0", " ").split())


def test_the_file_has_the_words_and_what_belongs_around_them(
    room: Room, sheet: SignPresenter, tmp_path: Path
) -> None:
    sheet.sheets.toggle()
    sheet.sheets.write_bag(" A-0417 ")
    sheet.sheets.choose_picture(True)
    sheet.sheets.save()
    question = room.asker.asked[-1]
    assert isinstance(question, SaveFile)
    assert question.suggested == "share-user-mara.pdf"
    path = tmp_path / "sheet.pdf"
    assert path.stat().st_mode & 0o777 == 0o600
    text = text_of(path)
    for place, word in enumerate(share_of(room, "mara", "user"), start=1):
        assert f"{place} {word}" in text
    for each in ("A-0417", room.ceremony, "The square holds the words", "2026"):
        assert each in text
    shown = sheet.view().sheet
    assert shown is not None
    assert shown.files == (str(path),)
    assert "This file is the share" in shown.files_say
    assert not any(word in repr(shown) for word in share_of(room, "mara", "user")[4:8])


def test_the_bags_number_is_entered_too_and_can_be_changed(
    room: Room, sheet: SignPresenter
) -> None:
    sheet.sheets.write_bag("A-0417")
    sheet.sheets.save()
    sheet.reveal()
    while sheet.view().page is not Page.FORM:
        sheet.forward()
        sheet.reveal()
    (bag,) = [each for each in sheet.view().fields if each.name == "bag"]
    assert bag.value == "A-0417"
    sheet.enter("bag", "A-0418")
    assert [e.value for e in sheet.view().fields if e.name == "bag"] == ["A-0418"]


def test_a_file_is_deleted_where_it_was_saved(
    room: Room, sheet: SignPresenter, tmp_path: Path
) -> None:
    sheet.sheets.save()
    path = tmp_path / "sheet.pdf"
    sheet.sheets.delete("another")
    assert path.exists()
    sheet.sheets.delete(str(path))
    assert not path.exists()
    assert sheet.sheets.view().files == ()
    assert room.asker.toasts[-1].startswith("Deleted.")
    sheet.cancel()
    assert room.asker.told == []


def test_what_was_moved_is_said_to_be_gone_and_not_deleted(
    room: Room, sheet: SignPresenter, tmp_path: Path
) -> None:
    sheet.sheets.save()
    path = tmp_path / "sheet.pdf"
    path.rename(tmp_path / "moved.pdf")
    sheet.sheets.delete(str(path))
    assert room.asker.toasts[-1].startswith("It is not there any more")


def test_what_lies_there_at_the_end_is_said(
    room: Room, sheet: SignPresenter, tmp_path: Path
) -> None:
    sheet.sheets.save()
    sheet.cancel()
    (notice,) = room.asker.told
    assert notice.details == (str(tmp_path / "sheet.pdf"),)
    assert "has the share" in notice.text


def test_the_same_where_the_window_closes_or_the_app_is_locked(
    room: Room, sheet: SignPresenter, tmp_path: Path
) -> None:
    sheet.sheets.save()
    room.page.turn_down()
    (notice,) = room.asker.told
    assert notice.details == (str(tmp_path / "sheet.pdf"),)
    assert notice.lasting
    assert room.wizard.sheet is None


def test_no_other_file_is_overwritten(room: Room, sheet: SignPresenter, tmp_path: Path) -> None:
    (tmp_path / "sheet.pdf").write_bytes(b"something dear")
    sheet.sheets.save()
    assert "File exists" in sheet.sheets.view().error
    assert (tmp_path / "sheet.pdf").read_bytes() == b"something dear"
    assert sheet.sheets.view().files == ()
    sheet.cancel()
    assert room.asker.told == []


def test_a_bags_number_that_cannot_be_printed_is_said_first(
    room: Room, sheet: SignPresenter, tmp_path: Path
) -> None:
    sheet.sheets.write_bag("A\u202e0417")
    assert "cannot be printed" in sheet.sheets.view().why_not
    sheet.sheets.save()
    assert room.asker.asked == []
    assert not list(tmp_path.iterdir())


def test_turned_down_nothing_is_written(room: Room, sheet: SignPresenter, tmp_path: Path) -> None:
    room.asker.chosen = None
    sheet.sheets.save()
    assert not list(tmp_path.iterdir())


def test_the_next_page_offers_its_own_share_and_the_last_one_none(
    room: Room, tmp_path: Path
) -> None:
    room.begin(until="hand-out")
    sheet = alone(room, "sofia", lambda: 0.0)
    sheet.sheets.toggle()
    sheet.sheets.write_bag("A-1")
    sheet.reveal()
    sheet.forward()
    shown = sheet.sheets.view()
    assert (shown.offered, shown.open, shown.bag) == (True, False, "")
    room.asker.chosen = tmp_path / "second.pdf"
    sheet.sheets.save()
    text = text_of(tmp_path / "second.pdf")
    assert "Share of the backup secret" in text
    assert f"4 {share_of(room, 'sofia', 'backup')[3]}" in text
    sheet.reveal()
    sheet.forward()
    assert not sheet.sheets.view().offered
    before = list(tmp_path.iterdir())
    sheet.sheets.save()
    assert list(tmp_path.iterdir()) == before


def test_a_share_that_was_closed_meanwhile_is_not_printed(
    room: Room, sheet: SignPresenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page was left while the file was being asked for, or made."""
    answers: list[object] = []
    monkeypatch.setattr(room.asker, "path", lambda _question, answered: answers.append(answered))
    sheet.sheets.save()
    (answered,) = answers
    assert callable(answered)
    sheet._secrets.forget_words()
    answered(tmp_path / "sheet.pdf")
    assert "closed" in sheet.sheets.view().error
    sheet.cancel()
    answered(tmp_path / "sheet.pdf")
    assert not list(tmp_path.iterdir())


def test_a_file_that_comes_late_is_told(
    room: Room, sheet: SignPresenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: list[object] = []

    def later(_label: str, work, *, done, failed) -> None:  # type: ignore[no-untyped-def]
        waiting.append((work, done))
        _ = failed

    monkeypatch.setattr(sheet.sheets._door, "run", later)
    sheet.sheets.save()
    work, done = waiting[0]  # type: ignore[misc]
    file = work(None, None)
    assert "worked on" in sheet.sheets.view().why_not
    sheet.cancel()
    assert room.asker.told == []
    done(file)
    assert [each.details for each in room.asker.told] == [(str(tmp_path / "sheet.pdf"),)]


def test_without_its_facts_a_share_is_not_printed(room: Room, sheet: SignPresenter) -> None:
    share = sheet.sheets._share
    assert share is not None
    sheet.sheets.offer(replace(share, sheet=None))
    assert not sheet.sheets.view().offered
