"""A session over live desks: one for each officer at each server, opened when first taken.

Every seat locks when one does; each is unlocked by itself. No Qt in here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from keyturn.base.errors import KeyturnError
from keyturn_app.desk import Desk
from keyturn_app.presenting import Listeners
from keyturn_app.shell.session import Seat


class LockableDesk(Desk, Protocol):
    """What a session needs of a desk beyond what presenters may do with it."""

    def unlock(
        self,
        passphrase: bytearray,
        *,
        done: Callable[[], None],
        failed: Callable[[KeyturnError], None],
    ) -> None: ...

    def lock(self) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Chair:
    """A seat, and how its desk is opened; a desk starts locked."""

    seat: Seat
    open: Callable[[], LockableDesk]


class Seats:
    """Implements `Session`. There is at least one chair."""

    def __init__(self, chairs: Sequence[Chair], start: str = "") -> None:
        self.listeners = Listeners()
        self._chairs = {each.seat.id: each for each in chairs}
        self._at = start if start in self._chairs else chairs[0].seat.id
        self._desks: dict[str, LockableDesk] = {}

    @property
    def seats(self) -> tuple[Seat, ...]:
        return tuple(self._named(each.seat) for each in self._chairs.values())

    @property
    def seat(self) -> Seat:
        return self._named(self._chairs[self._at].seat)

    @property
    def desk(self) -> LockableDesk:
        return self._desk(self._at)

    def add(self, chair: Chair) -> None:
        """One that was just made."""
        self._chairs[chair.seat.id] = chair
        self.listeners.tell()

    def sit(self, seat_id: str) -> None:
        if seat_id != self._at and seat_id in self._chairs:
            self._at = seat_id
            self.listeners.tell()

    def lock(self) -> None:
        for desk in self._desks.values():
            desk.lock()

    def unlock(
        self,
        passphrase: bytearray,
        *,
        done: Callable[[], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        self.desk.unlock(passphrase, done=done, failed=failed)

    def unlock_seat(
        self, seat_id: str, passphrase: bytearray, failed: Callable[[KeyturnError], None]
    ) -> None:
        """Open another seat's key along: at the start, when passphrases came by descriptor."""
        self._desk(seat_id).unlock(passphrase, done=lambda: None, failed=failed)

    def close(self) -> None:
        for desk in self._desks.values():
            desk.close()

    def _desk(self, seat_id: str) -> LockableDesk:
        if seat_id not in self._desks:
            self._desks[seat_id] = self._chairs[seat_id].open()
        return self._desks[seat_id]

    def _named(self, seat: Seat) -> Seat:
        """The name that the roster has, once a desk has seen it."""
        desk = self._desks.get(seat.id)
        return seat if desk is None else replace(seat, name=desk.identity.name or seat.name)
