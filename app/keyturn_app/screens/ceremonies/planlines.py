"""What is chosen for a ceremony, as lines of its form. A pure function of the draft. No Qt here."""

from dataclasses import dataclass

from keyturn.ceremony.plan import KekProfile
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn_app.i18n import _
from keyturn_app.screens.ceremonies.planning import SHARE_SEATS, Draft, Seat
from keyturn_app.screens.ceremonies.words import profile_text, profile_word, use_word


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


def seat_titles(draft: Draft) -> tuple[tuple[Seat, str, str], ...]:
    """(seat, its short title, what it is), the columns of the table of people."""
    uses = draft.uses
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
    if draft.asks_keepers:
        titles.append((Seat.KEEPER, _("Custodian"), _("Keeps shares of the throw-away token")))
    if draft.founds:
        titles += [
            (Seat.PROPOSER, _("Propose"), _("May propose statements")),
            (Seat.APPROVER, _("Approve"), _("May approve statements")),
        ]
    return tuple(titles)


def person_lines(draft: Draft) -> tuple[PersonLine, ...]:
    columns = [seat for seat, _title, _tip in seat_titles(draft)]
    return tuple(
        PersonLine(
            each.id,
            each.name,
            each.source,
            tuple(Cell(seat, draft.seats.get((each.id, seat), 0)) for seat in columns),
        )
        for each in draft.people
    )


def share_lines(draft: Draft) -> tuple[ShareLine, ...]:
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


def profile_lines(draft: Draft) -> tuple[ProfileLine, ...]:
    """Where a KEK is made: whether it can ever leave its token."""
    if draft.kind not in _MAKE_KEK:
        return ()
    return tuple(ProfileLine(each, profile_word(each), profile_text(each)) for each in KekProfile)


_MAKE_KEK = {ScriptKind.GENESIS, ScriptKind.KEK_ROTATION, ScriptKind.KEY_IMPORT}
