"""Several officers at one window: one has it, all are locked at once, wrong tries are slowed."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from keyturn.base.errors import KeyturnError
from keyturn.officerkeys.errors import KeyNotOpened
from keyturn_app.desk import Identity, Topic
from keyturn_app.live.errors import TooManyTries
from keyturn_app.shell.seats import Chair, Seats
from keyturn_app.shell.session import Seat
from support.authority import Clock
from support.desks import InlineDesk
from unit.client.scripted_server import ScriptedServer

RIGHT = b"the right one"


class OpenedDesk(InlineDesk):
    """A desk whose key opens at once, by one passphrase."""

    def __init__(self, server: ScriptedServer, officer: str, log: list[str]) -> None:
        identity = Identity(server.profile(officer), "demo", officer, officer.title(), True)
        super().__init__(identity, server.client(officer), server.clock)
        self.log = log

    def unlock(
        self,
        passphrase: bytearray,
        *,
        done: Callable[[], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        right = passphrase == RIGHT
        passphrase[:] = bytes(len(passphrase))
        self.log.append(f"unlock {self.identity.officer}")
        if right:
            done()
        else:
            failed(KeyNotOpened("wrong"))

    def show_locked(self, locked: bool) -> None:
        self.identity = replace(self.identity, locked=locked)
        self.show(self.facts, Topic.IDENTITY)

    def lock(self) -> None:
        self.log.append(f"lock {self.identity.officer}")

    def rest(self) -> None:
        self.log.append(f"rest {self.identity.officer}")

    def wake(self) -> None:
        self.log.append(f"wake {self.identity.officer}")

    def close(self) -> None:
        self.log.append(f"close {self.identity.officer}")


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def seats(log: list[str], now: list[float]) -> Seats:
    server = ScriptedServer(Clock())

    def chair(officer: str) -> Chair:
        return Chair(Seat(officer, "demo", officer), lambda: OpenedDesk(server, officer, log))

    return Seats([chair(each) for each in ("ada", "bela", "chen")], clock=lambda: now[0])


def test_one_has_the_window(seats: Seats, log: list[str]) -> None:
    told: list[str] = []
    seats.listeners.add(lambda: told.append(seats.seat.id))
    assert [each.name for each in seats.seats] == ["ada", "bela", "chen"]
    assert seats.desk.identity.officer == "ada"
    assert [each.name for each in seats.seats] == ["Ada", "bela", "chen"]  # as its desk says
    seats.sit("chen")
    assert seats.desk.identity.officer == "chen"
    assert log == ["rest ada", "wake chen"]
    seats.sit("chen")
    seats.sit("nobody")
    assert told == ["chen"]


def test_every_seat_is_locked_and_closed(seats: Seats, log: list[str]) -> None:
    assert seats.desk is not None
    seats.sit("bela")
    log.clear()
    seats.lock()
    seats.close()
    assert log == ["lock ada", "lock bela", "close ada", "close bela"]  # chen never sat


def test_another_seat_is_opened_without_taking_it(seats: Seats, log: list[str]) -> None:
    passphrase = bytearray(RIGHT)
    seats.unlock_seat("bela", passphrase, pytest.fail)
    assert log == ["rest bela", "unlock bela"]
    assert not any(passphrase)
    assert seats.seat.id == "ada"


def test_wrong_passphrases_are_slowed_down(seats: Seats, log: list[str], now: list[float]) -> None:
    failed: list[KeyturnError] = []

    def attempt(text: bytes) -> bytearray:
        passphrase = bytearray(text)
        seats.unlock(passphrase, done=lambda: None, failed=failed.append)
        return passphrase

    for _ in range(3):
        attempt(b"wrong")
    log.clear()
    assert not any(attempt(RIGHT))
    assert isinstance(failed[-1], TooManyTries)
    assert log == []  # not even tried
    seats.sit("bela")
    attempt(RIGHT)  # another officer's key is another matter
    seats.sit("ada")
    assert len(failed) == 4
    now[0] += 1.0
    attempt(RIGHT)
    assert len(failed) == 4
    attempt(b"wrong")  # the count begins anew
    assert isinstance(failed[-1], KeyNotOpened)
    attempt(RIGHT)
    assert len(failed) == 5


def test_a_desk_that_faults_while_it_locks_leaves_no_other_one_open(
    seats: Seats, log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = seats.desk
    seats.sit("bela")
    assert seats.desk is not first

    def faulty() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(first, "lock", faulty)
    with pytest.raises(ZeroDivisionError):
        seats.lock()
    assert "lock bela" in log


def test_another_pin_ends_the_desk_and_opens_one_anew(log: list[str]) -> None:
    server, asked = ScriptedServer(Clock()), []

    def repinned(seat: str, pin: str) -> Chair:
        asked.append((seat, pin))
        return Chair(Seat("ada", "demo", "Ada"), lambda: OpenedDesk(server, "ada", log))

    chairs = [Chair(Seat("ada", "demo", "Ada"), lambda: OpenedDesk(server, "ada", log))]
    seats = Seats(chairs, repinned=repinned)
    told: list[bool] = []
    seats.listeners.add(lambda: told.append(True))
    before = seats.desk

    seats.repin("cd" * 32)

    assert asked == [("ada", "cd" * 32)]
    assert log == ["close ada"]
    assert told == [True]
    assert seats.desk is not before
    assert seats.desk.identity.locked
    Seats(chairs).repin("cd" * 32)  # of a recording: nothing
