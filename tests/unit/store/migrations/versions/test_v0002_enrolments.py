"""From the first tables to those of newcomers' requests, with what was there kept."""

from pathlib import Path

from alembic import command

from keyturn.store import enrolments, events, migrate
from keyturn.store.database import open_database
from unit.store.test_enrolments import NOW, A, row


def test_what_was_there_stays(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/keyturn.db")
    with database.write() as connection:
        command.upgrade(migrate._config(connection), "0001")
        events.append(connection, "wiped", {"node": "n"}, NOW)

    assert migrate.upgrade(database) == ("0001", migrate.newest_version())
    assert migrate.differences(database) == []
    with database.write() as connection:
        assert events.last(connection) == 1
        enrolments.order_writers(connection)
        enrolments.add(connection, row(1), [A])
        assert enrolments.count(connection) == 1
    database.close()
