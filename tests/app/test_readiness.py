"""`--ready FILE` is written once what is live was painted, and also where nothing paints."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from keyturn_app.desk import Topic
from keyturn_app.facts import Connection, Facts, Link, Seen
from keyturn_app.shell import readiness
from keyturn_app.shell.readiness import Readiness
from support.authority import Clock
from support.desks import InlineDesk
from support.facts import standing_desk
from unit.client.scripted_server import ScriptedServer

NOW = datetime(2026, 11, 29, tzinfo=UTC)


@pytest.fixture
def desk() -> InlineDesk:
    return standing_desk(ScriptedServer(Clock()))


def go_live(desk: InlineDesk) -> None:
    seen = cast(Seen, object())  # what it is does not matter here, only that it is there
    desk.show(Facts(connection=Connection(Link.LIVE, heard=NOW), seen=seen), Topic.CONNECTION)


@pytest.mark.parametrize("shown", [True, False], ids=["shown", "covered"])
def test_the_file_is_written_once_it_is_live(
    qtbot: QtBot,
    desk: InlineDesk,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shown: bool,
) -> None:
    monkeypatch.setattr(readiness, "_PATIENCE_MS", 10_000 if shown else 0)
    window = QWidget()
    qtbot.addWidget(window)
    if shown:
        window.show()
    file = tmp_path / "ready"
    desk.show(Facts(), Topic.CONNECTION)
    ready = Readiness(window, desk, file)
    assert not file.exists()

    go_live(desk)
    qtbot.waitUntil(file.exists, timeout=5000)

    assert json.loads(file.read_text())["ready"] is True
    ready.close()
