"""Bringing the tables to this program's version, from the first table on (Alembic).

Upgrading runs in one transaction under a lock: replicas that start together wait for each other.
"""

import threading
from functools import cache
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select, text

from keyturn.store.database import Database
from keyturn.store.enrolments import COUNTER as ENROLMENTS
from keyturn.store.errors import StoreOutdated
from keyturn.store.events import COUNTER as EVENTS
from keyturn.store.schema import counters, events, metadata

_LOCK = 0x6B657974  # PostgreSQL advisory lock, "keyt"
_ALEMBIC = threading.Lock()
"""Alembic keeps its context in module globals: one upgrade at a time in a process."""
_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> tuple[str | None, str]:
    """Run what is missing; (version before, version after).

    Raises StoreUnreachable, and StoreOutdated when a newer program made the tables.
    """
    with _ALEMBIC, database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        before = _current(connection)
        if before != newest_version():
            _known(before)
            command.upgrade(_config(connection), "head")
        return before, newest_version()


def make_tables(database: Database) -> None:
    """The newest tables in an empty database that nobody keeps, without Alembic."""
    with database.write() as connection:
        metadata.create_all(connection)
        for counter in (EVENTS, ENROLMENTS):
            connection.execute(counters.insert().values(name=counter, value=0))


def mend(database: Database) -> None:
    """Upgrade, and make what single tables or counters somebody dropped. Their rows are lost."""
    upgrade(database)
    with database.write() as connection:
        metadata.create_all(connection)
        known = select(counters.c.name).where(counters.c.name == EVENTS)
        if connection.scalar(known) is None:
            newest = connection.scalar(select(func.max(events.c.seq))) or 0
            connection.execute(counters.insert().values(name=EVENTS, value=newest))


def require_current(database: Database) -> None:
    """Raises StoreOutdated unless the tables are exactly of this program's version."""
    with database.read() as connection:
        found = _current(connection)
    if found != newest_version():
        raise StoreOutdated(
            "the database is of another version",
            found=found or "no tables",
            expected=newest_version(),
            hint="Run `keyturn db migrate`.",
        )


def differences(database: Database) -> list[str]:
    """How the real tables differ from the schema, in words; empty when they do not."""
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        found = compare_metadata(context, metadata)
    return [str(each) for each in found]


@cache
def newest_version() -> str:
    """The version that this program's schema has: its scripts are read once in a process."""
    head = ScriptDirectory(str(_SCRIPTS)).get_current_head()
    if head is None:
        raise StoreOutdated("the program carries no migrations")
    return head


def _known(version: str | None) -> None:
    script = ScriptDirectory(str(_SCRIPTS))
    if version is not None and version not in {each.revision for each in script.walk_revisions()}:
        raise StoreOutdated(
            "the database was made by a newer program",
            found=version,
            expected=f"at most {newest_version()}",
        )


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
