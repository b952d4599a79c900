"""A session without threads: desks that stand still, keys that open by the right word."""

from collections.abc import Callable

from keyturn.base.errors import KeyturnError
from keyturn.officerkeys.errors import KeyNotOpened
from keyturn_app.desk import Identity, Topic
from keyturn_app.presenting import Listeners
from keyturn_app.shell.session import Seat
from support.desks import InlineDesk

PASSPHRASE = b"correct horse battery"


class StandingSession:
    """`Session` over desks of a test. `waiting`: an unlock is answered only by `answer`."""

    def __init__(self, *desks: InlineDesk) -> None:
        self.listeners = Listeners()
        self.desks = {f"seat-{at}": desk for at, desk in enumerate(desks)}
        self.at = "seat-0"
        self.locks = 0
        self.waiting = False
        self.closed = False
        self.given: list[bytearray] = []
        self._held: list[Callable[[], None]] = []

    @property
    def desk(self) -> InlineDesk:
        return self.desks[self.at]

    @property
    def seats(self) -> tuple[Seat, ...]:
        return tuple(
            Seat(key, desk.identity.label, desk.identity.name) for key, desk in self.desks.items()
        )

    @property
    def seat(self) -> Seat:
        return next(each for each in self.seats if each.id == self.at)

    def sit(self, seat_id: str) -> None:
        self.at = seat_id
        self.listeners.tell()

    def lock(self) -> None:
        self.locks += 1
        for desk in self.desks.values():
            self._set_locked(desk, True)

    def unlock(
        self,
        passphrase: bytearray,
        *,
        done: Callable[[], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        self.given.append(passphrase)
        right = bytes(passphrase) == PASSPHRASE
        passphrase[:] = bytes(len(passphrase))

        def answer() -> None:
            if right:
                self._set_locked(self.desk, False)
                done()
            else:
                failed(KeyNotOpened("wrong passphrase", hint="Type it again."))

        self._held.append(answer)
        if not self.waiting:
            self.answer()

    def answer(self) -> None:
        while self._held:
            self._held.pop(0)()

    def close(self) -> None:
        self.closed = True

    def _set_locked(self, desk: InlineDesk, locked: bool) -> None:
        old = desk.identity
        desk.identity = Identity(old.profile, old.label, old.officer, old.name, locked)
        desk.show(desk.facts, Topic.IDENTITY)
