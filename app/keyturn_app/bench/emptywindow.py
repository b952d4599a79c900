"""An empty window, the yardstick of a start: `python -m keyturn_app.bench.emptywindow FILE`.

Writes what `keyturn-app --ready FILE` writes. Imports Qt's widgets, and nothing of the app.
"""

import json
import sys
import time
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication, QMainWindow


class Watch(QObject):
    """Writes the file behind the first painting."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._written = False

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.Expose and not self._written:
            self._written = True
            QTimer.singleShot(0, self, self._write)
        return False

    def _write(self) -> None:
        now = time.monotonic_ns() // 1_000_000
        beside = self._path.with_suffix(".new")
        found = {"ready": True, "first_paint_ms": now, "usable_ms": now}
        beside.write_text(json.dumps(found), encoding="utf-8")
        beside.rename(self._path)


def main() -> int:
    app = QApplication(sys.argv[:1])
    window = QMainWindow()
    window.resize(1440, 900)
    window.show()
    watch = Watch(Path(sys.argv[1]))
    handle = window.windowHandle()
    if handle is not None:
        handle.installEventFilter(watch)
    return int(app.exec())


if __name__ == "__main__":
    sys.exit(main())
