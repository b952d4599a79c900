"""Single values and gapless counters."""

from sqlalchemy import Connection, delete, select, update

from keyturn.store.absent import insert_absent
from keyturn.store.errors import StoreOutdated
from keyturn.store.schema import counters, facts


def write_fact(connection: Connection, name: str, value: str) -> None:
    """Set or replace."""
    if not insert_absent(connection, facts, {"name": name, "value": value}):
        connection.execute(update(facts).where(facts.c.name == name).values(value=value))


def read_fact(connection: Connection, name: str) -> str | None:
    found: str | None = connection.scalar(select(facts.c.value).where(facts.c.name == name))
    return found


def replace_fact(connection: Connection, name: str, known: str | None, value: str) -> bool:
    """Set it if it is still `known` (None: not there); of several writers one is told so."""
    if known is None:
        return insert_absent(connection, facts, {"name": name, "value": value})
    changed = connection.execute(
        update(facts).where(facts.c.name == name, facts.c.value == known).values(value=value)
    )
    return changed.rowcount == 1


def drop_fact(connection: Connection, name: str) -> bool:
    """Whether it was there: of several writers one is told so."""
    return connection.execute(delete(facts).where(facts.c.name == name)).rowcount == 1


def next_number(connection: Connection, name: str) -> int:
    """1, 2, 3 … without gaps in commit order: other writers wait for this transaction's end."""
    changed = connection.execute(
        update(counters).where(counters.c.name == name).values(value=counters.c.value + 1)
    )
    if changed.rowcount != 1:  # the migration made it: two writers must not both insert it
        raise StoreOutdated(f"the database has no counter '{name}'")
    found: int = connection.execute(
        select(counters.c.value).where(counters.c.name == name)
    ).scalar_one()
    return found
