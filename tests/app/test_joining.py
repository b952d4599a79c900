"""One server more, beside the running window."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from keyturn.client.profile import places_of
from keyturn_app.actions import Actions
from keyturn_app.live.profiles import ProfileStore
from keyturn_app.qtkit.door import QtDoor
from keyturn_app.screens.welcome.joining import Joiner
from keyturn_app.shell.joining import Joining
from keyturn_app.shell.seats import Chair, Seats
from keyturn_app.shell.session import Seat
from support.authority import Clock
from unit.app.live.lines import ours
from unit.app.screens.welcome.desks import PASSPHRASE
from unit.app.shell.test_seats import OpenedDesk
from unit.client.scripted_server import PIN, URL, ScriptedServer

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer(Clock())


@pytest.fixture
def desk(server: ScriptedServer) -> OpenedDesk:
    made = OpenedDesk(server, "ada", [])
    made.show_locked(False)
    return made


@pytest.fixture
def session(desk: OpenedDesk) -> Seats:
    return Seats([Chair(Seat("ada", "demo", "Ada"), lambda: desk)])


@pytest.fixture
def actions() -> Actions:
    return Actions()


@pytest.fixture
def joining(session: Seats, actions: Actions, tmp_path: Path, qtbot: QtBot) -> Iterator[Joining]:
    door = QtDoor()
    store = ProfileStore(places_of(tmp_path / "app", {}))
    made = Joining(actions, session, store, door, lambda seat: None)
    yield made
    made.close()
    session.close()
    door.close()
    store.close()
    assert ours() == []


def test_another_seat_is_joined_and_taken(
    joining: Joining, actions: Actions, session: Seats, server: ScriptedServer, qtbot: QtBot
) -> None:
    assert actions.run("seat.join") == ""
    window = joining.window
    assert window is not None
    assert window.isVisible()
    presenter = window.presenter
    presenter._joiner = Joiner(
        presenter._joiner.store, presenter._joiner.keyring, lambda url, pin: server.transport()
    )
    presenter.set_url(URL)
    presenter.set_pin(PIN)
    presenter.next()
    qtbot.waitUntil(lambda: bool(presenter.view().words))
    presenter.compare(True)
    presenter.next()
    presenter.set_officer("fay")
    presenter.set_name("Fay Moss")
    presenter.next(bytearray(PASSPHRASE), bytearray(PASSPHRASE))
    qtbot.waitUntil(lambda: bool(presenter.view().entry), timeout=20_000)
    presenter.next()
    assert len(session.seats) == 2
    assert session.seat.name == "Fay Moss"
    assert session.desk.identity.locked
    assert actions.run("seat.join")  # locked: the reason


def test_a_lock_closes_it(joining: Joining, actions: Actions, desk: OpenedDesk) -> None:
    actions.run("seat.join")
    actions.run("seat.join")  # no second one
    assert joining.window is not None
    desk.show_locked(True)
    assert joining.window is None
    assert actions.run("seat.join")


def test_closed_it_takes_its_action_away(joining: Joining, actions: Actions) -> None:
    joining.close()
    assert actions.get("seat.join") is None
