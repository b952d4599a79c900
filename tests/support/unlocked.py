"""The window in a process of its own, for a search of its memory from outside.

Reads a passphrase from standard input one byte at a time, so that no copy but the window's own is
made, and says each step that it has come to; a byte lets it go on.
"""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from keyturn.base.encoding import Digest
from keyturn.client.profile import Places, Profile
from keyturn.officerkeys.location import InFile
from keyturn.wire.tls import Pin
from keyturn_app.desk import Identity
from keyturn_app.live.desk import LiveDesk
from keyturn_app.qtkit.door import QtDoor
from keyturn_app.settings import MemoryPreferences, Settings
from keyturn_app.shell.seats import Chair, Seats
from keyturn_app.shell.session import Seat
from keyturn_app.shell.window import MainWindow

NOBODY = "https://127.0.0.1:9"
"""No server: what is asked fails, and the key is open all the same."""


def pump(app: QApplication, done: Callable[[], bool]) -> None:
    while not done():
        app.processEvents()


def come_to(step: str) -> None:
    print(step, flush=True)
    os.read(0, 1)


def main(directory: Path) -> None:
    app = QApplication([])
    pin, fingerprint = Pin("sha256:" + "00" * 32), Digest("sha256:" + "11" * 32)
    profile = Profile(NOBODY, pin, fingerprint, "ada", InFile(directory / "ada.key"))
    places = Places(directory / "desk", directory / "desk" / "state")
    identity = Identity(profile, "test", "ada", "Ada", locked=True)
    seats = Seats([Chair(Seat("ada", "test", "Ada"), lambda: LiveDesk(identity, places))])
    door = QtDoor()
    window = MainWindow(seats, Settings(MemoryPreferences({})), door)
    window.show()
    field = window.findChild(QLineEdit, "unlock.passphrase")
    assert isinstance(field, QLineEdit)
    pump(app, field.isVisible)
    while (byte := os.read(0, 1)) != b"\n":
        QTest.keyClicks(field, chr(byte[0]))
    come_to("typed")
    QTest.keyClick(field, Qt.Key.Key_Return)
    pump(app, lambda: not seats.desk.identity.locked)
    come_to("unlocked")
    window.lock()
    settled = threading.Event()
    QTimer.singleShot(500, settled.set)
    pump(app, settled.is_set)
    come_to("locked")
    window.close()
    door.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
