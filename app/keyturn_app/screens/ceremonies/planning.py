"""A ceremony as it is being planned: people, parts, shares, profile; and its plan. No Qt in here.

The rules are core's (`check_plan`, `check_people`): here is only what is chosen, and their words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.base.strictjson import Fields, Json, JsonObject
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.people import WITHOUT_STATEMENT, check_people, shares_made
from keyturn.ceremony.plan import (
    REHEARSAL_PREFIX,
    FoundingPlan,
    KekProfile,
    Plan,
    ShareGroup,
    ShareScheme,
    check_plan,
    read_plan,
)
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.client.ceremonyplans import rehearsed_origin
from keyturn.quorum.ceremony_body import Ceremony, Restore
from keyturn.quorum.kinds import DEFAULT_THRESHOLDS, Kind, Role
from keyturn.quorum.roster import Officer, OfficerId, Roster, parse_roster
from keyturn.quorum.state import AuthorityState
from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.screens.ceremonies.listing import statements_for

DEFAULT_LIFE = 365
LEAST_KEEPERS = 5
"""Three of the user PIN and two others of the SO PIN: what a rehearsal's token begins with."""


class Seat(Enum):
    """What somebody does in the ceremony, and what the first roster gives them for it."""

    ADMINISTRATOR = "administrator"
    WITNESS = "witness"
    SCRIBE = "scribe"
    USER = "user"
    SO = "so"
    BACKUP = "backup"
    KEEPER = "keeper"  # of a share that a rehearsal's throw-away token begins with
    PROPOSER = "proposer"
    APPROVER = "approver"


SHARE_SEATS = {Seat.USER: ShareUse.USER, Seat.SO: ShareUse.SO, Seat.BACKUP: ShareUse.BACKUP}
ONE = frozenset({Seat.ADMINISTRATOR, Seat.WITNESS, Seat.SCRIBE})
_ROLES = {
    Seat.ADMINISTRATOR: Role.OPERATOR,
    Seat.WITNESS: Role.WITNESS,
    Seat.USER: Role.CUSTODIAN,
    Seat.SO: Role.CUSTODIAN,
    Seat.BACKUP: Role.CUSTODIAN,
    Seat.KEEPER: Role.CUSTODIAN,
    Seat.PROPOSER: Role.PROPOSER,
    Seat.APPROVER: Role.APPROVER,
}
"""In a founding, roles follow from parts; the scribe gets the auditor's if they have none."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who can take part. `entry`: as a roster has them; `source`: where from."""

    id: str
    name: str
    entry: JsonObject
    source: str
    seals: bool
    """Whether a share can be sealed to them."""


def candidate_of(officer: Officer, source: str) -> Candidate:
    entry: JsonObject = {**officer.to_document()}  # type: ignore[dict-item]
    return Candidate(officer.id, officer.name, entry, source, officer.hpke is not None)


