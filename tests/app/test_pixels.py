"""A few scenes pixel by pixel, in the shipped fonts, dark and light.

A pixel counts as different when a colour is off by more than 8 of 255; one in a thousand may be.
`pytest tests/app/test_pixels.py --update-goldens` keeps what is drawn now: look at it first.
"""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QFontInfo
from pytestqt.qtbot import QtBot

from keyturn_app.qtkit.theme import MONO, SANS, mono, sans
from support import pictures
from support.stages import Look, scene_named, staged

GOLDENS = Path(__file__).with_name("goldens")
SCENES = ("fleet", "approvals-policy", "log-entry")
LARGEST = 150_000
"""Bytes of one picture in the repository."""


@pytest.mark.parametrize("mode", ["dark", "light"])
@pytest.mark.parametrize("name", SCENES)
def test_a_scene_looks_as_agreed(
    name: str, mode: str, qtbot: QtBot, tmp_path: Path, update_goldens: bool
) -> None:
    with staged(scene_named(name), tmp_path, Look(mode)) as window:
        drawn = pictures.grabbed(window)
    golden = GOLDENS / f"{name}-{mode}.png"
    if update_goldens:
        pictures.write_small(golden, drawn)
    known = pictures.read(golden) if golden.exists() else np.zeros((1, 1, 3), np.uint8)
    different = pictures.difference(known, drawn)
    if different.mean() > pictures.ALLOWED:
        pictures.write(tmp_path / "drawn.png", drawn)
        pictures.write_difference(tmp_path / "difference.png", drawn, different)
        told = f"{golden.name}: {different.sum()} of {different.size} pixels differ"
        pytest.fail(f"{told}; see drawn.png and difference.png in {tmp_path}", pytrace=False)


def test_pictures_are_small_enough_to_keep() -> None:
    assert {each.name for each in GOLDENS.glob("*.png")} == {
        f"{name}-{mode}.png" for name in SCENES for mode in ("dark", "light")
    }
    assert [each.name for each in GOLDENS.glob("*.png") if each.stat().st_size > LARGEST] == []


def test_the_fonts_are_the_shipped_ones(qtbot: QtBot, tmp_path: Path) -> None:
    with staged(scene_named("settings"), tmp_path):
        assert [QFontInfo(each).family() for each in (sans(), mono())] == [SANS, MONO]


def test_a_moved_line_is_seen_and_another_rounding_is_not(qtbot: QtBot, tmp_path: Path) -> None:
    flat = np.full((100, 100, 3), 40, np.uint8)
    moved = flat.copy()
    moved[50, :20] = 200
    assert pictures.difference(flat, flat + np.uint8(8)).sum() == 0
    assert pictures.difference(flat, moved).sum() == 20
    assert pictures.difference(flat, moved[:50]).all()
    pictures.write_small(tmp_path / "small.png", moved)
    assert not pictures.difference(pictures.read(tmp_path / "small.png"), moved).any()
