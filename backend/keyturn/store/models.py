"""Sealed models: their documents as exact bytes, and their DEK as the KEK wrapped it."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update

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


def with_wrapped_key(connection: Connection) -> frozenset[str]:
    """The digests of the models that have one."""
    return frozenset(connection.scalars(select(wrapped_keys.c.model)))


def set_wrapped_key(
    connection: Connection, model: str, wrapped: bytes, statement: str, kek: str | None = None
) -> None:
    """Set or replace."""
    values = {"wrapped": wrapped, "statement": statement, "kek": kek}
    if not insert_absent(connection, wrapped_keys, {"model": model, **values}):
        connection.execute(update(wrapped_keys).where(wrapped_keys.c.model == model).values(values))
