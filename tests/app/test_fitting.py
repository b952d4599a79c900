"""Nothing is cut off and nothing sticks out: at 1280×800, twice as fine, and as small as it goes.

`narrow.txt` lists what is still cut off in the smallest window. It only shrinks.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QLabel, QPushButton, QSpinBox, QWidget
from pytestqt.qtbot import QtBot

from keyturn_app import i18n, resources
from support.fitting import misfits
from support.stages import Look, scene_named, scene_names, staged

ROOT = Path(__file__).resolve().parents[2]
NARROW = Path(__file__).with_name("narrow.txt")
SOME = ("fleet-node", "models-detail", "approvals-policy", "officers", "log-entry", "settings")
"""One scene of each page, with whatever lies beside it."""

SMALLEST = QSize(900, 680)


@pytest.mark.parametrize("name", scene_names())
def test_a_scene_fits_a_small_screen(name: str, qtbot: QtBot, tmp_path: Path) -> None:
    with staged(scene_named(name), tmp_path) as window:
        assert window.minimumSizeHint().width() <= window.width() == 1280
        assert list(misfits(window)) == []


def test_it_fits_on_a_screen_twice_as_fine() -> None:
    """In a process of its own: the scale is read once."""
    done = subprocess.run(
        [sys.executable, "-m", "support.fitting", "1280", "800", *SOME],
        env={
            **os.environ,
            "QT_QPA_PLATFORM": "offscreen",
            "QT_SCALE_FACTOR": "2",
            "PYTHONPATH": os.pathsep.join(str(ROOT / each) for each in ("backend", "app", "tests")),
        },
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.stdout.splitlines() == []
    assert done.returncode == 0, done.stderr


def test_what_is_cut_off_in_the_smallest_window_is_known(qtbot: QtBot, tmp_path: Path) -> None:
    found = set()
    for name in SOME:
        with staged(scene_named(name), tmp_path, Look(size=SMALLEST)) as window:
            assert window.size() == window.minimumSize() == SMALLEST
            found |= {each.partition(":")[0] for each in misfits(window)}
    listed = set(NARROW.read_text(encoding="utf-8").splitlines())
    assert sorted(found - listed) == []
    assert sorted(listed - found) == [], "take it off the list"


@pytest.mark.parametrize("name", ["fleet", "fleet-node", "fleet-offline", "settings", "locked"])
def test_longer_words_of_another_language_fit(
    name: str, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(i18n, "_translations", i18n._translations)
    i18n.use(resources.directory() / "translations", ["de"], complete=False)
    with staged(scene_named(name), tmp_path) as window:
        assert list(misfits(window)) == []
        assert i18n._("Attested") == "Attestiert"


def test_a_number_without_room_is_found(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    number = QSpinBox(window)
    number.setObjectName("number")
    number.setMaximum(10**6)
    number.setValue(10**6)
    window.resize(300, 100)
    window.show()
    assert list(misfits(window)) == []
    number.setFixedWidth(20)
    number.lineEdit().setFixedWidth(1)
    (found,) = misfits(window)
    assert "'1000000' needs a width of" in found


def test_what_does_not_fit_is_found(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(200, 100)
    cut, pressed = QLabel("a long text", window), QPushButton("Press", window)
    cut.setObjectName("cut")
    cut.setGeometry(0, 0, 20, 20)
    pressed.setObjectName("pressed")
    pressed.setGeometry(0, 30, 20, 30)
    outside = QWidget(window)
    outside.setObjectName("outside")
    outside.setGeometry(190, 0, 50, 20)
    with qtbot.waitExposed(window):
        window.show()
    assert [each.partition(":")[0] for each in misfits(window)] == ["cut", "pressed", "outside"]
