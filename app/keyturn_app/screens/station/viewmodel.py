"""The authority as a station knows it, as frozen values. No Qt in here."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.roster import Officer, OfficerId, Roster
from keyturn.quorum.state import InForce
from keyturn_app import fingerprint, wording
from keyturn_app.facts import Bundle
from keyturn_app.i18n import _
from keyturn_app.states import Look

Line = tuple[str, str, bool]
"""Name, value, and whether it is mono: as `KeyValues` shows them."""
_PER_LINE = 4


@dataclass(frozen=True, slots=True)
class StationView:
    """`standing`: what is wrong with what is known; empty when it can be signed against."""

    fingerprint: str
    grouped: str
    words: str
    look: Look
    standing: str
    bundle: tuple[Line, ...]
    officers: tuple[Line, ...]
    thresholds: tuple[Line, ...]
    witnesses: tuple[Line, ...]
    cannot_know: str
    import_why_not: str


def view_of(
    digest: Digest, bundle: Bundle | None, error: str, me: str, now: datetime, *, busy: str
) -> StationView:
    """`error`: why no bundle is known."""
    words = fingerprint.words(digest)
    lines = (words[at : at + _PER_LINE] for at in range(0, len(words), _PER_LINE))
    return StationView(
        digest,
        wording.grouped(digest),
        "\n".join(" ".join(each) for each in lines),
        _look(bundle),
        error if bundle is None else _mine(bundle.roster, me),
        () if bundle is None else _bundle_lines(bundle, now),
        () if bundle is None else tuple(_officer_lines(bundle.roster)),
        () if bundle is None else _threshold_lines(bundle.roster),
        () if bundle is None else _witness_lines(bundle.roster),
        _(
            "A bundle proves what quorums approved, back to the fingerprint. Whether that was "
            "logged, whether a newer roster is in force, and what was revoked or withdrawn since, "
            "this station cannot know: bring it a newer bundle, or a newer proposal's file."
        ),
        busy,
    )


def _look(bundle: Bundle | None) -> Look:
    if bundle is None:
        return Look(_("Not known"), "danger", "circle-help")
    return Look(_("Verified here"), "ok", "shield-check")


def _mine(roster: Roster, me: str) -> str:
    officer = roster.officers.get(OfficerId(me))
    if officer is None:
        return _("You are not in this roster: what you sign does not count.")
    if Role.APPROVER not in officer.roles:
        return _("You are not an approver in this roster: what you sign does not count.")
    return ""


def _bundle_lines(bundle: Bundle, now: datetime) -> tuple[Line, ...]:
    newest = bundle.authority.state.newest
    roster, keys = newest[(Kind.ROSTER, "roster")], newest[(Kind.KEYS, "keys")]
    return (
        (_("Roster"), _version(roster), False),
        (_("Expires"), _ends(roster, now), False),
        (_("Approved by"), _named(bundle.roster, roster.approved_by), False),
        (_("Reason"), roster.statement.reason, False),
        (_("Keys"), _version(keys), False),
        (_("Expires"), _ends(keys, now), False),
        (_("Log"), bundle.authority.origin, False),
    )


def _version(found: InForce) -> str:
    return _("version {version}, approved {when}").format(
        version=found.statement.version, when=wording.moment(found.since)
    )


def _ends(found: InForce, now: datetime) -> str:
    expires = found.statement.expires
    if expires is None:
        return _("never")
    return f"{wording.moment(expires)} ({wording.until(expires, now)})"


def _officer_lines(roster: Roster) -> Iterable[Line]:
    officers = sorted(roster.officers.values(), key=lambda each: (each.name.casefold(), each.id))
    for each in officers:
        yield f"{each.name} ({each.id})", _roles(each), False
        for key in each.keys:
            yield f"{key.algorithm.value}", wording.grouped(key.key_id), True


def _roles(officer: Officer) -> str:
    return ", ".join(role.value for role in Role if role in officer.roles) or _("none")


def _threshold_lines(roster: Roster) -> tuple[Line, ...]:
    approvers = sum(Role.APPROVER in each.roles for each in roster.officers.values())
    return tuple(
        (wording.kind_name(kind), _threshold(kind, roster, approvers), False)
        for kind in Kind
        if kind in roster.thresholds
    )


def _threshold(kind: Kind, roster: Roster, approvers: int) -> str:
    text = _("{needed} of {approvers}").format(needed=roster.thresholds[kind], approvers=approvers)
    if kind in roster.proposer_may_approve:
        return _("{text}; the proposer may be one of them").format(text=text)
    return text


def _witness_lines(roster: Roster) -> tuple[Line, ...]:
    witnesses = roster.witnesses
    if not witnesses.keys:
        return ((_("A release needs"), _("no witness"), False),)
    needed = _("{k} of {all}, none older than {seconds} s").format(
        k=witnesses.k, all=len(witnesses.keys), seconds=witnesses.t_seconds
    )
    keys = ((key.algorithm.value, wording.grouped(key.key_id), True) for key in witnesses.keys)
    return ((_("A release needs"), needed, False), *keys)


def _named(roster: Roster, officers: Iterable[OfficerId]) -> str:
    names = (
        roster.officers[each].name if each in roster.officers else str(each)
        for each in sorted(officers)
    )
    return ", ".join(names) or _("nobody")
