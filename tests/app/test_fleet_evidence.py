"""From a refused node to its explanation, its evidence and a repair's draft: by mouse and keys."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLabel, QLineEdit, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot

from keyturn.quorum.kinds import Kind
from keyturn_app.actions import Actions
from keyturn_app.qtkit.pages import PageContext
from keyturn_app.screens.approvals import view as approvals
from keyturn_app.screens.approvals.view import ApprovalsPage
from keyturn_app.screens.fleet.sidepane import SidePane
from keyturn_app.screens.fleet.view import FleetPage, build
from keyturn_app.settings import Settings
from unit.app.screens.fleet.refusals import ALSO, BAD, GOOD, WRONG, Refusals

LEFT, PLAIN = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


class Desktop:
    """The pages of nodes and of approvals, over one desk; `go` opens the other."""

    def __init__(self, qtbot: QtBot, width: int = 1096) -> None:
        self.world, self.actions, settings = Refusals(), Actions(), Settings()
        settings.choose(replace(settings.choices, reduce_motion=True))
        context = PageContext(
            self.world.desk,
            self.world.door,
            self.world.officer,
            self.actions,
            self.world.copied.append,
            self._go,
            settings,
        )
        fleet, proposing = build(context), approvals.build(context)
        assert isinstance(fleet, FleetPage)
        assert isinstance(proposing, ApprovalsPage)
        self.page, self.approvals = fleet, proposing
        for each in (proposing, fleet):
            qtbot.addWidget(each)
            each.resize(width, 744)
        with qtbot.waitActive(fleet):
            fleet.show()
            fleet.activateWindow()

    def _go(self, page: str, target: str) -> None:
        assert page == "approvals"
        self.approvals.show()
        self.approvals.open(target)

    def find(self, kind: type[QWidget], name: str) -> QWidget:
        found = self.page.findChild(kind, name)
        assert isinstance(found, kind), name
        return found

    def click(self, name: str) -> None:
        button = self.find(QAbstractButton, name)
        assert button.isEnabled(), name
        QTest.mouseClick(button, LEFT)

    def close(self) -> None:
        self.page.close_page()
        self.approvals.close_page()


@pytest.fixture
def desktop(qtbot: QtBot) -> Iterator[Desktop]:
    made = Desktop(qtbot)
    yield made
    made.close()


def open_refused(desktop: Desktop) -> None:
    table = desktop.page.table
    row = table.fleet.row_of(BAD)
    QTest.mouseClick(
        table.viewport(), LEFT, PLAIN, table.visualRect(table.fleet.index(row, 0)).center()
    )
    assert desktop.page.drawer.is_open


def test_from_a_refusal_to_the_draft_of_its_repair(desktop: Desktop, qtbot: QtBot) -> None:
    open_refused(desktop)
    sides = desktop.find(SidePane, "fleet.why.fault.0.sides")
    assert isinstance(sides, SidePane)
    found, expected = sides.lines()
    assert "".join(found).replace(" ", "") == WRONG.hex()
    assert "".join(expected).startswith("00010203")
    assert "eeeeeeee / 00010203" in sides.accessibleDescription()
    shared = desktop.find(QAbstractButton, "fleet.why.fault.0.shared.0")
    assert isinstance(shared, QAbstractButton)
    assert shared.text() == ALSO
    desktop.click("fleet.why.repair.1.do")
    shown = desktop.approvals.drafts.view()
    assert shown is not None
    assert (shown.draft.kind, shown.draft.subject) == (Kind.REFERENCE_VALUES, "firmware")
    texts = [each.toPlainText() for each in desktop.approvals.findChildren(QPlainTextEdit)]
    body = json.loads(next(each for each in texts if each.startswith("{")))
    assert WRONG.hex() in json.dumps(body)
    assert shown.problem == ""
    assert shown.propose.possible
    assert desktop.world.officer.asked == []  # nothing is proposed, and nobody was asked yet


def test_a_link_selects_the_node_that_shares_the_fault(desktop: Desktop) -> None:
    open_refused(desktop)
    desktop.click("fleet.why.fault.0.shared.0")
    assert desktop.page.presenter.selected == ALSO
    desktop.click("fleet.why.fault.0.passed.0")
    assert desktop.page.presenter.selected == GOOD
    assert not desktop.find(QWidget, "fleet.why").isVisible()


def test_the_safest_way_is_copied_where_it_is_done_elsewhere(desktop: Desktop) -> None:
    open_refused(desktop)
    desktop.click("fleet.why.repair.0.do")
    assert desktop.world.copied[-1].endswith("keyturn agent doctor --config agent.toml")
    desktop.click("fleet.why.fault.0.copy")
    assert WRONG.hex() in desktop.world.copied[-1]


def test_the_viewer_shows_each_bytes_field(desktop: Desktop, qtbot: QtBot) -> None:
    open_refused(desktop)
    assert desktop.actions.run("fleet.evidence") == ""
    page = desktop.page.evidence
    assert page.isVisible()
    assert not desktop.page.drawer.isVisible()
    desktop.click("fleet.evidence.tab.fields")
    page.tree.setFocus()
    tree = page.tree
    report = tree.topLevelItem(1)
    assert report is not None
    tree.setCurrentItem(report)
    assert page.hex.marked == (0, 0)
    x, y = page.hex.place_of(0x92)
    if y > page.hex.viewport().height():
        page.hex.verticalScrollBar().setValue(6)
        x, y = page.hex.place_of(0x92)
    QTest.mouseClick(page.hex.viewport(), LEFT, PLAIN, QPoint(int(x), int(y)))
    assert page.hex.marked == (0x90, 0xC0)
    current = tree.currentItem()
    assert current is not None
    assert current.text(0) == "MEASUREMENT"
    QTest.keyClick(page.hex, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert desktop.world.copied[-1].startswith("00000090  ee ee")
    QTest.keyClick(tree, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert json.loads(desktop.world.copied[-1])["name"] == "MEASUREMENT"
    QTest.keyClick(tree, Qt.Key.Key_Escape)
    assert not page.isVisible()
    assert desktop.page.drawer.is_open


def test_the_viewer_is_searched_and_folded_by_keyboard(desktop: Desktop) -> None:
    open_refused(desktop)
    desktop.click("fleet.drawer.evidence")
    page = desktop.page.evidence
    desktop.actions.run("fleet.filter")
    search = desktop.find(QLineEdit, "fleet.evidence.search")
    QTest.keyClicks(search, "gpu 0 nonce")
    QTest.keyClicks(search, "zz")
    assert not page.tree.isVisible()
    assert desktop.find(QWidget, "fleet.evidence.empty").isVisible()
    assert isinstance(search, QLineEdit)
    search.clear()
    desktop.click("fleet.evidence.collapse")
    first = page.tree.topLevelItem(0)
    assert first is not None
    assert not first.isExpanded()
    desktop.click("fleet.evidence.expand")
    assert first.isExpanded()
    QTest.keyClick(search, Qt.Key.Key_Escape)
    assert not page.isVisible()


def test_without_a_node_there_is_no_evidence_to_open(desktop: Desktop) -> None:
    assert desktop.actions.run("fleet.evidence") == "Select a node first."
    assert not desktop.page.evidence.isVisible()


def test_evidence_of_other_bytes_is_not_shown(desktop: Desktop) -> None:
    node = next(each for each in desktop.world.nodes if each.name == BAD)
    assert node.refused is not None
    desktop.world.server.evidence[node.refused[1].evidence] += b" "
    open_refused(desktop)
    desktop.click("fleet.drawer.evidence")
    assert desktop.find(QWidget, "fleet.evidence.trouble").isVisible()
    assert not desktop.page.evidence.tree.isVisible()
    copy = desktop.find(QAbstractButton, "fleet.evidence.copy_all")
    assert not copy.isEnabled()


@pytest.mark.parametrize("width", [1096, 844])
def test_nothing_is_cut_off_where_it_is_narrow(qtbot: QtBot, width: int) -> None:
    desktop = Desktop(qtbot, width)
    open_refused(desktop)
    desktop.click("fleet.drawer.evidence")
    page = desktop.page.evidence
    assert page.minimumSizeHint().width() <= width
    note = desktop.find(QLabel, "fleet.evidence.note")
    assert isinstance(note, QLabel)
    assert "Verified here" in note.text()
    desktop.close()
