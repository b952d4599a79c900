"""The table of requests, made beside what was there."""

from pathlib import Path

from alembic import command

from keyturn.store import events, evidence, migrate
from keyturn.store.database import open_database
from unit.store.test_evidence import NOW, row


def test_what_was_there_stays(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/keyturn.db")
    with database.write() as connection:
        command.upgrade(migrate._config(connection), "0002")
        events.append(connection, "wiped", {"node": "n"}, NOW)

    assert migrate.upgrade(database) == ("0002", migrate.newest_version())
    assert migrate.differences(database) == []
    with database.write() as connection:
        assert events.last(connection) == 1
        assert evidence.keep(connection, row(1))
        assert evidence.find(connection, row(1).digest) == b"request 1"
    database.close()
