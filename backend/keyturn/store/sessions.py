"""Sign-in nonces and bearer tokens; of a token only the hash is here."""

from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from keyturn.store.schema import nonces, sessions


def insert_nonce(connection: Connection, nonce: str, expires: datetime) -> None:
    connection.execute(nonces.insert().values(nonce=nonce, expires=expires))


def count_nonces(connection: Connection) -> int:
    found: int = connection.execute(select(func.count()).select_from(nonces)).scalar_one()
    return found


def spend_nonce(connection: Connection, nonce: str, now: datetime) -> bool:
    """Take a live nonce, once; False when it is unknown, spent or expired."""
    taken = connection.execute(
        delete(nonces).where(nonces.c.nonce == nonce, nonces.c.expires > now)
    )
    return taken.rowcount == 1


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


def close_session(connection: Connection, token_hash: str) -> None:
    connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash))


def sweep(connection: Connection, now: datetime) -> None:
    """Forget what has expired."""
    connection.execute(delete(nonces).where(nonces.c.expires <= now))
    connection.execute(delete(sessions).where(sessions.c.expires <= now))
