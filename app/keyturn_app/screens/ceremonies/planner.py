"""The planning form: what it shows, and the way from a draft to an opened ceremony. No Qt here."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.ceremony.plan import KekProfile, Plan
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.client.ceremonybrought import Brought
from keyturn.client.offline import read_file
from keyturn.client.signing import Unlocked
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.bundle import Authority
from keyturn.quorum.ceremony_body import Ceremony, Restore
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import Officer, Roster
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.statements import Statement
from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Asker, OpenDirectory, OpenFile, OpenFiles, failure
from keyturn_app.screens.ceremonies.candidates import read_candidate
from keyturn_app.screens.ceremonies.hosts import CeremonyDoor, CeremonyHost, HostPlace
from keyturn_app.screens.ceremonies.keychoice import KeyChoice
from keyturn_app.screens.ceremonies.listing import statements_for
from keyturn_app.screens.ceremonies.opening import Opened, put_restore, statement_for
from keyturn_app.screens.ceremonies.planlines import (
    person_lines,
    profile_lines,
    seat_titles,
    share_lines,
)
from keyturn_app.screens.ceremonies.planning import (
    SHARE_SEATS,
    Candidate,
    Draft,
    Seat,
    candidate_of,
    from_statement,
    plan_of,
    problem,
)
from keyturn_app.screens.ceremonies.planview import PlanView
from keyturn_app.screens.ceremonies.signing import opened_for
from keyturn_app.screens.ceremonies.signingview import KeyPlace, KeyView
from keyturn_app.screens.ceremonies.words import kind_words
from keyturn_app.tasks import Door


@dataclass(frozen=True, slots=True)
class Ground:
    """What a plan stands on. `own`: the key that is open here; `start`: get a host for it."""

    door: Door
    asker: Asker
    now: Callable[[], datetime]
    roster: Roster | None
    state: AuthorityState | None
    own: Signer | None
    start: Callable[[Draft, Callable[[CeremonyDoor], None], Callable[[KeyturnError], None]], None]
    host_text: str
    authority: Authority | None = None
    """Against which a statement is verified that comes as a file."""
    why_no_file: str = ""


class PlanPresenter(Presenter[PlanView]):
    """`opened` once the host took the plan."""

    def __init__(
        self,
        draft: Draft,
        ground: Ground,
        *,
        opened: Callable[[CeremonyDoor, Opened], None],
        closed: Callable[[], None],
    ) -> None:
        super().__init__()
        self._ground, self._opened, self._closed = ground, opened, closed
        self._grouped = False
        self._key = KeyChoice()
        self._brought: Brought | None = None
        self._busy = self._error = ""
        self._files: dict[str, Path] = {}
        self._over = False
        self._drops: list[Callable[[], None]] = []
        if not draft.founds and ground.roster is not None:
            for each in ground.roster.officers.values():
                draft = draft.with_person(candidate_of(each, _("roster in force")))
        self._draft = draft

    @property
    def draft(self) -> Draft:
        return self._draft

    def view(self) -> PlanView:
        draft, words = self._draft, kind_words(self._draft.kind)
        title = _("Rehearse: {title}") if draft.rehearsal else _("Plan: {title}")
        return PlanView(
            title=title.format(title=words.title),
            does=words.does,
            rehearsal=draft.rehearsal,
            founds=draft.founds,
            ceremony=draft.ceremony,
            token=draft.token,
            origin=draft.origin,
            directory=draft.directory,
            asks_directory=draft.in_earnest_here,
            life_days=draft.life_days,
            roster_threshold=draft.thresholds[Kind.ROSTER],
            seats=seat_titles(draft),
            people=person_lines(draft),
            grouped=self._grouped,
            shares=share_lines(draft),
            profiles=profile_lines(draft),
            profile=draft.profile,
            statements=self._statements(),
            statement=draft.statement or "",
            asks_statement=draft.asks_statement,
            why_no_file=self._why_no_file(),
            brought=self._brought_text(),
            concerns=draft.concerns,
            asks_concerns=draft.kind in _CONCERNED,
            host=self._ground.host_text,
            key=self._key_view(),
            signer=self._signer_name(),
            do=_("Sign the plan and open"),
            why_not=self._why_not(),
            busy=self._busy,
            error=self._error,
        )

    # ---- what is chosen ----

    def write(self, name: str, text: str) -> None:
        """`name`: ceremony, token, origin, directory or concerns."""
        self._set(**{name: text})

    def choose_directory(self) -> None:
        self._ground.asker.path(
            OpenDirectory(_("Directory of the keyholder")),
            lambda path: None if path is None else self._set(directory=str(path)),
        )

    def live(self, days: int) -> None:
        self._set(life_days=days)

    def decide(self, least: int) -> None:
        """How many approve a roster and its keys, in the authority that is founded."""
        thresholds = {**self._draft.thresholds, Kind.ROSTER: least, Kind.KEYS: least}
        for each in (Kind.TRUST_ANCHORS, Kind.CEREMONY, Kind.RESTORE):
            thresholds[each] = min(thresholds[each], least)
        self._set(thresholds=thresholds)

    def choose_profile(self, profile: KekProfile) -> None:
        self._set(profile=profile)

    def choose_statement(self, digest: str) -> None:
        """Its people, token and concerns come into the plan: it lets no other happen."""
        statement = self._statement(digest)
        if statement is None:
            self._set(statement=None)
            return
        body = statement.body
        if isinstance(body, Ceremony | Restore):
            self._draft = from_statement(self._draft, statement.subject, statement.digest, body)
            self.changed()

    def bring_statement(self) -> None:
        """From a proposal's file, with its approvals: what an officer carries here."""
        kinds = (_("Proposals (*.json)"), _("All files (*)"))
        self._ground.asker.path(
            OpenFile(_("Statement with its approvals"), kinds), self._read_statement
        )

    def seat(self, officer: str, seat: Seat, group: int) -> None:
        self._draft = self._draft.seated(officer, seat, group)
        self.changed()

    def group(self, grouped: bool) -> None:
        """Shares in groups, or all in one."""
        self._grouped = grouped
        if not grouped:
            for (officer, seat), at in tuple(self._draft.seats.items()):
                if seat in SHARE_SEATS and at > 1:
                    self._draft = self._draft.seated(officer, seat, 1)
        self.changed()

    def need(self, use: ShareUse, group: int, least: int) -> None:
        self._draft = self._draft.needing(use, group, least)
        self.changed()

    def need_groups(self, use: ShareUse, least: int) -> None:
        self._draft = self._draft.needing_groups(use, least)
        self.changed()

    def remove(self, officer: str) -> None:
        self._draft = self._draft.without(officer)
        self.changed()

    def add_people(self) -> None:
        """From key files, of which only the public half is read, or from enrolment requests."""
        self._ground.asker.paths(
            OpenFiles(
                _("Key files or enrolment requests"), (_("Keys and requests (*.json *.key *)"),)
            ),
            self._read,
        )

    # ---- the key of the administrator ----

    def choose_place(self, place: KeyPlace) -> None:
        self._key.put(place)
        self.changed()

    def write_place(self, text: str) -> None:
        if text != self._key.text:
            self._key.text = text
            self.changed()

    def browse(self) -> None:
        self._ground.asker.paths(OpenFiles(_("Key file of the administrator")), self._browsed)

    def open(self, secret: bytearray) -> None:
        """The administrator signs, the host opens; `secret` is wiped whatever happens."""
        if self._why_not():
            secret[:] = bytes(len(secret))
            return
        try:
            plan = plan_of(self._draft, self._ground.now(), self._ground.roster)
            open_key = self._opener(plan, secret)
        except KeyturnError as error:
            secret[:] = bytes(len(secret))
            self._fail(error)
            return
        self._busy, self._error = _("The host is being asked…"), ""
        self.changed()

        def started(door: CeremonyDoor) -> None:
            if self._over:  # turned down while the host was started: nothing is signed
                secret[:] = bytes(len(secret))
                return
            self._ask(door, plan, open_key, secret)

        def not_started(error: KeyturnError) -> None:
            secret[:] = bytes(len(secret))
            self._fail(error)

        self._ground.start(self._draft, started, not_started)

    def cancel(self) -> None:
        if not self._over:
            self.close()
            self._closed()

    def close(self) -> None:
        self._over = True
        for drop in self._drops:
            drop()
        super().close()

    # ---- inside ----

    def _set(self, **changes: object) -> None:
        changed = replace(self._draft, **changes)  # type: ignore[arg-type]
        if changed != self._draft:
            self._draft = changed
            self.changed()

    def _read(self, paths: tuple[Path, ...] | None) -> None:
        if not paths or self._over:
            return
        job = self._ground.door.run(
            _("Reading people"),
            lambda _job, _tell: tuple((path, read_candidate(path)) for path in paths),
            done=self._have_people,
            failed=lambda error: self._ground.asker.tell(failure(_("Not taken in"), error)),
        )
        self._drops.append(job.drop)

    def _have_people(self, found: tuple[tuple[Path, Candidate], ...]) -> None:
        for path, each in found:
            self._draft = self._draft.with_person(each)
            self._files[each.id] = path
        self.changed()

    def _browsed(self, paths: tuple[Path, ...] | None) -> None:
        if paths and not self._over:
            self.write_place(str(paths[0]))

    def _administrator(self) -> str:
        found = self._draft.holders(Seat.ADMINISTRATOR)
        return found[0] if found else ""

    def _signer_name(self) -> str:
        who = self._administrator()
        return next((each.name for each in self._draft.people if each.id == who), "")

    @property
    def _is_own(self) -> bool:
        own = self._ground.own
        return own is not None and own.officer == self._administrator()

    def _known_key(self) -> KeyChoice:
        """What was chosen; else this app's own key, or the file that the person came from."""
        choice = replace(self._key, own=False)
        known = self._files.get(self._administrator())
        if self._is_own:
            choice.of(own=True)
        elif choice.place is KeyPlace.FILE and not choice.text and known:
            choice.text = str(known)
        return choice

    def _key_view(self) -> KeyView | None:
        if not self._administrator():
            return None
        view = self._known_key().view()
        return replace(view, places=view.places[:1]) if self._is_own else view

    def _opener(self, plan: Plan, secret: bytearray) -> Callable[[], Unlocked]:
        own = self._ground.own
        if self._is_own and own is not None:
            secret[:] = bytes(len(secret))
            return lambda: Unlocked(own, lambda: None)
        location = self._known_key().location(self._administrator())
        officer = self._officer(plan)
        return lambda: opened_for(location, officer, secret)

    def _officer(self, plan: Plan) -> Officer:
        roster = plan.founding.roster if plan.founding else self._ground.roster
        assert roster is not None  # a plan without founding was checked against one
        return roster.officers[plan.administrator]

    def _ask(
        self, door: CeremonyDoor, plan: Plan, open_key: Callable[[], Unlocked], secret: bytearray
    ) -> None:
        """The key is opened before anything is handed in: with a wrong passphrase nothing is."""
        brought = self._brought if plan.statement is not None else None
        if brought is not None and brought.digest != plan.statement:
            brought = None

        def work(host: CeremonyHost) -> Opened:
            try:
                key = open_key()
            finally:
                secret[:] = bytes(len(secret))
            try:
                if brought is not None and plan.kind is not ScriptKind.RESTORE:
                    host.bring(brought)
                name = host.open(plan, key.signer)
            finally:
                key.close()
            restores = brought is not None and plan.kind is ScriptKind.RESTORE
            return put_restore(host, name, brought) if brought and restores else Opened(name)

        self._drops.append(
            door.ask(work, done=lambda opened: self._end(door, opened), failed=self._fail)
        )

    def _end(self, door: CeremonyDoor, opened: Opened) -> None:
        if self._over:
            return
        self.close()
        self._opened(door, opened)
        if opened.error is not None:
            self._ground.asker.tell(failure(_("The statement was not taken"), opened.error))

    def _why_no_file(self) -> str:
        if self._ground.authority is None:
            return _("There is no authority here.")
        return "" if self._draft.in_earnest_here else self._ground.why_no_file

    def _statement(self, digest: str) -> Statement | None:
        state, brought = self._ground.state, self._brought
        if brought is not None and brought.digest == digest:
            return brought.statement
        found = state.by_digest.get(Digest(digest)) if state is not None and digest else None
        return None if found is None else found.statement

    def _statements(self) -> tuple[tuple[str, str], ...]:
        known = statements_for(self._ground.state, self._draft.kind, self._ground.now())
        brought = self._brought
        if brought is None or brought.digest in {digest for _subject, digest in known}:
            return known
        return (*known, (brought.statement.subject, brought.digest))

    def _brought_text(self) -> str:
        brought = self._brought
        if brought is None or brought.digest != self._draft.statement:
            return ""
        names = {each.id: each.name for each in self._draft.people}
        return _(
            "Brought as a file, approved by {names}: {count} of {needed} needed. It is handed in "
            "when the plan is opened."
        ).format(
            names=", ".join(names.get(each, each) for each in brought.approved_by),
            count=len(brought.approved_by),
            needed=brought.needed,
        )

    def _read_statement(self, path: Path | None) -> None:
        authority, now = self._ground.authority, self._ground.now()
        if path is None or authority is None or self._over or self._why_no_file():
            return
        kind = self._draft.kind
        job = self._ground.door.run(
            _("Reading a statement"),
            lambda _job, _tell: statement_for(read_file(path), kind, authority, now),
            done=self._have_statement,
            failed=lambda error: self._ground.asker.tell(failure(_("Not taken in"), error)),
        )
        self._drops.append(job.drop)

    def _have_statement(self, brought: Brought) -> None:
        self._brought = brought
        self.choose_statement(brought.digest)

    def _fail(self, error: KeyturnError) -> None:
        if not self._over:
            self._busy, self._error = "", wording.error_text(error)
            self.changed()

    def _why_not(self) -> str:
        if self._busy:
            return self._busy
        reason = problem(self._draft, self._ground.now(), self._ground.roster)
        if reason:
            return reason
        if self._known_key().missing():
            return _("Say where the administrator's key is.")
        return ""


_CONCERNED = {
    ScriptKind.MODEL_KEY_DESTRUCTION,
    ScriptKind.OFFICER_KEY_LOSS,
    ScriptKind.CUSTODIAN_CHANGE,
}


def host_place(draft: Draft) -> HostPlace:
    """Where a ceremony of this draft is held."""
    here = draft.rehearsal or draft.in_earnest_here
    return HostPlace.MACHINE if here else HostPlace.KEYHOLDER


def count_text(count: int) -> str:
    return n_("{count} person", "{count} people", count)
