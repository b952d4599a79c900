"""The table of requests: the newest of each node, granted and refused, and never too many."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.store import evidence, fleet, migrate
from keyturn.store.database import Database, open_database
from keyturn.store.evidence import EvidenceRow

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
MODEL = Digest("sha256:" + "ee" * 32)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}/keyturn.db")
    migrate.upgrade(opened)
    yield opened
    opened.close()


def row(index: int, node: str = "n1", *, granted: bool = True) -> EvidenceRow:
    digest = Digest(f"sha256:{index:064x}")
    return EvidenceRow(node, granted, digest, MODEL, index, NOW, b"request %d" % index)


def test_a_newer_one_takes_the_place_of_an_older_one_and_never_the_reverse(
    database: Database,
) -> None:
    with database.write() as connection:
        assert evidence.keep(connection, row(5))
        assert not evidence.keep(connection, row(4))
        assert not evidence.keep(connection, row(5))
        assert evidence.keep(connection, row(7))
        assert evidence.keep(connection, row(6, granted=False))
        assert evidence.named(connection) == {
            ("n1", True): row(7).digest,
            ("n1", False): row(6).digest,
        }
        assert evidence.find(connection, row(5).digest) is None
        assert evidence.find(connection, row(7).digest) == b"request 7"


def test_several_and_their_sizes(database: Database) -> None:
    with database.write() as connection:
        evidence.keep(connection, row(1))
        evidence.keep(connection, replace(row(2, "n2"), request=b"x" * 1000))
        asked = [row(1).digest, row(2).digest, row(3).digest]
        assert evidence.sizes(connection, asked) == {asked[0]: 9, asked[1]: 1000}
        assert evidence.several(connection, asked[:1]) == {asked[0]: b"request 1"}
        assert evidence.named(connection, "n2") == {("n2", True): asked[1]}


def test_the_rows_of_the_oldest_entries_go_when_there_are_too_many(database: Database) -> None:
    with database.write() as connection:
        for index in range(1, 5):
            evidence.keep(connection, row(index, f"n{index}"), most=3)
        assert set(evidence.named(connection)) == {("n2", True), ("n3", True), ("n4", True)}


def test_what_is_of_no_node_goes(database: Database) -> None:
    with database.write() as connection:
        fleet.update_node(connection, "n1", platform="p")
        evidence.keep(connection, row(1, "n1"))
        evidence.keep(connection, row(2, "gone"))
        assert evidence.drop_unnamed(connection) == 1
        assert set(evidence.named(connection)) == {("n1", True)}
