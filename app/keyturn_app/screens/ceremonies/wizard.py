"""One ceremony, led through: follows its record, asks for signatures, goes on. No Qt in here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.ceremony.errors import CeremonyRefused
from keyturn.ceremony.script import Part
from keyturn.ceremony.steps import Word
from keyturn.client.ceremonybrought import Brought
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.bundle import Authority
from keyturn.quorum.roster import OfficerId
from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Asker, SaveFile, failure
from keyturn_app.screens.ceremonies.bringing import Bringing
from keyturn_app.screens.ceremonies.giving import Giving, given
from keyturn_app.screens.ceremonies.handingin import HandingIn, HandInGround
from keyturn_app.screens.ceremonies.hosts import CeremonyDoor, Told
from keyturn_app.screens.ceremonies.keeping import refuted, verdict_of, written
from keyturn_app.screens.ceremonies.leading import wizard_view
from keyturn_app.screens.ceremonies.reading import Reading
from keyturn_app.screens.ceremonies.saying import SayPresenter
from keyturn_app.screens.ceremonies.signing import SignPresenter
from keyturn_app.screens.ceremonies.turns import Turn
from keyturn_app.screens.ceremonies.viewmodel import Around, Phase, Verdict, WizardView
from keyturn_app.tasks import Door

T = TypeVar("T")
Sheet = SignPresenter | SayPresenter


@dataclass(frozen=True, slots=True)
class Setting:
    """What surrounds a wizard. `own`: this app's officer has their own row, and no other."""

    door: Door
    asker: Asker
    now: Callable[[], datetime]
    models: Callable[[], int | None]
    own: Callable[[], Signer | None]
    minutes: Callable[[bytes], bytes]
    """A transcript file's minutes, as PDF. Raises KeyturnError."""
    alone: Callable[[], str]
    """The officer whose app this is; empty at a desk that all share."""
    authority: Callable[[], Authority | None] = lambda: None
    """Against which a statement is verified that comes as a file."""


@dataclass(slots=True)
class _Kept:
    """What was saved, and what a reader of the transcript says."""

    verdict: Verdict | None = None
    files: tuple[str, ...] = ()
    asked: bool = False


