"""A ceremony's minutes as a PDF that an auditor reads and files (our protocol §10.4)."""

from typing import Any

from keyturn.ceremony.minutes import REHEARSAL, SIMULATED, Minutes, Section, Table
from keyturn.client.printing import (
    Page,
    gap,
    load_fonts,
    paragraph,
    parted,
    print_pages,
    qr,
    room,
    table,
    together,
)

_MARKS_SAY = {
    REHEARSAL: "Nothing outside a throw-away token was touched.",
    SIMULATED: "An authority for trying things out: it protects nothing.",
}
_QR_SIZE = 92.0
_ROOM = 130.0
"""What a heading needs below it on its page, in points."""


def minutes_pdf(minutes: Minutes) -> bytes:
    """The same bytes for the same minutes. Raises FileUnusable where nothing here can print."""
    load_fonts()
    say = " ".join(_MARKS_SAY[each] for each in minutes.marks[:1])
    title = f"Minutes of {minutes.ceremony}: {minutes.title}"
    page = Page(title, minutes.marks, say, f"{minutes.ceremony}  {minutes.digest}")
    return print_pages(page, _story(minutes))


def _story(minutes: Minutes) -> list[Any]:
    story: list[Any] = [*_head(minutes), gap(10), _summary(minutes)]
    for each in minutes.sections:
        story += _section(each)
    return story


def _head(minutes: Minutes) -> list[Any]:
    left = [
        paragraph("MINUTES OF A KEY CEREMONY", "over"),
        paragraph(minutes.title, "title"),
        gap(6),
        paragraph(minutes.state, "bold"),
        gap(8),
        paragraph("Transcript's digest, of its last record", "head"),
        paragraph(minutes.digest, "exact"),
        gap(3),
        paragraph("As words", "head"),
        paragraph(minutes.phrase, "text"),
    ]
    right = [qr(minutes.digest, _QR_SIZE)]
    return [table(["", ""], [[left, right]], [80, 20], ruled=False)]


def _summary(minutes: Minutes) -> Any:
    rows = [
        [paragraph(label, "bold"), paragraph(value, _style(value))]
        for row in minutes.summary
        for label, value in parted(row)
    ]
    return table(["", ""], rows, [24, 100], ruled=True)


def _section(section: Section) -> list[Any]:
    head = [paragraph(section.title, "section")]
    head += [item for each in section.texts for item in (paragraph(each), gap(4))]
    story: list[Any] = []
    for place, each in enumerate(section.tables):
        caption = [paragraph(each.caption, "caption")] if each.caption else []
        made = _table(each)
        few = len(each.rows) <= 8
        parts = [*(head if place == 0 else []), *caption]
        story += [together([*parts, made])] if few else [room(_ROOM), *parts, made]
        story.append(gap(4))
    if not section.tables:
        story += [room(_ROOM), *head]
    return story + [paragraph(each, "point", bullet="–") for each in section.points]


def _table(content: Table) -> Any:
    columns = content.columns
    rows = [
        [
            paragraph(cell, "exact-small" if column.exact else "small", lead=column.lead)
            for column, cell in zip(columns, row, strict=True)
        ]
        for whole in content.rows
        for row in parted(whole)
    ]
    heads = [each.title for each in columns]
    return table(heads, rows, [each.width for each in columns], ruled=True)


def _style(value: str) -> str:
    return "exact" if value.startswith("sha256:") else "text"
