"""The one door for slow local work, over a few threads of its own.

Threads are started here, never in a widget. Whatever work reports goes through one queue that
the window's thread empties: progress by its newest, an outcome once, nothing of dropped jobs.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QObject, Qt, Signal

from keyturn.base.errors import KeyturnError
from keyturn_app.tasks import Job, Progress, Work, fault_of

T = TypeVar("T")
THREADS = 3
JOIN_SECONDS = 5.0


class QtDoor(QObject):
    """Implements `tasks.Door`. Close it before the application ends."""

    _arrived = Signal()

    def __init__(self, parent: QObject | None = None, *, threads: int = THREADS) -> None:
        super().__init__(parent)
        self._changed = threading.Condition()
        self._waiting: deque[Callable[[], None]] = deque()
        self._jobs: set[Job] = set()
        self._outcomes: deque[tuple[Job, Callable[[], None]]] = deque()
        self._progress: dict[Job, tuple[Callable[[Progress], None], Progress]] = {}
        self._told = self._closing = False
        self._most = threads
        self._idle = 0
        self._threads: list[threading.Thread] = []
        self._arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def run(
        self,
        label: str,
        work: Work[T],
        *,
        done: Callable[[T], None],
        failed: Callable[[KeyturnError], None],
        progress: Callable[[Progress], None] | None = None,
    ) -> Job:
        job = Job(label)

        def tell(each: Progress) -> None:
            if progress is not None and not job.dropped:
                self._put(job, progress, each)

        def errand() -> None:
            try:
                job.check()
                found = work(job, tell)
            except KeyturnError as error:
                self._end(job, _with(failed, error))
            except Exception as error:  # noqa: BLE001 - the outermost frame of this thread
                self._end(job, _with(failed, fault_of(error)))
            else:
                self._end(job, _with(done, found))

        with self._changed:
            if self._closing:
                raise RuntimeError("the door is closed")
            self._jobs.add(job)
            self._waiting.append(errand)
            if self._idle < len(self._waiting) and len(self._threads) < self._most:
                self._start()
            self._changed.notify()
        return job

    def close(self) -> None:
        """Drop every job and wait for its thread, at most a few seconds; then it is left alone.

        Threads are daemons: work that ignores `job.check()` does not keep the application up.
        """
        with self._changed:
            self._closing = True
            self._waiting.clear()
            for job in self._jobs:
                job.drop()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(JOIN_SECONDS)
        self._outcomes.clear()
        self._progress.clear()

    # ---- on the door's threads ----

    def _start(self) -> None:
        name = f"keyturn-work-{len(self._threads)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (errand := self._next()) is not None:
            errand()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: bool(self._waiting) or self._closing)
            self._idle -= 1
            return self._waiting.popleft() if self._waiting else None

    def _put(self, job: Job, progress: Callable[[Progress], None], each: Progress) -> None:
        with self._changed:
            self._progress[job] = (progress, each)
            self._ring()

    def _end(self, job: Job, tell: Callable[[], None]) -> None:
        with self._changed:
            self._jobs.discard(job)
            self._outcomes.append((job, tell))
            self._ring()

    def _ring(self) -> None:
        """One signal for however much has come since the last delivery."""
        if not self._told and not self._closing:
            self._told = True
            self._arrived.emit()

    # ---- on the window's thread ----

    def _deliver(self) -> None:
        with self._changed:
            progress, outcomes = self._progress, self._outcomes
            self._progress, self._outcomes, self._told = {}, deque(), False
        for job, (tell, each) in progress.items():
            if not job.dropped:
                tell(each)
        for job, outcome in outcomes:
            if not job.dropped:
                outcome()


def _with(tell: Callable[[T], None], value: T) -> Callable[[], None]:
    return lambda: tell(value)
