"""Officers at the real window: live desks over HTTPS, encrypted key files, hands on mouse and keys.

Every wait is for a condition and ends after `SOON`; nothing here reaches past the screen, but
for `facts`, which tells what the window was given to show.
"""

import contextlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QScrollArea,
    QTableView,
    QWidget,
)
from pytestqt.exceptions import TimeoutError
from pytestqt.qtbot import QtBot
from shiboken6 import getAllValidWrappers, isValid

from keyturn.base.signatures import Algorithm
from keyturn.client.profile import Places, Profile
from keyturn.officerkeys.keyfile import KdfCost, write_key_file
from keyturn.officerkeys.keypair import OfficerPublic, OfficerSecret
from keyturn.officerkeys.location import InFile
from keyturn_app.desk import Identity
from keyturn_app.facts import Facts, Link
from keyturn_app.live.desk import LiveDesk
from keyturn_app.live.line import Wiring, wiring_of
from keyturn_app.live.profiles import Environment, Known, ProfileStore, seat_id
from keyturn_app.qtkit.door import QtDoor
from keyturn_app.settings import Settings
from keyturn_app.shell.seats import Chair, Seats
from keyturn_app.shell.session import Seat
from keyturn_app.shell.starting import ForgivingPreferences
from keyturn_app.shell.window import MainWindow
from support.authority import Person, spki
from support.whole import Whole

W = TypeVar("W", bound=QWidget)

SOON = 30_000
QUICK = KdfCost(iterations=1, lanes=1, memory_kib=8)
CONTROL = Qt.KeyboardModifier.ControlModifier
Wire = Callable[[Wiring, str], Wiring]
"""From the shipped wiring of an officer's desk to a test's."""


def passphrase_of(name: str) -> str:
    return f"{name} keeps a long passphrase"


def secret_of(person: Person) -> OfficerSecret:
    """The key file's contents for one of the test authority's people."""
    key = person.keys[0]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        algorithm, signing = Algorithm.ED25519, key.private_bytes_raw()
    else:
        number = key.private_numbers().private_value
        algorithm, signing = Algorithm.P256, number.to_bytes(32, "big")
    sealing = secrets.token_bytes(32)
    public = x25519.X25519PrivateKey.from_private_bytes(sealing).public_key().public_bytes_raw()
    name = f"Officer {person.id.title()}"
    described = OfficerPublic(person.id, name, algorithm, spki(key), public)
    return OfficerSecret(described, bytearray(signing + sealing))


def private_bytes(person: Person) -> bytes:
    """What no place may hold."""
    key = person.keys[0]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.private_bytes_raw()
    der = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    scalar = key.private_numbers().private_value.to_bytes(32, "big")
    assert scalar in der
    return scalar


