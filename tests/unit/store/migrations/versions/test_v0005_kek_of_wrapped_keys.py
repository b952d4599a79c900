"""A column beside the DEKs: those from before lie under a KEK that nobody noted."""

from pathlib import Path

from alembic import command
from sqlalchemy import select, text

from keyturn.store import migrate, models
from keyturn.store.database import open_database
from keyturn.store.schema import wrapped_keys

STATEMENT = "sha256:" + "00" * 32


def test_what_was_there_stays_under_an_unknown_kek(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/keyturn.db")
    with database.write() as connection:
        command.upgrade(migrate._config(connection), "0004")
        connection.execute(
            text("INSERT INTO wrapped_keys VALUES ('a', :wrapped, :statement)"),
            {"wrapped": b"w" * 40, "statement": STATEMENT},
        )
    assert migrate.upgrade(database) == ("0004", migrate.newest_version())
    assert migrate.differences(database) == []
    with database.write() as connection:
        models.set_wrapped_key(connection, "b", b"v" * 40, STATEMENT, "ab" * 32)
        assert models.wrapped_key(connection, "a") == b"w" * 40
        found = select(wrapped_keys.c.model, wrapped_keys.c.kek).order_by(wrapped_keys.c.model)
        assert [tuple(row) for row in connection.execute(found)] == [("a", None), ("b", "ab" * 32)]
    database.close()
