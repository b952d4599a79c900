"""How long the window's thread is busy: from each of its wake-ups until it sleeps again.

What can wake it is marked: every timer of the window, the drain, and the request to paint.
"""

import time

from PySide6.QtCore import QAbstractEventDispatcher, QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QWidget

from keyturn_app.bench.figures import Frame

_MARKS = (QEvent.Type.Timer, QEvent.Type.UpdateRequest, QEvent.Type.Expose)
PULSE_MS = 5


class LoopWatch(QObject):
    """A frame is everything between two calls of `drain`; `longest` is one stretch without rest."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.frames: list[Frame] = []
        self.longest = 0.0
        self.gaps: list[float] = []
        self._began: tuple[float, float] | None = None
        self._wall = self._cpu = 0.0
        self._watching = False
        dispatcher = QAbstractEventDispatcher.instance()
        if dispatcher is None:
            raise RuntimeError("no event loop")
        dispatcher.aboutToBlock.connect(self._rests)
        self._pulse = QTimer(self)
        self._pulse.setTimerType(Qt.TimerType.PreciseTimer)
        self._pulse.setInterval(PULSE_MS)
        self._pulse.timeout.connect(self._beat)
        self._beaten: float | None = None
        for timer in window.findChildren(QTimer):
            if timer is not self._pulse:
                timer.installEventFilter(self)
        handle = window.windowHandle()
        if handle is not None:
            handle.installEventFilter(self)

    def watch(self, *timers: QTimer) -> None:
        """Timers that are not the window's own."""
        for each in timers:
            each.installEventFilter(self)

    def follow(self, parent: QObject) -> None:
        """A desk with timers of its own: the fastest of them is the drain."""
        timers = parent.findChildren(QTimer)
        self.watch(*timers)
        min(timers, key=QTimer.interval).timeout.connect(self.drain)

    def begin(self) -> None:
        """Forget what was before, and measure."""
        self.frames.clear()
        self.gaps.clear()
        self.longest = self._wall = self._cpu = 0.0
        self._watching = True
        self._beaten = None
        self._pulse.start()

    def end(self) -> None:
        self._watching = False
        self._pulse.stop()

    def drain(self) -> None:
        """A frame is over, the next begins."""
        self._settle()
        if self._watching:
            self.frames.append(Frame(self._wall, self._cpu))
        self._wall = self._cpu = 0.0
        self._mark()

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if self._began is None and event.type() in _MARKS:
            self._mark()
        return False

    def _mark(self) -> None:
        self._began = time.perf_counter(), time.thread_time()

    def _settle(self) -> None:
        if self._began is None:
            return
        wall = 1000 * (time.perf_counter() - self._began[0])
        self._wall += wall
        self._cpu += 1000 * (time.thread_time() - self._began[1])
        self.longest = max(self.longest, wall)
        self._began = None

    def _rests(self) -> None:
        self._settle()

    def _beat(self) -> None:
        now = time.perf_counter()
        if self._beaten is not None:
            self.gaps.append(1000 * (now - self._beaten) - PULSE_MS)
        self._beaten = now