@dataclass
class Office:
    """The window, who may sit at it, and hands."""

    whole: Whole
    window: MainWindow
    seats: Seats
    store: ProfileStore
    directory: Path
    bot: QtBot

    @property
    def facts(self) -> Facts:
        return self.seats.desk.facts

    @property
    def live(self) -> bool:
        return not self.seats.desk.identity.locked and self.facts.connection.link is Link.LIVE

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for it; what the screen showed instead is kept beside the test's files."""
        try:
            self.bot.waitUntil(lambda: bool(condition()), timeout=SOON)
        except TimeoutError:
            self.window.grab().save(str(self.directory / "screen.png"))
            raise

    # ---- looking ----

    def all(self, kind: type[W]) -> list[W]:
        """Every widget of the window that Python knows.

        Not `findChildren`: it makes wrappers of Qt's own parts and drops them again, and the
        end of such a part then takes the wrapper that came to lie in its place along.
        """
        found = [each for each in getAllValidWrappers() if isinstance(each, kind)]
        return [each for each in found if isValid(each) and each.window() is self.window]

    def seen(self, kind: type[W], name: str) -> list[W]:
        return [each for each in self.all(kind) if each.objectName() == name and each.isVisible()]

    def find(self, kind: type[W], name: str) -> W:
        """The one of this name that is on the screen, once it is there."""
        self.until(lambda: len(self.seen(kind, name)) == 1)
        return self.seen(kind, name)[0]

    def text(self, name: str) -> str:
        """What a label says; empty while it is not on the screen."""
        return " ".join(each.text() for each in self.seen(QLabel, name))

    def spoken(self, name: str) -> str:
        """A widget's accessible name; empty while it is not on the screen."""
        return " ".join(each.accessibleName() for each in self.seen(QWidget, name))

    @property
    def words(self) -> str:
        """Every text of a label that is on the screen."""
        return "\n".join(each.text() for each in self.all(QLabel) if each.isVisible())

    def says(self, name: str, text: str) -> None:
        self.until(lambda: text in self.text(name))

    # ---- mouse and keys ----

    def click(self, name: str) -> None:
        """Once the button can be pressed, and nothing lies over it."""
        self.find(QAbstractButton, name)
        self.until(lambda: self._within_reach(name))
        (button,) = self.seen(QAbstractButton, name)
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    def write(self, name: str, text: str) -> None:
        """Into a line or a text, in place of what stood there."""
        found = self.find(QWidget, name)
        assert isinstance(found, QLineEdit | QPlainTextEdit | QComboBox)
        found.setFocus()
        QTest.keyClick(found, Qt.Key.Key_A, CONTROL)
        QTest.keyClicks(found, text)

    def paste(self, name: str, text: str) -> None:
        found = self.find(QWidget, name)
        assert isinstance(found, QLineEdit | QPlainTextEdit)
        found.setFocus()
        QApplication.clipboard().setText(text)
        QTest.keyClick(found, Qt.Key.Key_A, CONTROL)
        QTest.keyClick(found, Qt.Key.Key_V, CONTROL)
        QApplication.clipboard().clear()

    def pick(self, name: str, value: str) -> None:
        """A combo box's entry, by the arrow keys."""
        found = self.find(QComboBox, name)
        self.until(lambda: found.findData(value) >= 0)
        found.setFocus()
        QTest.keyClick(found, Qt.Key.Key_Home)
        for _each in range(found.findData(value) - found.currentIndex()):
            QTest.keyClick(found, Qt.Key.Key_Down)
        assert found.currentData() == value

    def path(self, path: Path) -> None:
        """Answer the open question for a path by typing it."""
        self.write("question.path", str(path))
        self.click("question.yes")

    def row(self, table: str, text: str) -> None:
        """A click on the row that says `text`."""
        found = self.find(QTableView, table)
        self.until(lambda: row_of(found, text) is not None)
        place = row_of(found, text)
        assert place is not None
        index = found.model().index(place, 0)
        found.scrollTo(index)
        spot = found.visualRect(index).center()
        QTest.mouseClick(found.viewport(), Qt.MouseButton.LeftButton, pos=spot)

    def go(self, page: str) -> None:
        self.click(f"rail.{page}")
        assert self.window.page == page

    # ---- who sits here ----

    def unlock(self, name: str) -> None:
        """Choose the seat, type the passphrase; then everything is asked and is live."""
        if self.seats.seat.id != name:
            self.pick("unlock.seat", name)
            assert self.seats.seat.id == name
        field = self.find(QLineEdit, "unlock.passphrase")
        QTest.keyClicks(field, passphrase_of(name))
        QTest.keyClick(field, Qt.Key.Key_Return)
        self.until(lambda: self.window.frame.isVisible() and self.live)

    def lock(self) -> None:
        QTest.keyClick(self.window, Qt.Key.Key_L, CONTROL)
        self.until(lambda: self.seen(QWidget, "unlock"))

    def sit(self, name: str) -> None:
        """Another officer, by the menu below the name; unlocked when that was not done yet."""
        self.click("topbar.officer")
        self.until(lambda: isinstance(QApplication.activePopupWidget(), QMenu))
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, QMenu)
        (entry,) = [a for a in menu.actions() if name.title() in a.text()]
        QTest.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(entry).center())
        self.until(lambda: self.seats.desk.identity.officer == name)
        if self.seats.desk.identity.locked:
            self.unlock(name)
        self.until(lambda: self.live)

    # ---- inside ----

    def _within_reach(self, name: str) -> bool:
        """Scrolled to anew each time: what comes in meanwhile moves it."""
        found = self.seen(QAbstractButton, name)
        if len(found) != 1:
            return False
        scroll_to(found[0])
        return found[0].isEnabled() and self._on_top(found[0])

    def _on_top(self, widget: QWidget) -> bool:
        """Whether a click in its middle reaches it."""
        spot = widget.mapTo(self.window, widget.rect().center())
        return self.window.childAt(spot) is widget


