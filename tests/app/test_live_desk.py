"""The desk on its timers: told once a drain, locked in the middle, nothing left at the end."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from keyturn.base.errors import KeyturnError
from keyturn.base.signatures import Algorithm
from keyturn.client.inventory import Node
from keyturn.client.memory import Memory
from keyturn.client.profile import Places, Profile
from keyturn.officerkeys.errors import KeyMismatch, KeyNotOpened
from keyturn.officerkeys.keyfile import KdfCost, write_key_file
from keyturn.officerkeys.keypair import OfficerSecret, generate
from keyturn.officerkeys.location import InFile
from keyturn_app.desk import Identity, Locked, Topic
from keyturn_app.facts import Link
from keyturn_app.live.desk import LiveDesk
from support.control import World, running_world
from support.signers import PersonSigner
from unit.app.live.lines import ours
from unit.client.test_against_control import prove_consistency

QUICK = KdfCost(iterations=1, lanes=1, memory_kib=8)
PASSPHRASE = b"a passphrase of a test"
WAIT = 20_000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running_world(tmp_path) as made:
        prove_consistency(made)
        yield made


@pytest.fixture
def secret() -> Iterator[OfficerSecret]:
    with generate("ada", "Ada Okafor", Algorithm.ED25519) as made:
        yield made


def profile_of(world: World, tmp_path: Path) -> Profile:
    place = InFile(tmp_path / "ada.key")
    return Profile(world.url, world.pin, world.keyholder.fingerprint, "ada", place)


@pytest.fixture
def desk(world: World, secret: OfficerSecret, tmp_path: Path) -> Iterator[LiveDesk]:
    write_key_file(tmp_path / "ada.key", secret, bytearray(PASSPHRASE), cost=QUICK)
    profile = profile_of(world, tmp_path)
    places = Places(tmp_path / "desk", tmp_path / "desk" / "state")
    identity = Identity(profile, "test", "ada", "ada", locked=True)
    made = LiveDesk(identity, places, now=world.clock)
    yield made
    made.close()
    made.close()
    assert ours() == []


def live(desk: LiveDesk) -> bool:
    return desk.facts.connection.link is Link.LIVE


def test_live_told_and_asked(desk: LiveDesk, world: World, qtbot: QtBot) -> None:
    told: list[frozenset[Topic]] = []
    leave = desk.subscribe(told.append, Topic.NODES, Topic.IDENTITY)
    desk.borrow(PersonSigner(world.authority.people["ada"]))
    assert told == [frozenset({Topic.IDENTITY})]
    qtbot.waitUntil(lambda: live(desk), timeout=WAIT)
    assert desk.facts.simulated
    assert all(each <= {Topic.NODES, Topic.IDENTITY} for each in told)
    assert desk.identity.name == "Officer Ada"  # as the roster has it
    leave()
    leave()
    count = len(told)
    answers: list[list[Node]] = []
    desk.ask(lambda client: client.nodes(), done=answers.append, failed=pytest.fail)
    qtbot.waitUntil(lambda: bool(answers), timeout=WAIT)
    assert len(told) == count


def test_a_dropped_question_never_answers(desk: LiveDesk, world: World, qtbot: QtBot) -> None:
    desk.borrow(PersonSigner(world.authority.people["ada"]))
    drop = desk.ask(lambda client: client.nodes(), done=pytest.fail, failed=pytest.fail)
    drop()
    answers: list[list[Node]] = []
    desk.ask(lambda client: client.nodes(), done=answers.append, failed=pytest.fail)
    qtbot.waitUntil(lambda: bool(answers), timeout=WAIT)


def test_the_connection_is_told_again_each_second(desk: LiveDesk, qtbot: QtBot) -> None:
    told: list[frozenset[Topic]] = []
    desk.subscribe(told.append, Topic.CONNECTION)
    qtbot.waitUntil(lambda: len(told) >= 2, timeout=WAIT)


def test_unlocked_by_passphrase_and_locked_again(
    desk: LiveDesk, world: World, qtbot: QtBot, tmp_path: Path
) -> None:
    done: list[bool] = []
    failed: list[KeyturnError] = []
    wrong = bytearray(b"not this one at all")
    desk.unlock(wrong, done=lambda: done.append(True), failed=failed.append)
    qtbot.waitUntil(lambda: bool(failed), timeout=WAIT)
    assert isinstance(failed[0], KeyNotOpened)
    assert not any(wrong)
    assert desk.identity.locked

    right = bytearray(PASSPHRASE)
    desk.unlock(right, done=lambda: done.append(True), failed=failed.append)
    qtbot.waitUntil(lambda: bool(done), timeout=WAIT)
    assert not any(right)
    assert not desk.identity.locked
    # This key is in no roster: the server refuses it, and one sees that.
    qtbot.waitUntil(lambda: bool(desk.facts.connection.error), timeout=WAIT)

    desk.lock()
    assert desk.identity.locked
    qtbot.waitUntil(lambda: desk.facts.connection.link is Link.OFFLINE, timeout=WAIT)
    desk.ask(lambda client: client.nodes(), done=pytest.fail, failed=failed.append)
    qtbot.waitUntil(lambda: len(failed) == 2, timeout=WAIT)
    assert isinstance(failed[1], Locked)


def test_locked_while_the_key_is_being_opened(desk: LiveDesk, qtbot: QtBot) -> None:
    failed: list[KeyturnError] = []
    passphrase = bytearray(PASSPHRASE)
    desk.unlock(passphrase, done=pytest.fail, failed=failed.append)
    desk.lock()
    qtbot.waitUntil(lambda: bool(failed), timeout=WAIT)
    assert isinstance(failed[0], Locked)
    assert desk.identity.locked
    assert not any(passphrase)


def test_a_lock_forgets_the_session(
    desk: LiveDesk, world: World, qtbot: QtBot, tmp_path: Path
) -> None:
    memory = Memory(world.keyholder.fingerprint, tmp_path / "desk" / "state")
    desk.borrow(PersonSigner(world.authority.people["ada"]))
    qtbot.waitUntil(lambda: live(desk) and bool(desk.facts.happenings), timeout=WAIT)
    assert memory.recall().session is not None
    desk.lock()
    qtbot.waitUntil(lambda: memory.recall().session is None, timeout=WAIT)
    assert desk.facts.seen is not None


def test_another_officers_key_opens_nothing(world: World, qtbot: QtBot, tmp_path: Path) -> None:
    with generate("bela", "Béla Kovács", Algorithm.ED25519) as other:
        write_key_file(tmp_path / "ada.key", other, bytearray(PASSPHRASE), cost=QUICK)
    identity = Identity(profile_of(world, tmp_path), "test", "ada", "ada", locked=True)
    desk = LiveDesk(identity, Places(tmp_path, tmp_path / "state"), now=world.clock)
    try:
        failed: list[KeyturnError] = []
        desk.unlock(bytearray(PASSPHRASE), done=pytest.fail, failed=failed.append)
        qtbot.waitUntil(lambda: bool(failed), timeout=WAIT)
        assert isinstance(failed[0], KeyMismatch)
        assert desk.identity.locked
    finally:
        desk.close()


def test_a_second_try_does_not_hide_that_the_first_opened_the_key(
    qtbot: QtBot, desk: LiveDesk
) -> None:
    """The right passphrase came by descriptor while a wrong one was being typed."""
    done: list[bool] = []
    failed: list[KeyturnError] = []
    right, wrong = bytearray(PASSPHRASE), bytearray(b"wrong")
    desk.unlock(right, done=lambda: done.append(True), failed=failed.append)
    desk.unlock(wrong, done=lambda: done.append(True), failed=failed.append)
    qtbot.waitUntil(lambda: len(done) + len(failed) == 2, timeout=WAIT)
    assert desk.identity.locked == desk._line.locked
    assert done == [True]
