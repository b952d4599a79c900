"""Pages for printing: A4, our fonts, the same bytes for the same content.

reportlab and segno come with the role `ceremony` and are imported where they are used.
"""

import io
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from itertools import zip_longest
from pathlib import Path
from typing import Any

from keyturn.client.errors import FileUnusable

TEXT, BOLD, MONO = "keyturn-text", "keyturn-bold", "keyturn-mono"
_FILES = {
    TEXT: "printfonts/Inter-Regular.ttf",
    BOLD: "printfonts/Inter-SemiBold.ttf",
    MONO: "fonts/JetBrainsMono-Regular.ttf",
}
INK, QUIET, LINE, SHADE, WARNING = "#15181d", "#5b6470", "#c9ced6", "#f1f3f6", "#8a4b00"
WARNING_SHADE, WARNING_PALE = "#ffe9c7", "#fff3e0"
_DIGEST = re.compile(r"\b(?:sha256:)?[0-9a-f]{64}\b")
_TALLEST = 30
"""Lines of a table's row."""
_NARROW = 40
"""Characters that the narrowest column of words has in a line."""
_HINT = "Install Keyturn's role ceremony: pip install 'keyturn[ceremony]'."


@dataclass(frozen=True, slots=True)
class Page:
    """What stands around the text of every page. `marks`: as REHEARSAL, across the top.

    `across`: a word from corner to corner, below the text.
    """

    title: str
    marks: tuple[str, ...]
    marks_say: str
    foot: str
    across: str = ""


def print_pages(page: Page, story: Sequence[Any]) -> bytes:
    """A PDF of reportlab's flowables. `story` is made anew by each call's caller.

    Raises FileUnusable where no writer is installed.
    """
    import copy

    pages = _print(page, [copy.copy(each) for each in story], None)[1]
    return _print(page, story, pages)[0]


def load_fonts() -> None:
    """Register the fonts. Raises FileUnusable where they, or reportlab, are missing."""
    _load_fonts()


def paragraph(text: str, style: str = "text", *, lead: bool = False, bullet: str = "") -> Any:
    """A paragraph of plain text; newlines break lines; digests are set byte for byte.

    `lead`: its first line stands out. What no font has is written as `[U+XXXX]`.
    """
    from reportlab.platypus import Paragraph

    mono = style in ("exact", "exact-small", "word")
    lines = escape(shown(text, MONO if mono else TEXT)).split("\n")
    if not mono:
        lines = [_DIGEST.sub(_exact, each) for each in lines]
    if lead:
        lines[0] = f'<font name="{BOLD}">{lines[0]}</font>'
    return Paragraph("<br/>".join(lines), styles()[style], bulletText=bullet or None)


def _exact(found: re.Match[str]) -> str:
    return f'<font name="{MONO}" size="7">{found[0]}</font>'


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[Any]],
    widths: Sequence[float],
    *,
    ruled: bool,
    of_page: float = 1.0,
) -> Any:
    """A table over the page's width, or that part of it; `heads` repeat on each page, none where
    they are empty.

    A row stays on one page: `parted` makes rows that fit on one.
    """
    from reportlab.lib.colors import HexColor
    from reportlab.platypus import Table

    body = [list(each) for each in rows]
    style: list[tuple[Any, ...]] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 4),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
        ("TOPPADDING", (0, 0), (-1, -1), 3),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
    ]
    if ruled:
        style.append(("LINEBELOW", (0, 0), (-1, -1), 0.4, HexColor(LINE)))
    if any(heads):
        body.insert(0, [paragraph(each, "head") for each in heads])
        style.append(("BACKGROUND", (0, 0), (-1, 0), HexColor(SHADE)))
    whole = sum(widths)
    return Table(
        body,
        colWidths=[width() * of_page * each / whole for each in widths],
        repeatRows=1 if any(heads) else 0,
        style=style,
        hAlign="LEFT",
    )


def parted(cells: Sequence[str]) -> list[tuple[str, ...]]:
    """One row of texts as several, none taller than half a page: lines are kept in their order."""
    columns = [_chunks(each) for each in cells]
    return list(zip_longest(*columns, fillvalue=""))


