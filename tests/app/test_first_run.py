"""The first run's window, over a real server: joined, and closed at any time."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QAbstractButton, QLineEdit
from pytestqt.qtbot import QtBot

from keyturn.client.profile import places_of
from keyturn_app.live.profiles import Known, ProfileStore
from keyturn_app.qtkit.door import QtDoor
from keyturn_app.screens.welcome.viewmodel import Step
from keyturn_app.shell.firstrun import FirstRun
from support.control import World, running_world
from unit.app.live.lines import ours
from unit.app.screens.welcome.desks import PASSPHRASE

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")
WAIT = 20_000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running_world(tmp_path) as made:
        yield made


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ProfileStore]:
    made = ProfileStore(places_of(tmp_path / "app", {}))
    yield made
    made.close()


@pytest.fixture
def joined() -> list[Known]:
    return []


@pytest.fixture
def window(
    world: World, store: ProfileStore, joined: list[Known], qtbot: QtBot
) -> Iterator[FirstRun]:
    door = QtDoor()
    made = FirstRun(store, door, world.clock, joined.append, has_keyring=lambda: False)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    yield made
    made.close()
    door.close()
    assert ours() == []


def press(window: FirstRun, name: str) -> None:
    found = window.findChild(QAbstractButton, f"welcome.{name}")
    assert found is not None
    assert found.isEnabled(), name
    found.click()


def enter(qtbot: QtBot, window: FirstRun, name: str, text: str) -> None:
    found = window.findChild(QLineEdit, f"welcome.{name}")
    assert found is not None
    found.clear()
    qtbot.keyClicks(found, text)


def go(qtbot: QtBot, window: FirstRun, step: Step) -> None:
    press(window, "next")
    qtbot.waitUntil(lambda: window.presenter.view().step is step, timeout=WAIT)


def to_key(qtbot: QtBot, window: FirstRun, world: World) -> None:
    enter(qtbot, window, "url", world.url)
    enter(qtbot, window, "pin", world.pin)
    go(qtbot, window, Step.AUTHORITY)
    press(window, "compared")
    go(qtbot, window, Step.KEY)
    enter(qtbot, window, "officer", "fay")
    enter(qtbot, window, "name", "Fay Moss")
    for name in ("passphrase", "again"):
        enter(qtbot, window, name, PASSPHRASE.decode())


def test_joined(
    window: FirstRun, world: World, store: ProfileStore, joined: list[Known], qtbot: QtBot
) -> None:
    to_key(qtbot, window, world)
    go(qtbot, window, Step.DONE)
    assert joined == []
    press(window, "next")
    assert joined == list(store.all())
    assert joined[0].profile.fingerprint == world.keyholder.fingerprint
    assert not window.isVisible()


def test_closed_before_the_end_leaves_nothing(
    window: FirstRun, world: World, store: ProfileStore, joined: list[Known], qtbot: QtBot
) -> None:
    to_key(qtbot, window, world)
    window.close()
    assert joined == []
    assert store.all() == ()
    assert not (store.path.parent / "keys").exists()
