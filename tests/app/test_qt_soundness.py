"""PySide6 and this Python belong together: no call gives back a reference that it does not own.

A wheel built for Python 3.12's immortal None and True installs on 3.11 without a word; there the
process dies after some thousand calls, far from any cause.
"""

import gc
import sys
from collections.abc import Callable

import pytest
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from keyturn_app.shell.runtime import collect_here

CALLS = 100
NOISE = 20
"""References that others may come to hold or drop meanwhile."""


class Bell(QObject):
    """Something that emits."""

    rang = Signal(bool)


def lost(singleton: object, call: Callable[[], object]) -> int:
    """How many references to `singleton` CALLS calls cost."""
    before = sys.getrefcount(singleton)
    for _ in range(CALLS):
        call()
    return before - sys.getrefcount(singleton)


@pytest.mark.usefixtures("qapp")
def test_an_emit_costs_no_reference_to_true() -> None:
    bell = Bell()
    assert abs(lost(True, lambda: bell.rang.emit(True))) < NOISE


def test_a_call_costs_no_reference_to_none(qtbot: QtBot) -> None:
    label = QLabel()
    qtbot.addWidget(label)
    assert abs(lost(None, lambda: label.setText("text"))) < NOISE
    assert abs(lost(None, lambda: label.setEnabled(True))) < NOISE


def test_the_count_sees_a_lost_reference() -> None:
    held = [object()]
    kept = held * CALLS
    assert lost(held[0], kept.pop) == CALLS


def test_the_app_lets_no_thread_collect_by_itself(qapp: QApplication) -> None:
    """What Qt's objects leave in cycles, destroyed in another thread, ends the process."""
    window = QWidget()
    gc.enable()
    try:
        collect_here(window)
        assert not gc.isenabled()
    finally:
        gc.disable()  # as in all tests of the app
        window.deleteLater()
