"""From verified facts to what the page shows. No Qt in here."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from keyturn.base.signatures import VerifyKey
from keyturn.quorum.expiry import WARNING, expiring
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.roster import Officer, OfficerId, Roster
from keyturn.quorum.separation import Separation
from keyturn.quorum.state import AuthorityState, InForce
from keyturn_app import fingerprint, wording
from keyturn_app.desk import Desk
from keyturn_app.facts import Facts, Link, Seen
from keyturn_app.i18n import _, n_
from keyturn_app.screens.officers.viewmodel import (
    ExpiryLine,
    Fingerprint,
    Line,
    OfficerLine,
    role_name,
)
from keyturn_app.states import Look
from keyturn_app.witnessing import witnesses_view
from keyturn_app.wording import kind_name

_EVER = timedelta(days=100 * 365)
"""Longer than any statement may live: everything that ends at all."""
_PER_LINE = 4


def banner_of(facts: Facts, now: datetime) -> str:
    """What stands above the page while the server is not heard; empty while live."""
    link, seen = facts.connection.link, facts.seen
    if seen is None or not facts.trusted or link is Link.LIVE:
        return ""
    age = wording.ago(facts.connection.heard or seen.as_of, now)
    return _("Read only: the server is not heard. The roster is as of {age}.").format(age=age)


def look_of(state: AuthorityState, now: datetime) -> Look:
    """Whether the newest roster is in force."""
    newest = newest_roster(state)
    if newest is not None and newest.statement.digest in state.suspended:
        return Look(_("Suspended"), "danger", "ban")
    if state.roster_in_force(now) is None:
        return Look(_("Expired"), "danger", "clock")
    return Look(_("In force"), "ok", "circle-check")


def newest_roster(state: AuthorityState) -> InForce | None:
    return state.newest.get((Kind.ROSTER, "roster"))


def roster_lines(seen: Seen, now: datetime) -> tuple[Line, ...]:
    newest = newest_roster(seen.state)
    if newest is None:
        return ()
    statement = newest.statement
    ends = _("never")
    if statement.expires is not None:
        moment, left = wording.moment(statement.expires), wording.until(statement.expires, now)
        ends = f"{moment} ({left})"
    return (
        (_("Version"), str(statement.version), False),
        (_("Log index"), str(newest.index), False),
        (_("Since"), wording.moment(newest.since), False),
        (_("Expires"), ends, False),
        (_("Proposed by"), _named(seen.roster, [statement.proposer]), False),
        (_("Approved by"), _named(seen.roster, newest.approved_by), False),
        (_("Reason"), statement.reason, False),
    )


def fingerprint_of(state: AuthorityState) -> Fingerprint:
    words = fingerprint.words(state.fingerprint)
    lines = (words[at : at + _PER_LINE] for at in range(0, len(words), _PER_LINE))
    return Fingerprint(
        state.fingerprint,
        wording.grouped(state.fingerprint),
        "\n".join(" ".join(each) for each in lines),
    )


# ---- officers ----


def officer_lines(roster: Roster) -> tuple[OfficerLine, ...]:
    officers = sorted(roster.officers.values(), key=lambda each: (each.name.casefold(), each.id))
    return tuple(_officer_line(each) for each in officers)


def _officer_line(officer: Officer) -> OfficerLine:
    return OfficerLine(
        officer.id,
        officer.name,
        roles_text(officer.roles),
        ", ".join(f"{key.algorithm.value} {key.key_id[:8]}…" for key in officer.keys),
        ", ".join(f"{key.algorithm.value} {key.key_id}" for key in officer.keys),
        (
            (_("Officer"), f"{officer.name} ({officer.id})", False),
            (_("Roles"), roles_text(officer.roles), False),
            *key_lines(officer.keys),
            (_("Share key"), _("X25519, there") if officer.hpke else _("none"), False),
        ),
    )


def roles_text(roles: Iterable[Role]) -> str:
    """In the order in which roles are always told."""
    held = frozenset(roles)
    return ", ".join(role_name(role) for role in Role if role in held) or _("none")


def key_lines(keys: Iterable[VerifyKey]) -> tuple[Line, ...]:
    return tuple(
        (
            _("Key {algorithm}").format(algorithm=key.algorithm.value),
            wording.grouped(key.key_id),
            True,
        )
        for key in keys
    )


def _named(roster: Roster, officers: Iterable[OfficerId]) -> str:
    """Their names; the bare id of one who has left."""
    names = (
        roster.officers[each].name if each in roster.officers else str(each)
        for each in sorted(officers)
    )
    return ", ".join(names) or _("nobody")


# ---- rules ----


def threshold_lines(roster: Roster) -> tuple[Line, ...]:
    approvers = sum(Role.APPROVER in each.roles for each in roster.officers.values())
    return tuple(
        (kind_name(kind), _threshold(kind, roster, approvers), False)
        for kind in Kind
        if kind in roster.thresholds
    )


def _threshold(kind: Kind, roster: Roster, approvers: int) -> str:
    text = _("{needed} of {approvers}").format(needed=roster.thresholds[kind], approvers=approvers)
    if kind in roster.proposer_may_approve:
        return _("{text}; the proposer may be one of them").format(text=text)
    return text


def separation_lines(separation: Separation) -> tuple[str, ...]:
    pairs = sorted(roles_text(pair) for pair in separation.apart)
    lines = [_("No officer is both: {roles}.").format(roles=pair) for pair in pairs]
    for role in Role:
        needed = separation.required.get(role)
        if needed is not None:
            count = n_("{count} officer", "{count} officers", needed)
            lines.append(_("{role}: at least {count}.").format(role=role_name(role), count=count))
    lines.append(_("One custodian alone is never allowed."))
    return tuple(lines)


def witness_lines(roster: Roster) -> tuple[Line, ...]:
    witnesses = roster.witnesses
    if not witnesses.keys:
        return ((_("Witnesses"), _("none: a release needs no cosignature"), False),)
    needed = _("{k} of {all}, none older than {seconds} s").format(
        k=witnesses.k, all=len(witnesses.keys), seconds=witnesses.t_seconds
    )
    return ((_("A release needs"), needed, False), *key_lines(witnesses.keys))


def own_witness_lines(desk: Desk) -> tuple[Line, ...]:
    """This app as a witness of the log."""
    own = witnesses_view(desk).own
    lines: list[Line] = [(_("This app"), own.look.word, False)]
    if own.key_id:
        lines.append((own.name, own.key_id, True))
    return tuple(lines)


# ---- what expires ----


def expiry_lines(state: AuthorityState, now: datetime) -> tuple[ExpiryLine, ...]:
    """Everything in force that ends, the first one first."""
    soon = {each.statement.digest for each in expiring(state, now)}
    return tuple(
        _expiry_line(each, now, soon=each.statement.digest in soon)
        for each in expiring(state, now, _EVER)
    )


def _expiry_line(each: InForce, now: datetime, *, soon: bool) -> ExpiryLine:
    statement = each.statement
    assert statement.expires is not None  # `expiring` gives no other
    late = Look(_("Renew now"), "stale", "triangle-alert")
    return ExpiryLine(
        statement.kind,
        statement.subject,
        str(statement.version),
        f"{statement.expires:%Y-%m-%d}",
        wording.moment(statement.expires),
        wording.until(statement.expires, now),
        late if soon else Look(_("In force"), "ok", "circle-check"),
        soon,
    )


def expiry_text(lines: tuple[ExpiryLine, ...]) -> str:
    soon = sum(each.soon for each in lines)
    if not lines:
        return _("Nothing in force expires.")
    if not soon:
        return _("Nothing expires within {days} days.").format(days=WARNING.days)
    count = n_("{count} statement expires", "{count} statements expire", soon)
    return _("{count} within {days} days.").format(count=count, days=WARNING.days)
