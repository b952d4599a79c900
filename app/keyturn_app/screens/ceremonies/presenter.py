"""The ceremonies page: the list, the chooser, the planning form and the wizard. No Qt in here."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.ceremony.people import WITHOUT_STATEMENT
from keyturn.ceremony.script import Part, ScriptKind
from keyturn.client.calendar import calendar_of
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.ceremony_body import Ceremony, Restore
from keyturn.quorum.expiry import in_force
from keyturn.quorum.kinds import Role
from keyturn.quorum.roster import OfficerId, Roster
from keyturn.quorum.state import AuthorityState
from keyturn_app import wording
from keyturn_app.actions import Action
from keyturn_app.desk import Topic
from keyturn_app.entitled import not_asking
from keyturn_app.facts import Link, Seen
from keyturn_app.i18n import _
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Confirm, OpenFile, SaveFile, Weight, failure
from keyturn_app.screens.ceremonies.due import (
    Due,
    DueKind,
    LogCeremony,
    LogRecord,
    by_ceremony,
    due,
    logged,
)
from keyturn_app.screens.ceremonies.heldby import HeldBy
from keyturn_app.screens.ceremonies.hosts import CeremonyDoor, HostPlace, HostSeen, Stage
from keyturn_app.screens.ceremonies.keeping import written
from keyturn_app.screens.ceremonies.listing import (
    HostState,
    ListPhase,
    ListView,
    banner_of,
    choices,
    history_rows,
    host_lines,
    running_rows,
    statements_for,
)
from keyturn_app.screens.ceremonies.planner import Ground, PlanPresenter, host_place
from keyturn_app.screens.ceremonies.planning import Draft, default_id, from_statement
from keyturn_app.screens.ceremonies.unsealing import UnsealPresenter
from keyturn_app.screens.ceremonies.wizard import Setting, WizardPresenter
from keyturn_app.surroundings import Surroundings

LOOK_EVERY = 5
"""Seconds between two looks at a host's list."""
Over = PlanPresenter | WizardPresenter | UnsealPresenter


