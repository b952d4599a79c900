"""Officer stations beside an office: windows of their own, without a server, with hands."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLineEdit
from pytestqt.qtbot import QtBot

from keyturn.client.profile import places_of
from keyturn.officerkeys.keyfile import write_key_file
from keyturn_app.desk import Identity
from keyturn_app.facts import Link
from keyturn_app.live.profiles import Known, ProfileStore
from keyturn_app.live.station import StationDesk
from keyturn_app.qtkit.door import QtDoor
from keyturn_app.settings import Settings
from keyturn_app.shell.firstrun import FirstRun
from keyturn_app.shell.seats import Chair, Seats
from keyturn_app.shell.session import Seat
from keyturn_app.shell.starting import ForgivingPreferences
from keyturn_app.shell.window import MainWindow
from support.office import QUICK, SOON, Office, passphrase_of, secret_of
from support.whole import Whole


@dataclass
class Station(Office):
    """One officer at a window that asks nobody."""

    @property
    def live(self) -> bool:
        desk = self.seats.desk
        return not desk.identity.locked and desk.facts.bundle is not None

    def enter(self, name: str) -> None:
        field = self.find(QLineEdit, "unlock.passphrase")
        QTest.keyClicks(field, passphrase_of(name))
        QTest.keyClick(field, Qt.Key.Key_Return)
        self.until(lambda: self.window.frame.isVisible() and self.live)
        assert self.facts.connection.link is Link.STATION


@contextlib.contextmanager
def running_station(
    whole: Whole, directory: Path, bot: QtBot, known: Known, store: ProfileStore
) -> Iterator[Station]:
    """The station's window, locked; everything ended at the end."""
    clock, profile = whole.system.clock, known.profile
    identity = Identity(profile, known.label, profile.officer, known.name, locked=True)
    seat = Seat(known.id, known.label, known.name, environment=known.environment.value)
    seats = Seats([Chair(seat, lambda: StationDesk(identity, known.places, now=clock))])
    door = QtDoor()
    window = MainWindow(seats, Settings(ForgivingPreferences(store)), door)
    bot.addWidget(window)
    window.resize(1280, 800)
    with bot.waitActive(window, timeout=SOON):
        window.show()
        window.activateWindow()
    try:
        yield Station(whole, window, seats, store, directory, bot)
    finally:
        window.close()
        door.close()


def tick(hands: Office, name: str) -> None:
    """By the space bar: a click in the middle of the line would miss it."""
    found = hands.find(QAbstractButton, name)
    found.setFocus()
    QTest.keyClick(found, Qt.Key.Key_Space)
    assert found.isChecked()


def set_up(whole: Whole, directory: Path, bot: QtBot, name: str, bundle: Path, typed: str) -> Known:
    """By clicks and keys at the first run's window: bundle, fingerprint, the officer's key file."""
    key = directory / f"{name}.key"
    with secret_of(whole.system.authority.people[name]) as secret:
        write_key_file(key, secret, bytearray(passphrase_of(name).encode()), cost=QUICK)
    store = ProfileStore(places_of(directory, {}))
    door, joined = QtDoor(), list[Known]()
    first = FirstRun(
        store,
        door,
        whole.system.clock,
        joined.append,
        station=directory,
        has_keyring=lambda: False,
    )
    bot.addWidget(first)
    with bot.waitActive(first, timeout=SOON):
        first.show()
        first.activateWindow()
    try:
        hands = Office(whole, first, None, store, directory, bot)  # type: ignore[arg-type]
        hands.click("welcome.bundle")
        hands.path(bundle)
        hands.write("welcome.fingerprint.typed", typed)
        hands.click("welcome.next")
        tick(hands, "welcome.compared")
        hands.click("welcome.next")
        tick(hands, "welcome.key.imported")
        hands.click("welcome.import")
        hands.path(key)
        hands.click("welcome.next")
        hands.says("welcome.standing", "you can sign at this station")
        hands.click("welcome.next")
        hands.until(lambda: joined)
    finally:
        first.close()
        door.close()
        store.close()
    return joined[0]
