"""`--ready FILE`: says when the window was first painted, and when it showed what is of now.

Whoever starts the program waits for the file; `keyturn bench app` measures by the times in it.
"""

import time
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QWidget

from keyturn.base.strictjson import dump
from keyturn.client.profile import write_atomically
from keyturn_app.desk import Desk, Topic
from keyturn_app.facts import Link

_PATIENCE_MS = 1000
_PAINTING = (QEvent.Type.Expose, QEvent.Type.UpdateRequest)


class Readiness(QObject):
    """Writes `path` once: `{"ready": true, "first_paint_ms": …, "usable_ms": …}`.

    Usable: live facts are painted, and the event loop is back for the next click. Times are of
    the system's monotonic clock, which other processes can read too.
    """

    def __init__(self, window: QWidget, desk: Desk, path: Path) -> None:
        super().__init__(window)
        self._window, self._desk, self._path = window, desk, path
        self._painted: int | None = None
        self._live = False
        self._leave = desk.subscribe(self._look, Topic.CONNECTION, Topic.SEEN)
        for each in self._watched():
            each.installEventFilter(self)

    def close(self) -> None:
        """Wait no longer."""
        self._leave()
        for each in self._watched():
            each.removeEventFilter(self)

    def _watched(self) -> list[QObject]:
        """The window's own surface is exposed; the widget is asked to paint: not both each time."""
        handle = self._window.windowHandle()
        return [self._window] if handle is None else [self._window, handle]

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() in _PAINTING:
            QTimer.singleShot(0, self, self._after_painting)
        return False

    def _look(self, _topics: frozenset[Topic]) -> None:
        facts = self._desk.facts
        if not self._live and facts.connection.link is Link.LIVE and facts.seen is not None:
            self._live = True
            self._window.update()
            QTimer.singleShot(_PATIENCE_MS, self, self._after_painting)  # covered, or minimised

    def _after_painting(self) -> None:
        now = time.monotonic_ns() // 1_000_000
        if self._painted is None:
            self._painted = now
        if self._live:
            self.close()
            self._live = False
            found = {"ready": True, "first_paint_ms": self._painted, "usable_ms": now}
            write_atomically(self._path, dump(found))
