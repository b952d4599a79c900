"""Sealed models: their documents as exact bytes, and their DEK as the KEK wrapped it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, or_, select, update

from keyturn.store.absent import insert_absent
from keyturn.store.schema import models, wrapped_keys


@dataclass(frozen=True, slots=True)
class ModelRow:
    digest: str
    manifest: bytes
    key: bytes | None  # keyturn.key; None once it was deleted after admission
    model_id: str
    name: str
    version: str
    files: int
    bytes: int
    ingest_key: str
    tag: str
    registered: datetime


def register(connection: Connection, row: ModelRow) -> bool:
    """Keep a model; False when it is here, and then only its `keyturn.key` is taken over."""
    if insert_absent(connection, models, asdict(row)):
        return True
    connection.execute(
        update(models)
        .where(models.c.digest == row.digest)
        .values(key=row.key, ingest_key=row.ingest_key, tag=row.tag)
    )
    return False


def find(connection: Connection, digest: str) -> ModelRow | None:
    row = connection.execute(select(models).where(models.c.digest == digest)).first()
    return None if row is None else ModelRow(**row._mapping)


def all_models(connection: Connection, *, limit: int = 10_000) -> list[ModelRow]:
    """By name and version."""
    query = select(models).order_by(models.c.name, models.c.version, models.c.digest).limit(limit)
    return [ModelRow(**row._mapping) for row in connection.execute(query)]


def wrapped_key(connection: Connection, model: str) -> bytes | None:
    """The KEK-wrapped DEK (40 bytes), or None before admission."""
    found: bytes | None = connection.scalar(
        select(wrapped_keys.c.wrapped).where(wrapped_keys.c.model == model)
    )
    return found


def with_wrapped_key(connection: Connection) -> dict[str, str | None]:
    """Of the models that have one, by digest: the KEK under which it lies, where that was noted."""
    rows = connection.execute(select(wrapped_keys.c.model, wrapped_keys.c.kek))
    return {row[0]: row[1] for row in rows}


def set_wrapped_key(
    connection: Connection, model: str, wrapped: bytes, statement: str, kek: str | None = None
) -> None:
    """Set or replace."""
    values = {"wrapped": wrapped, "statement": statement, "kek": kek}
    if not insert_absent(connection, wrapped_keys, {"model": model, **values}):
        connection.execute(update(wrapped_keys).where(wrapped_keys.c.model == model).values(values))


@dataclass(frozen=True, slots=True)
class WrappedRow:
    """A model's DEK as it lies here. `kek` None: nobody noted under which."""

    model: str
    wrapped: bytes
    kek: str | None


@dataclass(frozen=True, slots=True)
class Rewrapping:
    """One row's change: from `old` to `new`, which lies under `kek`."""

    model: str
    old: bytes
    new: bytes
    kek: str


def wrapped_by_kek(connection: Connection) -> dict[str | None, int]:
    """How many DEKs lie under each KEK."""
    query = select(wrapped_keys.c.kek, func.count()).group_by(wrapped_keys.c.kek)
    return {row[0]: row[1] for row in connection.execute(query)}


def wrapped_rows(
    connection: Connection, kek: str, *, under: bool, after: str, limit: int
) -> list[WrappedRow]:
    """In the order of their models, from behind `after`: those under `kek`, or all the others."""
    here = wrapped_keys.c.kek == kek
    others = or_(wrapped_keys.c.kek.is_(None), wrapped_keys.c.kek != kek)
    query = (
        select(wrapped_keys.c.model, wrapped_keys.c.wrapped, wrapped_keys.c.kek)
        .where(here if under else others, wrapped_keys.c.model > after)
        .order_by(wrapped_keys.c.model)
        .limit(limit)
    )
    return [WrappedRow(**row._mapping) for row in connection.execute(query)]


def replace_wrapped(connection: Connection, changes: Sequence[Rewrapping]) -> int:
    """All in the caller's transaction; how many. A row that is another by now stays as it is."""
    if not changes:
        return 0
    statement = (
        update(wrapped_keys)
        .where(
            wrapped_keys.c.model == bindparam("of_model"),
            wrapped_keys.c.wrapped == bindparam("old"),
        )
        .values(wrapped=bindparam("new"), kek=bindparam("under"))
    )
    rows = [{"of_model": e.model, "old": e.old, "new": e.new, "under": e.kek} for e in changes]
    return int(connection.execute(statement, rows).rowcount)


def forget_keys(connection: Connection, model: str) -> bool:
    """Delete a model's DEK, as the KEK and as the sealer wrapped it. Whether either was here."""
    gone = connection.execute(delete(wrapped_keys).where(wrapped_keys.c.model == model)).rowcount
    sealed = update(models).where(models.c.digest == model, models.c.key.is_not(None))
    return bool(gone + connection.execute(sealed.values(key=None)).rowcount)
