"""The desktop's own lock, over a real D-Bus: a session bus of the test's own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SIGNALS = (
    ("/x", "org.freedesktop.ScreenSaver.ActiveChanged", "boolean:false"),
    ("/x", "org.freedesktop.login1.Manager.PrepareForSleep", "boolean:false"),
    ("/org/freedesktop/ScreenSaver", "org.freedesktop.ScreenSaver.ActiveChanged", "boolean:true"),
    ("/org/gnome/ScreenSaver", "org.gnome.ScreenSaver.ActiveChanged", "boolean:true"),
    ("/org/freedesktop/login1/session/c1", "org.freedesktop.login1.Session.Lock", ""),
    ("/org/freedesktop/login1", "org.freedesktop.login1.Manager.PrepareForSleep", "boolean:true"),
)
"""The first two lock nothing: the screen came back, the machine woke."""

SCRIPT = f"""
import subprocess
from PySide6.QtCore import QCoreApplication, QObject, QTimer
from PySide6.QtDBus import QDBusConnection
from keyturn_app.shell.locking import DesktopWatch

app, parent, told = QCoreApplication([]), QObject(), []
bus = QDBusConnection.sessionBus()
watch = DesktopWatch(parent, session=bus, system=bus)

def heard():
    told.append(1)
    if len(told) == 4:
        app.quit()

watch.locked.connect(heard)
print(watch.listening)
for path, name, value in {SIGNALS!r}:
    words = ["dbus-send", "--session", "--type=signal", path, name, *([value] if value else [])]
    subprocess.run(words, check=True)
QTimer.singleShot(20000, app.quit)
app.exec()
print(len(told))
"""


def test_it_hears_the_screen_the_session_and_the_machine() -> None:
    runner = shutil.which("dbus-run-session")
    if runner is None or shutil.which("dbus-send") is None:
        pytest.skip("there is no D-Bus daemon on this machine")
    paths = os.pathsep.join(str(ROOT / each) for each in ("backend", "app"))
    done = subprocess.run(
        [runner, "--", sys.executable, "-c", SCRIPT],
        env={**os.environ, "PYTHONPATH": paths, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == ["True", "4"], done.stderr
