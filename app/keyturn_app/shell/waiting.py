"""Who sits here, and what waits for them: the counts on the rail. No Qt in here."""

from datetime import datetime, timedelta

from keyturn.client.inventory import STALE_SECONDS, Node, NodeState, standing
from keyturn.quorum.roster import Officer, OfficerId
from keyturn_app.desk import Desk
from keyturn_app.facts import Link
from keyturn_app.screens.approvals import waiting

NEEDS_ATTENTION = (
    NodeState.STALE,
    NodeState.REFUSED,
    NodeState.QUARANTINED,
    NodeState.UNKNOWN,
)
"""No set: an enumeration's hash is slow, and every node is looked at each second."""


def officer_of(desk: Desk) -> Officer | None:
    """Who sits here, by the roster in force; at a station by the newest that it has seen."""
    known = desk.facts.seen or desk.facts.bundle
    return None if known is None else known.roster.officers.get(OfficerId(desk.identity.officer))


def nodes_in_trouble(desk: Desk) -> int:
    """As of now. While the server is out of reach there is nothing to count (I10)."""
    nodes = desk.facts.nodes
    if nodes is None or desk.facts.connection.link is not Link.LIVE:
        return 0
    now = desk.now()
    fresh = now - timedelta(seconds=STALE_SECONDS)
    return sum(
        not _surely_well(each, fresh, now) and standing(each, now)[0] in NEEDS_ATTENTION
        for each in nodes.all
    )


def _surely_well(node: Node, fresh: datetime, now: datetime) -> bool:
    """The common case at a tenth of the price of `standing`: ten thousand are asked each second."""
    return (
        node.state is NodeState.ATTESTED
        and node.heard is not None
        and node.heard >= fresh
        and (node.age_seconds or 0) <= STALE_SECONDS
        and node.granted is not None
        and node.granted[1].until > now
    )


def waiting_for_me(desk: Desk) -> int:
    """Proposals on which this officer may still decide; none of a server not believed."""
    if not desk.facts.trusted:
        return 0
    return waiting.waiting_for_me(desk.facts, desk.identity.officer, desk.now())
