"""The searchable copy of the keyholder's log. The keyholder's own tiles are the truth."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from keyturn.store.errors import StoreConflict
from keyturn.store.schema import log_entries


@dataclass(frozen=True, slots=True)
class LogRow:
    """One leaf and the columns that make it findable."""

    index: int
    leaf: bytes
    kind: str
    time: datetime
    statement: str | None = None
    statement_kind: str | None = None
    subject: str | None = None
    model: str | None = None
    node: str | None = None
    lease: str | None = None


def size(connection: Connection) -> int:
    """Entries in the copy. It has no gaps: `append` sees to it."""
    found: int | None = connection.scalar(select(func.max(log_entries.c.index)))
    return 0 if found is None else found + 1


def append(connection: Connection, row: LogRow) -> None:
    """Add the next leaf. Raises StoreConflict unless it is the next."""
    expected = size(connection)
    if row.index != expected:
        raise StoreConflict(
            "the log's copy grows by its next entry only",
            found=str(row.index),
            expected=str(expected),
        )
    connection.execute(log_entries.insert().values(asdict(row)))


def read_leaves(connection: Connection, start: int, end: int) -> list[bytes]:
    """Leaves `start` to `end`, the latter not included."""
    query = (
        select(log_entries.c.leaf)
        .where(log_entries.c.index >= start, log_entries.c.index < end)
        .order_by(log_entries.c.index)
    )
    return list(connection.scalars(query))


def lease_at(connection: Connection, index: int) -> str | None:
    """The lease that entry `index` grants or renews."""
    found: str | None = connection.scalar(
        select(log_entries.c.lease).where(log_entries.c.index == index)
    )
    return found
