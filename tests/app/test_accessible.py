"""Every scene for whoever cannot see it well, or has no mouse: names, cells, Tab, contrast."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QCheckBox, QLabel, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from support import speaking
from support.stages import Look, scene_named, scene_names, staged


@pytest.mark.parametrize("name", scene_names())
def test_a_scene_speaks_and_is_reached_by_keyboard(name: str, qtbot: QtBot, tmp_path: Path) -> None:
    with staged(scene_named(name), tmp_path) as window:
        veil = window.findChild(QWidget, "host.veil")
        dimmed = veil is not None and veil.isVisible()
        found = {
            "without a name": speaking.unnamed(window),
            "named twice": speaking.named_twice(window),
            "silent cells": speaking.silent_cells(window),
            "not reached by Tab": speaking.unreached(window),
            "too dim": speaking.dim(window, speaking.DIMMED if dimmed else speaking.FLOOR),
        }
    assert {what: each for what, each in found.items() if each} == {}


@pytest.mark.parametrize(
    "name", ["fleet-node", "approvals-policy", "officers-officer", "log-entry", "models-detail"]
)
def test_in_light_too_every_label_stands_out(name: str, qtbot: QtBot, tmp_path: Path) -> None:
    with staged(scene_named(name), tmp_path, Look("light")) as window:
        assert speaking.dim(window) == []


def test_what_is_missing_is_found(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    nameless, twice, again = QPushButton("a"), QCheckBox("b"), QCheckBox()
    for each in (twice, again):
        each.setObjectName("twice")
    dim = QLabel("dim")
    dim.setStyleSheet("color: #777; background: #888")
    inside = QVBoxLayout(window)
    for widget in (nameless, twice, again, dim):
        inside.addWidget(widget)
    with qtbot.waitExposed(window):
        window.show()
    assert [each.rpartition("(")[2] for each in speaking.unnamed(window)] == [
        "QPushButton)",
        "QCheckBox)",
    ]
    assert speaking.named_twice(window) == ["twice"]
    assert [each.partition("'")[2][:3] for each in speaking.dim(window)] == ["dim"]
