"""Pages: the same bytes each time, every character seen, marks on each page."""

import io
import sys

import numpy
import pypdf
import pytest
import segno
import zxingcpp

from keyturn.client import printing
from keyturn.client.errors import FileUnusable
from keyturn.client.printing import (
    MONO,
    TEXT,
    Page,
    gap,
    load_fonts,
    paragraph,
    parted,
    print_pages,
    qr,
    room,
    shown,
    table,
    together,
)

PAGE = Page("A title", ("REHEARSAL",), "It says so.", "a foot")


def printed(*story: object, page: Page = PAGE) -> list[str]:
    raw = print_pages(page, story)
    return [each.extract_text() for each in pypdf.PdfReader(io.BytesIO(raw)).pages]


def test_the_same_bytes_each_time() -> None:
    first = print_pages(PAGE, [paragraph("one"), gap(3), qr("two", 60)])
    assert print_pages(PAGE, [paragraph("one"), gap(3), qr("two", 60)]) == first
    assert print_pages(PAGE, [paragraph("other"), gap(3), qr("two", 60)]) != first


def test_mark_foot_and_number_stand_on_every_page() -> None:
    pages = printed(*(paragraph(f"Line {place}") for place in range(120)))
    assert len(pages) > 2
    for place, text in enumerate(pages, start=1):
        assert "REHEARSAL" in text
        assert "It says so." in text
        assert "a foot" in text
        assert f"Page {place} of {len(pages)}" in text


def test_without_a_mark_there_is_no_band() -> None:
    (text,) = printed(paragraph("one"), page=Page("t", (), "It says so.", "f"))
    assert "It says so." not in text


def test_text_is_text_and_no_markup() -> None:
    said = "<b>&amp; <script>” Béla Łukasz Ωμέγα Иван"
    (text,) = printed(paragraph(said))
    assert said in text


def test_what_no_font_has_is_written_as_its_number() -> None:
    load_fonts()
    assert shown("中 a", TEXT) == "[U+4E2D] a"
    assert shown("a\n\u202eb", MONO) == "a\n[U+202E]b"
    (text,) = printed(paragraph("Chen 陳"))
    assert "Chen [U+9673]" in text


def test_lines_leads_digests_and_bullets() -> None:
    digest = "sha256:" + "ab" * 32
    (text,) = printed(
        paragraph("Lead\nand more", lead=True),
        paragraph(f"A digest {digest}."),
        paragraph("a point", "point", bullet="–"),
    )
    assert digest in text.replace("\n", "")
    for each in ("Lead", "and more", "– a point"):
        assert each in " ".join(text.split())


def test_a_row_longer_than_a_page_is_parted_and_nothing_is_lost() -> None:
    lines = [f"Line {place} {'x' * (place % 90)}" for place in range(150)]
    rows = [
        [paragraph(each, "small") for each in row] for row in parted(("left", "\n".join(lines)))
    ]
    pages = printed(table(["One", "Two"], rows, [1, 1], ruled=True))
    assert len(pages) > 2
    whole = "".join("".join(pages).split())
    for line in lines:
        assert line.replace(" ", "") in whole
    assert all("One" in each for each in pages)


def test_a_line_longer_than_a_page_is_parted_between_words() -> None:
    line = " ".join(["word"] * 2000)
    rows = parted((line, "right", "x" * 2500))
    assert rows[0][1:] == ("right", "x" * 600)
    assert " ".join(row[0].replace("\n", " ") for row in rows if row[0]) == line
    assert "".join(row[2].replace("\n", "") for row in rows) == "x" * 2500
    printed(table(["a", "b", "c"], [[paragraph(each) for each in row] for row in rows], [1, 1, 1], ruled=True))  # fmt: skip  # noqa: E501


def test_a_row_that_fits_is_left_as_it_is() -> None:
    assert parted(("a", "b\nc", "")) == [("a", "b\nc", "")]


def test_what_belongs_together_stays_together() -> None:
    lines = [paragraph(f"Line {place}") for place in range(52)]
    pages = printed(*lines, together([paragraph("first"), gap(40), paragraph("second")]))
    assert "first" in pages[-1]
    assert "second" in pages[-1]


def test_a_heading_does_not_stand_alone_at_the_foot_of_a_page() -> None:
    lines = [paragraph(f"Line {place}") for place in range(56)]
    pages = printed(*lines, room(100), paragraph("A heading"), paragraph("its text"))
    assert "A heading" in pages[-1]
    assert "its text" in pages[-1]
    (page,) = printed(room(100), paragraph("A heading"))
    assert "A heading" in page


def test_a_qr_code_has_the_modules_that_segno_makes() -> None:
    text = "sha256:" + "cd" * 32
    code = segno.make(text, micro=False, error="m", boost_error=False)
    rows = [[bool(each) for each in row] for row in code.matrix_iter(border=2)]
    drawing = qr(text, float(len(rows)))
    drawn = [[False] * len(rows) for _ in rows]
    for each in drawing.contents[1:]:
        line = len(rows) - 1 - round(each.y)
        for place in range(round(each.x), round(each.x + each.width)):
            drawn[line][place] = True
    assert drawn == rows


def test_a_reader_gets_a_shares_words_from_its_square() -> None:
    """33 words, the most that there are, at a scanner's four pixels a module."""
    words = " ".join(["academic"] * 33)
    drawing = qr(words, 1.0)
    side = 4 * len(printing._matrix(words))
    drawn = numpy.full((side, side), 255, dtype=numpy.uint8)
    for each in drawing.contents[1:]:
        top = side - round((each.y + each.height) * side)
        left, right = round(each.x * side), round((each.x + each.width) * side)
        drawn[top : top + 4, left:right] = 0
    (found,) = zxingcpp.read_barcodes(numpy.pad(drawn, 16, constant_values=255))
    assert found.text == words


@pytest.mark.parametrize("module", ["reportlab.pdfbase.pdfmetrics", "segno"])
def test_without_a_writer_it_says_what_to_install(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    printing._load_fonts.cache_clear()
    monkeypatch.setitem(sys.modules, module, None)
    work = load_fonts if module.startswith("reportlab") else lambda: qr("x", 10)
    with pytest.raises(FileUnusable, match="installed") as refused:
        work()
    assert "keyturn[ceremony]" in refused.value.hint
    printing._load_fonts.cache_clear()


def test_without_its_fonts_the_installation_is_not_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    printing._load_fonts.cache_clear()
    printing._resources.cache_clear()
    monkeypatch.setattr(printing, "_FILES", {TEXT: "printfonts/none.ttf"})
    with pytest.raises(FileUnusable, match="fonts"):
        load_fonts()
    printing._load_fonts.cache_clear()
    printing._resources.cache_clear()
