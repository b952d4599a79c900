"""What this officer may do about a proposal, and why not where they may not. No Qt."""

from dataclasses import dataclass
from datetime import datetime

from keyturn.client.proposals import Status
from keyturn.quorum.approvals import Decision
from keyturn.quorum.kinds import Role
from keyturn.quorum.roster import OfficerId
from keyturn_app import wording
from keyturn_app.desk import Identity
from keyturn_app.facts import Link
from keyturn_app.i18n import _
from keyturn_app.screens.approvals.case import Case, officer_in, said
from keyturn_app.screens.approvals.times import short_moment


@dataclass(frozen=True, slots=True)
class Offer:
    """`why_not` is empty exactly when it can be done now."""

    why_not: str = ""
    shown: bool = True

    @property
    def possible(self) -> bool:
        return not self.why_not


@dataclass(frozen=True, slots=True)
class Situation:
    """Who asks, and how the app stands to the server. `busy`: what is under way, in words.

    `on_file`: the decision is written to a file, so no server is needed.
    """

    identity: Identity
    link: Link
    now: datetime
    busy: str = ""
    on_file: bool = False
    signs: str = ""  # why an approval has to wait: its preview is being computed


def approve_offer(case: Case, situation: Situation) -> Offer:
    return Offer(
        _cannot_act(situation)
        or _ended(case, situation.now)
        or _no_right(case, situation.identity)
        or _said_already(case, situation, Decision.APPROVE)
        or situation.signs
    )


def reject_offer(case: Case, situation: Situation) -> Offer:
    """One's own approval can still be turned into a rejection."""
    return Offer(
        _cannot_act(situation)
        or _ended(case, situation.now)
        or _no_right(case, situation.identity)
        or _said_already(case, situation, Decision.REJECT)
    )


def withdraw_offer(case: Case, situation: Situation) -> Offer:
    """Only for one's own proposals, and only while they are not in force."""
    mine = case.statement.proposer == situation.identity.officer
    shown = mine and case.status in {Status.OPEN, Status.REFUSED} and not situation.on_file
    return Offer(_cannot_act(situation), shown)


def export_offer(case: Case, situation: Situation) -> Offer:
    return Offer(_cannot_act(situation), shown=case.status is not None and not situation.on_file)


def propose_offer(situation: Situation, roster_roles: frozenset[Role] | None) -> Offer:
    """`roster_roles`: this officer's in the roster in force; None while it is not known."""
    if situation.link is Link.STATION:
        return Offer(_("A station proposes nothing: open a proposal's file to decide."))
    if why := _cannot_act(situation):
        return Offer(why)
    if roster_roles is None:
        return Offer(_("What is in force is not known yet."))
    if Role.PROPOSER not in roster_roles:
        return Offer(_("The roster does not let you propose."))
    return Offer()


def _cannot_act(situation: Situation) -> str:
    if situation.busy:
        return situation.busy
    if situation.identity.locked:
        return _("Keyturn is locked: unlock it to sign.")
    if situation.on_file:
        return ""
    return {
        Link.DISTRUSTED: _("The server is not believed: nothing is signed for it."),
        Link.STATION: _("No file is open: a station decides about files."),
        Link.OFFLINE: _("Offline: open the proposal's file to decide."),
        Link.RECONNECTING: _("No connection: what stands now is not known."),
        Link.CONNECTING: _("Not connected yet."),
    }.get(situation.link, "")


def _ended(case: Case, now: datetime) -> str:
    if case.in_force:
        return _("It is in force.")
    ended = {
        Status.SUPERSEDED: _("It was in force, and was superseded."),
        Status.EXPIRED: _("It was in force, and has expired."),
        Status.REVOKED: _("It was in force, and was revoked."),
        Status.SUSPENDED: _(
            "It was in force, and is suspended: too few approvals without a compromised key."
        ),
        Status.WITHDRAWN: _("It was withdrawn: that is final."),
    }
    if case.status in ended:
        return ended[case.status]
    if now > case.statement.proposal_lapses:
        when = wording.ago(case.statement.proposal_lapses, now)
        return _("It lapsed {when}: it must be proposed again.").format(when=when)
    if case.in_bundle:
        return _("The authority bundle has it already: a quorum approved it.")
    overtaken = case.overtaken_by()
    if overtaken is not None:
        return _("Overtaken by version {version}: propose it again on top of that.").format(
            version=overtaken.statement.version
        )
    return ""


def _no_right(case: Case, identity: Identity) -> str:
    if officer_in(case.statement, case.roster, identity.officer) is None:
        if OfficerId(identity.officer) not in case.roster.officers:
            return _("You are not in the roster in force.")
        return _("You do not have the role approver.")
    mine = identity.officer == case.statement.proposer
    if mine and case.statement.kind not in case.roster.proposer_may_approve:
        return _("You proposed it: others must approve.")
    return ""


def _said_already(case: Case, situation: Situation, wanted: Decision) -> str:
    mine = said(case.approvals, situation.identity.officer)
    if mine is None or (mine.decision is Decision.APPROVE and wanted is Decision.REJECT):
        return ""
    when = short_moment(mine.time, situation.now)
    if mine.decision is Decision.APPROVE:
        return _("You approved it: {when}.").format(when=when)
    return _("You rejected it: {when}. A rejection stands.").format(when=when)
