"""Rosters that came into force, one after the other, and what each changed. No Qt in here."""

from collections.abc import Iterator

from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import Officer, Roster
from keyturn.quorum.state import AuthorityState
from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.screens.officers.viewmodel import RosterLine
from keyturn_app.wording import kind_name


def history_of(state: AuthorityState) -> tuple[RosterLine, ...]:
    """The newest first."""
    found: list[RosterLine] = []
    before: Roster | None = None
    for each in sorted(state.by_digest.values(), key=lambda each: each.index):
        body = each.statement.body
        if not isinstance(body, Roster):
            continue
        known = before or body
        names = (
            known.officers[who].name if who in known.officers else str(who)
            for who in sorted(each.approved_by)
        )
        found.append(
            RosterLine(
                each.index,
                str(each.statement.version),
                wording.moment(each.since),
                ", ".join(names),
                "; ".join(_first(body) if before is None else _changes(before, body))
                or _("nothing: renewed"),
            )
        )
        before = body
    return tuple(reversed(found))


def _first(roster: Roster) -> list[str]:
    return [
        n_("founded with {count} officer", "founded with {count} officers", len(roster.officers))
    ]


def _changes(before: Roster, after: Roster) -> Iterator[str]:
    for officer in after.officers.values():
        old = before.officers.get(officer.id)
        if old is None:
            yield _("{name} came").format(name=officer.name)
        elif old != officer:
            yield _changed(old, officer)
    for officer in before.officers.values():
        if officer.id not in after.officers:
            yield _("{name} went").format(name=officer.name)
    yield from _rules(before, after)


def _changed(old: Officer, new: Officer) -> str:
    what = [
        word
        for word, differs in (
            (_("name"), old.name != new.name),
            (_("roles"), old.roles != new.roles),
            (_("keys"), old.keys != new.keys or old.hpke != new.hpke),
        )
        if differs
    ]
    return _("{name}: other {what}").format(name=new.name, what=", ".join(what))


def _rules(before: Roster, after: Roster) -> Iterator[str]:
    for kind in Kind:
        old, new = before.thresholds.get(kind), after.thresholds.get(kind)
        if old != new:
            yield _("threshold of {kind}: {old} → {new}").format(
                kind=kind_name(kind), old=old, new=new
            )
    if before.proposer_may_approve != after.proposer_may_approve:
        yield _("whether proposers approve")
    if before.separation != after.separation:
        yield _("separation of duty")
    if before.witnesses != after.witnesses:
        yield _("witnesses")
    if after.compromised:
        yield n_("{count} key compromised", "{count} keys compromised", len(after.compromised))
