"""A custodian's share on one sheet of paper, printed on that custodian's own machine (§10.6).

A PDF library works on texts, which Python neither wipes nor keeps from being copied: who prints
takes that, and the file too, into the bargain. Writing the words down by hand avoids both.
"""

import os
import stat
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from keyturn.base.encoding import Digest
from keyturn.ceremony.checks import MAX_BAG
from keyturn.ceremony.course import Course
from keyturn.ceremony.minutes import REHEARSAL
from keyturn.ceremony.script import ShareUse
from keyturn.ceremony.sharesets import ShareSheet, needed_text
from keyturn.client.ceremonyshares import OwnShare
from keyturn.client.errors import FileUnusable
from keyturn.client.offline import write_new_file
from keyturn.client.printing import Page, gap, load_fonts, paragraph, print_pages, qr, table
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.texts import HIDDEN

_NAMES = {
    "user": "Share of the user PIN",
    "so": "Share of the security officer PIN",
    "backup": "Share of the backup secret",
}
_COLUMNS = 4
_QR_SIZE = 130.0
_LINES = 3
"""Empty lines for the times that the sheet is taken out of its bag."""
_REHEARSED = "This is a rehearsal's: destroy the sheet afterwards, and put it into no bag."
_PROVE = "Compare every word with the screen. Type the share from this sheet when you are asked."
_PACK = (
    "Put the sheet into a tamper-evident bag. Its number belongs on this sheet and in the"
    " ceremony's record."
)
_KEEP = (
    "Whoever has enough of these shares has the secret. Keep the sheet where you alone, or you and"
    " a witness, can get at it, apart from the other custodians' sheets and from any computer. Do"
    " not photograph or copy it."
)
_CLEAR = "Delete the file that this was printed from; printers and their queues keep copies too."
_LOST = (
    "If it is lost, or somebody may have read it, say so at once: a custodian change makes this"
    " share worth nothing."
)
_LOST_BACKUP = (
    "If it is lost, or somebody may have read it, say so at once: no custodian change replaces"
    " shares of the backup secret. Every backup stays apart from them."
)
QR_RISK = "The square holds the words: a camera that sees it for a moment has the share."


@dataclass(frozen=True, slots=True)
class SheetFile:
    """A sheet that was written: where, and which file that is."""

    path: Path
    device: int
    inode: int


def sheet_of(course: Course, share: OwnShare, authority: Digest | None) -> ShareSheet:
    """What stands around one's own share. `authority`: as the transcript was verified."""
    plan, share_set, member = course.plan, share.share_set, share.member
    officer = course.roster.officers[member.officer]
    named = "none" if authority is None else str(authority)
    if authority is None and plan.founding is not None:
        named = f"{plan.founding.origin}, founded in this ceremony"
    return ShareSheet(
        ceremony=plan.ceremony,
        kind=plan.kind,
        rehearsal=plan.rehearsal,
        authority=named,
        use=share.use,
        identifier=share_set.identifier,
        officer=member.officer,
        name=officer.name,
        number=share_set.number_of(member),
        of=len(share_set.members),
        needed=needed_text(share_set),
        check=member.check,
    )


def filled(sheet: ShareSheet, printed: datetime, bag: str = "") -> ShareSheet:
    """With its day and its bag's number. Raises MalformedStatement."""
    return replace(sheet, date=f"{printed:%Y-%m-%d}", bag=checked_bag(bag))


def checked_bag(text: str) -> str:
    """A bag's number without spaces around it. Raises MalformedStatement."""
    bag = text.strip()
    if len(bag) > MAX_BAG or HIDDEN.search(bag) or "\n" in bag or "\t" in bag:
        raise MalformedStatement(
            "a bag's number that cannot be printed",
            found=f"{len(bag)} characters" if len(bag) > MAX_BAG else ascii(bag)[:80],
            expected=f"one line of at most {MAX_BAG} characters",
            hint="Type what is printed on the bag.",
        )
    return bag


def write_sheet(path: Path, pdf: bytes) -> SheetFile:
    """For its owner's eyes alone, and over no other file. Raises FileUnusable."""
    write_new_file(path, pdf, private=True)
    try:
        found = path.lstat()
    except OSError as error:
        raise FileUnusable(f"cannot find {path} again: {error.strerror}") from error
    return SheetFile(path, found.st_dev, found.st_ino)


