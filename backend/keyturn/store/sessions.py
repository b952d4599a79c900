"""Spent sign-in nonces and bearer tokens; of a token only the hash is here."""

from datetime import datetime

from sqlalchemy import Connection, delete, select

from keyturn.store.absent import insert_absent
from keyturn.store.schema import nonces, sessions


def spend_nonce(connection: Connection, nonce: str, expires: datetime) -> bool:
    """Note that a nonce is spent, until it expires anyway; False when it was spent before.

    Only after its signature was verified: so officers write here, and strangers do not.
    """
    return insert_absent(connection, nonces, {"nonce": nonce, "expires": expires})


def open_session(connection: Connection, token_hash: str, officer: str, expires: datetime) -> None:
    connection.execute(
        sessions.insert().values(token_hash=token_hash, officer=officer, expires=expires)
    )


def find_session(
    connection: Connection, token_hash: str, now: datetime
) -> tuple[str, datetime] | None:
    """(officer, expires) of a live session."""
    query = select(sessions.c.officer, sessions.c.expires).where(
        sessions.c.token_hash == token_hash, sessions.c.expires > now
    )
    row = connection.execute(query).first()
    return None if row is None else (row.officer, row.expires)


def sweep(connection: Connection, now: datetime) -> None:
    """Forget what has expired."""
    connection.execute(delete(nonces).where(nonces.c.expires <= now))
    connection.execute(delete(sessions).where(sessions.c.expires <= now))
