"""The window over the shipped recording, at its own time, on one thread: as pictures show it.

Nothing here waits for the clock: what a page would ask of another thread is done at once, and
whatever the window still has to do is done when `settle` returns.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QElapsedTimer, QEvent, QEventLoop, QSize, QTimer
from PySide6.QtWidgets import QApplication

from keyturn_app import resources
from keyturn_app.live.replaying import ReplayDesk, ReplaySession
from keyturn_app.recording import Recording, read_recording
from keyturn_app.screenshots import FILE, Scene, State, scenes, seated
from keyturn_app.settings import Appearance, MemoryPreferences, Settings
from keyturn_app.shell.appearance import follow
from keyturn_app.shell.idling import Idling
from keyturn_app.shell.window import MainWindow
from support.desks import InlineDoor

WIDE = QSize(1280, 800)
_SOON = 250
"""Milliseconds: a repeating timer that is faster than this is waited for once."""
_LONGEST = 10_000


@cache
def shipped() -> Recording:
    return read_recording(resources.directory() / FILE)


@cache
def _scenes() -> dict[str, Scene]:
    """The recording is verified once for all of them."""
    return {each.name: each for each in scenes(shipped())}


def scene_named(name: str) -> Scene:
    return _scenes()[name]


def scene_names() -> list[str]:
    return list(_scenes())


@dataclass(frozen=True, slots=True)
class Look:
    """How a scene is to be shown."""

    mode: str = "dark"
    size: QSize = field(default_factory=lambda: QSize(WIDE))


@contextmanager
def staged(scene: Scene, scratch: Path, look: Look | None = None) -> Iterator[MainWindow]:
    """The window, shown, active and settled; gone afterwards."""
    look = look or Look()
    recording = shipped()
    desk = seated(recording, scene)
    kept = MemoryPreferences({"settings.appearance": look.mode, "settings.reduce_motion": "yes"})
    idling = Idling(600.0, lambda: 0.0)
    follow(Appearance(look.mode))  # before the first widget: it takes the fonts along
    window = MainWindow(ReplaySession(desk), Settings(kept), InlineDoor(), idling=idling)
    try:
        window.resize(look.size)
        window.show()
        window.activateWindow()
        _meet(desk, scene, scratch)
        window.go(scene.page, scene.target)
        settle(window)
        scene.then(window)
        window.tick()
        settle(window)
        yield window
    finally:
        window.close()
        window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def settle(window: MainWindow) -> None:
    """Until nothing is due any more but what comes again and again.

    Raises TimeoutError when the window is still at it after ten seconds.
    """
    soon = [each for each in _timers(window) if not each.isSingleShot() and each.interval() < _SOON]
    due = set(soon)
    leaving = [(each, each.timeout.connect(lambda each=each: due.discard(each))) for each in soon]
    clock = QElapsedTimer()
    clock.start()
    try:
        while due or any(each.isSingleShot() for each in _timers(window)):
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 50)
            due.intersection_update(_timers(window))
            if clock.elapsed() > _LONGEST:
                raise TimeoutError("the window does not settle")
    finally:
        for timer, connection in leaving:
            timer.timeout.disconnect(connection)
    QApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _timers(window: MainWindow) -> list[QTimer]:
    return [each for each in window.findChildren(QTimer) if each.isActive()]


def _meet(desk: ReplayDesk, scene: Scene, scratch: Path) -> None:
    if scene.state in (State.LOADING, State.STATION):
        return
    desk.meet()
    if scene.state is State.OFFLINE:
        desk.lose(timedelta(minutes=3))
    elif scene.state is State.CAUGHT:
        status, body = shipped().moment(scene.moment).answers["/v1/proposals"]
        lie = body.replace(b'"status":"open"', b'"status":"in-force"')
        desk.catch({"/v1/proposals": (status, lie)}, scratch)
