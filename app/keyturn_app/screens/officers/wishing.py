"""A roster change while it is put together: what is wished, what of it differs. No Qt in here."""

from collections.abc import Iterator
from dataclasses import replace
from enum import Enum

from keyturn.base.signatures import KeyId
from keyturn.client.rosteredit import RosterEdit
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.roster import Officer, OfficerId, Roster
from keyturn.quorum.separation import Pair
from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.screens.officers.composing import roles_text
from keyturn_app.screens.officers.viewmodel import role_name
from keyturn_app.wording import kind_name


class Fate(Enum):
    """What becomes of an officer's key."""

    KEPT = "kept"
    GONE = "gone"
    COMPROMISED = "compromised"


def holds(edit: RosterEdit, officer: Officer, role: Role) -> bool:
    return edit.roles.get((officer.id, role), role in officer.roles)


def needed(edit: RosterEdit, roster: Roster, kind: Kind) -> int:
    return edit.thresholds.get(kind, roster.thresholds[kind])


def may_approve(edit: RosterEdit, roster: Roster, kind: Kind) -> bool:
    return edit.proposer_may_approve.get(kind, kind in roster.proposer_may_approve)


def apart(edit: RosterEdit, roster: Roster, pair: Pair) -> bool:
    return edit.apart.get(pair, pair in roster.separation.apart)


def required(edit: RosterEdit, roster: Roster, role: Role) -> int:
    return edit.required.get(role, roster.separation.required.get(role, 0))


def fate(edit: RosterEdit, key: KeyId) -> Fate:
    if key in edit.compromised:
        return Fate.COMPROMISED
    return Fate.GONE if key in edit.keys_gone else Fate.KEPT


def with_fate(edit: RosterEdit, key: KeyId, fate: Fate) -> RosterEdit:
    gone, lost = edit.keys_gone - {key}, edit.compromised - {key}
    if fate is Fate.GONE:
        gone |= {key}
    elif fate is Fate.COMPROMISED:
        lost |= {key}
    return replace(edit, keys_gone=gone, compromised=lost)


def holders(edit: RosterEdit, roster: Roster, role: Role) -> int:
    """How many would have a role."""
    return sum(
        holds(edit, each, role) for each in roster.officers.values() if each.id not in edit.removed
    )


def differing(edit: RosterEdit, roster: Roster) -> RosterEdit:
    """Only what is otherwise than in force, and nothing more about those who go."""
    stay: dict[str, Officer] = {
        each.id: each for each in roster.officers.values() if each.id not in edit.removed
    }
    theirs = {key.key_id for each in stay.values() for key in each.keys}
    return RosterEdit(
        roles={
            (officer, role): held
            for (officer, role), held in edit.roles.items()
            if officer in stay and held != (role in stay[officer].roles)
        },
        thresholds={k: n for k, n in edit.thresholds.items() if n != roster.thresholds[k]},
        proposer_may_approve={
            kind: may
            for kind, may in edit.proposer_may_approve.items()
            if may != (kind in roster.proposer_may_approve)
        },
        apart={p: on for p, on in edit.apart.items() if on != (p in roster.separation.apart)},
        required={
            role: n
            for role, n in edit.required.items()
            if n != roster.separation.required.get(role, 0)
        },
        removed=edit.removed,
        keys_gone=edit.keys_gone & theirs,
        compromised=edit.compromised,
    )


def told(edit: RosterEdit, roster: Roster) -> tuple[str, ...]:
    """Each difference in a sentence. `edit` as `differing` gives it."""
    return tuple([*_people(edit, roster), *_keys(edit, roster), *_rules(edit, roster)])


def _people(edit: RosterEdit, roster: Roster) -> Iterator[str]:
    for name in sorted(edit.removed):
        yield _("{name} is removed.").format(name=_name(name, roster))
    for (officer, role), held in sorted(edit.roles.items(), key=lambda each: each[0][0]):
        text = _("{name} gets the role {role}.") if held else _("{name} loses the role {role}.")
        yield text.format(name=_name(officer, roster), role=role_name(role))


def _name(officer: str, roster: Roster) -> str:
    return roster.officers[OfficerId(officer)].name


def _keys(edit: RosterEdit, roster: Roster) -> Iterator[str]:
    for officer in roster.officers.values():
        for key in officer.keys:
            becomes = fate(edit, key.key_id)
            if becomes is Fate.KEPT:
                continue
            text = _("Key {id} of {name} is taken away.")
            if becomes is Fate.COMPROMISED:
                text = _("Key {id} of {name} is named compromised, for ever.")
            yield text.format(id=wording.grouped(key.key_id[:16]), name=officer.name)


def _rules(edit: RosterEdit, roster: Roster) -> Iterator[str]:
    for kind, count in edit.thresholds.items():
        yield _("{kind}: {now} approvals in place of {then}.").format(
            kind=kind_name(kind), now=count, then=roster.thresholds[kind]
        )
    for kind, may in edit.proposer_may_approve.items():
        text = _("{kind}: whoever proposes may also approve.")
        if not may:
            text = _("{kind}: whoever proposes approves no more.")
        yield text.format(kind=kind_name(kind))
    for pair, kept in edit.apart.items():
        text = (
            _("No officer may hold both: {roles}.")
            if kept
            else _("One officer may hold both: {roles}.")
        )
        yield text.format(roles=roles_text(pair))
    for role, count in edit.required.items():
        officers = n_("{count} officer", "{count} officers", count)
        text = _("{role}: at least {officers}.") if count else _("{role}: no number is demanded.")
        yield text.format(role=role_name(role), officers=officers)
