"""A genesis 3 of 5, and rehearsals, by clicks and keys alone, before a real host process and token.

Everybody is at one desk (`support.ceremonyhands`).
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from support.ceremonyhands import (
    Participants,
    ceremony_room,
    hold_genesis,
    key_files,
    nowhere,
    saved,
)
from support.paperhost import make_cast

# The offscreen plugin says of menus and raised windows that it cannot do them.
pytestmark = [
    pytest.mark.qt_log_ignore("This plugin does not support", "propagateSizeHints"),
    pytest.mark.timeout(300),
]


@pytest.fixture
def room(qtbot: QtBot, tmp_path: Path) -> Iterator[Participants]:
    with ceremony_room(qtbot, tmp_path, key_files(make_cast(), tmp_path)) as made:
        yield made


@pytest.mark.parametrize("rehearsal", [True, False], ids=["rehearsal", "in-earnest"])
def test_genesis_three_of_five(room: Participants, *, rehearsal: bool) -> None:
    """In the rehearsal a custodian prints a sheet as well, and deletes its file after signing."""
    if rehearsal:
        room.prints["mara", "user"] = room.directory / "mara.pdf"
    hold_genesis(room, rehearsal=rehearsal)
    assert not any(each.exists() for each in room.prints.values())
    assert bool(room.office.text("band.rehearsal.text")) is rehearsal
    room.office.until(lambda: "record" in room.office.text("ceremony.verdict"))
    verified = saved(room)
    assert verified.rehearsal is rehearsal
    assert len({tuple(each) for each in room.sheets.values()}) == len(room.sheets) == 11
    nowhere(room)


@pytest.mark.parametrize(
    "kind", ["backup", "restore-drill", "kek-rotation", "restore", "hsm-replacement"]
)
def test_a_rehearsal_of(room: Participants, kind: str) -> None:
    """On a throw-away token, whose shares are shown where they are asked for."""
    room.rehearse(kind)
    assert room.office.text("band.rehearsal.text").startswith("REHEARSAL")
    room.lead_to_the_end()
    room.office.until(lambda: "record" in room.office.text("ceremony.verdict"))
    assert saved(room).rehearsal
    nowhere(room)