def _chunks(text: str) -> list[str]:
    chunks: list[list[str]] = [[]]
    left = _TALLEST
    for line in (piece for each in text.split("\n") for piece in _pieces(each)):
        tall = 1 + len(line) // _NARROW
        if tall > left and chunks[-1]:
            chunks.append([])
            left = _TALLEST
        chunks[-1].append(line)
        left -= tall
    return ["\n".join(each) for each in chunks]


def _pieces(line: str) -> list[str]:
    """A line, or parts of it between words, none longer than fits into half a page."""
    longest = _TALLEST * _NARROW // 2
    pieces = []
    while len(line) > longest:
        cut = line.rfind(" ", 1, longest) + 1 or longest
        pieces.append(line[:cut].rstrip())
        line = line[cut:]
    return [*pieces, line]


def gap(points: float) -> Any:
    from reportlab.platypus import Spacer

    return Spacer(1, points)


def room(points: float) -> Any:
    """A new page, unless so much is left of this one: a heading stands over what it heads."""
    from reportlab.platypus import CondPageBreak

    return CondPageBreak(points)


def together(parts: Sequence[Any]) -> Any:
    """Kept on one page where they fit on one."""
    from reportlab.platypus import KeepTogether

    return KeepTogether(list(parts))


def qr(text: str, size: float) -> Any:
    """A QR code as a drawing of `size` points."""
    from reportlab.graphics.shapes import Drawing, Rect
    from reportlab.lib.colors import HexColor

    rows = _matrix(text)
    step = size / len(rows)
    drawing = Drawing(size, size)
    drawing.add(Rect(0, 0, size, size, fillColor=HexColor("#ffffff"), strokeColor=None))
    for place, row in enumerate(rows):
        bottom = size - (place + 1) * step
        for first, many in _runs(row):
            left, wide = first * step, many * step
            drawing.add(Rect(left, bottom, wide, step, fillColor=HexColor(INK), strokeColor=None))
    return drawing


def width() -> float:
    """Of the text on a page, in points."""
    return _PAGE[0] - 2 * _MARGIN


def shown(text: str, font: str) -> str:
    """`text` with what the font cannot draw written as `[U+XXXX]`, so that nothing is hidden."""
    known = _glyphs(font)
    return "".join(
        each if each == "\n" or ord(each) in known else f"[U+{ord(each):04X}]" for each in text
    )


_PAGE = (595.2755905511812, 841.8897637795277)
"""A4, in points."""
_MARGIN = 45.0
_BAND = 22.0


@cache
def styles() -> dict[str, Any]:
    from reportlab.lib.colors import HexColor
    from reportlab.lib.styles import ParagraphStyle

    def make(name: str, font: str, size: float, **more: Any) -> Any:
        settings = {"leading": size * 1.38, "textColor": HexColor(INK), "splitLongWords": 1}
        return ParagraphStyle(name, fontName=font, fontSize=size, **{**settings, **more})

    quiet = {"textColor": HexColor(QUIET)}
    made = [
        make("text", TEXT, 9),
        make("small", TEXT, 7.8),
        make("quiet", TEXT, 8, **quiet),
        make("bold", BOLD, 9),
        make("head", BOLD, 7.6, **quiet),
        make("exact", MONO, 8),
        make("exact-small", MONO, 7),
        make("word", MONO, 12, leading=18),
        make("caption", BOLD, 9, spaceBefore=8, spaceAfter=3),
        make("section", BOLD, 13, spaceBefore=16, spaceAfter=5),
        make("title", BOLD, 22, leading=27),
        make("over", BOLD, 9, **quiet),
        make("point", TEXT, 9, leftIndent=12, bulletIndent=0, spaceAfter=3),
        make("warning", BOLD, 9, textColor=HexColor(WARNING)),
    ]
    return {each.name: each for each in made}


def _print(page: Page, story: Sequence[Any], pages: int | None) -> tuple[bytes, int]:
    from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate

    made = io.BytesIO()
    top = _MARGIN + (_BAND if page.marks else 0)
    frame = Frame(
        _MARGIN,
        _MARGIN + 14,
        width(),
        _PAGE[1] - top - _MARGIN - 14,
        leftPadding=0,
        rightPadding=0,
        topPadding=0,
        bottomPadding=0,
    )
    document = BaseDocTemplate(
        made,
        pagesize=_PAGE,
        title=page.title,
        author="Keyturn",
        subject=page.foot,
        creator="Keyturn",
        invariant=1,  # no time, no random id
        pageCompression=1,
    )

    def around(canvas: Any, _: Any) -> None:
        _draw_around(canvas, page, pages)

    document.addPageTemplates([PageTemplate("page", [frame], onPage=around)])
    document.build(list(story))
    return made.getvalue(), document.page


