"""Newcomers' requests: a bounded heap that strangers write to, each in one transaction."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from keyturn.base.encoding import Digest
from keyturn.base.signatures import KeyId
from keyturn.store.facts import next_number
from keyturn.store.schema import enrolment_keys, enrolments

COUNTER = "enrolments"
"""Its row's lock orders those who add, of all replicas: none finds room that another takes."""


@dataclass(frozen=True, slots=True)
class EnrolmentRow:
    digest: Digest
    officer: str
    time: datetime
    received: datetime
    envelope: bytes


def order_writers(connection: Connection) -> None:
    """To be called first by whoever adds."""
    next_number(connection, COUNTER)


def every(connection: Connection) -> list[EnrolmentRow]:
    """The oldest first."""
    query = select(enrolments).order_by(enrolments.c.received, enrolments.c.digest)
    return [EnrolmentRow(**row._mapping) for row in connection.execute(query)]


def count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(enrolments)) or 0


def with_keys(connection: Connection, keys: Collection[KeyId]) -> list[EnrolmentRow]:
    """Those that name one of these keys."""
    named = select(enrolment_keys.c.enrolment).where(enrolment_keys.c.key.in_(keys))
    query = select(enrolments).where(enrolments.c.digest.in_(named))
    return [EnrolmentRow(**row._mapping) for row in connection.execute(query)]


def add(connection: Connection, row: EnrolmentRow, keys: Collection[KeyId]) -> None:
    """Raises StoreConflict, at the transaction's end, when a key is in another request."""
    connection.execute(
        enrolments.insert().values(
            digest=row.digest,
            officer=row.officer,
            time=row.time,
            received=row.received,
            envelope=row.envelope,
        )
    )
    connection.execute(
        enrolment_keys.insert(), [{"key": key, "enrolment": row.digest} for key in sorted(keys)]
    )


def remove(connection: Connection, digests: Collection[str]) -> int:
    """How many of them there were."""
    connection.execute(delete(enrolment_keys).where(enrolment_keys.c.enrolment.in_(digests)))
    return connection.execute(delete(enrolments).where(enrolments.c.digest.in_(digests))).rowcount
