"""Kept collateral in the database: of each place one, in pages."""

from datetime import UTC, datetime
from pathlib import Path

from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.store import collateral, migrate
from keyturn.store.collateral import CollateralRow
from keyturn.store.database import open_database

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


def row(number: int, data: bytes = b"data") -> CollateralRow:
    document = CollateralDocument(
        CollateralKind.AMD_CRL, f"vcek/{number}", data, (b"leaf", b"root")
    )
    return CollateralRow(f"{number:064x}", document)


def test_a_newer_one_takes_the_place_and_pages_follow_each_other(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/keyturn.db")
    migrate.make_tables(database)
    with database.write() as connection:
        collateral.keep(connection, [], NOW)
        assert collateral.page(connection, "", 9) == []
        collateral.keep(connection, [row(3), row(1)], NOW)
        collateral.keep(connection, [row(2), row(1, b"newer")], NOW)

        assert collateral.page(connection, "", 2) == [row(1, b"newer"), row(2)]
        assert collateral.page(connection, row(2).place, 2) == [row(3)]
        assert collateral.page(connection, row(3).place, 2) == []
    database.close()
