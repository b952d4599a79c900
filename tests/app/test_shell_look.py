"""How it looks: contrast of every token, light and dark while running, twice the size."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QTableView
from pytestqt.qtbot import QtBot

from keyturn_app.qtkit.theme import theme
from keyturn_app.qtkit.tokens import Mode, contrast, tokens
from support.shellwindow import make_shell

GROUNDS = ("canvas", "surface", "raised", "field", "rail", "hover", "selected")
TEXTS = (
    *("text", "text2", "muted", "accent", "ok", "stale", "pending", "danger"),
    *("quarantined", "unknown", "wiped", "added", "removed"),
)
LINES = ("border_strong", "focus")
TINTED = (
    *("ok", "stale", "pending", "danger", "quarantined", "unknown", "wiped"),
    *("added", "removed", "simulated"),
)
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("mode", list(Mode))
def test_every_text_can_be_read_on_every_ground(mode: Mode) -> None:
    known = tokens(mode)
    pairs = [*itertools.product(TEXTS, GROUNDS), *((each, f"{each}_bg") for each in TINTED)]
    pairs += [("on_accent", "accent_solid"), ("text", "stale_bg"), ("text", "danger_bg")]
    dim = {
        (text, ground): round(contrast(known[text], known[ground]), 2)
        for text, ground in pairs
        if contrast(known[text], known[ground]) < 4.5
    }
    assert dim == {}


@pytest.mark.parametrize("mode", list(Mode))
def test_focus_and_strong_borders_stand_out(mode: Mode) -> None:
    known = tokens(mode)
    dim = {
        (line, ground): round(contrast(known[line], known[ground]), 2)
        for line, ground in itertools.product(LINES, GROUNDS)
        if contrast(known[line], known[ground]) < 3
    }
    assert dim == {}


def test_light_and_dark_are_switched_while_it_runs(qtbot: QtBot) -> None:
    shell = make_shell(qtbot)
    assert theme().mode is Mode.DARK
    keys = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(shell.window, Qt.Key.Key_D, keys)
    assert theme().mode is Mode.LIGHT
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    assert tokens(Mode.LIGHT)["canvas"] in app.styleSheet()
    assert shell.preferences.get("settings.appearance") == "light"


def test_tables_follow_the_density(qtbot: QtBot) -> None:
    from dataclasses import replace

    from keyturn_app.qtkit.tokens import ROW_COMPACT
    from keyturn_app.settings import Density

    shell = make_shell(qtbot, preferences={"window.page": "settings"})
    table = QTableView(shell.window.frame.host.pages[0])
    settings = shell.window.settings
    settings.choose(replace(settings.choices, density=Density.COMPACT))
    assert table.verticalHeader().defaultSectionSize() == ROW_COMPACT


def test_at_twice_the_size_it_is_drawn_twice_as_fine() -> None:
    """In a process of its own: the scale is read once."""
    script = (
        "from PySide6.QtWidgets import QApplication\n"
        "app = QApplication([])\n"
        "from support.shellwindow import shell_of\n"
        'shell = shell_of(("ada",), False, {})\n'
        "shell.window.show()\n"
        "picture = shell.window.grab()\n"
        "print(picture.width(), picture.height(), shell.window.width())\n"
        "shell.window.close()\n"
    )
    paths = [str(ROOT / each) for each in ("backend", "app", "tests")]
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "QT_SCALE_FACTOR": "2",
        "PYTHONPATH": os.pathsep.join(paths),
    }
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["2560", "1600", "1280"], done.stderr
