"""The baselines page by mouse and keyboard, on the real system."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)
from pytestqt.qtbot import QtBot

from keyturn.client.proposals import Status
from keyturn.quorum.kinds import Kind
from keyturn_app.facts import Connection, Facts, Link
from keyturn_app.qtkit.door import QtDoor
from keyturn_app.qtkit.pages import PageContext
from keyturn_app.qtkit.tables import Table
from keyturn_app.screens.baselines.sources import Source
from keyturn_app.screens.baselines.view import BaselinesPage, build
from keyturn_sim.bootlog import SimBoot
from support.nodes import Node
from unit.app.screens.baselines.conftest import (
    Here,
    body_of,
    golden,
    here,
    hsm_worker,
    model,
    node_secrets,
    system,
    token_template,
    vendors,
    whole,
)

__all__ = [
    "golden",
    "here",
    "hsm_worker",
    "model",
    "node_secrets",
    "system",
    "token_template",
    "vendors",
    "whole",
]

W = TypeVar("W", bound=QWidget)


@dataclass
class Window:
    """The page in a window, and hands."""

    here: Here
    page: BaselinesPage
    bot: QtBot

    def find(self, kind: type[W], name: str) -> W:
        def shown() -> list[W]:
            found = self.page.findChildren(kind, name)
            return [each for each in found if each.isVisible() and each.height()]

        self.bot.waitUntil(lambda: bool(shown()), timeout=5000)  # layouts place what is new later
        (found,) = shown()
        return found

    def click(self, name: str) -> None:
        button = self.find(QAbstractButton, name)
        self.bot.waitUntil(button.isEnabled, timeout=10_000)
        if isinstance(button, QCheckBox):
            button.click()
            return
        self.bot.mouseClick(button, Qt.MouseButton.LeftButton)

    def text(self, name: str) -> str:
        return self.find(QLabel, name).text()

    def said(self) -> str:
        return "\n".join(e.text() for e in self.page.findChildren(QLabel) if e.isVisible())

    def says(self, text: str) -> None:
        self.bot.waitUntil(lambda: text in self.said(), timeout=5000)

    def pick(self, name: str, value: str) -> None:
        """A combo box's entry, by the arrow keys."""
        found = self.find(QComboBox, name)
        self.bot.waitUntil(lambda: found.findData(value) >= 0, timeout=5000)
        found.setFocus()
        self.bot.keyClick(found, Qt.Key.Key_Home)
        while found.currentData() != value:
            self.bot.keyClick(found, Qt.Key.Key_Down)

    def names(self) -> list[str]:
        model = self.find(Table, "baselines.table").model()
        return [model.index(at, 0).data() for at in range(model.rowCount())]

    def choose(self, name: str) -> None:
        """A click on a row of the table."""
        table = self.find(Table, "baselines.table")
        spot = table.visualRect(table.model().index(self.names().index(name), 0)).center()
        self.bot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=spot)


@pytest.fixture
def window(here: Here, qtbot: QtBot) -> Iterator[Window]:
    here.presenter.close()
    door = QtDoor()
    host = QWidget()
    qtbot.addWidget(host)
    page = build(
        PageContext(
            here.desk,
            door,
            here.officer,
            here.actions,
            here.copied.append,
            lambda *to: here.went.append(to),
        )
    )
    assert isinstance(page, BaselinesPage)
    page.setParent(host)
    host.resize(1096, 744)
    page.resize(host.size())
    host.show()
    qtbot.waitExposed(host)
    page.shown()
    yield Window(here, page, qtbot)
    page.close_page()
    door.close()


def test_empty_loading_and_offline_say_what_they_are(window: Window) -> None:
    window.says("Reading the log")
    window.here.desk.show(Facts(Connection(Link.OFFLINE)))
    window.says("Not connected")
    window.here.desk.refresh()
    window.says("No baseline yet")
    window.click("baselines.empty.import")
    assert window.find(QWidget, "baselines.new")
    window.click("new.cancel")
    window.says("No baseline yet")