def seal(office: Office, source: Path, place: Path) -> Path:
    """Through the wizard, step by step, and into the inventory."""
    office.go("models")
    office.click("models.empty.seal")
    office.click("seal.source.choose")
    office.path(source)
    office.click("seal.next")
    office.write("seal.name", "Tiny")
    office.click("seal.next")
    office.click("seal.next")
    office.click("seal.parent.choose")
    office.path(place)
    office.click("seal.next")
    office.click("seal.next")
    office.click("seal.register")
    office.until(lambda: office.spoken("seal.registered"))
    return place / "tiny-1.sealed"


def scroll_to(widget: QWidget) -> None:
    parent = widget.parentWidget()
    while parent is not None:
        if isinstance(parent, QScrollArea):
            parent.ensureWidgetVisible(widget)
        parent = parent.parentWidget()


def row_of(table: QTableView, text: str) -> int | None:
    """The first row of which a cell says `text`."""
    model = table.model()
    for place in range(model.rowCount()):
        cells = (model.index(place, column).data() for column in range(model.columnCount()))
        if any(text in str(each) for each in cells):
            return place
    return None


@contextlib.contextmanager
def running_office(
    whole: Whole, directory: Path, bot: QtBot, names: tuple[str, ...], *, wire: Wire | None = None
) -> Iterator[Office]:
    """The window with a seat for each officer, all locked; everything ended at the end."""
    store = ProfileStore(Places(directory / "app", directory / "app" / "state"))
    door = QtDoor()
    seats = Seats([_chair(whole, directory, store, each, wire) for each in names])
    settings = Settings(ForgivingPreferences(store))
    window = MainWindow(seats, settings, door)
    bot.addWidget(window)
    window.resize(1440, 900)
    with bot.waitActive(window, timeout=SOON):
        window.show()
        window.activateWindow()
    try:
        yield Office(whole, window, seats, store, directory, bot)
    finally:
        window.close()
        door.close()
        store.close()
        window.deleteLater()


def _chair(
    whole: Whole, directory: Path, store: ProfileStore, name: str, wire: Wire | None
) -> Chair:
    path = directory / "app" / "keys" / f"{name}.key"
    path.parent.mkdir(parents=True, exist_ok=True)
    with secret_of(whole.system.authority.people[name]) as secret:
        write_key_file(path, secret, bytearray(passphrase_of(name).encode()), cost=QUICK)
    world, clock = whole.world, whole.system.clock
    profile = Profile(world.url, world.pin, whole.system.fingerprint, name, InFile(path))
    places = store.places_for(seat_id(profile))
    store.keep(Known(seat_id(profile), "test", Environment.DEMO, profile, name, places))
    shipped = wiring_of(profile, places, clock)
    wiring = shipped if wire is None else wire(shipped, name)
    identity = Identity(profile, "test", name, name.title(), locked=True)

    def opened() -> LiveDesk:
        return LiveDesk(identity, places, now=clock, wiring=wiring)

    return Chair(Seat(name, "test", name.title(), environment="demo"), opened)
