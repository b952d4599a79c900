"""The table of vendors' documents, made beside what was there."""

from pathlib import Path

from alembic import command

from keyturn.store import collateral, events, migrate
from keyturn.store.database import open_database
from unit.store.test_collateral import NOW, row


def test_what_was_there_stays(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/keyturn.db")
    with database.write() as connection:
        command.upgrade(migrate._config(connection), "0003")
        events.append(connection, "wiped", {"node": "n"}, NOW)

    assert migrate.upgrade(database) == ("0003", migrate.newest_version())
    assert migrate.differences(database) == []
    with database.write() as connection:
        assert events.last(connection) == 1
        collateral.keep(connection, [row(1)], NOW)
        assert collateral.page(connection, "", 9) == [row(1)]
    database.close()
