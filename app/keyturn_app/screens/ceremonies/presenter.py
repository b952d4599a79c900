"""The ceremonies page: the list, the chooser, the planning form and the wizard. No Qt in here."""

from collections.abc import Callable
from pathlib import Path

from keyturn.base.errors import KeyturnError
from keyturn.ceremony.script import ScriptKind
from keyturn.client.ceremonybrought import Brought
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.bundle import Authority
from keyturn.quorum.roster import Roster
from keyturn.quorum.state import AuthorityState
from keyturn_app.actions import Action
from keyturn_app.desk import Topic
from keyturn_app.facts import Link
from keyturn_app.i18n import _
from keyturn_app.presenting import Presenter
from keyturn_app.questions import OpenFile, failure
from keyturn_app.screens.ceremonies.closing import SealPresenter, ask_to_seal
from keyturn_app.screens.ceremonies.due import (
    Due,
    DueKind,
    due,
)
from keyturn_app.screens.ceremonies.hosts import CeremonyDoor, HostPlace, Stage
from keyturn_app.screens.ceremonies.inlog import InLog
from keyturn_app.screens.ceremonies.keeping import export_calendar
from keyturn_app.screens.ceremonies.listing import (
    AuthorityLine,
    ListPhase,
    ListView,
    authority_line,
    banner_of,
    choices,
    history_rows,
    host_lines,
    running_rows,
)
from keyturn_app.screens.ceremonies.looking import Hosts
from keyturn_app.screens.ceremonies.opening import Opened
from keyturn_app.screens.ceremonies.pinning import Pinning
from keyturn_app.screens.ceremonies.planner import Ground, PlanPresenter, host_place
from keyturn_app.screens.ceremonies.planning import Draft, default_id, first_draft
from keyturn_app.screens.ceremonies.unsealing import UnsealGround, UnsealPresenter
from keyturn_app.screens.ceremonies.wizard import Setting, WizardPresenter
from keyturn_app.surroundings import Surroundings

LOOK_EVERY = 5
"""Seconds between two looks at a host's list."""
Over = PlanPresenter | WizardPresenter | UnsealPresenter | SealPresenter


