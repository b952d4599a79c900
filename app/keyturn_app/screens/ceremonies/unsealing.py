"""Custodians unseal a keyholder: it is looked at first, then each enters their share. No Qt.

In their own app the custodian's key is open already. At a desk that all share, the keyholder's own
machine, they take turns: each opens their key for their one share.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.ceremony.script import Part, ShareUse
from keyturn.ceremony.shareerrors import MalformedShare, ShareRefused
from keyturn.ceremony.sharewords import EntryState, Feedback, feedback, joined
from keyturn.client.signing import Unlocked
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.roster import OfficerId, Roster
from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Asker, OpenFile
from keyturn_app.screens.ceremonies.hosts import CeremonyDoor, CeremonyHost, SealedSeen
from keyturn_app.screens.ceremonies.keepers import keeper_rows
from keyturn_app.screens.ceremonies.keychoice import KeyChoice
from keyturn_app.screens.ceremonies.signing import opened_for
from keyturn_app.screens.ceremonies.signingview import KeyPlace, KeyView
from keyturn_app.screens.ceremonies.viewmodel import PersonRow
from keyturn_app.screens.ceremonies.words import share_words
from keyturn_app.tasks import Door


class UnsealPage(Enum):
    LOOKING = "looking"
    UNPROVED = "unproved"
    LOOKED = "looked"
    KEY = "key"
    ALONE = "alone"
    ENTER = "enter"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class UnsealView:
    """`count` words of a share; `rows` is what was proved of the keyholder; `people`: whose turn it
    can be, at a desk that all share."""

    page: UnsealPage
    headline: str
    says: str
    rows: tuple[tuple[str, str, bool], ...]
    caveats: tuple[str, ...]
    count: int
    next_text: str
    why_not: str
    error: str
    people: tuple[PersonRow, ...] = ()
    key: KeyView | None = None
    notice: str = ""
    can_back: bool = False
    busy: bool = False


@dataclass(frozen=True, slots=True)
class UnsealGround:
    """`own`: the key that is open in this app, if any; `officer`: who unseals from their own app,
    empty at a desk that all share."""

    door: Door
    asker: Asker
    now: Callable[[], datetime]
    roster: Callable[[], Roster | None]
    own: Signer | None = None
    officer: str = ""


@dataclass(slots=True)
class _Turn:
    """Whose turn it is, and the key that they opened for it."""

    officer: str = ""
    key: Unlocked | None = None

    def end(self, officer: str = "") -> None:
        key, self.key, self.officer = self.key, None, officer
        if key is not None:
            key.close()


class UnsealPresenter(Presenter[UnsealView]):
    """Looks again every few seconds: others enter their shares elsewhere."""

    def __init__(
        self, host: CeremonyDoor, ground: UnsealGround, *, closed: Callable[[], None]
    ) -> None:
        super().__init__()
        self._host, self._ground, self._closed = host, ground, closed
        self._seen: SealedSeen | None = None
        self._page = UnsealPage.LOOKING
        self._busy = self._error = self._notice = ""
        self._asking = self._over = False
        self._turn = _Turn(ground.officer)
        self._key = KeyChoice()
        self._drops: list[Callable[[], None]] = []
        self.look()

    @property
    def shared(self) -> bool:
        """Whether custodians take turns here."""
        return not self._ground.officer

    def view(self) -> UnsealView:
        page, seen = self._page, self._seen
        keeps = self.shared and page is UnsealPage.LOOKED and seen is not None
        return UnsealView(
            page=page,
            headline=self._headline(),
            says=self._says(),
            rows=self._rows() if page not in {UnsealPage.UNPROVED, UnsealPage.OPEN} else (),
            caveats=() if seen is None else seen.caveats,
            count=share_words(ShareUse.USER),
            next_text=self._next_text(),
            why_not=self._why_not(),
            error=self._error,
            people=keeper_rows(seen, self._names(), busy=self._busy) if keeps and seen else (),
            key=self._key.view() if page is UnsealPage.KEY else None,
            notice=self._notice,
            can_back=page in _TURNS,
            busy=bool(self._busy),
        )

    def look(self) -> None:
        """Ask the keyholder, and prove what it shows."""
        if self._asking or self._page is UnsealPage.OPEN or self._page in _TURNS:
            return
        self._asking = True
        officer, now = self._turn.officer, self._ground.now()
        self._ask(lambda host: host.sealed(officer, now), self._looked, self._unproved)

    def tick(self) -> None:
        """A few seconds went by."""
        self._drops = self._drops[-4:]
        self.look()

    def feedback(self, typed: list[str]) -> Feedback:
        return feedback(typed, share_words(ShareUse.USER))

    # ---- whose turn it is, at a desk that all share ----

    def take_turn(self, officer: str, _part: Part = Part.CUSTODIAN) -> None:
        """This custodian comes to the screen."""
        row = next((each for each in self.view().people if each.officer == officer), None)
        if row is None or not row.action or row.why_not:
            return
        self._turn.end(officer)
        self._key = KeyChoice()
        own = self._ground.own
        self._key.of(own=own is not None and own.officer == officer)
        self._go(UnsealPage.KEY)

    def choose_place(self, place: KeyPlace) -> None:
        self._key.put(place)
        self._error = ""
        self.changed()

    def write_place(self, text: str) -> None:
        if text != self._key.text:
            self._key.text = text
            self.changed()

    def browse(self) -> None:
        title = _("Key file of {name}").format(name=self._name(self._turn.officer))
        self._ground.asker.path(OpenFile(title), self._browsed)

    def unlock(self, secret: bytearray) -> None:
        """Open this custodian's key; `secret` is wiped whatever happens."""
        roster = self._ground.roster()
        officer = None if roster is None else roster.officers.get(OfficerId(self._turn.officer))
        if self._page is not UnsealPage.KEY or self._why_not() or officer is None:
            secret[:] = bytes(len(secret))
            return
        own = self._ground.own
        if self._key.is_own and own is not None:
            secret[:] = bytes(len(secret))
            self._opened(Unlocked(own, lambda: None))
            return
        try:
            location = self._key.location(officer.id)
        except MalformedError as error:
            secret[:] = bytes(len(secret))
            self._refused(error)
            return
        found = officer
        self._start(_("The key is being opened…"))
        job = self._ground.door.run(
            _("open an officer's key"),
            lambda _job, _tell: opened_for(location, found, secret),
            done=self._opened,
            failed=self._not_opened,
        )
        self._drops.append(job.drop)

    # ---- on, and back ----

    def forward(self) -> None:
        if self._why_not() or self._page in {UnsealPage.ENTER, UnsealPage.KEY}:
            return
        if self._page is UnsealPage.LOOKED:
            self._go(UnsealPage.ALONE)
        elif self._page is UnsealPage.ALONE:
            self._go(UnsealPage.ENTER)
        else:
            self.cancel()

    def back(self) -> None:
        """This share is not entered now; the keyholder is looked at again."""
        if self._page in _TURNS and not self._busy:
            self._turn_over()
            self._go(UnsealPage.LOOKED)
            self.look()

    def hand_in(self, typed: list[str]) -> None:
        """Seal the share to the proved keyholder; the words end here."""
        signer = self._signer
        if signer is None or self._page is not UnsealPage.ENTER or self._busy:
            return
        if self.feedback(typed).state is not EntryState.RIGHT:
            self._error = _("That is no share yet: look at the marked words.")
            self.changed()
            return
        words, now = joined(typed), self._ground.now()
        self._start(_("The share is being handed in…"))
        self._ask(lambda host: host.unseal(signer, words, now), self._handed, self._not_taken)

    def cancel(self) -> None:
        self.close()
        self._closed()

    def close(self) -> None:
        self._over = True
        for drop in self._drops:
            drop()
        self._turn_over()
        super().close()

    # ---- inside ----

    @property
    def _signer(self) -> Signer | None:
        key = self._turn.key
        if key is not None:
            return key.signer
        return None if self.shared else self._ground.own

    def _ask(
        self,
        work: Callable[[CeremonyHost], SealedSeen],
        done: Callable[[SealedSeen], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        self._drops.append(self._host.ask(work, done=done, failed=failed))

    def _start(self, text: str) -> None:
        self._busy, self._error, self._notice = text, "", ""
        self.changed()

    def _go(self, page: UnsealPage) -> None:
        self._page, self._error = page, ""
        self.changed()

    def _turn_over(self) -> None:
        self._turn.end(self._ground.officer)

    def _browsed(self, path: Path | None) -> None:
        if path is not None and not self._over:
            self.write_place(str(path))

    def _opened(self, key: Unlocked) -> None:
        if self._over or self._page is not UnsealPage.KEY:
            key.close()
            return
        self._turn.key = key
        self._busy = ""
        self._go(UnsealPage.ALONE)

    def _looked(self, seen: SealedSeen) -> None:
        self._asking = False
        if self._page in _TURNS:
            return  # asked for before somebody came to the screen
        before, self._seen = self._seen, seen
        if not seen.sealed:
            self._notice = ""
            self._go(UnsealPage.OPEN)
            return
        if before is not None and before.sealed and before.fingerprint != seen.fingerprint:
            self._notice = _(
                "The session ended, and a new one began with a key of its own: shares that were "
                "entered before are forgotten, and are entered again."
            )
        if self._page in {UnsealPage.LOOKING, UnsealPage.UNPROVED}:
            self._go(UnsealPage.LOOKED)
        else:
            self.changed()

    def _unproved(self, error: KeyturnError) -> None:
        """Not our keyholder, or nobody can tell: no share goes there."""
        self._asking = False
        if self._page in _TURNS:
            self._turn_over()
        self._page, self._busy = UnsealPage.UNPROVED, ""
        self._error = wording.error_text(error)
        self.changed()

    def _handed(self, seen: SealedSeen) -> None:
        self._busy = ""
        self._turn_over()
        self._page = UnsealPage.LOOKED
        self._looked(seen)

    def _not_opened(self, error: KeyturnError) -> None:
        if self._page is UnsealPage.KEY:  # nobody waits for a key any more elsewhere
            self._refused(error)

    def _refused(self, error: KeyturnError) -> None:
        self._busy, self._error = "", wording.error_text(error)
        self.changed()

    def _not_taken(self, error: KeyturnError) -> None:
        """A share that is not theirs is typed anew; after anything else all is looked at anew."""
        if isinstance(error, MalformedShare | ShareRefused):
            self._refused(error)
            return
        self._turn_over()
        self._page = UnsealPage.LOOKED
        self._refused(error)
        self.look()

    # ---- what is shown ----

    def _names(self) -> Mapping[str, str]:
        roster = self._ground.roster()
        return {} if roster is None else {str(e.id): e.name for e in roster.officers.values()}

    def _name(self, officer: str) -> str:
        return self._names().get(officer, officer)

    def _headline(self) -> str:
        seen = self._seen
        if self._page is UnsealPage.OPEN:
            return _("The keyholder is open")
        if self._page is UnsealPage.UNPROVED:
            return _("This keyholder is not proved")
        if self._page in _TURNS and self.shared:
            return _("Share of {name}").format(name=self._name(self._turn.officer))
        if seen is None:
            return _("The keyholder is being looked at")
        return n_("One more share is needed", "{count} more shares are needed", seen.missing)

    def _says(self) -> str:
        name = self._name(self._turn.officer) if self.shared else _("you")
        return {
            UnsealPage.LOOKING: _("Its key, its log and its machine are checked first."),
            UnsealPage.UNPROVED: _("Enter no share. Tell the other custodians."),
            UnsealPage.LOOKED: _(
                "Its token is closed. Custodians of the user PIN come to this screen one by one, "
                "and each enters their share alone."
            )
            if self.shared
            else _(
                "The keyholder was restarted and its token is closed. Custodians of the user PIN "
                "enter their shares, each from their own app."
            ),
            UnsealPage.KEY: _("{name} opens their own key. It is closed again with the share."),
            UnsealPage.ALONE: _(
                "Is {name} alone at this screen? Nobody else may see it: no other person, no "
                "camera, no shared screen."
            )
            if self.shared
            else _(
                "Are you alone at this screen? Nobody else may see it: no other person, no camera, "
                "no shared screen."
            ),
            UnsealPage.ENTER: _("Type the words from the sheet. A few letters of each are enough."),
            UnsealPage.OPEN: _("Keys are released again to nodes that prove what they are."),
        }[self._page].format(name=name)

    def _next_text(self) -> str:
        if self._page is UnsealPage.LOOKED and self.shared:
            return _("Close")
        return {
            UnsealPage.LOOKED: _("Enter my share…"),
            UnsealPage.KEY: _("Open the key"),
            UnsealPage.ALONE: _("Yes, alone"),
            UnsealPage.ENTER: _("Hand the share in"),
        }.get(self._page, _("Close"))

    def _rows(self) -> tuple[tuple[str, str, bool], ...]:
        seen = self._seen
        if seen is None or not seen.sealed:
            return ()
        names = self._names()
        who = ", ".join(names.get(each, each) for each in seen.entered) or _("nobody yet")
        rows = [
            (_("Key of this session"), seen.fingerprint, True),
            (_("Log"), n_("{count} entry", "{count} entries", seen.log_size), False),
            (_("Shares"), seen.needed, False),
        ]
        if not self.shared:
            rows.append((_("Entered by"), who, False))
            rows.append((_("Your share"), seen.mine or _("you have none of these"), False))
        return tuple(rows)

    def _why_not(self) -> str:
        if self._busy:
            return self._busy
        if self._page is UnsealPage.LOOKING:
            return _("Not looked at yet.")
        if self._page is UnsealPage.KEY:
            return self._key.missing()
        if self._page is UnsealPage.LOOKED and not self.shared and self._seen is not None:
            return self._why_not_mine(self._seen)
        return ""

    def _why_not_mine(self, seen: SealedSeen) -> str:
        if not seen.mine:
            return _("You keep no share of the user PIN.")
        if self._ground.officer in seen.entered:
            return _("Your share is there. Others are waited for.")
        if self._ground.own is None:
            return _("Unlock your key first.")
        return ""


_TURNS = frozenset({UnsealPage.KEY, UnsealPage.ALONE, UnsealPage.ENTER})
"""While somebody is at their share, nothing else is looked at."""
