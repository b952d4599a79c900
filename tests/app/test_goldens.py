"""Every scene of the pictures as text: each widget's class, name, words and state.

`pytest tests/app/test_goldens.py --update-goldens` writes them anew; the difference is reviewed
as code. They are of the shipped recording: after `make recording` they are written anew. The
rail is the same on every page, and written down with the fleet's scenes alone.
"""

import difflib
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from support.stages import scene_named, scene_names, staged
from support.uitree import masked, tree

GOLDENS = Path(__file__).with_name("goldens")


@pytest.mark.parametrize("name", scene_names())
def test_a_scene_reads_as_agreed(
    name: str, qtbot: QtBot, tmp_path: Path, update_goldens: bool
) -> None:
    scene = scene_named(name)
    with staged(scene, tmp_path) as window:
        found = tree(window, without=() if scene.page == "fleet" else ("rail",))
    path = GOLDENS / f"{name}.txt"
    if update_goldens:
        path.write_text(found, encoding="utf-8")
    known = path.read_text(encoding="utf-8") if path.exists() else ""
    difference = "\n".join(
        difflib.unified_diff(
            known.splitlines(), found.splitlines(), f"goldens/{name}.txt", "shown", lineterm=""
        )
    )
    if difference:
        pytest.fail(f"{difference}\n\n(--update-goldens, if it is meant)", pytrace=False)


def test_no_golden_is_left_of_a_scene_that_is_gone() -> None:
    assert {each.stem for each in GOLDENS.glob("*.txt")} == set(scene_names())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2026-11-29 12:23:53 UTC", "<time>"),
        ("lease until 12:33:32", "lease until <time>"),
        ("heard 19 s ago", "heard <age> ago"),
        ("b8f0 e4a2 … 9d61", "<digest>"),
        ("found 17516eb13442b975…cf33006d, expected", "found <digest>, expected"),
        ("https://127.0.0.1:40123", "<address>"),
        ("104 nodes in sin-2-r01-g01", "104 nodes in sin-2-r01-g01"),
    ],
)
def test_what_is_of_one_recording_is_a_placeholder(text: str, told: str) -> None:
    assert masked(text) == told
