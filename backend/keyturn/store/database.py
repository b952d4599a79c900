"""Opening the database, and the two kinds of transaction: reading and writing.

SQLite runs in WAL with synchronous=FULL (a committed row survives a power cut); a write takes the
writer's lock at its beginning, so that it never fails half-way for having read first. PostgreSQL
runs REPEATABLE READ for reads and READ COMMITTED with row locks for writes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from keyturn.base.errors import MalformedError
from keyturn.store.errors import StoreConflict, StoreUnreachable

BUSY_SECONDS = 10
_WRITES = "keyturn_writes"


class Database:
    """One database; safe to use from many threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(**{_WRITES: True})

    @property
    def engine(self) -> Engine:
        return self._engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view. Raises StoreUnreachable."""
        with _errors_told(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """All or nothing. Raises StoreConflict when a row is there already, StoreUnreachable."""
        with _errors_told(), self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        self._engine.dispose()


def open_database(url: str) -> Database:
    """`sqlite:///PATH`, `sqlite://` (in memory) or `postgresql+psycopg://…`.

    Raises MalformedError on another kind of URL; the URL itself is never in a message, because it
    may hold a password (I8).
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise MalformedError("the database URL cannot be read") from error
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        return Database(_sqlite(url, in_memory=parsed.database in (None, "", ":memory:")))
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_size=8,
            max_overflow=8,
            pool_pre_ping=True,
            connect_args={"connect_timeout": BUSY_SECONDS},
            hide_parameters=True,
        )
        return Database(engine)
    raise MalformedError(
        "this kind of database is not supported",
        found=parsed.drivername,
        expected="sqlite or postgresql",
    )


def _sqlite(url: str, *, in_memory: bool) -> Engine:
    options: dict[str, Any] = {"poolclass": StaticPool} if in_memory else {"pool_size": 8}
    engine = create_engine(
        url,
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
        hide_parameters=True,
        **options,
    )

    @event.listens_for(engine, "connect")
    def _settings(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def _errors_told() -> Iterator[None]:
    try:
        yield
    except IntegrityError:  # no cause: drivers put the row's values into their messages (I8)
        raise StoreConflict("a row is there already, or one that it needs is not") from None
    except SQLAlchemyError as error:
        cause = type(error.__cause__ or error).__name__
        raise StoreUnreachable(f"the database failed: {type(error).__name__} ({cause})") from None
