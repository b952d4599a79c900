"""Opening the database, and the two kinds of transaction: reading and writing.

SQLite runs in WAL with synchronous=FULL (a committed row survives a power cut); a write takes the
writer's lock at its beginning, so that it never fails half-way for having read first. PostgreSQL
runs REPEATABLE READ for reads and READ COMMITTED with row locks for writes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from keyturn.base.errors import MalformedError
from keyturn.store.errors import StoreConflict, StoreEmptied, StoreUnreachable

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
        named = parsed.database not in (None, "", ":memory:")
        return Database(_sqlite(url, Path(str(parsed.database)) if named else None))
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


def _sqlite(url: str, file: Path | None) -> Engine:
    options: dict[str, Any] = {"poolclass": StaticPool} if file is None else {"pool_size": 8}
    engine = create_engine(
        url,
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
        hide_parameters=True,
        **options,
    )

    @event.listens_for(engine, "connect")
    def _settings(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()
        record.info["file"] = _identity(file)

    @event.listens_for(engine, "checkout")
    def _same_file(_connection: Any, record: Any, _proxy: Any) -> None:
        if record.info.get("file") != _identity(file):  # else one writes into a deleted file
            raise DisconnectionError("the database's file is another one than was opened")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _identity(file: Path | None) -> tuple[int, int] | None:
    try:
        status = None if file is None else file.stat()
    except OSError:
        return None
    return None if status is None else (status.st_dev, status.st_ino)


@contextmanager
def _errors_told() -> Iterator[None]:
    try:
        yield
    except IntegrityError:  # no cause: drivers put the row's values into their messages (I8)
        raise StoreConflict("a row is there already, or one that it needs is not") from None
    except SQLAlchemyError as error:
        raise _told(error) from None


def _told(error: SQLAlchemyError) -> StoreUnreachable:
    """By the database's own code; its message may hold the row's values (I8)."""
    for cause in _causes(error):
        code = _code(cause)
        if code == _UNDEFINED_TABLE or str(cause).startswith("no such table"):
            return StoreEmptied(
                "the database has no tables",
                found="an empty database",
                hint="The control plane makes them and writes the log's content anew.",
            )
        for start, (message, hint) in _FAILURES.items():
            if code.startswith(start):
                return StoreUnreachable(f"the database {message}", found=code, hint=hint)
    cause = error.__cause__ or error
    return StoreUnreachable(
        f"the database failed: {type(error).__name__} ({type(cause).__name__})", found=_code(cause)
    )


def _causes(error: BaseException) -> list[BaseException]:
    """What the driver raised, the first first: a rollback that fails hides why it was needed."""
    found: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and len(found) < 10:
        found.append(getattr(each, "orig", None) or each)
        each = each.__context__
    return found[::-1]


def _code(cause: BaseException) -> str:
    return getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or ""


_UNDEFINED_TABLE = "42P01"
_FAILURES = {
    "SQLITE_FULL": ("is full", "Make room on its disk; what was acknowledged is kept."),
    "SQLITE_READONLY": ("cannot be written", "Give the file and its directory back to this user."),
    "SQLITE_BUSY": ("is locked by another program", "End whatever holds it open."),
    "SQLITE_CANTOPEN": ("cannot be opened", "Look at its directory, and at this user's rights."),
    "SQLITE_IOERR": ("cannot be read or written", "Look at its disk."),
    "SQLITE_CORRUPT": ("is damaged", "Move it away: it is written anew from the log."),
    "SQLITE_NOTADB": ("is damaged", "Move it away: it is written anew from the log."),
    "53100": ("is full", "Make room on the database server's disk."),
    "53": ("has no room or connection left", "Look at the database server's limits."),
    "25006": ("cannot be written", "It is read-only: perhaps a standby took over."),
    "57P": ("is being shut down or started", "It is tried again by itself."),
    "08": ("cannot be reached", "It is tried again by itself."),
}
"""SQLite's result codes and PostgreSQL's SQLSTATE, by how they begin."""