def _draw_around(canvas: Any, page: Page, pages: int | None) -> None:
    from reportlab.lib.colors import HexColor

    if page.across:
        _draw_across(canvas, page.across)
    canvas.saveState()
    if page.marks:
        canvas.setFillColor(HexColor(WARNING_SHADE))
        canvas.rect(0, _PAGE[1] - _BAND - 8, _PAGE[0], _BAND + 8, stroke=0, fill=1)
        canvas.setFillColor(HexColor(WARNING))
        canvas.setFont(BOLD, 11)
        marks = " · ".join(page.marks)
        canvas.drawString(_MARGIN, _PAGE[1] - _BAND + 3, marks)
        canvas.setFont(TEXT, 8)
        canvas.drawRightString(_PAGE[0] - _MARGIN, _PAGE[1] - _BAND + 4, page.marks_say)
    canvas.setStrokeColor(HexColor(LINE))
    canvas.setLineWidth(0.4)
    canvas.line(_MARGIN, _MARGIN, _PAGE[0] - _MARGIN, _MARGIN)
    canvas.setFillColor(HexColor(QUIET))
    canvas.setFont(MONO, 6.2)
    canvas.drawString(_MARGIN, _MARGIN - 11, shown(page.foot, MONO))
    canvas.setFont(TEXT, 7.5)
    of = f" of {pages}" if pages else ""
    canvas.drawRightString(_PAGE[0] - _MARGIN, _MARGIN - 11, f"Page {canvas.getPageNumber()}{of}")
    canvas.restoreState()


def _draw_across(canvas: Any, text: str) -> None:
    from reportlab.lib.colors import HexColor

    canvas.saveState()
    canvas.setFillColor(HexColor(WARNING_PALE))
    canvas.setFont(BOLD, 96)
    canvas.translate(_PAGE[0] / 2, _PAGE[1] / 2)
    canvas.rotate(52)
    canvas.drawCentredString(0, -34, text)
    canvas.restoreState()


def _matrix(text: str) -> list[list[bool]]:
    try:
        import segno
    except ImportError as error:
        raise FileUnusable("no writer of QR pictures is installed", hint=_HINT) from error
    code = segno.make(text, micro=False, error="m", boost_error=False)
    return [[bool(each) for each in row] for row in code.matrix_iter(border=2)]


def _runs(row: Sequence[bool]) -> list[tuple[int, int]]:
    """(first, how many) of neighbouring dark modules: one rectangle for each."""
    runs: list[tuple[int, int]] = []
    for place, dark in enumerate(row):
        if dark and runs and sum(runs[-1]) == place:
            runs[-1] = runs[-1][0], runs[-1][1] + 1
        elif dark:
            runs.append((place, 1))
    return runs


@cache
def _load_fonts() -> dict[str, frozenset[int]]:
    try:
        from reportlab.pdfbase.pdfmetrics import registerFont
        from reportlab.pdfbase.ttfonts import TTFont
    except ImportError as error:
        raise FileUnusable("no writer of PDF files is installed", hint=_HINT) from error
    found = {}
    for name, file in _FILES.items():
        font = TTFont(name, str(_resources() / file))
        registerFont(font)
        found[name] = frozenset(font.face.charToGlyph)
    return found


def _glyphs(font: str) -> frozenset[int]:
    return _load_fonts()[font]


@cache
def _resources() -> Path:
    """Beside the source, or installed in `share/keyturn`. Raises FileUnusable."""
    places = (
        Path(__file__).resolve().parents[3] / "resources",
        Path(sys.prefix) / "share" / "keyturn",
    )
    for place in places:
        if all((place / file).is_file() for file in _FILES.values()):
            return place
    raise FileUnusable(
        "the fonts for printing are missing",
        expected=" or ".join(map(str, places)),
        hint="Install Keyturn again.",
    )
