"""A share's sheet: one page, every word in its place, and what belongs around it; and its file."""

import io
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pypdf
import pytest

from keyturn.base.encoding import digest_of
from keyturn.ceremony.people import shares_made
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.ceremony.sharesets import ShareSheet, needed_text
from keyturn.client.ceremonyshares import open_box
from keyturn.client.errors import FileUnusable
from keyturn.client.sharesheet import (
    QR_RISK,
    checked_bag,
    delete_sheet,
    filled,
    share_sheet_pdf,
    sheet_of,
    write_sheet,
)
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.errors import MalformedStatement
from support.ceremonies import playing_genesis, share_sets
from support.playedhost import PlayedHost, secret_of
from unit.ceremony.share_sets import Dealt, deal

TIME = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)


def text_of(raw: bytes) -> str:
    (page,) = pypdf.PdfReader(io.BytesIO(raw)).pages
    return page.extract_text().replace("\u00a0", " ")


def sheet(dealt: Dealt, *, rehearsal: bool = False, bag: str = "") -> ShareSheet:
    member = dealt.set.members[1]
    return ShareSheet(
        ceremony="rehearsal-1" if rehearsal else "genesis-1",
        kind=ScriptKind.CUSTODIAN_CHANGE,
        rehearsal=rehearsal,
        authority="sha256:" + "5e" * 32,
        use=dealt.set.use,
        identifier=dealt.set.identifier,
        officer=member.officer,
        name="Bob Marchetti",
        number=2,
        of=5,
        needed=needed_text(dealt.set),
        check=member.check,
        date="2026-11-30",
        bag=bag,
    )


def printed(dealt: Dealt, *, picture: bool = False, rehearsal: bool = False, bag: str = "") -> str:
    of = sheet(dealt, rehearsal=rehearsal, bag=bag)
    return text_of(share_sheet_pdf(of, dealt.words("bob"), picture=picture))


@pytest.mark.parametrize("use", ShareUse)
@pytest.mark.parametrize("picture", [False, True])
@pytest.mark.parametrize("rehearsal", [False, True])
def test_every_word_stands_beside_its_number(use: ShareUse, picture: bool, rehearsal: bool) -> None:
    dealt = deal(use)
    words = dealt.words("bob").decode().split(" ")
    lines = " ".join(printed(dealt, picture=picture, rehearsal=rehearsal).split())
    for place, word in enumerate(words, start=1):
        assert f"{place} {word}" in lines


def test_what_stands_around_the_words() -> None:
    dealt = deal()
    text = printed(dealt, bag="KT-00412")
    for each in (
        *("KEEP SECRET", "Bob Marchetti (bob)", "genesis-1", "custodian change", "KT-00412"),
        *(dealt.set.members[1].check, str(dealt.set.identifier), "number 2 of 5", "3 of 5"),
        *("sha256:" + "5e" * 32, "2026-11-30", "Witness's signature", "Delete the file"),
    ):
        assert each in text
    assert "REHEARSAL" not in text


def test_without_a_bag_there_is_room_for_its_number() -> None:
    assert "_____" in printed(deal())


def test_what_a_square_risks_stands_below_it_and_nowhere_else() -> None:
    dealt = deal()
    assert QR_RISK in " ".join(printed(dealt, picture=True).split())
    assert QR_RISK not in " ".join(printed(dealt).split())


def test_a_rehearsals_sheet_says_so_twice_and_goes_into_no_bag() -> None:
    text = printed(deal(), rehearsal=True)
    assert text.count("REHEARSAL") == 2  # at the top, and across the page
    assert "opens nothing that matters" in text
    assert "put it into no bag" in text
    assert "Witness's signature" not in text


@pytest.mark.parametrize("use", ShareUse)
def test_it_promises_no_more_than_a_custodian_change_does(use: ShareUse) -> None:
    """It replaces the shares of both PINs, and those of the backup secret never."""
    text = " ".join(printed(deal(use)).split())
    replaces = use in shares_made(ScriptKind.CUSTODIAN_CHANGE, None)
    assert ("a custodian change makes this share worth nothing" in text) is replaces
    assert ("no custodian change replaces shares of the backup secret" in text) is not replaces


def test_it_holds_one_custodians_share_and_no_other() -> None:
    dealt = deal(ShareUse.BACKUP)
    text = printed(dealt)
    mine = set(dealt.words("bob").decode().split(" "))
    for other in ("ada", "cem", "dee", "eva"):
        theirs = set(dealt.words(other).decode().split(" ")) - mine
        shown = {each for each in theirs if f" {each}\n" in text or f" {each} " in text}
        assert len(shown) < 5  # a word of the text around may be in the list