@dataclass(slots=True)
class _Asked:
    """What one host said last."""

    door: CeremonyDoor
    seen: HostSeen | None = None
    error: str = ""
    asking: bool = False
    drop: Callable[[], None] = lambda: None


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
        self._hosts: dict[str, _Asked] = {}
        self._log: tuple[object, tuple[LogCeremony, ...], tuple[LogRecord, ...]] = (None, (), ())
        self._held_by = HeldBy(self._desk, self.changed)
        self.keep(self._held_by.close)
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
        facts, now, hosts = self._desk.facts, self._desk.now(), self._states()
        if not facts.trusted:
            return ListView(ListPhase.DISTRUSTED)
        log = self._log_ceremonies()
        state = self._state()
        found = due(state, log, now) if state is not None else ()
        running, history = running_rows(hosts, now), history_rows(hosts, log, now, self._people())
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
            choices=choices(state, hosts, now, why_no_host=self._stage.why_no_host()),
            error=self._error,
            why_no_export="" if found else _("Nothing is due."),
        )

    # ---- the list ----

    def seen(self) -> None:
        """The page came to the front."""
        self._held_by.again()
        self._ask_who()
        self._look()

    def tick(self) -> None:
        """A second went by."""
        self._seconds += 1
        if self._seconds % LOOK_EVERY == 0:
            self._look()
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
                self._look()

    def _open_wanted(self) -> bool:
        """At the host that has it."""
        wanted = self._wanted
        for each in self._states() if wanted else ():
            if each.seen and wanted in {one.ceremony for one in each.seen.ceremonies}:
                self.open_ceremony(f"{each.id} {wanted}")
                return True
        return False

    def _open_logged(self) -> None:
        """Once all hosts have told what they have, and none has it: where the log has it."""
        if any(each.asking or each.seen is None for each in self._hosts.values()):
            return
        wanted, self._wanted = self._wanted, ""
        if wanted and any(each.ceremony == wanted for each in self._log_ceremonies()):
            self.open_ceremony(f" {wanted}")

    def open_ceremony(self, key: str) -> None:
        """Lead through it, or look at its record; in the log, where no host has it."""
        self._wanted = ""
        host, _space, ceremony = key.partition(" ")
        asked = self._hosts.get(host)
        if asked is None:
            found = (e.index for e in self._log_ceremonies() if e.ceremony == ceremony)
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
        roster = self._roster()
        names = {} if roster is None else {e.id: e.name for e in roster.officers.values()}
        self._show_over(
            UnsealPresenter(
                asked.door,
                self._own(),
                self._desk.identity.officer,
                {str(officer): name for officer, name in names.items()},
                self._desk.now,
                closed=self._close_over,
            )
        )

    def plan(self, kind: ScriptKind, *, rehearsal: bool) -> None:
        """Open the planning form, where the chooser lets it."""
        if kind is ScriptKind.UNSEAL and not rehearsal:
            self.unseal(next((e.id for e in self._states() if e.seen and e.seen.sealed), ""))
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
                self._draft(kind, rehearsal=rehearsal),
                self._ground(),
                opened=self._is_open,
                closed=self._close_over,
            )
        )

    def _ask_to_seal(self) -> None:
        """One signature of an administrator or a custodian seals the keyholder (§10.12)."""
        self._asker.confirm(
            Confirm(
                _("Seal the keyholder"),
                _(
                    "Its token is closed. No node gets a key, no statement comes into force, until "
                    "custodians of the user PIN have unsealed it again."
                ),
                _("Seal"),
                typed="seal",
                weight=Weight.DANGER,
                comment=_("Why"),
                comment_required=True,
            ),
            lambda answer: None if answer is None else self._seal(answer.comment),
        )

    def _seal(self, why: str) -> None:
        signer, now = self._own(), self._desk.now()
        found = [each for each in self._stage.doors() if each.place is HostPlace.KEYHOLDER]
        roster = self._roster()
        if signer is None or not found or roster is None:
            self._asker.toast(_("Unlock your key first."))
            return
        me = roster.officers.get(OfficerId(signer.officer))
        operates = me is not None and Role.OPERATOR in me.roles
        part = Part.ADMINISTRATOR if operates else Part.CUSTODIAN
        found[0].ask(
            lambda host: host.close_token(signer, part, why, now),
            done=lambda _none: self._sealed(),
            failed=lambda error: self._asker.tell(failure(_("Not sealed"), error)),
        )

    def _sealed(self) -> None:
        self._asker.toast(_("Sealed: no key is released."))
        self._look()

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
        """What is due, for any calendar program (RFC 5545)."""
        state, facts = self._state(), self._desk.facts
        if state is None:
            return
        statements = [each.statement for each in in_force(state, self._desk.now())]
        raw = calendar_of(statements, state.fingerprint, simulated=facts.simulated)
        title = _("Save the calendar")
        self._asker.path(
            SaveFile(title, "keyturn.ics", (_("Calendars (*.ics)"),)),
            lambda path: (
                None if path is None else self._run_save(title, lambda: written(path, raw))
            ),
        )

    def copy(self, text: str) -> None:
        self._copy(text)

    def close(self) -> None:
        if self.over is not None:
            self.over.close()
            self.over = None
        for each in self._hosts.values():
            each.drop()
        self._mark("")
        super().close()

    # ---- inside ----

    def _run_save(self, title: str, work: Callable[[], object]) -> None:
        self._door.run(
            title,
            lambda _job, _tell: work(),
            done=lambda _path: self._asker.toast(_("Saved.")),
            failed=lambda error: self._asker.tell(failure(title, error)),
        )

    def _look(self) -> None:
        """Ask every host for its list; each at most once at a time."""
        for door in self._stage.doors():
            asked = self._hosts.setdefault(door.id, _Asked(door))
            asked.door = door
            if not asked.asking:
                asked.asking = True
                asked.drop = door.ask(
                    lambda host: host.look(),
                    done=partial(self._looked, asked, ""),
                    failed=partial(self._not_looked, asked),
                )
        there = {door.id for door in self._stage.doors()}
        for gone in set(self._hosts) - there:
            del self._hosts[gone]

    def _not_looked(self, asked: _Asked, error: KeyturnError) -> None:
        self._looked(asked, wording.error_text(error), None)

    def _looked(self, asked: _Asked, error: str, seen: HostSeen | None) -> None:
        asked.asking, asked.error = False, error
        asked.seen = seen
        if not self._open_wanted():
            self._open_logged()
        self.changed()

    def _states(self) -> tuple[HostState, ...]:
        return tuple(
            HostState(name, each.door.place, each.door.title, each.seen, each.error)
            for name, each in self._hosts.items()
        )

    def _ask_who(self) -> None:
        """Who signed what is over, where there is a server to ask."""
        if not not_asking(self._desk):
            held = self._log_ceremonies()
            self._held_by.ask(held, self._log[2])

    def _people(self) -> dict[str, str]:
        """Who signed, by ceremony, as far as it was proved."""
        roster = self._roster()
        names = {} if roster is None else {str(e.id): e.name for e in roster.officers.values()}
        return {
            ceremony: ", ".join(names.get(each, each) for each in officers)
            for ceremony, officers in self._held_by.known.items()
        }

    def _state(self) -> AuthorityState | None:
        facts = self._desk.facts
        if facts.seen is not None:
            return facts.seen.state
        return facts.bundle.authority.state if facts.bundle is not None else None

    def _roster(self) -> Roster | None:
        facts = self._desk.facts
        known = facts.seen or facts.bundle
        return known.roster if known is not None else None

    def _log_ceremonies(self) -> tuple[LogCeremony, ...]:
        """Read again only when the log is another one."""
        seen: Seen | None = self._desk.facts.seen
        key = None if seen is None else (seen.state.size, id(seen.leaves))
        if seen is not None and key != self._log[0]:
            records = logged(seen.leaves)
            self._log = (key, by_ceremony(records), records)
        return self._log[1] if seen is not None else ()

    def _draft(self, kind: ScriptKind, *, rehearsal: bool) -> Draft:
        now, state = self._desk.now(), self._state()
        authority: Digest | None = None if state is None else state.fingerprint
        founds = kind is ScriptKind.GENESIS
        draft = Draft(
            kind,
            rehearsal,
            default_id(kind, now, rehearsal=rehearsal),
            token=_default_token(now, rehearsal=rehearsal),
            origin=f"rehearsal.keyturn/{now:%Y%m%d}" if rehearsal else "",
            authority=None if founds or rehearsal else authority,
            simulation=self._desk.facts.simulated and not founds,
        )
        there = statements_for(state, kind, now)
        if rehearsal or kind in WITHOUT_STATEMENT or not there or state is None:
            return draft
        subject, digest = there[0]
        bodies = {each.statement.digest: each.statement.body for each in in_force(state, now)}
        body = bodies[Digest(digest)]
        if isinstance(body, Ceremony | Restore):
            return from_statement(draft, subject, Digest(digest), body)
        return draft

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
        )

    def _host_for(
        self,
        draft: Draft,
        done: Callable[[CeremonyDoor], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        place = host_place(draft)
        if place is HostPlace.KEYHOLDER:
            found = [each for each in self._stage.doors() if each.place is place]
            if found:
                done(found[0])
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

    def _is_open(self, door: CeremonyDoor, ceremony: str) -> None:
        self.over = None
        self._lead(door, ceremony, "")
        self._look()

    def _lead(self, door: CeremonyDoor, ceremony: str, caution: str) -> None:
        setting = Setting(
            self._door,
            self._asker,
            self._desk.now,
            self._models,
            self._own,
            self._stage.minutes,
            self._alone,
        )
        self._show_over(
            WizardPresenter(ceremony, door, setting, caution=caution, closed=self._close_over)
        )

    def _joined(self, door: CeremonyDoor) -> None:
        self._asker.toast(_("Taking part at {title}").format(title=door.title))
        self._look()
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
        self._look()
        self.changed()

    def _on_facts(self) -> None:
        if self._desk.identity.locked and isinstance(self.over, WizardPresenter):
            self.over.turn_down()
        elif self._desk.identity.locked and isinstance(self.over, UnsealPresenter):
            self.over.cancel()
        self._ask_who()
        self._look()
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

        return (
            made("new", _("New ceremony…"), lambda: self.choose(True), "plus", busy),
            made("join", _("Take part at this machine…"), self.join, "log-in", busy),
            made("calendar", _("Export calendar…"), self.export_calendar, "calendar", may_export),
        )


def _default_token(now: datetime, *, rehearsal: bool) -> str:
    return f"rehearsal-{now:%Y%m%d}" if rehearsal else f"keyturn-{now:%Y}"
