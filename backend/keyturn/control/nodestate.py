"""What to call a node, from what is stored and the time now (I10): old is never green.

Pure. *attested* needs a live lease and a recent word; without one it decays to *stale*, then to
*unknown*. The app adds that everything is *unknown* while this server is out of reach.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from keyturn.store.fleet import NodeRow

MISSED = 2
"""Heartbeats that may be missed before a node is stale."""
FORGOTTEN = 12
"""Heartbeats after which nothing is known any more, but at least LONGEST_STALE."""
LONGEST_STALE = timedelta(seconds=60)


class NodeState(Enum):
    PENDING = "pending"
    ATTESTED = "attested"
    STALE = "stale"
    REFUSED = "refused"
    QUARANTINED = "quarantined"
    WIPED = "wiped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Assessment:
    state: NodeState
    age: timedelta | None  # since the node was last heard of; None when it never was


def assess(row: NodeRow, *, revoked: bool, heartbeat: timedelta, now: datetime) -> Assessment:
    """The state of a node and its age. `revoked`: it, its platform or its model is revoked."""
    heard = _newest(row.last_seen, row.last_attested)
    spoke = _newest(heard, row.last_refused)
    age = None if spoke is None else max(timedelta(0), now - spoke)
    return Assessment(_state(row, heard, revoked, heartbeat, now), age)


def _state(
    row: NodeRow, heard: datetime | None, revoked: bool, heartbeat: timedelta, now: datetime
) -> NodeState:
    if row.reported == "wiped":
        return NodeState.WIPED
    if revoked:
        return NodeState.QUARANTINED
    if row.last_refused is not None:  # a later grant clears it
        return NodeState.REFUSED
    if row.last_attested is None or heard is None:
        return NodeState.PENDING
    silence = now - heard
    if silence > max(FORGOTTEN * heartbeat, LONGEST_STALE):
        return NodeState.UNKNOWN
    if silence > MISSED * heartbeat or row.lease_until is None or now >= row.lease_until:
        return NodeState.STALE
    return NodeState.ATTESTED


def _newest(*moments: datetime | None) -> datetime | None:
    return max((each for each in moments if each is not None), default=None)
