"""The page of policies by mouse and keyboard, on the real system."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QPlainTextEdit,
    QSpinBox,
    QTreeWidget,
    QWidget,
)
from pytestqt.qtbot import QtBot

from keyturn_app.qtkit.diffpane import DiffPane
from keyturn_app.qtkit.pages import PageContext
from keyturn_app.screens.policies.view import PoliciesPage, build
from support.desks import InlineDoor
from support.nodes import Node
from unit.app.screens.policies.conftest import (
    Here,
    here,
    hsm_worker,
    node,
    node_secrets,
    system,
    token_template,
    vendors,
    whole,
)

__all__ = [
    "here",
    "hsm_worker",
    "node",
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
    page: PoliciesPage
    bot: QtBot

    def find(self, kind: type[W], name: str) -> W:
        def shown() -> list[W]:
            return [each for each in self.page.findChildren(kind, name) if each.isVisible()]

        self.bot.waitUntil(lambda: bool(shown()), timeout=2000)  # layouts show what is new later
        (found,) = shown()
        return found

    def click(self, name: str) -> None:
        button = self.find(QAbstractButton, name)
        assert button.isEnabled(), f"{name}: {button.toolTip()}"
        self.bot.mouseClick(button, Qt.MouseButton.LeftButton)

    def check(self, name: str) -> None:
        """By keyboard: a click in the middle of a wide box hits nothing."""
        box = self.find(QCheckBox, name)
        box.setFocus()
        self.bot.keyClick(box, Qt.Key.Key_Space)

    def number(self, name: str, value: int) -> None:
        spin = self.find(QSpinBox, name)
        spin.setFocus()
        spin.selectAll()
        self.bot.keyClicks(spin, str(value))

    def text(self, name: str) -> str:
        return self.find(QLabel, name).text()

    def figures(self, pane: str) -> list[str]:
        cards = [self.find(QWidget, f"{pane}.tile.{at}") for at in range(4)]
        return [each.accessibleName().split()[0] for each in cards]


@pytest.fixture
def window(here: Here, qtbot: QtBot) -> Iterator[Window]:
    here.presenter.close()  # the page brings its own
    page = build(
        PageContext(
            here.desk,
            InlineDoor(),
            here.officer,
            here.actions,
            here.copied.append,
            lambda *to: here.went.append(to),
        )
    )
    assert isinstance(page, PoliciesPage)
    here.presenter = page._presenter
    page.resize(1080, 720)
    qtbot.addWidget(page)
    page.show()
    qtbot.waitExposed(page)
    yield Window(here, page, qtbot)
    page.close_page()


def test_a_policy_is_written_by_form_its_impact_seen_and_proposed(
    window: Window, node: Node
) -> None:
    here = window.here
    here.enact()
    here.serve(node)
    assert window.text("policies.name") == "serving"
    window.click("policies.edit")

    window.number("policy.gpu.count", 2)
    window.check("policy.snp.debug")
    row = window.find(QWidget, "policy.row.snp.debug")
    window.bot.waitUntil(
        lambda: (
            "accepts machines that the host can read"
            in " ".join(each.text() for each in row.findChildren(QLabel))
        )
    )
    window.check("policy.snp.debug")
    window.click("policy.impact.simulate")
    assert window.figures("policy.impact") == ["0", "−1", "0", "0"]
    tree = window.find(QTreeWidget, "policy.impact.nodes")
    top = tree.topLevelItem(0)
    assert top is not None
    assert top.text(0) == "Would lose keys · 1"
    loses = top.child(0)
    assert loses is not None
    check = loses.child(0)
    assert check is not None
    assert [check.text(at) for at in range(3)] == ["gpu: count", "1", "2"]

    window.click("policy.show.changes")
    assert '+     "count": 2' in window.find(DiffPane, "policy.diff").text()
    window.click("policy.show.json")
    assert '"count": 2' in window.find(QPlainTextEdit, "policy.json").toPlainText()
    window.click("policy.show.form")

    propose = window.find(QAbstractButton, "policy.propose")
    assert not propose.isEnabled()
    reason = window.find(QPlainTextEdit, "policy.reason")
    window.bot.keyClicks(reason, "two GPUs")
    window.bot.keyClicks(window.find(QLineEdit, "policy.ticket"), "CHG-7")
    window.click("policy.propose")
    here.desk.refresh()

    assert here.went[-1][0] == "approvals"
    assert window.text("policies.line").startswith("Version 2 · CHG-7")
    window.click("policies.form.sides")
    assert "+" in window.find(DiffPane, "policies.diff.after").text()
    window.click("policies.approval")
    assert here.went[-1] == here.went[-2]


def test_keys_alone_search_undo_and_leave(window: Window) -> None:
    here, bot = window.here, window.bot
    here.enact()
    here.enact("zeta")
    listed = window.find(QListWidget, "policies.list")
    window.page.shown()
    bot.keyClick(listed, Qt.Key.Key_Down)
    assert window.text("policies.name") == "zeta"
    bot.keyClick(listed, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    search = window.find(QLineEdit, "policies.search")
    bot.keyClicks(search, "serv")
    assert window.find(QListWidget, "policies.list").count() == 1

    window.click("policies.edit")
    window.number("policy.lease_seconds", 77)
    bot.keyClick(window.page.focusWidget() or window.page, Qt.Key.Key_Tab)
    assert '"lease_seconds": 77' in here.editor.view().json
    window.click("policy.undo")
    assert window.find(QSpinBox, "policy.lease_seconds").value() == 60
    bot.keyClick(window.page.focusWidget() or window.page, Qt.Key.Key_Escape)
    assert here.presenter.editor is None


def test_typing_names_keeps_what_is_typed(window: Window) -> None:
    window.here.enact()
    window.click("policies.edit")
    edit = window.find(QPlainTextEdit, "policy.gpu.drivers")
    edit.setFocus()
    window.bot.keyClicks(edit, "580.82")
    window.bot.keyClick(edit, Qt.Key.Key_Return)
    window.bot.keyClicks(edit, "590.1")
    assert edit.toPlainText() == "580.82\n590.1"
    assert '"590.1"' in window.here.editor.view().json
    row = window.find(QWidget, "policy.row.gpu.drivers")
    texts = [each.text() for each in row.findChildren(QLabel)]
    assert any("no baseline has driver 590.1" in each for each in texts)


def test_a_tee_more_brings_its_section(window: Window) -> None:
    window.here.enact()
    window.click("policies.edit")
    window.check("policy.tees.tdx")
    assert window.find(QWidget, "policy.section.tdx")
    window.check("policy.tees.tdx")
    window.bot.waitUntil(
        lambda: (
            not [
                each
                for each in window.page.findChildren(QWidget, "policy.section.tdx")
                if each.isVisible()
            ]
        )
    )


def test_everything_that_acts_has_a_name(window: Window) -> None:
    window.here.enact()
    window.click("policies.edit")
    window.check("policy.tees.tdx")
    window.check("policy.tpm")
    kinds = (QAbstractButton, QLineEdit, QPlainTextEdit, QSpinBox)
    for kind in kinds:
        for each in window.page.findChildren(kind):
            if each.isVisible() and not each.objectName().startswith("qt_"):
                assert each.objectName(), each
                assert each.accessibleName(), each.objectName()
