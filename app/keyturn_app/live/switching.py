"""The seats at this window: officers at servers, of whom one has it. No Qt in here.

Implements `shell.session.Session`. A seat's desk is made when it is first taken; while another
one has the window its key may stay open, but nothing is asked in its name.
"""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from keyturn.base.errors import KeyturnError
from keyturn.officerkeys.errors import KeyNotOpened
from keyturn.officerkeys.location import InFile
from keyturn_app.desk import Desk, Topic
from keyturn_app.i18n import _
from keyturn_app.live.errors import TooManyTries, UnknownSeat
from keyturn_app.live.profiles import Known
from keyturn_app.live.unlocking import Attempts
from keyturn_app.presenting import Listeners
from keyturn_app.shell.session import Seat


class SeatDesk(Desk, Protocol):
    """A desk that its seat can lock, rest and close: `LiveDesk`."""

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


@dataclass(slots=True, eq=False)
class _Place:
    known: Known
    desk: SeatDesk | None = None
    attempts: Attempts = field(default_factory=Attempts)


class Seats:
    """At least one. `used` is told when a seat was opened or its officer's name was learned."""

    def __init__(
        self,
        known: Iterable[Known],
        make_desk: Callable[[Known], SeatDesk],
        *,
        used: Callable[[Known], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.listeners = Listeners()
        self._make = make_desk
        self._used = used
        self._clock = clock
        self._places = {each.id: _Place(each) for each in known}
        if not self._places:
            raise UnknownSeat(_("there is no officer at this machine yet"))
        self._taken = next(iter(self._places))

    # ---- Session ----

    @property
    def seats(self) -> tuple[Seat, ...]:
        return tuple(_seat(place.known) for place in self._places.values())

    @property
    def seat(self) -> Seat:
        return _seat(self._places[self._taken].known)

    @property
    def known(self) -> Known:
        """All that is kept of the seat that has the window."""
        return self._places[self._taken].known

    @property
    def desk(self) -> SeatDesk:
        return self._desk_of(self._place(self._taken))

    def sit(self, seat_id: str) -> None:
        """Raises UnknownSeat."""
        place = self._place(seat_id)
        if seat_id == self._taken:
            return
        before, self._taken = self._places[self._taken], seat_id
        if before.desk is not None:
            before.desk.rest()
        self._desk_of(place).wake()
        if not self.desk.identity.locked:
            self._used(place.known)
        self.listeners.tell()

    def lock(self) -> None:
        for place in self._places.values():
            if place.desk is not None:
                place.desk.lock()

    def unlock(
        self,
        passphrase: bytearray,
        *,
        done: Callable[[], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        self.unlock_seat(self._taken, passphrase, done=done, failed=failed)

    def close(self) -> None:
        for place in self._places.values():
            if place.desk is not None:
                place.desk.close()

    # ---- what only the app's start and its first-run page do ----

    def unlock_seat(
        self,
        seat_id: str,
        passphrase: bytearray,
        *,
        done: Callable[[], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        """Open the key of any seat. Wipes `passphrase`. Raises UnknownSeat, with it wiped."""
        try:
            place = self._place(seat_id)
            desk = self._desk_of(place)
        except UnknownSeat:
            passphrase[:] = bytes(len(passphrase))
            raise
        wait = place.attempts.wait(self._clock())
        if wait > 0:
            passphrase[:] = bytes(len(passphrase))
            failed(_too_many(wait))
            return

        def finish() -> None:
            place.attempts.passed()
            self._used(place.known)
            done()

        def fail(error: KeyturnError) -> None:
            if isinstance(error, KeyNotOpened):
                place.attempts.failed(self._clock())
            failed(error)

        desk.unlock(passphrase, done=finish, failed=fail)

    def add(self, known: Known) -> None:
        """A new seat, or what is kept of one has changed. The one that has the window keeps it."""
        place = self._places.get(known.id)
        if place is None:
            self._places[known.id] = _Place(known)
        else:
            place.known = known
        self.listeners.tell()

    # ---- inside ----

    def _place(self, seat_id: str) -> _Place:
        place = self._places.get(seat_id)
        if place is None:
            raise UnknownSeat(_("there is no such officer at this machine"), found=seat_id)
        return place

    def _desk_of(self, place: _Place) -> SeatDesk:
        if place.desk is None:
            desk = place.desk = self._make(place.known)
            if place.known.id != self._taken:
                desk.rest()
            desk.subscribe(lambda _: self._named(place, desk), Topic.IDENTITY)
        return place.desk

    def _named(self, place: _Place, desk: SeatDesk) -> None:
        """The roster in force says how the officer is called."""
        name = desk.identity.name
        if desk.facts.seen is not None and name != place.known.name:
            place.known = replace(place.known, name=name)
            self._used(place.known)
            self.listeners.tell()


def _seat(known: Known) -> Seat:
    return Seat(
        known.id,
        known.label,
        known.name or known.profile.officer,
        isinstance(known.profile.key, InFile),
    )


def _too_many(wait: float) -> TooManyTries:
    return TooManyTries(
        _("too many wrong passphrases"),
        hint=_("Try again in {seconds} s.").format(seconds=math.ceil(wait)),
    )
