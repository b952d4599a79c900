"""A custodian unseals a keyholder from their own app: looks at it, then enters one share. No Qt."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.base.errors import KeyturnError
from keyturn.ceremony.script import ShareUse
from keyturn.ceremony.sharewords import EntryState, Feedback, feedback, joined
from keyturn.officerkeys.signer import Signer
from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.presenting import Presenter
from keyturn_app.screens.ceremonies.hosts import CeremonyDoor, SealedSeen
from keyturn_app.screens.ceremonies.words import share_words


class UnsealPage(Enum):
    LOOKING = "looking"
    UNPROVED = "unproved"
    LOOKED = "looked"
    ALONE = "alone"
    ENTER = "enter"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class UnsealView:
    """`missing` of the shares are still needed; `rows` is what was proved of the keyholder."""

    page: UnsealPage
    headline: str
    says: str
    rows: tuple[tuple[str, str, bool], ...]
    caveats: tuple[str, ...]
    count: int
    next_text: str
    why_not: str
    error: str


class UnsealPresenter(Presenter[UnsealView]):
    """Looks again every few seconds: others enter their shares elsewhere."""

    def __init__(
        self,
        host: CeremonyDoor,
        signer: Signer | None,
        officer: str,
        names: Mapping[str, str],
        now: Callable[[], datetime],
        *,
        closed: Callable[[], None],
    ) -> None:
        super().__init__()
        self._host, self._signer, self._officer = host, signer, officer
        self._names, self._now, self._closed = names, now, closed
        self._seen: SealedSeen | None = None
        self._page = UnsealPage.LOOKING
        self._busy = self._error = ""
        self._asking = False
        self._drops: list[Callable[[], None]] = []
        self.look()

    def view(self) -> UnsealView:
        page = self._page
        return UnsealView(
            page=page,
            headline=self._headline(),
            says=self._says(),
            rows=self._rows(),
            caveats=() if self._seen is None else self._seen.caveats,
            count=share_words(ShareUse.USER),
            next_text={
                UnsealPage.LOOKED: _("Enter my share…"),
                UnsealPage.ALONE: _("Yes, alone"),
                UnsealPage.ENTER: _("Hand the share in"),
            }.get(page, _("Close")),
            why_not=self._why_not(),
            error=self._error,
        )

    def look(self) -> None:
        """Ask the keyholder, and prove what it shows."""
        if self._asking or self._page in {UnsealPage.OPEN, UnsealPage.ENTER}:
            return
        self._asking = True
        officer, now = self._officer, self._now()
        self._drops.append(
            self._host.ask(
                lambda host: host.sealed(officer, now), done=self._looked, failed=self._unproved
            )
        )

    def tick(self) -> None:
        """A few seconds went by."""
        self._drops = self._drops[-4:]
        self.look()

    def feedback(self, typed: list[str]) -> Feedback:
        return feedback(typed, share_words(ShareUse.USER))

    def forward(self) -> None:
        if self._why_not():
            return
        if self._page is UnsealPage.LOOKED:
            self._go(UnsealPage.ALONE)
        elif self._page is UnsealPage.ALONE:
            self._go(UnsealPage.ENTER)
        elif self._page is not UnsealPage.ENTER:
            self.cancel()

    def hand_in(self, typed: list[str]) -> None:
        """Seal the share to the proved keyholder; the words end here."""
        signer = self._signer
        if signer is None or self._page is not UnsealPage.ENTER or self._busy:
            return
        if self.feedback(typed).state is not EntryState.RIGHT:
            self._error = _("That is no share yet: look at the marked words.")
            self.changed()
            return
        words, now = joined(typed), self._now()
        self._busy, self._error = _("The share is being handed in…"), ""
        self.changed()
        self._drops.append(
            self._host.ask(
                lambda host: host.unseal(signer, words, now),
                done=self._handed,
                failed=self._refused,
            )
        )

    def cancel(self) -> None:
        self.close()
        self._closed()

    def close(self) -> None:
        for drop in self._drops:
            drop()
        super().close()

    # ---- inside ----

    def _go(self, page: UnsealPage) -> None:
        self._page, self._error = page, ""
        self.changed()

    def _looked(self, seen: SealedSeen) -> None:
        self._asking = False
        self._seen = seen
        if not seen.sealed:
            self._go(UnsealPage.OPEN)
        elif self._page in {UnsealPage.LOOKING, UnsealPage.UNPROVED}:
            self._go(UnsealPage.LOOKED)
        else:
            self.changed()

    def _unproved(self, error: KeyturnError) -> None:
        """Not our keyholder, or nobody can tell: no share goes there."""
        self._asking = False
        self._page, self._error = UnsealPage.UNPROVED, wording.error_text(error)
        self.changed()

    def _handed(self, seen: SealedSeen) -> None:
        self._busy = ""
        self._page = UnsealPage.LOOKED
        self._looked(seen)

    def _refused(self, error: KeyturnError) -> None:
        self._busy, self._error = "", wording.error_text(error)
        self.changed()

    def _headline(self) -> str:
        seen = self._seen
        if self._page is UnsealPage.OPEN:
            return _("The keyholder is open")
        if self._page is UnsealPage.UNPROVED:
            return _("This keyholder is not proved")
        if seen is None:
            return _("The keyholder is being looked at")
        return n_("One more share is needed", "{count} more shares are needed", seen.missing)

    def _says(self) -> str:
        return {
            UnsealPage.LOOKING: _("Its key, its log and its machine are checked first."),
            UnsealPage.UNPROVED: _("Enter no share. Tell the other custodians."),
            UnsealPage.LOOKED: _(
                "The keyholder was restarted and its token is closed. Custodians of the user PIN "
                "enter their shares, each from their own app."
            ),
            UnsealPage.ALONE: _(
                "Are you alone at this screen? Nobody else may see it: no other person, no camera, "
                "no shared screen."
            ),
            UnsealPage.ENTER: _("Type the words from the sheet. A few letters of each are enough."),
            UnsealPage.OPEN: _("Keys are released again to nodes that prove what they are."),
        }[self._page]

    def _rows(self) -> tuple[tuple[str, str, bool], ...]:
        seen = self._seen
        if seen is None or not seen.sealed:
            return ()
        who = ", ".join(self._names.get(each, each) for each in seen.entered) or _("nobody yet")
        return (
            (_("Key of this session"), seen.fingerprint, True),
            (_("Log"), n_("{count} entry", "{count} entries", seen.log_size), False),
            (_("Shares"), seen.needed, False),
            (_("Entered by"), who, False),
            (_("Your share"), seen.mine or _("you have none of these"), False),
        )

    def _why_not(self) -> str:
        if self._busy:
            return self._busy
        if self._page is UnsealPage.LOOKING:
            return _("Not looked at yet.")
        seen = self._seen
        if self._page is not UnsealPage.LOOKED or seen is None:
            return ""
        if not seen.mine:
            return _("You keep no share of the user PIN.")
        if self._officer in seen.entered:
            return _("Your share is there. Others are waited for.")
        if self._signer is None:
            return _("Unlock your key first.")
        return ""
