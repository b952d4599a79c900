"""The table of newcomers' requests: a key is in one of them, and counting is in order."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.base.signatures import KeyId
from keyturn.store import enrolments, migrate
from keyturn.store.database import Database, open_database
from keyturn.store.enrolments import EnrolmentRow
from keyturn.store.errors import StoreConflict

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
A, B, C = (KeyId(each * 64) for each in "abc")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}/keyturn.db")
    migrate.upgrade(opened)
    yield opened
    opened.close()


def row(place: int) -> EnrolmentRow:
    moment = NOW + timedelta(seconds=place)
    return EnrolmentRow(Digest(f"sha256:{place:064x}"), f"o-{place}", moment, moment, b"raw")


def test_kept_in_the_order_in_which_they_came(database: Database) -> None:
    with database.write() as connection:
        enrolments.add(connection, row(2), [A])
        enrolments.add(connection, row(1), [B, C])
    with database.read() as connection:
        assert enrolments.every(connection) == [row(1), row(2)]
        assert enrolments.count(connection) == 2
        assert enrolments.with_keys(connection, [C, A]) != []
        assert enrolments.with_keys(connection, [KeyId("d" * 64)]) == []


def test_no_key_is_in_two(database: Database) -> None:
    with database.write() as connection:
        enrolments.add(connection, row(1), [A, B])
    with pytest.raises(StoreConflict), database.write() as connection:
        enrolments.add(connection, row(2), [B])
    with database.read() as connection:
        assert enrolments.every(connection) == [row(1)]


def test_removed_with_its_keys(database: Database) -> None:
    with database.write() as connection:
        enrolments.add(connection, row(1), [A, B])
        assert enrolments.remove(connection, [row(1).digest, "sha256:none"]) == 1
        assert enrolments.remove(connection, [row(1).digest]) == 0
        enrolments.add(connection, row(2), [A])
    with database.read() as connection:
        assert enrolments.every(connection) == [row(2)]


def test_writers_come_one_after_the_other(database: Database) -> None:
    """Each sees what the one before kept: nobody takes the last place twice."""
    most, failures = 5, []

    def add(place: int) -> None:
        try:
            with database.write() as connection:
                enrolments.order_writers(connection)
                if enrolments.count(connection) < most:
                    enrolments.add(connection, row(place), [KeyId(f"{place:064x}")])
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)

    threads = [threading.Thread(target=add, args=(place,)) for place in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert failures == []
    with database.read() as connection:
        assert enrolments.count(connection) == most
