"""The app's tests draw on no display (set before the first import of Qt), and leave nothing."""

import os
import threading
from collections.abc import Iterator

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(autouse=True)
def nothing_outlives() -> Iterator[None]:
    """No window and no thread is left of a test; its timers went with its widgets."""
    from PySide6.QtCore import QCoreApplication, QEvent
    from PySide6.QtWidgets import QApplication

    def windows() -> set[str]:
        app = QApplication.instance()
        if not isinstance(app, QApplication):
            return set()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        return {
            f"{each.metaObject().className()} {each.objectName()}" for each in app.topLevelWidgets()
        }

    threads, before = set(threading.enumerate()), windows()
    yield
    assert windows() <= before
    left = [each.name for each in threading.enumerate() if each not in threads and each.is_alive()]
    assert left == []
