"""Nodes and leases: what the log says of them, and what the nodes last reported."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from keyturn.store.absent import insert_absent
from keyturn.store.schema import leases, nodes


@dataclass(frozen=True, slots=True)
class NodeRow:
    name: str
    platform: str | None = None
    model: str | None = None
    lease: str | None = None
    lease_until: datetime | None = None
    lease_seconds: int | None = None
    last_attested: datetime | None = None
    last_refused: datetime | None = None
    reasons: Any = None
    caveats: Any = None
    last_index: int | None = None
    last_seen: datetime | None = None
    reported: str | None = None  # serving, wiped or starting
    wiped_ms: int | None = None
    lost: bool = False  # its silence was told as an event


@dataclass(frozen=True, slots=True)
class LeaseRow:
    lease: str
    node: str
    model: str
    platform: str
    tls: str
    began: int
    evidence: str
    until: datetime
    tls_spki: bytes | None = None
    counter: int = -1  # of the last heartbeat; -1 before the first


def find_node(connection: Connection, name: str) -> NodeRow | None:
    row = connection.execute(select(nodes).where(nodes.c.name == name)).first()
    return None if row is None else NodeRow(**row._mapping)


def all_nodes(connection: Connection, *, limit: int = 100_000) -> list[NodeRow]:
    """By name."""
    query = select(nodes).order_by(nodes.c.name).limit(limit)
    return [NodeRow(**row._mapping) for row in connection.execute(query)]


def update_node(connection: Connection, name: str, **values: Any) -> None:
    """Change a node's columns, or make the node with them."""
    change = update(nodes).where(nodes.c.name == name).values(**values)
    if connection.execute(change).rowcount == 0:
        made = insert_absent(connection, nodes, asdict(NodeRow(name)) | values)
        if not made:  # another replica made it meanwhile
            connection.execute(change)


def find_lease(connection: Connection, lease: str) -> LeaseRow | None:
    row = connection.execute(select(leases).where(leases.c.lease == lease)).first()
    return None if row is None else LeaseRow(**row._mapping)


def begin_lease(connection: Connection, row: LeaseRow) -> None:
    connection.execute(leases.insert().values(asdict(row)))


def extend_lease(connection: Connection, lease: str, until: datetime, evidence: str) -> bool:
    """A renewal; False when there is no such lease."""
    changed = connection.execute(
        update(leases).where(leases.c.lease == lease).values(until=until, evidence=evidence)
    )
    return changed.rowcount == 1


def learn_tls_key(connection: Connection, lease: str, digest: str, spki: bytes) -> bool:
    """Keep the SPKI behind a lease's `tls` digest; False when the digest is another."""
    changed = connection.execute(
        update(leases).where(leases.c.lease == lease, leases.c.tls == digest).values(tls_spki=spki)
    )
    return changed.rowcount == 1


def advance_counter(connection: Connection, lease: str, counter: int) -> bool:
    """Take a heartbeat's counter where it is higher than the last; False for a replay."""
    changed = connection.execute(
        update(leases)
        .where(leases.c.lease == lease, leases.c.counter < counter)
        .values(counter=counter)
    )
    return changed.rowcount == 1


def silent_since(connection: Connection, moment: datetime) -> list[str]:
    """Serving nodes that were last seen before `moment` and whose silence was not told yet."""
    query = select(nodes.c.name).where(
        nodes.c.last_seen < moment, nodes.c.lost.is_(False), nodes.c.reported != "wiped"
    )
    return list(connection.scalars(query))


def mark_lost(connection: Connection, name: str, moment: datetime) -> bool:
    """Tell a silence once, whichever replica sees it first; False when it came back or was told."""
    changed = connection.execute(
        update(nodes)
        .where(nodes.c.name == name, nodes.c.last_seen < moment, nodes.c.lost.is_(False))
        .values(lost=True)
    )
    return changed.rowcount == 1
