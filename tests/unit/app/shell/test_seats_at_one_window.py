"""A session over desks: opened when first taken, locked together, unlocked one by one."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from keyturn.base.errors import KeyturnError
from keyturn_app.shell.seats import Chair, Seats
from keyturn_app.shell.session import Seat
from support.authority import Clock
from support.desks import InlineDesk
from support.facts import standing_desk
from unit.client.scripted_server import ScriptedServer


class Lockable(InlineDesk):
    """A desk that locks, of one officer."""

    calls: list[str]

    def unlock(
        self,
        passphrase: bytearray,
        *,
        done: Callable[[], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        self.calls.append(f"unlock {passphrase.decode()}")
        self.identity = replace(self.identity, locked=False)
        done()

    def lock(self) -> None:
        self.calls.append("lock")

    def rest(self) -> None:
        """Another seat has the window."""

    def wake(self) -> None:
        """It has the window again."""

    def close(self) -> None:
        self.calls.append("close")


class Room:
    """Two chairs, and which desks were opened."""

    def __init__(self) -> None:
        self.server = ScriptedServer(Clock())
        self.opened: list[Lockable] = []
        self.seats = Seats([self.chair("ada"), self.chair("bela")])

    def chair(self, officer: str) -> Chair:
        def open_desk() -> Lockable:
            known = standing_desk(self.server, officer, locked=True)
            desk = Lockable(known.identity, None, self.server.clock)
            desk.calls = []
            self.opened.append(desk)
            return desk

        return Chair(Seat(officer, "prod-eu", officer), open_desk)


@pytest.fixture
def room() -> Room:
    return Room()


def test_desks_are_opened_when_they_are_taken(room: Room) -> None:
    assert room.opened == []
    desk = room.seats.desk
    assert desk is room.seats.desk
    room.seats.sit("bela")
    assert room.seats.desk.identity.officer == "bela"
    assert len(room.opened) == 2


def test_who_listens_hears_of_another_seat_only(room: Room) -> None:
    told: list[str] = []
    room.seats.listeners.add(lambda: told.append(room.seats.seat.id))
    room.seats.sit("ada")
    room.seats.sit("nobody")
    room.seats.sit("bela")
    assert told == ["bela"]


def test_every_open_desk_locks_and_closes(room: Room) -> None:
    first = room.seats.desk
    room.seats.sit("bela")
    second = room.seats.desk
    room.seats.lock()
    room.seats.close()
    for each in (first, second):
        assert isinstance(each, Lockable)
        assert each.calls == ["lock", "close"]


def test_unlocking_is_the_seat_s_own(room: Room) -> None:
    done: list[str] = []
    room.seats.unlock(bytearray(b"one"), done=lambda: done.append("done"), failed=raised)
    room.seats.unlock_seat("bela", bytearray(b"two"), raised)
    assert [each.calls for each in room.opened] == [["unlock one"], ["unlock two"]]
    assert done == ["done"]


def test_a_seat_has_the_name_of_the_roster_once_it_is_known(room: Room) -> None:
    assert [each.name for each in room.seats.seats] == ["ada", "bela"]
    assert room.seats.desk.identity.name == "Ada"
    assert [each.name for each in room.seats.seats] == ["Ada", "bela"]


def test_it_begins_where_it_is_told(room: Room) -> None:
    chairs = [room.chair("ada"), room.chair("bela")]
    assert Seats(chairs, "bela").seat.id == "bela"
    assert Seats(chairs, "nobody").seat.id == "ada"


def raised(error: KeyturnError) -> None:
    raise error
