"""Who sits at the window: seats to choose from, one of them taken, locked or not. No Qt in here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from keyturn.base.errors import KeyturnError
from keyturn_app.desk import Desk
from keyturn_app.presenting import Listeners


@dataclass(frozen=True, slots=True)
class Seat:
    """One officer at one server. `passphrase`: whether the key needs one to be opened."""

    id: str
    server: str  # as the officer calls it
    name: str
    passphrase: bool = True
    card: bool = False  # then the passphrase is the card's PIN
    environment: str = ""  # prod, staging or demo; empty: not known


class Session(Protocol):
    """`listeners` are told when another seat was taken, or a seat came or went."""

    listeners: Listeners

    @property
    def seats(self) -> tuple[Seat, ...]: ...

    @property
    def seat(self) -> Seat: ...

    @property
    def desk(self) -> Desk: ...

    def sit(self, seat_id: str) -> None:
        """Take another seat. It may be a locked one."""

    def repin(self, pin: str) -> None:
        """Know this seat's server by another TLS key from now on; the seat is then locked.

        Raises what the store of profiles raises.
        """

    def lock(self) -> None:
        """Drop everything secret of every seat; calls under way fail with Locked."""

    def unlock(
        self,
        passphrase: bytearray,
        *,
        done: Callable[[], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        """Open the seat's key. Wipes `passphrase`, whatever happens."""

    def close(self) -> None:
        """End every connection; blocks until their threads are gone."""
