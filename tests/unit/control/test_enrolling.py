"""Strangers' requests: only what proves itself is kept, only so much, and nobody is pushed out."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.control.enrolling import MAX_KEPT, Enrolling, TooManyKept
from keyturn.control.errors import Conflict, NotFound, TooMany
from keyturn.quorum.errors import EnrolmentRefused
from keyturn.quorum.kinds import Kind
from support.authority import Person
from support.control import World, running_world
from support.enrolling import newcomer, request_of

T = TypeVar("T")


class Desk:
    """The service of a running server, asked on a loop of the test's own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.enrolling = Enrolling(world.server.parts.context)

    def run(self, asked: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(asked)

    def raw(self, person: Person, **changed: Any) -> bytes:
        fingerprint, now = self.world.keyholder.fingerprint, self.world.clock()
        return request_of(person, **{"authority": fingerprint, "now": now, **changed})

    def send(self, person: Person, **changed: Any) -> str:
        return self.run(self.enrolling.take(self.raw(person, **changed)))[0]

    def kept(self) -> list[str]:
        return [each.officer for each in self.run(self.enrolling.every())]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with running_world(tmp_path) as world:
        yield Desk(world)


def test_kept_for_thirty_days_and_asked_again_the_same(desk: Desk) -> None:
    raw = desk.raw(newcomer("zoe"))
    digest, until = desk.run(desk.enrolling.take(raw))
    assert until == desk.world.clock() + timedelta(days=30)
    desk.world.clock.advance(days=1)
    assert desk.run(desk.enrolling.take(raw)) == (digest, until)
    assert desk.kept() == ["zoe"]
    desk.world.clock.advance(days=29, seconds=1)
    assert desk.kept() == []


def test_a_key_is_in_one_request_the_later_one(desk: Desk) -> None:
    zoe = newcomer("zoe")
    early = desk.raw(zoe)
    desk.world.clock.advance(minutes=1)
    zoe.roles = ("auditor",)
    later = desk.send(zoe)
    found = desk.run(desk.enrolling.every())
    assert [each.digest for each in found] == [later]
    with pytest.raises(Conflict, match="a later request names"):
        desk.run(desk.enrolling.take(early))
    assert [each.digest for each in desk.run(desk.enrolling.every())] == [later]


def test_nobody_displaces_a_request_whose_key_they_lack(desk: Desk) -> None:
    zoe, thief = newcomer("zoe"), newcomer("zoe")
    first = desk.send(zoe)
    desk.world.clock.advance(minutes=1)
    forged = Person("zoe", [*zoe.keys, *thief.keys], ("approver",))
    with pytest.raises(EnrolmentRefused, match="not signed by each key"):
        desk.send(forged, keys=thief.keys)
    desk.send(thief)  # the same id with a key of their own: both wait, and officers compare
    assert first in [each.digest for each in desk.run(desk.enrolling.every())]
    assert desk.kept() == ["zoe", "zoe"]


def refused(desk: Desk, make: Callable[[Desk], bytes]) -> KeyturnError:
    with pytest.raises(KeyturnError) as found:
        desk.run(desk.enrolling.take(make(desk)))
    assert desk.kept() == []
    return found.value


def test_what_proves_nothing_is_not_kept(desk: Desk) -> None:
    others = "sha256:" + "0" * 64
    assert isinstance(refused(desk, lambda _d: b"{}"), MalformedError)
    wrong = refused(desk, lambda d: d.raw(newcomer("zoe"), authority=others))
    assert "another authority" in wrong.message
    old = desk.world.clock() - timedelta(days=31)
    assert "not of now" in refused(desk, lambda d: d.raw(newcomer("zoe"), now=old)).message
    ahead = desk.world.clock() + timedelta(minutes=3)
    assert "not of now" in refused(desk, lambda d: d.raw(newcomer("zoe"), now=ahead)).message
    taken = refused(desk, lambda d: d.raw(newcomer("ada")))
    assert "in the roster already" in taken.message
    ada = desk.world.authority.people["ada"]
    again = refused(desk, lambda d: d.raw(newcomer("zoe", ada.keys)))
    assert "the key is in the roster already" in again.message
    unsigned = refused(desk, lambda d: d.raw(newcomer("zoe"), keys=newcomer("x").keys))
    assert isinstance(unsigned, EnrolmentRefused)


def test_full_refuses_and_pushes_nobody_out(desk: Desk) -> None:
    people = [newcomer(f"o-{place}") for place in range(MAX_KEPT)]
    for each in people:
        desk.send(each)
    with pytest.raises(TooManyKept, match="no further"):
        desk.send(newcomer("late"))
    assert len(desk.kept()) == MAX_KEPT
    first = desk.run(desk.enrolling.every())[0]
    desk.run(desk.enrolling.dismiss(first.digest))
    desk.send(newcomer("late"))
    assert len(desk.kept()) == MAX_KEPT


def test_full_of_what_is_stale_is_not_full(desk: Desk) -> None:
    for place in range(MAX_KEPT):
        desk.send(newcomer(f"o-{place}"))
    desk.world.clock.advance(days=31)
    desk.send(newcomer("late"))
    assert desk.kept() == ["late"]


def test_who_is_taken_in_is_no_longer_pending(desk: Desk) -> None:
    zoe = newcomer("zoe")
    desk.send(zoe)
    world = desk.world
    body = world.authority.roster_body()
    body["officers"] = [*body["officers"], zoe.entry()]  # type: ignore[misc]
    world.keyholder.enter(
        Kind.ROSTER, "roster", world.authority.approved(Kind.ROSTER, "roster", body)
    )
    world.catch_up()
    assert desk.kept() == []


def test_dismissed_and_sent_again(desk: Desk) -> None:
    zoe = newcomer("zoe")
    digest = desk.send(zoe)
    desk.run(desk.enrolling.dismiss(digest))  # type: ignore[arg-type]
    assert desk.kept() == []
    with pytest.raises(NotFound):
        desk.run(desk.enrolling.dismiss(digest))  # type: ignore[arg-type]
    assert desk.send(zoe) == digest


def test_one_address_fills_nothing(desk: Desk) -> None:
    """Five at once and one a minute: 100 places take an hour and a half, and can be dismissed."""
    seconds = [0.0]
    enrolling = Enrolling(desk.world.server.parts.context, lambda: seconds[0])
    for _ in range(5):
        enrolling.admit("192.0.2.1")
    with pytest.raises(TooMany):
        enrolling.admit("192.0.2.1")
    enrolling.admit("192.0.2.2")
    seconds[0] = 60.0
    enrolling.admit("192.0.2.1")