def test_a_golden_nodes_firmware_is_captured_and_proposed(window: Window, golden: Node) -> None:
    here = window.here
    window.click("baselines.capture")
    window.pick("new.node", "node-1")
    window.click("new.read")
    measurement = golden.sim.launch.measurement.hex()  # type: ignore[union-attr]
    assert window.find(QCheckBox, f"new.take.snp.{measurement}").isChecked()
    window.click("new.take.gpu.0.0")
    window.says("more firmware passes")
    window.click("new.take.gpu.0.0")
    subject = window.find(QComboBox, "new.subject").lineEdit()
    assert subject is not None
    window.bot.keyClicks(subject, "golden")
    window.bot.keyClicks(window.find(QLineEdit, "new.until"), "30")
    window.says("+ added")
    window.says("No policy in force names the baseline golden.")
    assert window.text("new.problem") == "Say why; every officer will read it."
    window.bot.keyClicks(window.find(QPlainTextEdit, "new.reason"), "Node 1 is golden")
    window.click("new.propose")
    assert here.went[-1][0] == "approvals"
    proposals = here.desk.facts.proposals
    assert proposals is not None
    (made,) = [e for e in proposals.all if e.statement.subject == "golden"]
    assert (made.status, made.statement.kind) == (Status.OPEN, Kind.REFERENCE_VALUES)
    assert window.names() == ["firmware", "golden"]


def test_a_row_opens_the_drawer_with_values_and_uses(window: Window, golden: Node) -> None:
    window.page.shown()
    assert not window.page.findChild(QWidget, "baselines.detail").isVisible()
    window.bot.keyClick(window.find(Table, "baselines.table"), Qt.Key.Key_Down)
    window.choose("firmware")
    measurement = golden.sim.launch.measurement.hex()  # type: ignore[union-attr]
    window.click(f"baselines.value.snp.{measurement}.copy")
    assert window.here.copied[-1] == measurement
    window.click("baselines.fleet.node-1")
    assert window.here.went[-1] == ("fleet", "node-1")
    window.click("baselines.policies.serving")
    assert window.here.went[-1] == ("policies", "serving")
    window.click("baselines.unfold.gpu.0")
    assert window.find(QLabel, "baselines.value.gpu.0.7")
    window.bot.keyClick(window.page, Qt.Key.Key_Escape)
    assert not window.page.findChild(QWidget, "baselines.detail").isVisible()


def test_comparing_marks_by_sign_word_and_underline(window: Window, golden: Node) -> None:
    body = body_of(golden)
    body["snp"] = {"measurements": [{"value": "ab" * 24 + "cd" * 24, "source": "a test"}]}
    window.here.enact(body)
    window.choose("firmware")
    window.click("baselines.detail.compare")
    window.says("+ added")
    window.says("− removed")
    window.pick("compare.right", "node:node-1")
    window.pick("compare.left", window.find(QComboBox, "compare.left").itemData(0))
    window.says("≠ differs")
    window.click("compare.every")
    window.says("= allowed")
    window.click("compare.copy")
    assert "differs" in window.here.copied[-1]
    window.bot.keyClick(window.page, Qt.Key.Key_Escape)
    assert window.names() == ["firmware"]


def test_an_event_log_is_read_away_from_the_window(window: Window) -> None:
    here = window.here
    here.desk.refresh()
    path = here.tmp / "measurements"
    path.write_bytes(SimBoot().log())
    here.officer.chosen = path
    window.click("baselines.empty.import")
    window.click(f"new.source.{Source.EVENT_LOG.value}")
    window.click("new.field.log.choose")
    window.click("new.read")
    events = window.find(Table, "new.events").model()
    assert events.rowCount() > 10
    path.write_bytes(b"not a log")
    window.click("new.read")
    window.bot.waitUntil(lambda: "Nothing was taken from it" in window.said(), timeout=5000)
    assert "Found:" in window.text("new.error.lines")
