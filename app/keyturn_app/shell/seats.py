"""A session over live desks: one for each officer at each server, opened when first taken.

Every seat locks when one does; each is unlocked by itself. While another one has the window a
seat's key may stay open, but nothing is asked in its name. No Qt in here.
"""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Protocol

from keyturn.base.errors import KeyturnError
from keyturn.client.errors import CardPinRefused
from keyturn.officerkeys.errors import KeyNotOpened
from keyturn_app.desk import Desk
from keyturn_app.i18n import _
from keyturn_app.live.errors import TooManyTries
from keyturn_app.live.unlocking import Attempts
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

    def rest(self) -> None: ...

    def wake(self) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Chair:
    """A seat, and how its desk is opened; a desk starts locked."""

    seat: Seat
    open: Callable[[], LockableDesk]
    attempts: Attempts = field(default_factory=Attempts)


class Seats:
    """Implements `Session`. There is at least one chair."""

    def __init__(
        self,
        chairs: Sequence[Chair],
        start: str = "",
        *,
        clock: Callable[[], float] = time.monotonic,
        repinned: Callable[[str, str], Chair] | None = None,
    ) -> None:
        """`repinned` keeps another pin of a seat, and gives the chair that has it."""
        self._repinned = repinned
        self.listeners = Listeners()
        self._clock = clock
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
            before, self._at = self._desks.get(self._at), seat_id
            if before is not None:
                before.rest()
            self.desk.wake()
            self.listeners.tell()

    def repin(self, pin: str) -> None:
        if self._repinned is None:  # a recording
            return
        self._chairs[self._at] = self._repinned(self._at, pin)
        desk = self._desks.pop(self._at, None)
        if desk is not None:
            desk.close()
        self.listeners.tell()

    def lock(self) -> None:
        with ExitStack() as every:  # one that faults leaves no other one open
            for desk in reversed(self._desks.values()):
                every.callback(desk.lock)

    def unlock(
        self,
        passphrase: bytearray,
        *,
        done: Callable[[], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        self._unlock(self._at, passphrase, done, failed)

    def unlock_seat(
        self, seat_id: str, passphrase: bytearray, failed: Callable[[KeyturnError], None]
    ) -> None:
        """Open another seat's key along: at the start, when passphrases came by descriptor."""
        self._unlock(seat_id, passphrase, lambda: None, failed)

    def close(self) -> None:
        for desk in self._desks.values():
            desk.close()

    def _unlock(
        self,
        seat_id: str,
        passphrase: bytearray,
        done: Callable[[], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        attempts = self._chairs[seat_id].attempts
        wait = attempts.wait(self._clock())
        if wait > 0:
            passphrase[:] = bytes(len(passphrase))
            failed(_too_many(wait))
            return

        def opened() -> None:
            attempts.passed()
            done()

        def refused(error: KeyturnError) -> None:
            if isinstance(error, KeyNotOpened | CardPinRefused):
                attempts.failed(self._clock())
            failed(error)

        self._desk(seat_id).unlock(passphrase, done=opened, failed=refused)

    def _desk(self, seat_id: str) -> LockableDesk:
        if seat_id not in self._desks:
            desk = self._desks[seat_id] = self._chairs[seat_id].open()
            if seat_id != self._at:
                desk.rest()
        return self._desks[seat_id]

    def _named(self, seat: Seat) -> Seat:
        """The name that the roster has, once a desk has seen it."""
        desk = self._desks.get(seat.id)
        return seat if desk is None else replace(seat, name=desk.identity.name or seat.name)


def _too_many(wait: float) -> TooManyTries:
    return TooManyTries(
        _("too many wrong passphrases"),
        hint=_("Try again in {seconds} s.").format(seconds=math.ceil(wait)),
    )
