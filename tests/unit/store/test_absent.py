"""A row that may be there already: inserted, or left as it is; the transaction goes on."""

from pathlib import Path

from sqlalchemy import select

from keyturn.store.absent import insert_absent
from keyturn.store.database import open_database
from keyturn.store.migrate import upgrade
from keyturn.store.schema import facts


def test_the_first_one_stays_and_the_transaction_goes_on(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/keyturn.db")
    upgrade(database)
    with database.write() as connection:
        assert insert_absent(connection, facts, {"name": "a", "value": "1"})
        assert not insert_absent(connection, facts, {"name": "a", "value": "2"})
        assert insert_absent(connection, facts, {"name": "b", "value": "3"})
    with database.read() as connection:
        rows = connection.execute(select(facts).order_by(facts.c.name)).all()
    assert [tuple(row) for row in rows] == [("a", "1"), ("b", "3")]
    database.close()
