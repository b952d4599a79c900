"""A note, an exception, an abort or a resumption: who says it, with which key. No Qt in here."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from keyturn.base.errors import KeyturnError
from keyturn.ceremony.plan import Plan
from keyturn.ceremony.script import Part
from keyturn.ceremony.steps import Word
from keyturn.client.signing import Unlocked
from keyturn.officerkeys.location import InFile, InKeyring, KeyLocation, parse_location
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.roster import Officer, OfficerId
from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Asker, OpenFile
from keyturn_app.screens.ceremonies.hosts import CeremonyDoor, CeremonyHost, Told
from keyturn_app.screens.ceremonies.signing import opened_for
from keyturn_app.screens.ceremonies.signingview import KeyPlace, KeyView
from keyturn_app.screens.ceremonies.words import left_state, part_word


@dataclass(frozen=True, slots=True)
class SayView:
    """`speakers`: (officer, part word and name); `danger`: it cannot be taken back."""

    title: str
    says: str
    left: str
    speakers: tuple[tuple[str, str], ...]
    speaker: str
    text_title: str
    text: str
    key: KeyView
    do: str
    danger: bool
    why_not: str
    busy: str
    error: str


def speakers(plan: Plan, word: Word) -> tuple[tuple[OfficerId, Part], ...]:
    """Who may say it (§10.3): a note anybody; the rest the administrator or the witness."""
    both: list[tuple[OfficerId, Part]] = [
        (plan.administrator, Part.ADMINISTRATOR),
        (plan.witness, Part.WITNESS),
    ]
    if word is not Word.NOTE:
        return tuple(both)
    if plan.scribe is not None:
        both.append((plan.scribe, Part.SCRIBE))
    custodians = dict.fromkeys(each for scheme in plan.shares.values() for each in scheme.officers)
    both += [(each, Part.CUSTODIAN) for each in custodians if each != plan.administrator]
    return tuple(both)


class SayPresenter(Presenter[SayView]):
    """Opens the speaker's key for this one word. `closed(True)` when the host has it."""

    def __init__(
        self,
        word: Word,
        told: Told,
        host: CeremonyDoor,
        asker: Asker,
        now: Callable[[], datetime],
        *,
        own: Signer | None,
        closed: Callable[[bool], None],
    ) -> None:
        super().__init__()
        course = told.course
        self._word, self._told, self._course = word, told, course
        self._roster = course.roster
        self._host, self._asker, self._now = host, asker, now
        self._own, self._closed = own, closed
        self._speakers = speakers(course.plan, word)
        mine = [each for each, _part in self._speakers if own and each == own.officer]
        self._speaker = mine[0] if mine else self._speakers[0][0]
        self._place = KeyPlace.OPEN if mine else KeyPlace.FILE
        self._path = self._text = self._busy = self._error = ""
        self._over = False
        self._drops: list[Callable[[], None]] = []

    def view(self) -> SayView:
        title, says, do = _texts(self._word)
        abort = self._word is Word.ABORT
        return SayView(
            title=title,
            says=says,
            left=left_state(self._course.plan.kind, len(self._course.done)) if abort else "",
            speakers=tuple(
                (officer, f"{self._name(officer)} · {part_word(part)}")
                for officer, part in self._speakers
            ),
            speaker=self._speaker,
            text_title=_("Why") if self._word is not Word.NOTE else _("Note"),
            text=self._text,
            key=self._key_view(),
            do=do,
            danger=abort,
            why_not=self._why_not(),
            busy=self._busy,
            error=self._error,
        )

    def choose_speaker(self, officer: str) -> None:
        self._speaker = OfficerId(officer)
        if self._place is KeyPlace.OPEN and not self._is_own:
            self._place = KeyPlace.FILE
        self.changed()

    def choose_place(self, place: KeyPlace) -> None:
        self._place, self._path = place, ""
        self.changed()

    def write_place(self, text: str) -> None:
        if text != self._path:
            self._path = text
            self.changed()

    def write(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.changed()

    def browse(self) -> None:
        title = _("Key file of {name}").format(name=self._name(self._speaker))
        self._asker.path(OpenFile(title), self._browsed)

    def say(self, secret: bytearray) -> None:
        """Sign it and hand it in; `secret` is wiped whatever happens."""
        if self._why_not():
            secret[:] = bytes(len(secret))
            return
        if self._place is KeyPlace.OPEN and self._own is not None:
            secret[:] = bytes(len(secret))
            own = self._own
            self._sign(lambda: Unlocked(own, lambda: None))
            return
        try:
            location = self._location()
        except KeyturnError as error:
            secret[:] = bytes(len(secret))
            self._fail(error)
            return
        officer = self._officer
        self._sign(lambda: opened_for(location, officer, secret))

    def cancel(self) -> None:
        self._end(False)

    def close(self) -> None:
        self._over = True
        for drop in self._drops:
            drop()
        super().close()

    # ---- inside ----

    @property
    def _officer(self) -> Officer:
        return self._roster.officers[self._speaker]

    @property
    def _is_own(self) -> bool:
        return self._own is not None and self._own.officer == self._speaker

    def _name(self, officer: OfficerId) -> str:
        found = self._roster.officers.get(officer)
        return found.name if found else officer

    def _key_view(self) -> KeyView:
        places = [
            (KeyPlace.FILE, _("Key file"), ""),
            (KeyPlace.KEYRING, _("Keyring of this machine"), ""),
            (KeyPlace.CARD, _("Card"), ""),
        ]
        if self._is_own:
            places.insert(0, (KeyPlace.OPEN, _("The key that is open in this app"), ""))
        titles = {
            KeyPlace.FILE: _("Path of the key file"),
            KeyPlace.CARD: _("Card, as MODULE:TOKEN:KEY"),
        }
        secrets = {KeyPlace.FILE: _("Passphrase of the key"), KeyPlace.CARD: _("PIN of the card")}
        place = self._place
        return KeyView(
            tuple(places), place, self._path, titles.get(place, ""), secrets.get(place, "")
        )

    def _location(self) -> KeyLocation:
        text = self._path.strip()
        if self._place is KeyPlace.FILE:
            return InFile(Path(text).expanduser())
        if self._place is KeyPlace.KEYRING:
            return InKeyring(self._speaker)
        return parse_location(text if text.startswith("card:") else f"card:{text}")

    def _why_not(self) -> str:
        if self._busy:
            return self._busy
        if not self._text.strip():
            return _("Write it down: it stands in the record for ever.")
        asks = {KeyPlace.FILE, KeyPlace.CARD}
        if self._place in asks and not self._path.strip():
            return _("Say where the key is.")
        return ""

    def _sign(self, open_key: Callable[[], Unlocked]) -> None:
        part = dict(self._speakers)[self._speaker]
        told, word, text, now = self._told, self._word, self._text.strip(), self._now()
        self._busy, self._error = _("Being signed…"), ""
        self.changed()

        def work(host: CeremonyHost) -> None:
            key = open_key()
            try:
                host.say(told, part, key.signer, now, word, text)
            finally:
                key.close()

        self._drops.append(
            self._host.ask(work, done=lambda _none: self._end(True), failed=self._fail)
        )

    def _browsed(self, path: Path | None) -> None:
        if path is not None and not self._over:
            self.write_place(str(path))

    def _end(self, said: bool) -> None:
        if not self._over:
            self.close()
            self._closed(said)

    def _fail(self, error: KeyturnError) -> None:
        if not self._over:
            self._busy, self._error = "", wording.error_text(error)
            self.changed()


def _texts(word: Word) -> tuple[str, str, str]:
    """(title, what it is, what the button says)."""
    return {
        Word.NOTE: (
            _("Add a note"),
            _("It becomes a record of its own, signed by whoever writes it."),
            _("Sign the note"),
        ),
        Word.EXCEPTION: (
            _("Record an exception"),
            _(
                "Something went otherwise than the script says. It is recorded, never skipped: the "
                "step still needs all its signatures."
            ),
            _("Sign the exception"),
        ),
        Word.ABORT: (
            _("Abort the ceremony"),
            _("It ends here and cannot be taken up again. The record of the abort stays."),
            _("Abort"),
        ),
        Word.RESUME: (
            _("Resume the ceremony"),
            _("It goes on at the step at which it was stopped. Say why it was stopped."),
            _("Resume"),
        ),
    }[word]
