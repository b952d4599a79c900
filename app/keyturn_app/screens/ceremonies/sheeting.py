"""One's own share as a sheet of paper: what is on it, where its file lies. No Qt in here.

The file is the share: it is remembered until it is deleted, or until its custodian was told that
it is still there. Words are read from the open share when the file is made, and from nowhere else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from keyturn.base.errors import KeyturnError
from keyturn.client.sharesheet import (
    SheetFile,
    checked_bag,
    delete_sheet,
    filled,
    share_sheet_pdf,
    write_sheet,
)
from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.questions import Asker, Notice, SaveFile, Weight
from keyturn_app.screens.ceremonies.hosts import OwnShare
from keyturn_app.tasks import Door


@dataclass(frozen=True, slots=True)
class SheetView:
    """`offered`: a share is open that can be printed; `files`: paths of sheets that were saved and
    not deleted."""

    offered: bool
    open: bool
    bag: str
    picture: bool
    risk: str
    """What a QR code of a share risks."""
    warning: str
    why_not: str
    error: str
    files: tuple[str, ...]
    files_say: str
    busy: bool


@dataclass(slots=True)
class _Choice:
    """What is to be on the sheet."""

    open: bool = False
    bag: str = ""
    picture: bool = False


class Sheets:
    """The sheets of one custodian at one step. `changed` is called when the view is another."""

    def __init__(
        self,
        door: Door,
        asker: Asker,
        now: Callable[[], datetime],
        changed: Callable[[], None],
    ) -> None:
        self._door, self._asker, self._now, self._changed = door, asker, now, changed
        self._share: OwnShare | None = None
        self._choice = _Choice()
        self._files: tuple[SheetFile, ...] = ()
        self._busy = self._over = False
        self._error = ""
        self.bags: tuple[str, ...] = ()
        """Of the sheets that were saved, in their order."""

    def view(self) -> SheetView:
        choice = self._choice
        return SheetView(
            offered=self._share is not None,
            open=choice.open,
            bag=choice.bag,
            picture=choice.picture,
            risk=_("A camera that sees the code for a moment has the share."),
            warning=_(
                "The file is the share: whoever can read it has it. Choose a place that only you "
                "can read, on this machine or a stick, never a folder that is shared, synchronised "
                "or backed up. Print it, then delete it here. A printer and its queue may keep a "
                "copy."
            ),
            why_not=self._why_not(),
            error=self._error,
            files=tuple(str(each.path) for each in self._files),
            files_say=_("Saved, and still there. This file is the share: print it, then delete it.")
            if self._files
            else "",
            busy=self._busy,
        )

    def offer(self, share: OwnShare) -> None:
        """This share is on the page now."""
        self._share = share if share.sheet is not None else None
        self._choice = _Choice()
        self._error = ""

    def withdraw(self) -> None:
        """No share is open any more."""
        self._share = None
        self._choice = _Choice()

    def toggle(self) -> None:
        self._choice.open = not self._choice.open
        self._changed()

    def write_bag(self, text: str) -> None:
        if text != self._choice.bag:
            self._choice.bag = text
            self._changed()

    def choose_picture(self, picture: bool) -> None:
        if picture != self._choice.picture:
            self._choice.picture = picture
            self._changed()

    def save(self) -> None:
        """Ask where, then make the file for its owner alone."""
        share = self._share
        if share is None or share.sheet is None or self._why_not():
            return
        name = f"share-{share.sheet.use.value}-{share.sheet.officer}.pdf"
        question = SaveFile(_("Save the sheet"), name, (_("PDF (*.pdf)"),))
        self._asker.path(question, lambda path: self._chosen(share, path))

    def delete(self, path: str) -> None:
        """A file that was saved here."""
        file = next((each for each in self._files if str(each.path) == path), None)
        if file is None or self._busy:
            return
        self._start()
        self._door.run(
            _("delete a share's sheet"),
            lambda _job, _tell: delete_sheet(file),
            done=lambda there: self._deleted(file, there),
            failed=self._fail,
        )

    def remind(self) -> None:
        """The step is over: say what was saved and not deleted."""
        self._over = True
        if self._files:
            self._asker.tell(
                Notice(
                    _("A share was saved to a file"),
                    _("It was not deleted here. Whoever can read it has the share."),
                    hint=_("Print it if it is not printed yet, then delete it."),
                    weight=Weight.DANGER,
                    details=tuple(str(each.path) for each in self._files),
                    lasting=True,
                )
            )

    # ---- inside ----

    def _why_not(self) -> str:
        if self._busy:
            return _("The file is being worked on…")
        try:
            checked_bag(self._choice.bag)
        except KeyturnError as error:
            return wording.error_text(error)
        return ""

    def _chosen(self, share: OwnShare, path: Path | None) -> None:
        if path is None or share is not self._share or share.sheet is None:
            return
        sheet = filled(share.sheet, self._now(), self._choice.bag)
        picture = self._choice.picture

        def work() -> SheetFile:
            words = bytearray(share.words)
            try:
                if not any(words):  # wiped meanwhile: the page was left
                    raise KeyturnError(_("the share is closed"))
                return write_sheet(path, share_sheet_pdf(sheet, words, picture=picture))
            finally:
                words[:] = bytes(len(words))

        self._start()
        self._door.run(
            _("make a share's sheet"),
            lambda _job, _tell: work(),
            done=lambda file: self._saved(file, sheet.bag),
            failed=self._fail,
        )

    def _start(self) -> None:
        self._busy, self._error = True, ""
        self._changed()

    def _saved(self, file: SheetFile, bag: str) -> None:
        """However late: what lies there is shown, and told where nobody looks here any more."""
        self._busy = False
        self._files = (*self._files, file)
        self.bags += (bag,) if bag else ()
        self._asker.toast(_("Saved: {name}").format(name=file.path.name))
        if self._over:
            self.remind()
        self._changed()

    def _deleted(self, file: SheetFile, there: bool) -> None:
        self._busy = False
        self._files = tuple(each for each in self._files if each is not file)
        self._asker.toast(
            _("Deleted. What a disk or a backup keeps of it, nobody can know here.")
            if there
            else _("It is not there any more. If it was moved, delete it where it is.")
        )
        self._changed()

    def _fail(self, error: KeyturnError) -> None:
        self._busy, self._error = False, wording.error_text(error)
        self._changed()
