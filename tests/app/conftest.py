"""The app's tests draw on no display (set before the first import of Qt), and leave nothing."""

import gc
import os
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-goldens", action="store_true", help="write the app's goldens anew")


@pytest.fixture
def update_goldens(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-goldens", default=False))


@pytest.fixture(autouse=True)
def no_key_is_held() -> Iterator[None]:
    """A key pressed by a test whose window closed under it is not held in the next one."""
    yield
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication, QWidget

    held = Qt.KeyboardModifier.NoModifier
    if QApplication.instance() is not None and QApplication.keyboardModifiers() != held:
        nobody = QWidget()
        QTest.keyRelease(nobody, Qt.Key.Key_Control)
        nobody.deleteLater()


@pytest.fixture(scope="session", autouse=True)
def garbage_goes_here() -> Iterator[None]:
    """As in the app: what Qt's objects leave in cycles is destroyed in no other thread."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(autouse=True)
def nothing_outlives() -> Iterator[None]:
    """No window and no thread is left of a test; its timers went with its widgets."""
    from PySide6.QtCore import QCoreApplication, QEvent
    from PySide6.QtWidgets import QApplication

    def windows() -> Counter[str]:
        app = QApplication.instance()
        if not isinstance(app, QApplication):
            return Counter()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        return Counter(
            f"{each.metaObject().className()} {each.objectName()}" for each in app.topLevelWidgets()
        )

    threads, before = set(threading.enumerate()), windows()
    yield
    gc.collect()  # a menu without a parent lives as long as a cycle in Python does
    assert windows() <= before
    left = [each.name for each in threading.enumerate() if each not in threads and each.is_alive()]
    assert left == []
