"""Machine checks of a proposal, computed here from verified facts. No Qt.

They help an officer to look at the right place. What counts is decided by the keyholder, whose
own rules are run here as well: `quorum.state` is the same code.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from keyturn.quorum.errors import SubmissionReason, SubmissionRefused
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.roster import Roster
from keyturn_app import wording
from keyturn_app.facts import Facts
from keyturn_app.i18n import _, n_
from keyturn_app.screens.approvals.authorising import authorising
from keyturn_app.screens.approvals.case import Case
from keyturn_app.screens.approvals.cautions import cautions
from keyturn_app.screens.approvals.impactchecks import impact_checks
from keyturn_app.screens.approvals.outcome import Check, Outcome, met, not_met, unknown, warning
from keyturn_app.screens.approvals.previewing import Impacts
from keyturn_app.screens.approvals.references import references

SOON = timedelta(hours=6)
LONG_LIFE = timedelta(days=180)
BUNDLED = frozenset({Kind.ROSTER, Kind.KEYS})
"""What an authority bundle proves the newest of."""
_WORST_FIRST = (Outcome.NOT_MET, Outcome.WARNING, Outcome.UNKNOWN, Outcome.MET)
_SAID_OTHERWISE = {
    SubmissionReason.TOO_FEW_APPROVALS,
    SubmissionReason.LAPSED,
    SubmissionReason.EXPIRED,
    SubmissionReason.WRONG_VERSION,
    SubmissionReason.WRONG_PREDECESSOR,
    SubmissionReason.WITHDRAWN,
    SubmissionReason.UNKNOWN_PROPOSER,
    SubmissionReason.NOT_A_PROPOSER,
}


def checks(
    case: Case, facts: Facts, now: datetime, impacts: Impacts | None = None
) -> tuple[Check, ...]:
    """All of them, the worst first; among equals what it does, then who and when."""
    found = (
        *impact_checks(impacts),
        _signatures(case),
        *_proposer(case),
        *_chain(case),
        *_times(case, now),
        *_keyholder(case, now),
        *references(case, facts, now),
        *cautions(case, now),
        *authorising(case, now),
    )
    return tuple(sorted(found, key=lambda each: _WORST_FIRST.index(each.outcome)))


def _signatures(case: Case) -> Check:
    text = n_("{count} signature verified here", "{count} signatures verified here", _signed(case))
    return met(text)


def _signed(case: Case) -> int:
    envelopes = [case.statement.envelope, *(each.envelope for each in case.approvals)]
    return sum(len(each.signatures) for each in envelopes)


def _proposer(case: Case) -> Iterator[Check]:
    statement, roster = case.statement, case.roster
    proposer = roster.officers.get(statement.proposer)
    if case.index is None and (proposer is None or Role.PROPOSER not in proposer.roles):
        found = _("not in the roster")
        if proposer is not None:
            found = ", ".join(sorted(role.value for role in proposer.roles))
        yield not_met(
            _("{officer} may not propose").format(officer=statement.proposer),
            found,
            _("the role proposer"),
        )
    if statement.kind in roster.proposer_may_approve:
        yield met(_("The proposer may also approve: the roster says so for this kind"))
    elif statement.proposer in {each.officer for each in case.approvals}:
        yield warning(_("The proposer's own approval does not count"))
    else:
        yield met(_("The proposer is not an approver"))


def _chain(case: Case) -> Iterator[Check]:
    statement = case.statement
    overtaken = case.overtaken_by()
    known = case.state
    if known is None:
        yield unknown(_("Whether it is in force, withdrawn or revoked cannot be known offline"))
        if statement.version > 1:
            yield unknown(_("Whether it was overtaken cannot be known offline"))
        if statement.kind not in BUNDLED or case.proved is None or case.in_bundle:
            return
        known = case.proved
    if overtaken is not None:
        yield not_met(
            _("Overtaken: it can no longer come into force"),
            _("version {version} in force").format(version=overtaken.statement.version)
            if case.state is not None
            else _("version {version} in the bundle").format(version=overtaken.statement.version),
            _("version {version}").format(version=statement.version - 1),
        )
    elif case.index is None:
        newest = known.newest.get((statement.kind, statement.subject))
        version, digest = (
            (0, None) if newest is None else (newest.statement.version, newest.statement.digest)
        )
        if statement.version != version + 1 or statement.replaces != digest:
            yield not_met(
                _("It continues another history than the log's")
                if case.state is not None
                else _("It continues another history than the bundle's"),
                _("version {version}").format(version=statement.version),
                _("version {version}").format(version=version + 1),
            )
        elif newest is None:
            yield met(_("First version: it replaces nothing"))
        elif case.state is None:
            text = _("Replaces version {version}, the newest in the bundle")
            yield met(text.format(version=version))
        else:
            yield met(_("Replaces version {version}, the newest").format(version=version))


def _times(case: Case, now: datetime) -> Iterator[Check]:
    statement = case.statement
    if case.index is None:
        left = statement.proposal_lapses - now
        when = wording.until(statement.proposal_lapses, now)
        if left < timedelta(0):
            yield not_met(
                _("Lapsed {when}").format(when=when),
                wording.moment(statement.proposal_lapses),
                _("a proposal that has not lapsed"),
            )
        elif left < SOON:
            yield warning(
                _("Lapses {when}").format(when=when), wording.moment(statement.proposal_lapses)
            )
        else:
            yield met(
                _("Lapses {when}").format(when=when), wording.moment(statement.proposal_lapses)
            )
    if statement.expires is None:
        yield met(_("Never expires, as every revocation"))
        return
    text = _("Expires {when}").format(when=wording.until(statement.expires, now))
    found = wording.moment(statement.expires)
    if statement.expired(now):
        yield not_met(_("Expired"), found)
    elif statement.expires - statement.time > LONG_LIFE:
        yield warning(text, found, _("at most 180 days, so that it is looked at again"))
    else:
        yield met(text, found)


def _keyholder(case: Case, now: datetime) -> Iterator[Check]:
    """The keyholder's rules, run on what is known here."""
    state = case.state
    if state is None and case.statement.kind is Kind.ROSTER and not case.in_bundle:
        state = case.proved  # all that a roster is judged by
    if state is None or case.index is not None:
        return
    if isinstance(case.statement.body, Roster):
        yield warning(_("A roster needs the threshold of the old roster and of the new one"))
    try:
        state.submit(case.statement, case.approvals, now)
    except SubmissionRefused as refused:
        if refused.reason is SubmissionReason.LOG_NOT_CONTINUED:
            yield warning(
                _("It comes into force only in the ceremony that replaces the token"),
                refused.found,
                refused.expected,
            )
        elif refused.reason not in _SAID_OTHERWISE:
            yield not_met(
                _("The keyholder would refuse it: {why}").format(why=refused.message),
                refused.found,
                refused.expected,
            )
