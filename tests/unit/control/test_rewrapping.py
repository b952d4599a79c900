"""Feeding a rotation: cut off anywhere by an exception that stands for a kill, and gone on with."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.control.rewrapping import Direct, Feeding, Inventory, feed
from keyturn.hsm.client import HsmWorker
from keyturn.store import models
from keyturn.wire.ceremonies import RewrapKeys, Rewrapped
from keyturn.wire.rewrapping import ItemOutcome, ItemToRewrap, pack_items, unpack_answer
from support.hsmtoken import make_model
from support.rotating import (
    CEREMONY,
    STATEMENT,
    Rotation,
    asking,
    digest_text,
    make_rotation,
    rewraps_of,
)

T = TypeVar("T")
COUNT = 12


class Killed(BaseException):
    """The process is gone at this point."""


class Bomb:
    """Goes off at the nth place where a kill could hurt."""

    def __init__(self, at: int | None) -> None:
        self.at = at

    def tick(self) -> None:
        if self.at is None:
            return
        self.at -= 1
        if self.at < 0:
            raise Killed


class Mined(Inventory):
    def __init__(self, inside: Direct, bomb: Bomb) -> None:
        self._inside, self._bomb = inside, bomb

    async def read(self, work: Callable[[Connection], T]) -> T:
        self._bomb.tick()
        return await self._inside.read(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        def cut_off(connection: Connection) -> T:
            self._bomb.tick()
            done = work(connection)
            self._bomb.tick()  # before the transaction ends: all of it is undone
            return done

        done = await self._inside.write(cut_off)
        self._bomb.tick()
        return done


@pytest.fixture(scope="module")
def rotation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rotation]:
    rotation = make_rotation(tmp_path_factory.mktemp("rotation"), COUNT)
    yield rotation
    rotation.close()


@pytest.fixture(scope="module")
def worker(rotation: Rotation) -> Iterator[HsmWorker]:
    with rotation.desk.worker() as worker:
        yield worker


@pytest.fixture
def before(rotation: Rotation) -> None:
    put_back(rotation)


def put_back(rotation: Rotation) -> None:
    """Every row as it was before the rotation."""
    with rotation.database.write() as connection:
        for model, wrapped in zip(rotation.models, rotation.wrapped, strict=True):
            models.set_wrapped_key(connection, digest_text(model), wrapped, STATEMENT, rotation.old)


def run(rotation: Rotation, worker: HsmWorker, bomb: Bomb | None = None, batch: int = 5) -> Feeding:
    """With a keyholder that was just started."""
    bomb = bomb or Bomb(None)
    answer = asking(rewraps_of(worker, rotation.new, rotation.state), rotation.new)

    async def ask(request: RewrapKeys) -> Rewrapped:
        bomb.tick()
        done = answer(request)
        bomb.tick()
        return done

    inventory = Mined(Direct(rotation.database), bomb)
    return asyncio.run(feed(inventory, ask, CEREMONY, lambda _: None, batch=batch))


def rows(rotation: Rotation) -> dict[str, tuple[bytes, str | None]]:
    with rotation.database.read() as connection:
        query = models.wrapped_rows(connection, "", under=False, after="", limit=1000)
        return {row.model: (row.wrapped, row.kek) for row in query}


def test_every_key_goes_under_the_new_kek(
    rotation: Rotation, worker: HsmWorker, before: None
) -> None:
    done = run(rotation, worker)
    assert (done.total, done.under, done.rewrapped, done.left) == (COUNT, COUNT, COUNT, 0)
    assert done.done
    assert {kek for _, kek in rows(rotation).values()} == {rotation.new}
    assert done.to_data() == {
        "ceremony": CEREMONY,
        "kek": rotation.new,
        "total": COUNT,
        "under_new_kek": COUNT,
        "rewrapped": COUNT,
        "left": 0,
        "failed": [],
    }


def test_a_keyholder_that_was_started_anew_is_shown_what_lies_there_already(
    rotation: Rotation, worker: HsmWorker, before: None
) -> None:
    first = run(rotation, worker)
    there = rows(rotation)
    again = run(rotation, worker)
    assert (again.rewrapped, again.left, first.left) == (0, 0, 0)
    assert again.outcomes == {ItemOutcome.ALREADY: COUNT}
    assert rows(rotation) == there


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.integers(0, 40), max_size=6), st.integers(1, COUNT))
def test_killed_anywhere_it_ends_with_every_model_openable_and_none_wrapped_twice(
    rotation: Rotation, worker: HsmWorker, kills: list[int], batch: int
) -> None:
    put_back(rotation)
    for at in kills:
        try:
            run(rotation, worker, Bomb(at), batch)
        except Killed:
            _check_openable(rotation, worker)
    assert run(rotation, worker, batch=batch).done
    _check_openable(rotation, worker)
    rewrapped = _once(rotation, worker)
    assert {model: wrapped for model, (wrapped, _) in rows(rotation).items()} == rewrapped


def _check_openable(rotation: Rotation, worker: HsmWorker) -> None:
    """Each row, as it lies there, opens under one of the token's KEKs, as its model's key."""
    rewraps = rewraps_of(worker, rotation.new, rotation.state)
    answer = asking(rewraps, rotation.new)
    found = rows(rotation)
    assert len(found) == COUNT
    items = [ItemToRewrap(Digest(model), wrapped) for model, (wrapped, _) in found.items()]
    done = unpack_answer(answer(RewrapKeys(CEREMONY, pack_items(items))).items, COUNT)
    assert all(each.outcome.is_kept for each in done)


def _once(rotation: Rotation, worker: HsmWorker) -> dict[str, bytes]:
    """What one rewrap of each gives: AES key wrap has no randomness (RFC 3394)."""
    names = [digest_text(each) for each in rotation.models]
    pairs = zip(names, rotation.wrapped, strict=True)
    items = [ItemToRewrap(Digest(model), wrapped) for model, wrapped in pairs]
    rewraps = rewraps_of(worker, rotation.new, rotation.state)
    done = unpack_answer(rewraps.rewrap(pack_items(items)), COUNT)
    return {name: each.kek_wrapped or b"" for name, each in zip(names, done, strict=True)}


def test_a_row_that_does_not_open_is_told_and_stays_as_it_is(
    rotation: Rotation, worker: HsmWorker, before: None
) -> None:
    bad = digest_text(rotation.models[0])
    with rotation.database.write() as connection:
        models.set_wrapped_key(connection, bad, bytes(40), STATEMENT, None)
    done = run(rotation, worker)
    assert (done.left, done.failed) == (1, [(bad, ItemOutcome.DOES_NOT_OPEN)])
    assert rows(rotation)[bad] == (bytes(40), None)
    assert not done.done


def test_what_the_log_does_not_know_is_told(
    rotation: Rotation, worker: HsmWorker, before: None
) -> None:
    stranger = digest_text(make_model())
    with rotation.database.write() as connection:
        models.set_wrapped_key(connection, stranger, rotation.wrapped[0], STATEMENT, None)
    try:
        done = run(rotation, worker)
        assert (done.left, done.failed) == (0, [(stranger, ItemOutcome.NOT_ADMITTED)])
    finally:
        with rotation.database.write() as connection:
            models.forget_keys(connection, stranger)


def test_a_row_that_changed_meanwhile_is_not_overwritten(
    rotation: Rotation, worker: HsmWorker, before: None
) -> None:
    """A model is admitted anew between the question and its answer: the newer DEK stays."""
    model = digest_text(rotation.models[0])
    answer = asking(rewraps_of(worker, rotation.new, rotation.state), rotation.new)
    newer = b"n" * 40

    async def ask(request: RewrapKeys) -> Rewrapped:
        done = answer(request)
        if request.items:
            with rotation.database.write() as connection:
                models.set_wrapped_key(connection, model, newer, STATEMENT, rotation.new)
        return done

    asyncio.run(feed(Direct(rotation.database), ask, CEREMONY, lambda _: None))
    assert rows(rotation)[model] == (newer, rotation.new)


def test_an_answer_for_another_batch_changes_nothing(
    rotation: Rotation, worker: HsmWorker, before: None
) -> None:
    there = rows(rotation)

    async def ask(request: RewrapKeys) -> Rewrapped:
        return Rewrapped(b"\x00" + b"w" * 40, rotation.new, COUNT)

    with pytest.raises(MalformedError, match="wrong size"):
        asyncio.run(feed(Direct(rotation.database), ask, CEREMONY, lambda _: None))
    assert rows(rotation) == there


def test_a_batch_has_a_size(tmp_path: Path, rotation: Rotation, worker: HsmWorker) -> None:
    with pytest.raises(ValueError, match="batch"):
        run(rotation, worker, batch=0)