@dataclass(frozen=True, slots=True)
class Draft:
    """What was chosen so far. `seats`: (officer, seat) to the group, from 1, of a share."""

    kind: ScriptKind
    rehearsal: bool
    ceremony: str
    token: str = ""
    origin: str = ""
    life_days: int = DEFAULT_LIFE
    profile: KekProfile | None = None
    people: tuple[Candidate, ...] = ()
    seats: Mapping[tuple[str, Seat], int] = field(default_factory=dict)
    least: Mapping[tuple[ShareUse, int], int] = field(default_factory=dict)
    group_least: Mapping[ShareUse, int] = field(default_factory=dict)
    thresholds: Mapping[Kind, int] = field(default_factory=lambda: dict(DEFAULT_THRESHOLDS))
    concerns: str = ""
    statement: Digest | None = None
    authority: Digest | None = None
    simulation: bool = False
    directory: str = ""
    """Where a host of its own keeps what is made: not part of the plan."""

    @property
    def in_earnest_here(self) -> bool:
        """Whether a host of its own on this machine holds it, and what it makes stays."""
        return not self.rehearsal and self.kind in {ScriptKind.GENESIS, ScriptKind.RESTORE}

    @property
    def asks_statement(self) -> bool:
        """Whether a quorum must let it happen first."""
        return not self.rehearsal and self.kind not in WITHOUT_STATEMENT

    @property
    def founds(self) -> bool:
        return self.kind is ScriptKind.GENESIS or (self.rehearsal and self.authority is None)

    @property
    def uses(self) -> tuple[ShareUse, ...]:
        """Which secrets get shares."""
        made = shares_made(self.kind, self.profile)
        return tuple(each for each in ShareUse if each in made)

    def holders(self, seat: Seat, group: int | None = None) -> tuple[str, ...]:
        return tuple(
            each.id
            for each in self.people
            if (found := self.seats.get((each.id, seat))) is not None
            and (group is None or found == group)
        )

    def groups(self, use: ShareUse) -> tuple[int, ...]:
        seat = _seat(use)
        return tuple(sorted({self.seats[key] for key in self.seats if key[1] is seat})) or (1,)

    def threshold(self, use: ShareUse, group: int = 1) -> int:
        """M of a group: what was chosen, or more than half."""
        members = len(self.holders(_seat(use), group))
        return min(max(1, members), self.least.get((use, group), members // 2 + 1))

    def group_threshold(self, use: ShareUse) -> int:
        groups = len(self.groups(use))
        return min(groups, self.group_least.get(use, groups))

    @property
    def asks_keepers(self) -> bool:
        """Whether custodians are named without new shares: a rehearsal deals them the old ones."""
        return self.founds and ShareUse.USER not in self.uses

    # ---- changes ----

    def with_person(self, person: Candidate) -> "Draft":
        """One more; somebody known already is replaced."""
        people = tuple(each for each in self.people if each.id != person.id)
        return replace(self, people=(*people, person))

    def without(self, officer: str) -> "Draft":
        seats = {key: group for key, group in self.seats.items() if key[0] != officer}
        people = tuple(each for each in self.people if each.id != officer)
        return replace(self, people=people, seats=seats)

    def seated(self, officer: str, seat: Seat, group: int) -> "Draft":
        """`group` 0 takes the seat away; a part that only one has goes over from whoever had it."""
        seats = dict(self.seats)
        if seat in ONE:
            seats = {key: at for key, at in seats.items() if key[1] is not seat}
        seats.pop((officer, seat), None)
        if group:
            seats[officer, seat] = group
        return replace(self, seats=seats)

    def needing(self, use: ShareUse, group: int, least: int) -> "Draft":
        return replace(self, least={**self.least, (use, group): least})

    def needing_groups(self, use: ShareUse, least: int) -> "Draft":
        return replace(self, group_least={**self.group_least, use: least})


def _seat(use: ShareUse) -> Seat:
    return {found: seat for seat, found in SHARE_SEATS.items()}[use]


def default_id(kind: ScriptKind, now: datetime, *, rehearsal: bool) -> str:
    name = f"{kind.value}-{now:%Y-%m-%d}"
    return f"{REHEARSAL_PREFIX}{name}" if rehearsal else name


def from_statement(draft: Draft, subject: str, digest: Digest, body: Ceremony | Restore) -> Draft:
    """The people, token and concerns that the statement in force names; a restore's names no
    people but who may open the backup, and no id."""
    if isinstance(body, Restore):
        return replace(draft, statement=digest, token=body.token, concerns=body.kek)
    people = body.participants
    found = replace(
        draft,
        ceremony=subject,
        statement=digest,
        token=body.token or draft.token,
        concerns=", ".join(body.concerns),
    )
    seats = [(people.administrator, Seat.ADMINISTRATOR), (people.witness, Seat.WITNESS)]
    if people.scribe is not None:
        seats.append((people.scribe, Seat.SCRIBE))
    if ShareUse.USER in found.uses:
        seats += [(each, Seat.USER) for each in people.custodians]
    for officer, seat in seats:
        found = found.seated(officer, seat, 1)
    return found


def first_draft(
    kind: ScriptKind,
    now: datetime,
    state: AuthorityState | None,
    *,
    rehearsal: bool,
    simulated: bool = False,
) -> Draft:
    """What a form begins with: the first statement in force for it, where there is one."""
    founds = kind is ScriptKind.GENESIS
    draft = Draft(
        kind,
        rehearsal,
        default_id(kind, now, rehearsal=rehearsal),
        token=f"rehearsal-{now:%Y%m%d}" if rehearsal else f"keyturn-{now:%Y}",
        origin=f"rehearsal.keyturn/{now:%Y%m%d}" if rehearsal else "",
        authority=None if founds or rehearsal or state is None else state.fingerprint,
        simulation=simulated and not founds,
    )
    there = statements_for(state, kind, now) if draft.asks_statement else ()
    if not there or state is None:
        return draft
    statement = state.by_digest[Digest(there[0][1])].statement
    body = statement.body
    if isinstance(body, Ceremony | Restore):
        return from_statement(draft, statement.subject, statement.digest, body)
    return draft


def plan_of(draft: Draft, now: datetime, roster: Roster | None) -> Plan:
    """The plan, checked by core's rules. Raises KeyturnError, MalformedError among them."""
    founding = _founding(draft) if draft.founds else None
    concerns = tuple(each.strip() for each in draft.concerns.split(",") if each.strip())
    plan = Plan(
        ceremony=draft.ceremony.strip(),
        kind=draft.kind,
        script=SCRIPTS[draft.kind].digest,
        rehearsal=draft.rehearsal,
        authority=None if founding else draft.authority,
        statement=draft.statement,
        administrator=_only(draft, Seat.ADMINISTRATOR),
        witness=_only(draft, Seat.WITNESS),
        scribe=OfficerId(scribe[0]) if (scribe := draft.holders(Seat.SCRIBE)) else None,
        shares={use: _scheme(draft, use) for use in draft.uses},
        kek_profile=draft.profile,
        token=draft.token.strip(),
        concerns=concerns,
        founding=founding,
        time=now,
    )
    check_plan(plan)
    plan = read_plan(plan.to_payload())  # by the very rules that its host reads it by
    known = founding.roster if founding else roster
    if known is not None:
        check_people(plan, known)
    return plan


def _founding(draft: Draft) -> FoundingPlan:
    body = roster_body(draft)
    origin = rehearsed_origin(draft.origin.strip(), rehearsal=draft.rehearsal)
    return FoundingPlan(origin, draft.life_days, parse_roster(Fields(body, "roster")), body)


def roster_body(draft: Draft) -> JsonObject:
    """The first roster: everybody's roles follow from their parts."""
    officers: list[Json] = [_entry(draft, each) for each in draft.people]
    thresholds: JsonObject = {kind.value: n for kind, n in draft.thresholds.items()}
    return {
        "simulation": draft.simulation,
        "officers": officers,
        "thresholds": thresholds,
        "proposer_may_approve": [],
        "witnesses": {"keys": [], "k": 0, "t_seconds": 300},
    }


def _entry(draft: Draft, person: Candidate) -> JsonObject:
    roles = {
        _ROLES[seat].value for (who, seat) in draft.seats if who == person.id and seat in _ROLES
    }
    if not roles and (person.id, Seat.SCRIBE) in draft.seats:
        roles = {Role.AUDITOR.value}
    named: list[Json] = list(sorted(roles))
    return {**person.entry, "roles": named}


def _only(draft: Draft, seat: Seat) -> OfficerId:
    found = draft.holders(seat)
    return OfficerId(found[0]) if found else OfficerId("")


def _scheme(draft: Draft, use: ShareUse) -> ShareScheme:
    seat = _seat(use)
    groups = tuple(
        ShareGroup(draft.threshold(use, group), tuple(map(OfficerId, draft.holders(seat, group))))
        for group in draft.groups(use)
    )
    return ShareScheme(draft.group_threshold(use), groups)


def problem(draft: Draft, now: datetime, roster: Roster | None) -> str:
    """Why it cannot be opened yet, the first thing first; empty when it can."""
    missing = _missing(draft)
    if missing:
        return missing
    try:
        plan_of(draft, now, roster)
    except KeyturnError as error:
        return wording.error_text(error)
    return ""


def _missing(draft: Draft) -> str:
    """What was not said at all, in the form's own words."""
    if draft.asks_statement and draft.statement is None:
        return _("Choose the statement that lets it happen, or bring it as a file.")
    if not draft.people:
        return _("Add the people who take part.")
    if not draft.token.strip():
        return _("Give the token a label.")
    if draft.in_earnest_here and not draft.directory.strip():
        return _("Say where the keyholder's directory is.")
    if draft.founds and not draft.origin.strip():
        return _("Name the log that begins.")
    if _wants_profile(draft) and draft.profile is None:
        return _("Choose whether the KEK can ever leave its token.")
    if not draft.holders(Seat.ADMINISTRATOR):
        return _("Choose the administrator.")
    if not draft.holders(Seat.WITNESS):
        return _("Choose the witness.")
    if draft.asks_keepers and len(draft.holders(Seat.KEEPER)) < LEAST_KEEPERS:
        return _("Choose at least {count} custodians to rehearse with.").format(count=LEAST_KEEPERS)
    return _missing_shares(draft)


def _missing_shares(draft: Draft) -> str:
    for use in draft.uses:
        if len(draft.holders(_seat(use))) < 2:
            names = {
                ShareUse.USER: _("Choose at least two custodians of the user PIN."),
                ShareUse.SO: _("Choose at least two custodians of the SO PIN."),
                ShareUse.BACKUP: _("Choose at least two custodians of the backup."),
            }
            return names[use]
    unsealable = [
        each.name
        for each in draft.people
        if not each.seals and any((each.id, seat) in draft.seats for seat in SHARE_SEATS)
    ]
    if unsealable:
        return _("No share can be sealed to {names}: their keys have no encryption key.").format(
            names=", ".join(unsealable)
        )
    return ""


def _wants_profile(draft: Draft) -> bool:
    makes = {ScriptKind.GENESIS, ScriptKind.KEK_ROTATION, ScriptKind.KEY_IMPORT}
    return draft.kind in makes
