"""Each node's newest requests, one granted and one refused: the same for all replicas.

A node's name is its own word, so that the table is bounded: the rows whose entries are oldest go.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update

from keyturn.base.encoding import Digest
from keyturn.store.absent import insert_absent
from keyturn.store.schema import evidence, nodes

MOST_ROWS = 40_000
"""Two of 20,000 nodes (our protocol §7.5.1)."""

Kept = Mapping[tuple[str, bool], str]
"""The digest by node and whether it was granted."""


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """`index` and `time` are of the log entry that names the request."""

    node: str
    granted: bool
    digest: Digest
    model: Digest
    index: int
    time: datetime
    request: bytes = field(repr=False)


def keep(connection: Connection, row: EvidenceRow, most: int = MOST_ROWS) -> bool:
    """Put a request in place of an older one; False where a newer one stands already."""
    values = asdict(row)
    if insert_absent(connection, evidence, values):
        _trim(connection, most)
        return True
    changed = connection.execute(
        update(evidence)
        .where(
            evidence.c.node == row.node,
            evidence.c.granted == row.granted,
            evidence.c.index < row.index,
        )
        .values(values)
    )
    return changed.rowcount == 1


def find(connection: Connection, digest: str) -> bytes | None:
    """The exact request of a digest."""
    found: bytes | None = connection.scalar(
        select(evidence.c.request).where(evidence.c.digest == digest).limit(1)
    )
    return found


def sizes(connection: Connection, digests: Collection[str]) -> dict[str, int]:
    """How many bytes each of those that are kept has."""
    query = select(evidence.c.digest, func.length(evidence.c.request)).where(
        evidence.c.digest.in_(digests)
    )
    return {digest: size for digest, size in connection.execute(query)}


def several(connection: Connection, digests: Collection[str]) -> dict[str, bytes]:
    """The exact requests of those that are kept."""
    query = select(evidence.c.digest, evidence.c.request).where(evidence.c.digest.in_(digests))
    return {digest: request for digest, request in connection.execute(query)}


def named(connection: Connection, node: str | None = None) -> dict[tuple[str, bool], str]:
    """What is kept of every node, or of one."""
    query = select(evidence.c.node, evidence.c.granted, evidence.c.digest)
    if node is not None:
        query = query.where(evidence.c.node == node)
    return {(name, bool(granted)): digest for name, granted, digest in connection.execute(query)}


def drop_unnamed(connection: Connection) -> int:
    """Give up what is of no node that there is; how many that were."""
    gone = delete(evidence).where(evidence.c.node.not_in(select(nodes.c.name)))
    return connection.execute(gone).rowcount


def _trim(connection: Connection, most: int) -> None:
    surplus = (connection.scalar(select(func.count()).select_from(evidence)) or 0) - most
    if surplus <= 0:
        return
    oldest: Sequence[int] = list(
        connection.scalars(select(evidence.c.index).order_by(evidence.c.index).limit(surplus))
    )
    connection.execute(delete(evidence).where(evidence.c.index.in_(oldest)))
