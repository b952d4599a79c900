"""Who sits here, and what waits for them: the counts on the rail. No Qt in here."""

from keyturn.client.inventory import NodeState
from keyturn.client.proposals import Proposal, Status
from keyturn.quorum.kinds import Role
from keyturn.quorum.roster import Officer, OfficerId
from keyturn_app.desk import Desk
from keyturn_app.facts import Link

NEEDS_ATTENTION = {
    NodeState.STALE,
    NodeState.REFUSED,
    NodeState.QUARANTINED,
    NodeState.UNKNOWN,
}


def officer_of(desk: Desk) -> Officer | None:
    """Who sits here, by the roster in force."""
    seen = desk.facts.seen
    return None if seen is None else seen.roster.officers.get(OfficerId(desk.identity.officer))


def nodes_in_trouble(desk: Desk) -> int:
    """While the server is out of reach there is nothing to count (I10)."""
    nodes = desk.facts.nodes
    if nodes is None or desk.facts.connection.link is not Link.LIVE:
        return 0
    return sum(each.state in NEEDS_ATTENTION for each in nodes.all)


def waiting_for_me(desk: Desk) -> int:
    """Open proposals on which this officer may still decide."""
    proposals, officer, seen = desk.facts.proposals, officer_of(desk), desk.facts.seen
    if proposals is None or officer is None or seen is None or Role.APPROVER not in officer.roles:
        return 0

    def mine(each: Proposal) -> bool:
        statement = each.statement
        own = statement.proposer == officer.id
        said = {approval.officer for approval in each.approvals}
        counts = not own or statement.kind in seen.roster.proposer_may_approve
        return each.status is Status.OPEN and counts and officer.id not in said

    return sum(mine(each) for each in proposals.all)
