"""Where a model version stands by the log and the open proposals. No Qt in here."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.base.encoding import Digest
from keyturn.client.inventory import Node, NodeState
from keyturn.client.proposals import Proposal, Status
from keyturn.quorum.bodies import Admission as AdmissionBody
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.state import InForce
from keyturn_app.facts import Facts, Link
from keyturn_app.i18n import _
from keyturn_app.states import Look


class Standing(Enum):
    """Whether a release can rest on the model's admission, and if not, why."""

    IN_FORCE = "in-force"
    OPEN = "open"  # not in force, a proposal is
    NEVER = "never"
    ENDED = "ended"  # proposed, and withdrawn, lapsed or refused
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNKNOWN = "unknown"  # the log is not known yet


@dataclass(frozen=True, slots=True)
class Admission:
    """`statement`: the newest that was in force. `open`: proposals that wait for approvals."""

    standing: Standing
    statement: InForce | None = None
    revocation: InForce | None = None
    open: tuple[Proposal, ...] = ()
    ended: Proposal | None = None

    @property
    def body(self) -> AdmissionBody | None:
        """What is, or was last, in force."""
        body = self.statement.statement.body if self.statement else None
        return body if isinstance(body, AdmissionBody) else None

    @property
    def open_admission(self) -> Proposal | None:
        return next((each for each in self.open if each.statement.kind is Kind.MODEL), None)

    @property
    def open_revocation(self) -> Proposal | None:
        return next((each for each in self.open if each.statement.kind is Kind.REVOCATION), None)

    @property
    def policy(self) -> str:
        """Id of the policy that it names, or would name; empty where nobody proposed one."""
        if self.body is not None:
            return self.body.policy
        proposal = self.open_admission
        body = proposal.statement.body if proposal else None
        return body.policy if isinstance(body, AdmissionBody) else ""


def subject_of_revocation(digest: Digest) -> str:
    return f"{TargetKind.MODEL.value}:{digest}"


Grouped = Mapping[tuple[Kind, str], Sequence[Proposal]]
"""Proposals by kind and subject."""


def grouped(facts: Facts) -> Grouped:
    """For whoever asks about many models at once."""
    found: dict[tuple[Kind, str], list[Proposal]] = defaultdict(list)
    for each in facts.proposals.all if facts.proposals else ():
        found[each.statement.kind, each.statement.subject].append(each)
    return found


def admission_of(
    digest: Digest, facts: Facts, now: datetime, proposed: Grouped | None = None
) -> Admission:
    """By verified facts alone: the server's own column is not looked at."""
    if facts.seen is None:
        return Admission(Standing.UNKNOWN)
    state = facts.seen.state
    newest = state.newest.get((Kind.MODEL, digest))
    revocation = state.revocation_of(Kind.MODEL, digest)
    proposals = _proposals_of(digest, grouped(facts) if proposed is None else proposed)
    waiting = tuple(each for each in proposals if each.status is Status.OPEN)
    ended = next((each for each in proposals if each.status in _ENDED), None)
    made = Admission(Standing.NEVER, newest, revocation, waiting, ended)
    return Admission(_standing(digest, facts, made, now), newest, revocation, waiting, ended)


_ENDED = {Status.WITHDRAWN, Status.LAPSED, Status.REFUSED}


def _standing(digest: Digest, facts: Facts, found: Admission, now: datetime) -> Standing:
    if found.revocation is not None:
        return Standing.REVOKED
    if facts.seen is not None and facts.seen.state.in_force(Kind.MODEL, digest, now):
        return Standing.IN_FORCE
    if found.open_admission is not None:
        return Standing.OPEN
    if found.statement is not None:
        return Standing.EXPIRED
    return Standing.NEVER if found.ended is None else Standing.ENDED


def _proposals_of(digest: Digest, proposed: Grouped) -> list[Proposal]:
    """The newest first."""
    found = [
        *proposed.get((Kind.MODEL, digest), ()),
        *proposed.get((Kind.REVOCATION, subject_of_revocation(digest)), ()),
    ]
    return sorted(found, key=lambda each: each.statement.time, reverse=True)


def look_of(admission: Admission, facts: Facts) -> Look:
    """What is old is not green (I10): the word stays, with its age beside it on the page."""
    look = _look(admission)
    if facts.connection.link is Link.LIVE or admission.standing is not Standing.IN_FORCE:
        return look
    return Look(look.word, "unknown", look.icon)


def _look(admission: Admission) -> Look:
    return {
        Standing.IN_FORCE: Look(_("In force"), "ok", "circle-check"),
        Standing.OPEN: Look(_("Not in force"), "stale", "hourglass"),
        Standing.NEVER: Look(_("Never proposed"), "unknown", "circle-dashed"),
        Standing.ENDED: Look(_("Not in force"), "unknown", "circle-minus"),
        Standing.EXPIRED: Look(_("Expired"), "danger", "clock"),
        Standing.REVOKED: Look(_("Revoked"), "danger", "ban"),
        Standing.UNKNOWN: Look(_("Unknown"), "unknown", "circle-slash"),
    }[admission.standing]


def note_of(admission: Admission) -> str:
    """What stands beside the look: how far an open proposal is, or how the last one ended."""
    proposal = admission.open_admission
    if admission.standing is Standing.IN_FORCE and admission.open_revocation is not None:
        return _("revocation proposed: {count}").format(count=_count(admission.open_revocation))
    if proposal is not None:
        return _("proposal open: {count}").format(count=_count(proposal))
    if admission.standing is Standing.ENDED and admission.ended is not None:
        return {
            Status.WITHDRAWN: _("proposal withdrawn"),
            Status.LAPSED: _("proposal lapsed"),
            Status.REFUSED: _("refused by the keyholder"),
        }.get(admission.ended.status, "")
    return ""


def _count(proposal: Proposal) -> str:
    return _("{approved} of {needed}").format(
        approved=len(proposal.approved_by), needed=proposal.needed
    )


# ---- where it runs ----


def nodes_known(facts: Facts) -> bool:
    """While the server is out of reach, nobody knows where anything runs (I10)."""
    live = facts.connection.link in {Link.LIVE, Link.STALE}
    return live and facts.trusted and facts.nodes is not None


def serving_counts(facts: Facts) -> Counter[Digest] | None:
    """Nodes that are attested and hold a model by a grant in the log; None: nobody knows."""
    if not nodes_known(facts) or facts.nodes is None:
        return None
    return Counter(
        each.granted[1].model
        for each in facts.nodes.all
        if each.state is NodeState.ATTESTED and each.granted is not None
    )


def holding(digest: Digest, facts: Facts, now: datetime) -> tuple[Node, ...] | None:
    """Nodes whose lease of this model still runs, attested or stale: what a revocation stops."""
    if not nodes_known(facts) or facts.nodes is None:
        return None
    return tuple(
        each
        for each in facts.nodes.all
        if each.state not in {NodeState.WIPED, NodeState.REFUSED, NodeState.QUARANTINED}
        and each.granted is not None
        and each.granted[1].model == digest
        and each.granted[1].until > now
    )
