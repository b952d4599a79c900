"""A share's sheet: one page, every word in its place, and what belongs around it."""

import io

import pypdf
import pytest

from keyturn.ceremony.script import ShareUse
from keyturn.ceremony.sharesets import sheet
from keyturn.client.sharesheet import share_sheet_pdf
from unit.ceremony.share_sets import Dealt, deal


def text_of(raw: bytes) -> str:
    (page,) = pypdf.PdfReader(io.BytesIO(raw)).pages
    return page.extract_text().replace("\u00a0", " ")


def printed(dealt: Dealt, *, picture: bool = False, **more: object) -> str:
    settings: dict[str, object] = {"ceremony": "genesis-1", "rehearsal": False, **more}
    of = sheet(dealt.set, dealt.set.members[1], **settings)  # type: ignore[arg-type]
    return text_of(share_sheet_pdf(of, dealt.words("bob"), picture=picture))


@pytest.mark.parametrize("use", ShareUse)
@pytest.mark.parametrize("picture", [False, True])
def test_every_word_stands_beside_its_number(use: ShareUse, picture: bool) -> None:
    dealt = deal(use)
    words = dealt.words("bob").decode().split(" ")
    lines = " ".join(printed(dealt, picture=picture).split())
    for place, word in enumerate(words, start=1):
        assert f"{place} {word}" in lines


def test_what_stands_around_the_words() -> None:
    dealt = deal()
    text = printed(dealt, bag="KT-00412")
    for each in ("bob", "genesis-1", dealt.set.members[1].check, "KT-00412", "KEEP SECRET"):
        assert each in text
    assert "number 2 of 5; needed: 3 of 5" in text
    assert "REHEARSAL" not in text


def test_without_a_bag_there_is_room_for_its_number() -> None:
    assert "_____" in printed(deal())


def test_a_rehearsals_sheet_says_so() -> None:
    text = printed(deal(), rehearsal=True, ceremony="rehearsal-1")
    assert "REHEARSAL" in text
    assert "opens nothing that matters" in text


def test_it_holds_one_custodians_share_and_no_other() -> None:
    dealt = deal(ShareUse.BACKUP)
    text = printed(dealt)
    mine = set(dealt.words("bob").decode().split(" "))
    for other in ("ada", "cem", "dee", "eva"):
        theirs = set(dealt.words(other).decode().split(" ")) - mine
        shown = {each for each in theirs if f" {each}\n" in text or f" {each} " in text}
        assert len(shown) < 5  # a word of the text around may be in the list
