"""Several officers at one window: one has it, all are locked at once, wrong tries are slowed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from keyturn.base.errors import KeyturnError
from keyturn.client.profile import Places
from keyturn.officerkeys.errors import KeyNotOpened
from keyturn.officerkeys.location import InFile
from keyturn_app.desk import Identity
from keyturn_app.facts import Facts
from keyturn_app.live.errors import TooManyTries, UnknownSeat
from keyturn_app.live.profiles import Environment, Known, seat_id
from keyturn_app.live.switching import Seats
from support.authority import START, Clock
from support.desks import InlineDesk
from unit.client.scripted_server import ScriptedServer

RIGHT = b"the right one"


class OpenedDesk(InlineDesk):
    """A desk whose key opens at once, by one passphrase."""

    def __init__(self, identity: Identity, server: ScriptedServer, log: list[str]) -> None:
        super().__init__(identity, server.client(identity.officer), server.clock)
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

    def lock(self) -> None:
        self.log.append(f"lock {self.identity.officer}")

    def rest(self) -> None:
        self.log.append(f"rest {self.identity.officer}")

    def wake(self) -> None:
        self.log.append(f"wake {self.identity.officer}")

    def close(self) -> None:
        self.log.append(f"close {self.identity.officer}")


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer(Clock())


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def known(server: ScriptedServer, tmp_path: Path) -> list[Known]:
    found = []
    for officer in ("ada", "bela", "chen"):
        profile = server.profile(officer)
        places = Places(tmp_path / officer, tmp_path / officer / "state")
        found.append(Known(seat_id(profile), "demo", Environment.DEMO, profile, "", places))
    return found


@pytest.fixture
def used() -> list[Known]:
    return []


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def seats(
    server: ScriptedServer,
    known: list[Known],
    log: list[str],
    used: list[Known],
    now: list[float],
) -> Seats:
    def make(each: Known) -> OpenedDesk:
        officer = each.profile.officer
        return OpenedDesk(Identity(each.profile, each.label, officer, officer, True), server, log)

    return Seats(known, make, used=used.append, clock=lambda: now[0])


def test_one_has_the_window(seats: Seats, known: list[Known], log: list[str]) -> None:
    told: list[str] = []
    seats.listeners.add(lambda: told.append(seats.seat.id))
    assert [each.name for each in seats.seats] == ["ada", "bela", "chen"]
    assert seats.seat.passphrase is isinstance(known[0].profile.key, InFile)
    assert seats.desk.identity.officer == "ada"
    seats.sit(known[2].id)
    assert seats.desk.identity.officer == "chen"
    assert log == ["rest ada", "wake chen"]
    assert told == [known[2].id]
    seats.sit(known[2].id)
    assert len(told) == 1
    with pytest.raises(UnknownSeat):
        seats.sit("nobody")


def test_every_seat_is_locked_and_closed(seats: Seats, known: list[Known], log: list[str]) -> None:
    assert seats.desk is not None
    seats.sit(known[1].id)
    log.clear()
    seats.lock()
    seats.close()
    assert log == ["lock ada", "lock bela", "close ada", "close bela"]  # chen never sat


def test_another_seat_is_opened_without_taking_it(
    seats: Seats, known: list[Known], log: list[str], used: list[Known]
) -> None:
    done: list[bool] = []
    passphrase = bytearray(RIGHT)
    seats.unlock_seat(known[1].id, passphrase, done=lambda: done.append(True), failed=pytest.fail)
    assert done == [True]
    assert log == ["rest bela", "unlock bela"]
    assert not any(passphrase)
    assert [each.id for each in used] == [known[1].id]
    assert seats.seat.id == known[0].id
    lost = bytearray(RIGHT)
    with pytest.raises(UnknownSeat):
        seats.unlock_seat("nobody", lost, done=pytest.fail, failed=pytest.fail)
    assert not any(lost)


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
    now[0] += 1.0
    attempt(RIGHT)
    assert log == ["unlock ada"]
    assert len(failed) == 4
    attempt(b"wrong")  # the count begins anew
    assert isinstance(failed[-1], KeyNotOpened)
    attempt(RIGHT)
    assert len(failed) == 5


def test_the_rosters_name_is_kept(seats: Seats, used: list[Known], server: ScriptedServer) -> None:
    desk = seats.desk
    assert isinstance(desk, InlineDesk)
    desk.identity = Identity(server.profile(), "demo", "ada", "Ada Okafor", locked=False)
    desk.show(Facts())
    assert used == []  # nobody has verified a roster yet
    desk.refresh()
    assert [each.name for each in used] == ["Ada Okafor"]
    assert seats.seat.name == "Ada Okafor"


def test_a_new_seat_is_told(seats: Seats, known: list[Known], server: ScriptedServer) -> None:
    told: list[int] = []
    seats.listeners.add(lambda: told.append(len(seats.seats)))
    profile = server.profile("dora")
    seats.add(
        Known(seat_id(profile), "demo", Environment.DEMO, profile, "Dora", known[0].places, START)
    )
    assert told == [4]
    assert seats.seats[3].name == "Dora"


def test_nobody_at_all_is_an_error() -> None:
    with pytest.raises(UnknownSeat):
        Seats([], lambda known: pytest.fail("no desk"))
