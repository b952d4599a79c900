"""A database that was lost or edited is written anew from the log, and that is told (DESIGN §7).

What the log does not know is lost with a lost database, and is named; what of it somebody can
hand in again (the key files of admitted models) is listed, until it is there.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from keyturn.store import events, facts, models

_EMPTY = "database-was-empty"

LOST = (
    "open proposals, with their approvals and rejections",
    "what the keyholder refused, and why",
    "documents of sealed models: keyturn.json and keyturn.key",
    "wrapped DEKs of admitted models",
    "heartbeats, and the TLS keys that nodes showed",
    "sessions and earlier events",
)
"""What only the database knows."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """`empty`: the database had no entry of the log. `without_key`: see `without_key`."""

    reason: str
    empty: bool
    entries: int
    without_key: tuple[str, ...]

    def to_data(self) -> dict[str, object]:
        """Of the event `rebuilt`."""
        return {
            "reason": self.reason,
            "empty": self.empty,
            "entries": self.entries,
            "lost": list(LOST) if self.empty else [],
            "without_key": list(self.without_key),
        }


def note_empty(connection: Connection) -> None:
    """The copy begins at entry 0, in the transaction that writes that entry."""
    facts.write_fact(connection, _EMPTY, "true")


def tell_empty(connection: Connection, state: AuthorityState, now: datetime) -> Rebuilt | None:
    """Tell once, whichever replica comes first, that the copy was written from its beginning.

    Not of a fresh authority, whose log has nothing beyond its genesis: there nothing was lost.
    """
    if not facts.drop_fact(connection, _EMPTY) or not _beyond_genesis(state):
        return None
    return tell(connection, "the database had no entry of the log", state, now, empty=True)


def tell(
    connection: Connection, reason: str, state: AuthorityState, now: datetime, *, empty: bool
) -> Rebuilt:
    """Append the event, in the caller's transaction."""
    facts.drop_fact(connection, _EMPTY)
    missing = without_key(connection, state, now)
    rebuilt = Rebuilt(reason, empty, state.size, missing)
    events.append(connection, "rebuilt", rebuilt.to_data(), now)
    return rebuilt


def without_key(connection: Connection, state: AuthorityState, now: datetime) -> tuple[str, ...]:
    """Models in force whose wrapped DEK is not here: hand their `keyturn.key` in again."""
    admitted = {
        subject
        for kind, subject in state.newest
        if kind is Kind.MODEL and state.in_force(kind, subject, now) is not None
    }
    return (
        tuple(sorted(admitted.difference(models.with_wrapped_key(connection)))) if admitted else ()
    )


def _beyond_genesis(state: AuthorityState) -> bool:
    """Whether anything came into force after the first roster and the first keys."""
    first = {(Kind.ROSTER, 1), (Kind.KEYS, 1)}
    found = {(each.statement.kind, each.statement.version) for each in state.by_digest.values()}
    return not found <= first or bool(state.withdrawn)