class CeremoniesPresenter(Presenter[ListView]):
    """`over` is what lies over the list: a plan, or a wizard. `mark` is told REHEARSAL or ''."""

    def __init__(
        self,
        around: Surroundings,
        stage: Stage,
        mark: Callable[[str], None] = lambda _text: None,
    ) -> None:
        super().__init__()
        self._desk, self._door, self._asker = around.desk, around.door, around.asker
        self._copy, self._go, self._stage, self._mark = around.copy, around.go, stage, mark
        self._hosts = Hosts(stage, self._heard)
        self._in_log = InLog(self._desk, self.changed)
        self.keep(self._in_log.close)
        self.pinning = Pinning(stage, self._asker)
        self._choosing = False
        self._wanted = self._error = ""
        self._seconds = 0
        self.over: Over | None = None
        topics = (Topic.CONNECTION, Topic.SEEN, Topic.IDENTITY, Topic.MODELS)
        self.keep(self._desk.subscribe(lambda _topics: self._on_facts(), *topics))
        self._all_actions = self._make_actions()
        self.keep(around.actions.add(*self._all_actions))
        self.keep(stage.close)

    def view(self) -> ListView:
        facts, now, hosts = self._desk.facts, self._desk.now(), self._hosts.states()
        if not facts.trusted:
            return ListView(ListPhase.DISTRUSTED)
        log = self._in_log.ceremonies()
        state = self._state()
        found = due(state, log, now) if state is not None else ()
        people = self._in_log.people(self._roster())
        running, history = running_rows(hosts, now), history_rows(hosts, log, now, people)
        banner, tone = banner_of(facts, now)
        empty = not (running or history or found)
        loading = facts.connection.link is Link.CONNECTING and facts.seen is None
        phase = ListPhase.EMPTY if empty else ListPhase.READY
        return ListView(
            phase=ListPhase.LOADING if empty and loading else phase,
            banner=banner,
            tone=tone,
            running=running,
            due=found,
            history=history,
            hosts=host_lines(hosts),
            choosing=self._choosing,
            choices=choices(
                state,
                hosts,
                now,
                why_no_host=self._stage.why_no_host(),
                proposes=not self._stage.pins(),
            ),
            error=self._error,
            why_no_export="" if found else _("Nothing is due."),
            none_held=_("None was held here, and none is in the log.")
            if facts.seen is not None
            else _("None was held here."),
            pins=self._stage.pins(),
            authority=self._authority_line(),
        )

    def _authority_line(self) -> AuthorityLine | None:
        """Of what this machine was told; an officer's own app shows its authority elsewhere."""
        known = self._authority() if self._stage.pins() else None
        if known is None:
            return None
        return authority_line(known, self._desk.now(), logged=self._hosts.proved(known) is known)

    # ---- the list ----

    def seen(self) -> None:
        """The page came to the front."""
        self._in_log.again()
        self._hosts.look()

    def tick(self) -> None:
        """A second went by."""
        self._seconds += 1
        if self._seconds % LOOK_EVERY == 0:
            self._hosts.look()
        if isinstance(self.over, WizardPresenter):
            self.over.tick()
        elif isinstance(self.over, UnsealPresenter):
            if self._seconds % LOOK_EVERY == 0:
                self.over.tick()
        else:
            self.changed()

    def choose(self, choosing: bool) -> None:
        """Open or close the chooser of kinds."""
        self._wanted = ""
        if self.over is None:
            self._choosing = choosing
            self.changed()

    def open(self, target: str) -> None:
        """A ceremony by its id, `new`, or `plan:KIND`; anything else changes nothing.

        An id is kept until a host has told what it has, and forgotten when something is chosen.
        """
        kind = target.removeprefix("plan:")
        if target == "new":
            self.choose(True)
        elif target.startswith("plan:") and kind in {each.value for each in ScriptKind}:
            self.plan(ScriptKind(kind), rehearsal=False)
        elif target:
            self._wanted = target
            if not self._open_wanted():
                self._hosts.look()

    def _open_wanted(self) -> bool:
        """At the host that has it."""
        wanted = self._wanted
        for each in self._hosts.states() if wanted else ():
            if each.seen and wanted in {one.ceremony for one in each.seen.ceremonies}:
                self.open_ceremony(f"{each.id} {wanted}")
                return True
        return False

    def _open_logged(self) -> None:
        """Once all hosts have told what they have, and none has it: where the log has it."""
        if not self._hosts.settled:
            return
        wanted, self._wanted = self._wanted, ""
        if wanted and any(each.ceremony == wanted for each in self._in_log.ceremonies()):
            self.open_ceremony(f" {wanted}")

    def open_ceremony(self, key: str) -> None:
        """Lead through it, or look at its record; in the log, where no host has it."""
        self._wanted = ""
        host, _space, ceremony = key.partition(" ")
        asked = self._hosts.get(host)
        if asked is None:
            found = (e.index for e in self._in_log.ceremonies() if e.ceremony == ceremony)
            self._go("log", str(next(found, "")))
            return
        if self.over is None:
            self._lead(asked.door, ceremony, asked.seen.caution if asked.seen else "")

    def follow(self, each: Due) -> None:
        """What a line of the calendar opens."""
        if each.opens is DueKind.STATEMENT:
            self._go("approvals", each.target)
            return
        kind = ScriptKind(each.target.partition(":")[0])
        self.plan(kind, rehearsal=False)

    def unseal(self, host: str) -> None:
        """Look at a sealed keyholder, and enter one's own share."""
        asked = self._hosts.get(host)
        if asked is None or self.over is not None:
            return
        own = self._own()
        shared = asked.door.place is not HostPlace.KEYHOLDER
        ground = UnsealGround(
            self._door,
            self._asker,
            self._desk.now,
            self._roster,
            own,
            "" if shared else self._desk.identity.officer,
        )
        self._show_over(UnsealPresenter(asked.door, ground, closed=self._close_over))

    def plan(self, kind: ScriptKind, *, rehearsal: bool) -> None:
        """Open the planning form, where the chooser lets it."""
        if kind is ScriptKind.UNSEAL and not rehearsal:
            self.unseal(next((e.id for e in self._hosts.states() if e.seen and e.seen.sealed), ""))
            return
        found = next(each for each in self.view().choices if each.kind is kind)
        why = found.why_no_rehearsal if rehearsal else found.why_not
        if why or self.over is not None:
            self._asker.toast(why or _("Finish or cancel what is open first."))
            return
        if kind is ScriptKind.SEAL and not rehearsal:
            self._ask_to_seal()
            return
        self._choosing = False
        self._show_over(
            PlanPresenter(
                first_draft(
                    kind,
                    self._desk.now(),
                    self._state(),
                    rehearsal=rehearsal,
                    simulated=self._desk.facts.simulated,
                ),
                self._ground(),
                opened=self._is_open,
                closed=self._close_over,
            )
        )

    def _ask_to_seal(self) -> None:
        """One signature of an administrator or a custodian seals the keyholder (§10.12)."""
        found, roster, own = self._hosts.keyholder(), self._roster(), self._own()
        if found is None or roster is None:
            self._asker.toast(_("No keyholder is within reach."))
        elif found.place is HostPlace.LOCAL:
            self._show_over(
                SealPresenter(
                    roster, found, self._asker, self._desk.now, closed=self._seal_sheet_closed
                )
            )
        elif own is None:
            self._asker.toast(_("Unlock your key first."))
        else:
            ask_to_seal(found, own, roster, self._asker, self._desk.now(), self._sealed)

    def _seal_sheet_closed(self, sealed: bool) -> None:
        self._close_over()
        if sealed:
            self._sealed()

    def _sealed(self) -> None:
        self._asker.toast(_("Sealed: no key is released."))
        self._hosts.look()

    def propose(self, kind: ScriptKind) -> None:
        """The statement that would let it happen."""
        name = default_id(kind, self._desk.now(), rehearsal=False)
        restore = kind is ScriptKind.RESTORE
        self._go("approvals", f"new:{'restore' if restore else 'ceremony'}:{name}")

    def join(self) -> None:
        """Take part at a host that runs on this machine."""
        self._asker.path(
            OpenFile(_("Socket of the ceremony's host"), socket=True),
            lambda path: (
                None
                if path is None
                else self._stage.join(path, done=self._joined, failed=self._not_joined)
            ),
        )

    def export_calendar(self) -> None:
        state, facts = self._state(), self._desk.facts
        if state is not None:
            export_calendar(
                state, self._desk.now(), self._door, self._asker, simulated=facts.simulated
            )

    def copy(self, text: str) -> None:
        self._copy(text)

    def turn_down(self) -> None:
        """Whatever sheet of a ceremony is open is closed; a share's file that stays is said."""
        if isinstance(self.over, WizardPresenter):
            self.over.turn_down()

    def close(self) -> None:
        if self.over is not None:
            self.over.close()
            self.over = None
        self._hosts.close()
        self._mark("")
        super().close()

    # ---- inside ----

    def _heard(self) -> None:
        """A host told what it has."""
        if not self._open_wanted():
            self._open_logged()
        self.changed()

    def _authority(self) -> Authority | None:
        """The log that was seen; else what a keyholder's own log proves here; else a bundle."""
        facts = self._desk.facts
        if facts.seen is not None:
            return facts.seen.authority
        known = None if facts.bundle is None else facts.bundle.authority
        return known if known is None else self._hosts.proved(known) or known

    def _state(self) -> AuthorityState | None:
        seen, known = self._desk.facts.seen, self._authority()
        if seen is not None:
            return seen.state
        return None if known is None else known.state

    def _roster(self) -> Roster | None:
        seen, known = self._desk.facts.seen, self._authority()
        if seen is not None:
            return seen.roster
        return None if known is None else known.roster

    def _ground(self) -> Ground:
        return Ground(
            self._door,
            self._asker,
            self._desk.now,
            self._roster(),
            self._state(),
            self._own(),
            self._host_for,
            _("A host process is started on this machine for it."),
            self._authority(),
            self._why_no_file(),
        )

    def _why_no_file(self) -> str:
        found = self._hosts.keyholder()
        if found is None or found.place is HostPlace.LOCAL:
            return ""
        return _("Through a server a statement comes into force on the page Approvals.")

    def _host_for(
        self,
        draft: Draft,
        done: Callable[[CeremonyDoor], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        found = self._hosts.keyholder()
        if host_place(draft) is HostPlace.KEYHOLDER and found is not None:
            done(found)
            return
        directory = Path(draft.directory).expanduser() if draft.in_earnest_here else None
        self._stage.start(directory, rehearsal=draft.rehearsal, done=done, failed=failed)

    def _own(self) -> Signer | None:
        return None if self._desk.identity.locked else self._stage.own_signer()

    def _alone(self) -> str:
        """In an officer's own app at the keyholder, theirs alone; at a shared desk, nobody's."""
        over = self.over
        if isinstance(over, WizardPresenter) and over.host.place is HostPlace.KEYHOLDER:
            return self._desk.identity.officer
        return ""

    def _models(self) -> int | None:
        models = self._desk.facts.models
        return len(models.all) if models is not None else None

    def _is_open(self, door: CeremonyDoor, opened: Opened) -> None:
        self.over = None
        self._lead(door, opened.ceremony, "", opened.handed_in)
        self._hosts.look()

    def _lead(
        self,
        door: CeremonyDoor,
        ceremony: str,
        caution: str,
        handed_in: Brought | None = None,
    ) -> None:
        setting = Setting(
            self._door,
            self._asker,
            self._desk.now,
            self._models,
            self._own,
            self._stage.minutes,
            self._alone,
            self._authority,
        )
        self._show_over(
            WizardPresenter(
                ceremony,
                door,
                setting,
                caution=caution,
                handed_in=handed_in,
                closed=self._close_over,
            )
        )

    def _joined(self, door: CeremonyDoor) -> None:
        self._asker.toast(_("Taking part at {title}").format(title=door.title))
        self._hosts.look()
        self.changed()

    def _not_joined(self, error: KeyturnError) -> None:
        self._asker.tell(failure(_("No host answers there"), error))

    def _show_over(self, over: Over) -> None:
        self.over = over
        self._choosing = False
        self._wanted = ""
        over.listeners.add(self._remark)
        self._remark()
        self.changed()

    def _remark(self) -> None:
        over = self.over
        rehearsal = (isinstance(over, WizardPresenter) and over.rehearsal) or (
            isinstance(over, PlanPresenter) and over.draft.rehearsal
        )
        text = _("REHEARSAL: nothing that is done here has an effect outside")
        self._mark(text if rehearsal else "")

    def _close_over(self) -> None:
        over, self.over = self.over, None
        if over is not None:
            over.close()
        self._remark()
        self._hosts.look()
        self.changed()

    def _on_facts(self) -> None:
        if self._desk.identity.locked and isinstance(self.over, WizardPresenter):
            self.over.turn_down()
        elif self._desk.identity.locked and isinstance(self.over, UnsealPresenter):
            self.over.cancel()
        self._in_log.ask_who()
        self._hosts.look()
        self.changed()

    def _make_actions(self) -> tuple[Action, ...]:
        def busy() -> str:
            return _("Finish or cancel what is open first.") if self.over is not None else ""

        def may_export() -> str:
            return busy() or ("" if self._state() is not None else _("Nothing is known yet."))

        def made(
            name: str, text: str, run: Callable[[], None], icon: str, why: Callable[[], str]
        ) -> Action:
            return Action(
                f"ceremonies.{name}", text, run, icon=icon, page="ceremonies", why_not=why
            )

        pin = made("authority", _("Authority…"), self.pinning.ask, "shield-check", busy)
        return (
            *((pin,) if self._stage.pins() else ()),
            made("new", _("New ceremony…"), lambda: self.choose(True), "plus", busy),
            made("join", _("Take part at this machine…"), self.join, "log-in", busy),
            made("calendar", _("Export calendar…"), self.export_calendar, "calendar", may_export),
        )
