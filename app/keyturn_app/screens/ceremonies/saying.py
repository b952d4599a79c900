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
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.roster import OfficerId, Roster
from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Asker, OpenFile
from keyturn_app.screens.ceremonies.hosts import CeremonyDoor, CeremonyHost, Told
from keyturn_app.screens.ceremonies.keychoice import KeyChoice
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
    speaker_title: str
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


@dataclass(frozen=True, slots=True)
class Saying:
    """What is said, by whom: (officer, part) each; `left` the state that it leaves."""

    title: str
    says: str
    do: str
    text_title: str
    speakers: tuple[tuple[OfficerId, Part], ...]
    speaker_title: str
    left: str = ""
    danger: bool = False


class Speaking(Presenter[SayView]):
    """One signed text of one officer, whose key is opened for it alone. `closed(True)` when it was
    taken."""

    def __init__(
        self,
        saying: Saying,
        roster: Roster,
        host: CeremonyDoor,
        asker: Asker,
        now: Callable[[], datetime],
        *,
        own: Signer | None,
        closed: Callable[[bool], None],
    ) -> None:
        super().__init__()
        self._saying, self._roster = saying, roster
        self._host, self._asker, self._now = host, asker, now
        self._own, self._closed = own, closed
        mine = [each for each, _part in saying.speakers if own and each == own.officer]
        self._speaker = mine[0] if mine else saying.speakers[0][0]
        self._key = KeyChoice()
        self._key.of(own=bool(mine))
        self._text = self._busy = self._error = ""
        self._over = False
        self._drops: list[Callable[[], None]] = []

    def hand(
        self, host: CeremonyHost, signer: Signer, part: Part, text: str, now: datetime
    ) -> None:
        """Sign it and hand it in, away from the window's thread. Raises KeyturnError."""
        raise NotImplementedError

    def view(self) -> SayView:
        saying = self._saying
        return SayView(
            title=saying.title,
            says=saying.says,
            left=saying.left,
            speakers=tuple(
                (officer, f"{self._name(officer)} · {part_word(part)}")
                for officer, part in saying.speakers
            ),
            speaker=self._speaker,
            speaker_title=saying.speaker_title,
            text_title=saying.text_title,
            text=self._text,
            key=self._key.view(),
            do=saying.do,
            danger=saying.danger,
            why_not=self._why_not(),
            busy=self._busy,
            error=self._error,
        )

    def choose_speaker(self, officer: str) -> None:
        self._speaker = OfficerId(officer)
        self._key.of(own=self._own is not None and self._own.officer == officer)
        self.changed()

    def choose_place(self, place: KeyPlace) -> None:
        self._key.put(place)
        self.changed()

    def write_place(self, text: str) -> None:
        if text != self._key.text:
            self._key.text = text
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
        own = self._own
        if self._key.is_own and own is not None:
            secret[:] = bytes(len(secret))
            self._sign(lambda: Unlocked(own, lambda: None))
            return
        try:
            location = self._key.location(self._speaker)
        except KeyturnError as error:
            secret[:] = bytes(len(secret))
            self._fail(error)
            return
        officer = self._roster.officers[self._speaker]
        self._sign(lambda: opened_for(location, officer, secret))

    def cancel(self) -> None:
        self._end(False)

    def close(self) -> None:
        self._over = True
        for drop in self._drops:
            drop()
        super().close()

    # ---- inside ----

    def _name(self, officer: OfficerId) -> str:
        found = self._roster.officers.get(officer)
        return found.name if found else officer

    def _why_not(self) -> str:
        if self._busy:
            return self._busy
        if not self._text.strip():
            return _("Write it down: it stands in the record for ever.")
        return self._key.missing()

    def _sign(self, open_key: Callable[[], Unlocked]) -> None:
        part = dict(self._saying.speakers)[self._speaker]
        text, now = self._text.strip(), self._now()
        self._busy, self._error = _("Being signed…"), ""
        self.changed()

        def work(host: CeremonyHost) -> None:
            key = open_key()
            try:
                self.hand(host, key.signer, part, text, now)
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


class SayPresenter(Speaking):
    """A word on a ceremony's record."""

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
        plan, abort = told.course.plan, word is Word.ABORT
        title, says, do = _texts(word)
        saying = Saying(
            title,
            says,
            do,
            _("Note") if word is Word.NOTE else _("Why"),
            speakers(plan, word),
            _("Who says it"),
            left_state(plan.kind, len(told.course.done)) if abort else "",
            danger=abort,
        )
        super().__init__(saying, told.course.roster, host, asker, now, own=own, closed=closed)
        self._word, self._told = word, told

    def hand(
        self, host: CeremonyHost, signer: Signer, part: Part, text: str, now: datetime
    ) -> None:
        host.say(self._told, part, signer, now, self._word, text)


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
