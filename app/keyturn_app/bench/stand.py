"""The app's window over a desk, and what is measured of it: for one case in one process."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from keyturn_app.bench.cases import Case
from keyturn_app.bench.figures import frames_document, memory, quantile
from keyturn_app.bench.loop import LoopWatch
from keyturn_app.bench.yardsticks import argsort_ms, bare_repaint_ms, median_ms, repaint_ms
from keyturn_app.qtkit.door import QtDoor
from keyturn_app.screens.fleet.columns import Column
from keyturn_app.screens.fleet.view import FleetPage
from keyturn_app.settings import MemoryPreferences, Settings
from keyturn_app.shell.appearance import follow
from keyturn_app.shell.runtime import collect_here, serve_window
from keyturn_app.shell.session import Session
from keyturn_app.shell.window import MainWindow

QUERY = "state:attested,stale,wiped,unknown -site:sin-*"
SETTLE_MS, LOOK_MS = 1500, 50


class NotShown(RuntimeError):
    """What was measured is not what should have been."""


class Stand:
    """Frames are measured from SETTLE_MS on, for the case's seconds."""

    def __init__(self, case: Case, session: Session) -> None:
        self._case, self._loading = case, 0.0
        settings = Settings(MemoryPreferences({"settings.appearance": "dark"}))
        follow(settings.choices.appearance)
        self._door = QtDoor()
        self._window = MainWindow(session, settings, self._door)
        self._window.resize(1440, 900)
        self._window.go("fleet")
        self._window.show()
        collect_here(self._window)
        serve_window()
        self.watch = LoopWatch(self._window)

    @property
    def page(self) -> FleetPage:
        found = self._window.findChild(FleetPage)
        if not isinstance(found, FleetPage):
            raise NotShown("no fleet page")
        return found

    def run(self, begun: Callable[[], None] = lambda: None) -> dict[str, object]:
        """Filter and sort where the case says so, settle, measure, and report."""
        if self._case.arranged:
            self.page.presenter.filter(QUERY)
            self.page.presenter.sort(Column.HEARD, descending=True)
        look = QTimer()
        look.setInterval(LOOK_MS)
        look.timeout.connect(lambda: self._look(look, begun))
        look.start()
        QApplication.exec()
        self.watch.end()
        return self._report()

    def close(self) -> None:
        self._window.close()
        self._door.close()

    def _report(self) -> dict[str, object]:
        shown = self.page.table.fleet.rowCount()
        if shown == 0 or len(self.page.presenter.store) != self._case.rows:
            raise NotShown("the page does not show the fleet")
        gaps = self.watch.gaps
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return {
            "case": self._case.name,
            "rows": self._case.rows,
            "rate": self._case.rate,
            "loading_ms": round(self._loading, 2),
            **frames_document(self.watch.frames),
            "longest_stretch_ms": round(self.watch.longest, 2),
            "answers_after": {
                "p99_ms": round(quantile(gaps, 0.99), 2),
                "max_ms": round(max(gaps, default=0.0), 2),
            },
            "rows_shown": shown,
            "memory": memory(status),
            "yardsticks": {
                "argsort_ms": round(argsort_ms(self._case.rows), 3),
                "our_order_ms": round(self._order_ms(), 3),
                "bare_repaint_ms": round(bare_repaint_ms(self.page.table), 3),
                "our_repaint_ms": round(repaint_ms(self.page.table), 3),
            },
        }

    def _look(self, look: QTimer, begun: Callable[[], None]) -> None:
        """Once the fleet is there."""
        if len(self.page.presenter.store) != self._case.rows:
            return
        look.stop()

        def begin() -> None:
            begun()
            self._loading = self.watch.longest
            self.watch.begin()

        QTimer.singleShot(SETTLE_MS, begin)
        QTimer.singleShot(SETTLE_MS + 1000 * self._case.seconds, _over)

    def _order_ms(self) -> float:
        return median_ms(self.page.presenter.arrange)


def _over() -> None:
    """Not `quit`: that closes the windows first."""
    QApplication.exit(0)
