"""The searchable copy of the keyholder's log. The keyholder's own tiles are the truth."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from keyturn.store.errors import StoreConflict
from keyturn.store.schema import log_entries

PAGE = 1000


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


def all_leaves(connection: Connection) -> Iterator[bytes]:
    """Every leaf in order, a page at a time."""
    for start in range(0, size(connection), PAGE):
        yield from read_leaves(connection, start, start + PAGE)


def revocations_after(
    connection: Connection, began: int, subjects: Sequence[str]
) -> list[tuple[int, str]]:
    """(index, statement digest) of revocations behind index `began` that could concern a lease.

    A revoked policy or measurement may concern any lease; whether it does, the node decides.
    """
    query = (
        select(log_entries.c.index, log_entries.c.statement)
        .where(
            log_entries.c.statement_kind == "revocation",
            log_entries.c.index > began,
            log_entries.c.subject.in_(subjects)
            | log_entries.c.subject.startswith("policy:", autoescape=True)
            | log_entries.c.subject.startswith("measurement:", autoescape=True),
        )
        .order_by(log_entries.c.index)
    )
    return [(index, statement) for index, statement in connection.execute(query)]


def clear(connection: Connection) -> None:
    connection.execute(delete(log_entries))