@pytest.mark.parametrize("rehearsal", [False, True])
def test_it_says_of_which_ceremony_and_whose_it_is(rehearsal: bool) -> None:
    play = next(e for e in playing_genesis(rehearsal=rehearsal) if e.step.id == "hand-out")
    box = next(e for e in PlayedHost(play.cast, play).boxes() if e.officer == "bela")
    unsealer = OfficerSigner(secret_of(play.cast, "bela"))
    share = open_box(play.course, share_sets(play.plan), box, unsealer)
    found = filled(sheet_of(play.course, share, None), TIME, " KT-7 ")
    assert (found.officer, found.name) == ("bela", play.course.roster.officers[box.officer].name)
    assert (found.number, found.of, found.needed) == (2, 5, "3 of 5")
    assert (found.rehearsal, found.kind, found.bag) == (rehearsal, ScriptKind.GENESIS, "KT-7")
    assert found.authority.endswith("keyturn.example/log, founded in this ceremony")
    assert found.date == "2026-11-30"
    for word in share.words.decode().split():
        assert word not in repr(found).split()
    founded = digest_of(b"an authority")
    assert sheet_of(play.course, share, founded).authority == founded
    share.wipe()


@pytest.mark.parametrize("bag", ["x" * 201, "KT\n1", "KT\t1", "KT\x1b[1m", "KT\u202e1"])
def test_a_bags_number_is_one_line_that_can_be_read(bag: str) -> None:
    with pytest.raises(MalformedStatement, match="cannot be printed") as refused:
        checked_bag(bag)
    assert refused.value.expected == "one line of at most 200 characters"
    assert checked_bag("x" * 200) == "x" * 200


def test_its_file_is_its_owners_alone_and_over_no_other(tmp_path: Path) -> None:
    path = tmp_path / "sheet.pdf"
    before = os.umask(0)
    try:
        file = write_sheet(path, b"%PDF the words")
    finally:
        os.umask(before)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"%PDF the words", 0o600)
    with pytest.raises(FileUnusable, match="File exists"):
        write_sheet(path, b"another")
    link = tmp_path / "link.pdf"
    link.symlink_to(tmp_path / "elsewhere.pdf")
    with pytest.raises(FileUnusable, match="File exists"):
        write_sheet(link, b"through a link")
    assert not (tmp_path / "elsewhere.pdf").exists()
    other = tmp_path / "still-readable"
    os.link(path, other)
    assert delete_sheet(file)
    assert not path.exists()
    assert not delete_sheet(file)  # nothing there any more
    assert not any(other.read_bytes())  # overwritten too


def test_nothing_is_written_on_the_way(tmp_path: Path) -> None:
    """Neither a temporary file nor a cache. The control: the sheet's own file is seen."""
    dealt = deal()
    written: list[object] = []
    watching = [True]

    def seen(event: str, given: tuple[object, ...]) -> None:  # a hook stays for ever
        if watching and event == "open" and isinstance(given[2], int):
            written.extend([given[0]] if given[2] & (os.O_WRONLY | os.O_RDWR) else [])

    sys.addaudithook(seen)
    pdf = share_sheet_pdf(sheet(dealt), dealt.words("bob"), picture=True)
    assert written == []
    write_sheet(tmp_path / "sheet.pdf", pdf)
    watching.clear()
    assert set(written) == {str(tmp_path / "sheet.pdf")}


def test_no_other_file_is_deleted_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "sheet.pdf"
    file = write_sheet(path, b"the words")
    path.rename(tmp_path / "moved.pdf")
    assert not delete_sheet(file)
    path.write_bytes(b"something dear")
    with pytest.raises(FileUnusable, match="another file"):
        delete_sheet(file)
    path.unlink()
    path.symlink_to(tmp_path / "moved.pdf")
    with pytest.raises(FileUnusable, match="cannot delete") as refused:
        delete_sheet(file)
    assert "whoever can read it" in refused.value.hint
    assert (tmp_path / "moved.pdf").read_bytes() == b"the words"


def test_a_pipe_that_was_put_in_its_place_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "sheet.pdf"
    file = write_sheet(path, b"the words")
    path.rename(tmp_path / "moved.pdf")
    os.mkfifo(path)
    with pytest.raises(FileUnusable, match="cannot delete"):
        delete_sheet(file)


def test_a_disk_that_takes_a_little_at_a_time_is_overwritten_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other, write = tmp_path / "sheet.pdf", tmp_path / "still-readable", os.write
    file = write_sheet(path, b"the words")
    os.link(path, other)
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:2]))
    assert delete_sheet(file)
    assert other.read_bytes() == bytes(len(b"the words"))
