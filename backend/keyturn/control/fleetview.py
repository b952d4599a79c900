"""Nodes as the officers see them: rows, revocations and the clock put together."""

from datetime import timedelta

from sqlalchemy import Connection

from keyturn.control.context import Context
from keyturn.control.errors import NotFound
from keyturn.control.nodestate import assess
from keyturn.store import evidence, fleet
from keyturn.store.evidence import Kept
from keyturn.store.fleet import NodeRow
from keyturn.wire.api import NodeView

SIMULATED = "simulated"


async def every(context: Context) -> list[NodeView]:
    """By name."""

    def work(connection: Connection) -> tuple[list[NodeRow], Kept]:
        return fleet.all_nodes(connection), evidence.named(connection)

    rows, kept = await context.read(work)
    return [_view(context, each, kept) for each in rows]


async def one(context: Context, name: str) -> NodeView:
    """Raises NotFound."""

    def work(connection: Connection) -> tuple[NodeRow | None, Kept]:
        return fleet.find_node(connection, name), evidence.named(connection, node=name)

    row, kept = await context.read(work)
    if row is None:
        raise NotFound("no such node", found=repr(name[:80]))
    return _view(context, row, kept)


def _view(context: Context, row: NodeRow, kept: Kept) -> NodeView:
    mirror = context.mirror
    found = assess(
        row,
        revoked=mirror.node_revoked(row.name, row.platform, row.model),
        heartbeat=timedelta(seconds=context.config.heartbeat_seconds),
        now=context.clock(),
    )
    caveats = list(row.caveats or [])
    simulation = mirror.roster is not None and mirror.roster.simulation
    return NodeView(
        name=row.name,
        state=found.state.value,
        age_seconds=None if found.age is None else int(found.age.total_seconds()),
        last_seen=row.last_seen,
        last_attested=row.last_attested,
        model=row.model,
        lease=row.lease,
        lease_until=row.lease_until,
        platform=row.platform,
        reasons=list(row.reasons or []),
        simulated=simulation or SIMULATED in caveats,
        caveats=caveats,
        time_to_wipe_ms=row.wiped_ms,
        granted_evidence=kept.get((row.name, True)),
        refused_evidence=kept.get((row.name, False)),
    )