class WizardPresenter(Presenter[WizardView]):
    """Polls the host while it is looked at. `closed` when the officer leaves it."""

    def __init__(
        self,
        ceremony: str,
        host: CeremonyDoor,
        setting: Setting,
        *,
        caution: str = "",
        handed_in: Brought | None = None,
        closed: Callable[[], None],
    ) -> None:
        super().__init__()
        self.ceremony, self._host, self._setting = ceremony, host, setting
        self._caution, self._closed = caution, closed
        self._reading = Reading()
        self._step: int | None = None
        self._asking = False
        self._settling = self._again = False
        self._error = ""
        self._kept = _Kept()
        self._drops: list[Callable[[], None]] = []
        ground = HandInGround(setting.door, setting.asker, setting.now, setting.authority)
        self._handing_in = HandingIn(host, ground, self.changed, handed_in)
        self._bringing = Bringing(host, ground, self.changed)
        self._giving = Giving(host, ground, self._saved)
        self.sheet: Sheet | None = None
        self.ask()

    @property
    def rehearsal(self) -> bool:
        plan = self._reading.plan
        if plan is not None:
            return plan.rehearsal
        return self.ceremony.startswith("rehearsal-")

    @property
    def host(self) -> CeremonyDoor:
        return self._host

    def view(self) -> WizardView:
        setting, names = self._setting, self._names()
        shown = wizard_view(
            self._reading,
            Around(
                now=setting.now(),
                names=names,
                own=setting.alone(),
                models=setting.models(),
                shown_step=self._step,
                caution=self._caution,
                error=self._error,
                busy=self.sheet is not None or self._settling,
                verdict=self._kept.verdict,
                files=self._kept.files,
            ),
        )
        course, phase = self._reading.course, shown.phase
        return replace(
            shown,
            hand_in=self._handing_in.view(self._reading.plan, phase, names),
            bring=self._bringing.view(course, phase, self._handing_in.taken),
            given=given(course, phase),
        )

    # ---- following ----

    def ask(self) -> None:
        """Ask the host what is new; one question at a time."""
        if self._asking or self._reading.fault:
            return
        self._asking = True
        ceremony = self.ceremony
        self._drops.append(
            self._host.ask(
                lambda host: host.follow(ceremony), done=self._heard, failed=self._unheard
            )
        )

    def tick(self) -> None:
        """A second went by: time is told anew, and the host is asked."""
        self._drops = self._drops[-8:]
        self.ask()
        if self.sheet is not None and isinstance(self.sheet, SignPresenter):
            self.sheet.tick()
        self.changed()

    # ---- what was asked for ----

    def go_on(self) -> None:
        """Continue: to the step that follows the one that was shown as done; or close."""
        view = self.view()
        if view.next_why_not:
            return
        if view.phase in {Phase.OVER, Phase.ABORTED, Phase.BROKEN}:
            self.leave()
            return
        self._step = (self._step or 0) + 1
        self._follow()
        self.changed()

    def sign(self, officer: str, part: Part) -> None:
        """Open the sheet in which this officer signs the current step."""
        turn = self._turn(officer, part)
        row = next((e for e in self.view().people if (e.officer, e.part) == (officer, part)), None)
        if turn is None or row is None or not row.action or row.why_not or self.sheet is not None:
            return
        setting = self._setting
        own = setting.own()
        self._show_sheet(
            SignPresenter(
                turn,
                self._host,
                setting.door,
                setting.asker,
                setting.now,
                own=own if own is not None and own.officer == officer else None,
                closed=self._sheet_closed,
            )
        )

    def say(self, word: Word) -> None:
        """Open the sheet for a note, an exception, an abort or a resumption."""
        told = self._reading.told
        if told is None or self.sheet is not None or self.view().why_not_say:
            return
        setting = self._setting
        self._show_sheet(
            SayPresenter(
                word,
                told,
                self._host,
                setting.asker,
                setting.now,
                own=setting.own(),
                closed=self._sheet_closed,
            )
        )

    def hand_in(self) -> None:
        """Choose the file that this ceremony waits for."""
        shown, plan = self.view().hand_in, self._reading.plan
        if shown is not None and plan is not None and shown.button and not shown.why_not:
            self._handing_in.ask(plan, self._names())

    def bring(self) -> None:
        """Choose the KEK's file that this ceremony waits for."""
        shown, course = self.view().bring, self._reading.course
        if shown is not None and course is not None and shown.button and not shown.why_not:
            self._bringing.ask(course, self._handing_in.taken)

    def save_given(self, name: str) -> None:
        """One of the files that the host gives."""
        course = self._reading.course
        if course is not None and name in {each.name for each in self.view().given}:
            self._giving.ask(course, name)

    def save_transcript(self) -> None:
        self._save(_("Save the transcript"), f"{self.ceremony}.transcript.json", lambda raw: raw)

    def save_minutes(self) -> None:
        """Draft minutes while it runs, final ones when it is over and the transcript holds."""
        ended = self.view().ended
        if ended is not None and ended.why_no_minutes:
            self._setting.asker.tell(
                failure(
                    _("Save the minutes"),
                    KeyturnError(ended.why_no_minutes, hint=_("Save the transcript instead.")),
                )
            )
            return
        self._save(_("Save the minutes"), f"{self.ceremony}.minutes.pdf", self._setting.minutes)

    def leave(self) -> None:
        """Back to the list; the ceremony goes on."""
        if self.sheet is None:
            self._closed()

    def turn_down(self) -> None:
        """Whatever sheet is open is closed, and its key with it: the app is locked."""
        if self.sheet is not None:
            self.sheet.cancel()

    def close(self) -> None:
        for drop in self._drops:
            drop()
        for each in (self._handing_in, self._bringing, self._giving):
            each.close()
        if self.sheet is not None:
            self.sheet.close()
            self.sheet = None
        super().close()

    # ---- inside ----

    def _heard(self, told: Told) -> None:
        self._asking = False
        first = not self._reading.records
        self._error = ""
        self._reading = self._reading.heard(told)
        self._settle()
        self._follow(first=first)
        self._bringing.look(self._reading.course, self._handing_in.taken)
        self._verify()
        self.changed()

    def _follow(self, *, first: bool = False) -> None:
        """The step that is shown: the one it waits for, unless one is done that nobody saw."""
        done = len(self._reading.done)
        if self._step is None or first:
            self._step = done

    def _unheard(self, error: KeyturnError) -> None:
        """Out of reach, or caught: what could not be proved is not shown as if it were."""
        self._asking = False
        self._settle()
        if isinstance(error, CeremonyRefused | MalformedError):
            self._reading = self._reading.refused(error)
        else:
            self._error = _("Not read anew, and asked again: {error}").format(
                error=wording.error_text(error)
            )
        self.changed()

    def _verify(self) -> None:
        """Once it is over, as a stranger would read it."""
        if not self._reading.over or self._kept.asked:
            return
        self._kept.asked = True
        plan = self._reading.plan
        authority = None if plan is None else plan.authority
        self._transcribed(
            lambda raw: verdict_of(raw, authority),
            self._verified,
            lambda error: self._verified(refuted(error)),
        )

    def _transcribed(
        self,
        work: Callable[[bytes], T],
        done: Callable[[T], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        """Do something with the transcript file, away from the window's thread."""
        told = self._reading.told
        if told is not None:
            self._drops.append(
                self._host.ask(lambda host: work(host.transcript(told)), done=done, failed=failed)
            )

    def _verified(self, verdict: Verdict) -> None:
        """Where nothing came to be verified it is asked for again, with the next tick."""
        self._kept.verdict = verdict
        self._kept.asked = verdict.holds is not None
        self.changed()

    def _turn(self, officer: str, part: Part) -> Turn | None:
        told, awaiting = self._reading.told, self._reading.awaiting
        if told is None or awaiting is None or told.course.step is None:
            return None
        known = told.course.roster.officers.get(OfficerId(officer))
        if known is None or awaiting.step != told.course.step.id:
            return None
        return Turn(told, known, part, awaiting)

    def _names(self) -> Mapping[str, str]:
        course = self._reading.course
        roster = None if course is None else course.roster
        return {} if roster is None else {each.id: each.name for each in roster.officers.values()}

    def _save(self, title: str, name: str, make: Callable[[bytes], bytes]) -> None:
        def chosen(path: Path | None) -> None:
            if path is not None:
                self._transcribed(
                    lambda raw: written(path, make(raw)),
                    self._saved,
                    lambda error: self._setting.asker.tell(failure(title, error)),
                )

        self._setting.asker.path(SaveFile(title, name), chosen)

    def _saved(self, path: Path) -> None:
        self._kept.files = (*self._kept.files, str(path))
        self._setting.asker.toast(_("Saved: {name}").format(name=path.name))
        self.changed()

    def _show_sheet(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.changed()

    def _sheet_closed(self, acted: bool) -> None:
        """What was signed shows in the next answer: until then nobody signs."""
        self.sheet = None
        self._settling, self._again = acted, acted and self._asking
        self.ask()
        self.changed()

    def _settle(self) -> None:
        """An answer that was asked for before the signature tells nothing of it."""
        if self._again:
            self._again = False
            self.ask()
        else:
            self._settling = False
