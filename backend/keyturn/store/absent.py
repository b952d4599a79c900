"""Inserting a row that another replica may insert at this moment: one of both does, none fails."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.exc import IntegrityError


def insert_absent(connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Whether the row is new; False when one with its key is there, or just came.

    PostgreSQL waits here for a writer of the same key, so that what it wrote is then seen.
    """
    try:
        with connection.begin_nested():
            connection.execute(table.insert().values(values))
    except IntegrityError:
        return False
    return True
