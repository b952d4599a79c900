"""The tables of the app's database, and how an older one becomes today's. No secret is in it."""

from collections.abc import Callable

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, Text, inspect, select

FORMAT = 2

metadata = MetaData()


class UnknownFormat(ValueError):
    """The number of the format is none."""


version = Table("format", metadata, Column("number", Integer, nullable=False))

seats = Table(
    "seat",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("label", String(100), nullable=False),
    Column("environment", String(10), nullable=False),
    Column("url", Text, nullable=False),
    Column("pin", String(64), nullable=False),
    Column("fingerprint", String(80), nullable=False),
    Column("officer", String(64), nullable=False),
    Column("name", String(200), nullable=False, server_default=""),
    Column("key", Text, nullable=False),  # where it lies, never what it is
    Column("directory", Text),  # of an imported profile; null: the app's own
    Column("last_used", String(30)),  # UTC, RFC 3339
)

settings = Table(
    "setting",
    metadata,
    Column("scope", String(16), primary_key=True),  # a seat's id; empty: the whole app
    Column("key", String(100), primary_key=True),
    Column("value", Text, nullable=False),
)


def bring_up_to_date(connection: Connection) -> int | None:
    """Make or migrate the tables. Gives the number found when it is newer than ours, else None."""
    if not inspect(connection).has_table(version.name):
        metadata.create_all(connection)
        connection.execute(version.insert().values(number=FORMAT))
        return None
    found = connection.execute(select(version.c.number)).scalar_one()
    if not isinstance(found, int) or found < 1:  # a database keeps what it is given
        raise UnknownFormat(ascii(found)[:40])
    if found > FORMAT:
        return int(found)
    for number in range(found, FORMAT):
        _STEPS[number](connection)
    connection.execute(version.update().values(number=FORMAT))
    return None


def _names(connection: Connection) -> None:
    """Format 1 did not keep officers' names."""
    connection.exec_driver_sql("ALTER TABLE seat ADD COLUMN name VARCHAR(200) NOT NULL DEFAULT ''")


_STEPS: dict[int, Callable[[Connection], None]] = {1: _names}
