"""A custodian's share on one sheet of paper, printed on that custodian's own machine (§10.6).

A PDF library works on texts, which Python neither wipes nor keeps from being copied: who prints
takes that, and the file too, into the bargain. Writing the words down by hand avoids both.
"""

from typing import Any

from keyturn.ceremony.minutes import REHEARSAL
from keyturn.ceremony.sharesets import ShareSheet
from keyturn.client.printing import Page, gap, load_fonts, paragraph, print_pages, qr, table

_NAMES = {
    "user": "Share of the user PIN",
    "so": "Share of the security officer PIN",
    "backup": "Share of the backup secret",
}
_COLUMNS = 4
_QR_SIZE = 130.0
_KEEP = (
    "Whoever has enough of these shares has the secret. Keep this sheet where you alone, or you and"
    " a witness, can get at it, apart from the other custodians' sheets and from any computer. Do"
    " not photograph or copy it."
)
_LOST = (
    "If it is lost, or somebody may have read it, say so at once: a custodian change makes this"
    " share worth nothing."
)


def share_sheet_pdf(sheet: ShareSheet, words: bytes | bytearray, *, picture: bool = False) -> bytes:
    """One page. `words`: the share, in lower case with single spaces; `picture`: as QR code too.

    Raises FileUnusable where nothing here can print.
    """
    load_fonts()
    text = bytes(words).decode("ascii")
    title = _NAMES[sheet.use.value]
    marks = (REHEARSAL,) if sheet.rehearsal else ()
    page = Page(title, marks, "This share opens nothing that matters.", sheet.ceremony)
    return print_pages(page, _story(sheet, title, text, picture))


def _story(sheet: ShareSheet, title: str, text: str, picture: bool) -> list[Any]:
    story: list[Any] = [
        paragraph("KEEP SECRET", "over"),
        paragraph(title, "title"),
        gap(8),
        _facts(sheet),
        gap(14),
        _words(text.split(" ")),
        gap(14),
    ]
    says = [paragraph(_KEEP), gap(5), paragraph(_LOST)]
    if picture:
        story.append(table(["", ""], [[says, qr(text, _QR_SIZE)]], [72, 28], ruled=False))
    else:
        story += says
    return story


def _facts(sheet: ShareSheet) -> Any:
    rows = [
        ("Custodian", sheet.officer),
        ("Ceremony", sheet.ceremony),
        ("Share", f"number {sheet.number} of {sheet.of}; needed: {sheet.needed}"),
        ("Check value", sheet.check),
        ("Bag", sheet.bag or "____________________"),
    ]
    cells = [[paragraph(label, "bold"), paragraph(value)] for label, value in rows]
    return table(["", ""], cells, [20, 100], ruled=True)


def _words(words: list[str]) -> Any:
    """Numbered, read down the columns."""
    deep = -(-len(words) // _COLUMNS)
    rows = []
    for line in range(deep):
        places = [column * deep + line for column in range(_COLUMNS)]
        rows.append(
            [
                paragraph(
                    f"{place + 1:\u00a0>2}\u00a0 {words[place]}" if place < len(words) else "",
                    "word",
                )
                for place in places
            ]
        )
    return table([""] * _COLUMNS, rows, [1] * _COLUMNS, ruled=True)
