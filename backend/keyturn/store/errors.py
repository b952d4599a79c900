"""What can go wrong with the database, seen from the control plane."""

from keyturn.base.errors import KeyturnError, UnreachableError


class StoreUnreachable(UnreachableError):
    """The database did not answer, is full, or is locked."""


class StoreEmptied(StoreUnreachable):
    """The tables are gone: the database was deleted, or put back empty."""


class StoreConflict(KeyturnError):
    """The row is no longer what the caller saw, or it is there already."""


class StoreOutdated(KeyturnError):
    """The tables are of another version than this program's."""