def delete_sheet(file: SheetFile) -> bool:
    """Overwrite and delete it; what a disk, a snapshot or a backup keeps of it, nobody can know.

    False where nothing is there any more. Raises FileUnusable where it is another file, or stays.
    """
    try:
        handle = os.open(file.path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            found = os.fstat(handle)
            if (found.st_dev, found.st_ino) != (file.device, file.inode):
                raise FileUnusable(
                    f"{file.path} is another file now",
                    hint="Look for the one that was saved: it is the share.",
                )
            if stat.S_ISREG(found.st_mode):
                left = memoryview(bytes(found.st_size))
                while left:
                    left = left[os.write(handle, left) :]
                os.fsync(handle)
        finally:
            os.close(handle)
        file.path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise FileUnusable(
            f"cannot delete {file.path}: {error.strerror}",
            hint="Delete it yourself: whoever can read it has the share.",
        ) from error
    return True


def share_sheet_pdf(sheet: ShareSheet, words: bytes | bytearray, *, picture: bool = False) -> bytes:
    """One page. `words`: the share, in lower case with single spaces; `picture`: as QR code too.

    Raises FileUnusable where nothing here can print.
    """
    load_fonts()
    text = bytes(words).decode("ascii")
    title = _NAMES[sheet.use.value]
    page = Page(
        title,
        (REHEARSAL,) if sheet.rehearsal else (),
        "This share opens nothing that matters.",
        sheet.ceremony,
        across=REHEARSAL if sheet.rehearsal else "",
    )
    return print_pages(page, _story(sheet, title, text, picture))


def _story(sheet: ShareSheet, title: str, text: str, picture: bool) -> list[Any]:
    story: list[Any] = [
        paragraph("KEEP SECRET", "over"),
        paragraph(title, "title"),
        gap(6),
        *_facts(sheet),
        gap(12),
        _words(text.split(" ")),
        gap(10),
    ]
    if picture:
        square = [qr(text, _QR_SIZE), gap(3), paragraph(QR_RISK, "small")]
        cells = [[_what_to_do(sheet, 0.7), square]]
        story.append(table(["", ""], cells, [73, 27], ruled=False))
    else:
        story.append(_what_to_do(sheet, 1.0))
    if not sheet.rehearsal:
        story += [gap(8), _taken_out()]
    return story


def _facts(sheet: ShareSheet) -> list[Any]:
    wide = [
        ("Custodian", f"{sheet.name} ({sheet.officer})"),
        ("Authority", sheet.authority),
    ]
    double = [
        ("Ceremony", sheet.ceremony, "Kind", sheet.kind.value.replace("-", " ")),
        ("Share", f"number {sheet.number} of {sheet.of}", "Needed", sheet.needed),
        ("Share set", str(sheet.identifier), "Check value", sheet.check),
        ("Bag number", sheet.bag or "_" * 30, "Printed", sheet.date),
    ]
    return [
        table(["", ""], [_named(each) for each in wide], [20, 100], ruled=True),
        table([""] * 4, [_named(each) for each in double], [20, 46, 18, 36], ruled=True),
    ]


def _named(row: tuple[str, ...]) -> list[Any]:
    """Names in bold and their values, by turns."""
    return [paragraph(each, "text" if at % 2 else "bold") for at, each in enumerate(row)]


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


def _what_to_do(sheet: ShareSheet, of_page: float) -> Any:
    packs = (_REHEARSED,) if sheet.rehearsal else (_PACK,)
    lost = _LOST_BACKUP if sheet.use is ShareUse.BACKUP else _LOST
    points = (_PROVE, *packs, _KEEP, _CLEAR, lost)
    rows = [[paragraph(f"{at}."), paragraph(each)] for at, each in enumerate(points, start=1)]
    return table(["", ""], rows, [4 / of_page, 116], ruled=False, of_page=of_page)


def _taken_out() -> Any:
    heads = ["Taken out on", "Why", "New bag", "Custodian's signature", "Witness's signature"]
    rows = [[paragraph("\u00a0\n\u00a0") for _each in heads] for _line in range(_LINES)]
    return table(heads, rows, [18, 30, 20, 30, 30], ruled=True)
