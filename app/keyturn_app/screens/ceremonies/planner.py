"""The planning form: what it shows, and the way from a draft to an opened ceremony. No Qt here."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.ceremony.plan import KekProfile, Plan
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.client.errors import FileUnusable
from keyturn.client.signing import Unlocked
from keyturn.officerkeys.keyfile import read_key_file
from keyturn.officerkeys.location import InFile, InKeyring, KeyLocation, parse_location
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.ceremony_body import Ceremony, Restore
from keyturn.quorum.enrolment import MAX_ENROLMENT, parse_enrolment
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import Officer, Roster
from keyturn.quorum.state import AuthorityState
from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Asker, OpenDirectory, OpenFiles, failure
from keyturn_app.screens.ceremonies.hosts import CeremonyDoor, CeremonyHost, HostPlace
from keyturn_app.screens.ceremonies.listing import statements_for
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
from keyturn_app.screens.ceremonies.signing import opened_for
from keyturn_app.screens.ceremonies.signingview import KeyPlace, KeyView
from keyturn_app.screens.ceremonies.words import (
    kind_words,
    profile_text,
    profile_word,
    use_word,
)
from keyturn_app.tasks import Door

_MAX_FILE = 64 << 10


@dataclass(frozen=True, slots=True)
class Cell:
    """One seat of one person. `group` 0: not theirs; else the group of a share, from 1."""

    seat: Seat
    group: int


@dataclass(frozen=True, slots=True)
class PersonLine:
    id: str
    name: str
    source: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class GroupLine:
    group: int
    least: int
    members: int


@dataclass(frozen=True, slots=True)
class ShareLine:
    use: ShareUse
    title: str
    hint: str
    groups: tuple[GroupLine, ...]
    group_least: int


@dataclass(frozen=True, slots=True)
class ProfileLine:
    profile: KekProfile
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class PlanView:
    """`seats`: the columns of the table of people, with their titles."""

    title: str
    does: str
    rehearsal: bool
    founds: bool
    ceremony: str
    token: str
    origin: str
    directory: str
    asks_directory: bool
    life_days: int
    roster_threshold: int
    seats: tuple[tuple[Seat, str, str], ...]
    people: tuple[PersonLine, ...]
    grouped: bool
    shares: tuple[ShareLine, ...]
    profiles: tuple[ProfileLine, ...]
    profile: KekProfile | None
    statements: tuple[tuple[str, str], ...]
    statement: str
    concerns: str
    asks_concerns: bool
    host: str
    key: KeyView | None
    signer: str
    do: str
    why_not: str
    busy: str
    error: str


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


class PlanPresenter(Presenter[PlanView]):
    """`opened(door, ceremony)` once the host took the plan."""

    def __init__(
        self,
        draft: Draft,
        ground: Ground,
        *,
        opened: Callable[[CeremonyDoor, str], None],
        closed: Callable[[], None],
    ) -> None:
        super().__init__()
        self._ground, self._opened, self._closed = ground, opened, closed
        self._grouped = False
        self._place = KeyPlace.FILE
        self._path = self._busy = self._error = ""
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
            seats=self._seats(),
            people=self._people(),
            grouped=self._grouped,
            shares=self._shares(),
            profiles=tuple(
                ProfileLine(each, profile_word(each), profile_text(each)) for each in KekProfile
            )
            if _makes_kek(draft.kind)
            else (),
            profile=draft.profile,
            statements=statements_for(self._ground.state, draft.kind, self._ground.now()),
            statement=draft.statement or "",
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
        state = self._ground.state
        found = state.by_digest.get(Digest(digest)) if state is not None and digest else None
        if found is None:
            self._set(statement=None)
            return
        statement, body = found.statement, found.statement.body
        if isinstance(body, Ceremony | Restore):
            self._draft = from_statement(self._draft, statement.subject, statement.digest, body)
            self.changed()

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
        self._place, self._path = place, ""
        self.changed()

    def write_place(self, text: str) -> None:
        if text != self._path:
            self._path = text
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
        self._ground.start(self._draft, lambda door: self._ask(door, plan, open_key), self._fail)

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

    def _effective(self) -> KeyPlace:
        return KeyPlace.OPEN if self._is_own else self._place

    def _key_path(self) -> str:
        known = self._files.get(self._administrator())
        return self._path or (str(known) if known and self._place is KeyPlace.FILE else "")

    def _key_view(self) -> KeyView | None:
        if not self._administrator():
            return None
        place = self._effective()
        places = [
            (KeyPlace.FILE, _("Key file"), ""),
            (KeyPlace.KEYRING, _("Keyring of this machine"), ""),
            (KeyPlace.CARD, _("Card"), ""),
        ]
        if self._is_own:
            places = [(KeyPlace.OPEN, _("The key that is open in this app"), "")]
        titles = {
            KeyPlace.FILE: _("Path of the key file"),
            KeyPlace.CARD: _("Card, as MODULE:TOKEN:KEY"),
        }
        secrets = {KeyPlace.FILE: _("Passphrase of the key"), KeyPlace.CARD: _("PIN of the card")}
        return KeyView(
            tuple(places), place, self._key_path(), titles.get(place, ""), secrets.get(place, "")
        )

    def _opener(self, plan: Plan, secret: bytearray) -> Callable[[], Unlocked]:
        own = self._ground.own
        if self._is_own and own is not None:
            secret[:] = bytes(len(secret))
            return lambda: Unlocked(own, lambda: None)
        location, officer = self._location(), self._officer(plan)
        return lambda: opened_for(location, officer, secret)

    def _location(self) -> KeyLocation:
        text = self._key_path().strip()
        if self._place is KeyPlace.FILE:
            return InFile(Path(text).expanduser())
        if self._place is KeyPlace.KEYRING:
            return InKeyring(self._administrator())
        return parse_location(text if text.startswith("card:") else f"card:{text}")

    def _officer(self, plan: Plan) -> Officer:
        roster = plan.founding.roster if plan.founding else self._ground.roster
        assert roster is not None  # a plan without founding was checked against one
        return roster.officers[plan.administrator]

    def _ask(self, door: CeremonyDoor, plan: Plan, open_key: Callable[[], Unlocked]) -> None:
        def work(host: CeremonyHost) -> str:
            key = open_key()
            try:
                return host.open(plan, key.signer)
            finally:
                key.close()

        self._drops.append(
            door.ask(work, done=lambda name: self._end(door, name), failed=self._fail)
        )

    def _end(self, door: CeremonyDoor, ceremony: str) -> None:
        if not self._over:
            self.close()
            self._opened(door, ceremony)

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
        asks = {KeyPlace.FILE, KeyPlace.CARD}
        if self._effective() in asks and not self._key_path():
            return _("Say where the administrator's key is.")
        return ""

    def _seats(self) -> tuple[tuple[Seat, str, str], ...]:
        uses = self._draft.uses
        titles = [
            (Seat.ADMINISTRATOR, _("Admin"), _("Administrator: leads, and signs the plan")),
            (Seat.WITNESS, _("Witness"), _("Witness: sees everything, has no other part")),
            (Seat.SCRIBE, _("Scribe"), _("Scribe: writes notes")),
        ]
        shares = {
            Seat.USER: (_("User"), _("Custodian of the user PIN")),
            Seat.SO: (_("SO"), _("Custodian of the SO PIN: no user share beside it")),
            Seat.BACKUP: (_("Backup"), _("Custodian of the backup secret")),
        }
        titles += [(seat, *shares[seat]) for seat, use in SHARE_SEATS.items() if use in uses]
        if self._draft.asks_keepers:
            titles.append((Seat.KEEPER, _("Custodian"), _("Keeps shares of the throw-away token")))
        if self._draft.founds:
            titles += [
                (Seat.PROPOSER, _("Propose"), _("May propose statements")),
                (Seat.APPROVER, _("Approve"), _("May approve statements")),
            ]
        return tuple(titles)

    def _people(self) -> tuple[PersonLine, ...]:
        columns = [seat for seat, _title, _tip in self._seats()]
        return tuple(
            PersonLine(
                each.id,
                each.name,
                each.source,
                tuple(Cell(seat, self._draft.seats.get((each.id, seat), 0)) for seat in columns),
            )
            for each in self._draft.people
        )

    def _shares(self) -> tuple[ShareLine, ...]:
        draft = self._draft
        hints = {
            ShareUse.USER: _("Opens the token after each restart."),
            ShareUse.SO: _("For the security officer's work, in ceremonies alone."),
            ShareUse.BACKUP: _("Opens the backup of the KEK."),
        }
        seats = {use: seat for seat, use in SHARE_SEATS.items()}
        return tuple(
            ShareLine(
                use,
                _("Shares of the {use}").format(use=use_word(use)),
                hints[use],
                tuple(
                    GroupLine(
                        group,
                        draft.threshold(use, group),
                        len(draft.holders(seats[use], group)),
                    )
                    for group in draft.groups(use)
                ),
                draft.group_threshold(use),
            )
            for use in draft.uses
        )


_CONCERNED = {
    ScriptKind.MODEL_KEY_DESTRUCTION,
    ScriptKind.OFFICER_KEY_LOSS,
    ScriptKind.CUSTODIAN_CHANGE,
}


def _makes_kek(kind: ScriptKind) -> bool:
    return kind in {ScriptKind.GENESIS, ScriptKind.KEK_ROTATION, ScriptKind.KEY_IMPORT}


def host_place(draft: Draft) -> HostPlace:
    """Where a ceremony of this draft is held."""
    here = draft.rehearsal or draft.in_earnest_here
    return HostPlace.MACHINE if here else HostPlace.KEYHOLDER


def read_candidate(path: Path) -> Candidate:
    """Somebody from a key file (its public half) or an enrolment request. Raises KeyturnError."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise FileUnusable(f"cannot read {path.name}: {error.strerror}") from error
    if len(raw) > max(_MAX_FILE, 2 * MAX_ENROLMENT):
        raise FileUnusable(f"{path.name} is too large", found=f"{len(raw):,} bytes")
    if b"payloadType" in raw:
        officer = parse_enrolment(raw).officer
        return candidate_of(officer, _("enrolment request {name}").format(name=path.name))
    public = read_key_file(path).public
    entry = public.roster_entry(())
    text = _("key file {name}").format(name=path.name)
    return Candidate(public.officer, public.name, entry, text, True)  # type: ignore[arg-type]


def count_text(count: int) -> str:
    return n_("{count} person", "{count} people", count)
