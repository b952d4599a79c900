"""Who proposed, who decided, and who has not: the right column's list. No Qt."""

from dataclasses import dataclass, replace
from datetime import datetime

from keyturn.quorum.approvals import Approval, Decision
from keyturn.quorum.roster import OfficerId, Roster
from keyturn_app.i18n import _, n_
from keyturn_app.screens.approvals.case import Case, counts_as_approver, officer_in, said
from keyturn_app.screens.approvals.inbox import officer_name
from keyturn_app.screens.approvals.signedpreviews import (
    NOTHING_HELD,
    Held,
    SignedPreview,
    signed_preview,
)
from keyturn_app.screens.approvals.times import short_moment


@dataclass(frozen=True, slots=True)
class Person:
    """`token` tints the initials and the icon; `line` says it in words."""

    officer: str
    name: str
    initials: str
    line: str
    comment: str
    key: str  # id of the key that signed; empty where nothing was signed
    icon: str
    token: str
    preview: SignedPreview | None = None  # which impact preview the approval names


@dataclass(frozen=True, slots=True)
class Quorum:
    have: int
    needed: int
    text: str
    missing: str


def quorum(case: Case) -> Quorum:
    have = len(case.approved_by)
    text = _("{have} of {needed}").format(have=have, needed=case.needed)
    missing = ""
    if case.index is None and case.missing:
        missing = n_(
            "{count} more approval needed.", "{count} more approvals needed.", case.missing
        )
    elif case.index is None:
        missing = _("Enough approve, but it is NOT IN FORCE until the keyholder logs it.")
    if isinstance(case.statement.body, Roster) and case.index is None:
        missing += " " + _("As many of the proposed roster must agree.")
    return Quorum(have, case.needed, text, missing)


def people(case: Case, me: str, now: datetime, held: Held = NOTHING_HELD) -> tuple[Person, ...]:
    """The proposer, then decisions in their order, then those who may still decide."""
    found = [_proposer(case, me, now)]
    officers: list[str] = []
    for each in sorted(case.approvals, key=lambda approval: approval.time):
        if each.officer not in officers:
            officers.append(each.officer)
    for officer in officers:
        decision = said(case.approvals, officer)
        if decision is not None:
            person = _decided(case, decision, me, now)
            found.append(replace(person, preview=signed_preview(case, decision, held)))
    if case.index is None and case.undecided(now):
        found += [
            _asked(case, each, me)
            for each in sorted(_approvers(case), key=lambda each: each != me)
            if each not in officers and counts_as_approver(case.statement, case.roster, each)
        ]
    return tuple(found)


def initials(name: str) -> str:
    """At most two letters: of the first and the last word."""
    words = name.split()
    if not words:
        return "?"
    letters = words[0][0] + (words[-1][0] if len(words) > 1 else "")
    return letters.upper()


def _approvers(case: Case) -> list[str]:
    known = [str(each) for each in case.roster.officers]
    if isinstance(case.statement.body, Roster):
        known += [str(each) for each in case.statement.body.officers if each not in known]
    return [each for each in known if officer_in(case.statement, case.roster, each) is not None]


def _proposer(case: Case, me: str, now: datetime) -> Person:
    statement = case.statement
    key = statement.envelope.signatures[0].key_id
    return _person(
        case,
        statement.proposer,
        me,
        _("Proposed · {when}").format(when=short_moment(statement.time, now)),
        key=key,
        token="pending",  # noqa: S106 - a colour
    )


def _decided(case: Case, approval: Approval, me: str, now: datetime) -> Person:
    when = short_moment(approval.time, now)
    key = approval.envelope.signatures[0].key_id
    if approval.decision is Decision.REJECT:
        line, icon, token = _("Rejected · {when}"), "circle-x", "danger"
    elif approval.officer in case.approved_by:
        line, icon, token = _("Approved · {when}"), "circle-check", "ok"
    else:
        line, icon, token = _("Approved, does not count · {when}"), "circle-slash", "unknown"
    return _person(
        case,
        approval.officer,
        me,
        line.format(when=when) + _logged(case, approval),
        comment=approval.comment,
        key=key,
        icon=icon,
        token=token,
    )


def _logged(case: Case, approval: Approval) -> str:
    """Where the log holds the decision itself: a rejection counts from there on."""
    index = case.logged_at(approval)
    if index is not None:
        return " · " + _("logged at {index}").format(index=f"{index:,}")
    known = case.state is not None and case.index is None
    return " · " + _("not in the log yet") if known else ""


def _asked(case: Case, officer: str, me: str) -> Person:
    line = _("Has not decided") if officer != me else _("Waits for your decision")
    token = "stale" if officer == me else "unknown"
    return _person(case, officer, me, line, icon="hourglass", token=token)


def _person(
    case: Case,
    officer: str,
    me: str,
    line: str,
    *,
    comment: str = "",
    key: str = "",
    icon: str = "",
    token: str,
) -> Person:
    name = officer_name(case, officer)
    body = case.statement.body
    if name == officer and isinstance(body, Roster) and OfficerId(officer) in body.officers:
        name = body.officers[OfficerId(officer)].name
    shown = _("You ({name})").format(name=name) if officer == me else name
    return Person(officer, shown, initials(name), line, comment, key, icon, token)
