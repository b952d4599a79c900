"""The page of approvals, by clicks and keys, before a server that judges as a keyholder does."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QTableView,
    QWidget,
)
from pytestqt.qtbot import QtBot

from keyturn.base.encoding import Digest
from keyturn.client.profile import Profile
from keyturn.client.qrparts import join, parse_part
from keyturn.client.qrpictures import texts_in
from keyturn.officerkeys.location import InKeyring
from keyturn.quorum.approvals import Decision
from keyturn.quorum.kinds import Kind
from keyturn_app.actions import Actions
from keyturn_app.desk import Identity
from keyturn_app.qtkit.diffpane import DiffPane
from keyturn_app.qtkit.pages import PageContext
from keyturn_app.qtkit.partcode import PartCode
from keyturn_app.qtkit.theme import apply
from keyturn_app.qtkit.tokens import Mode
from keyturn_app.questions import Confirm
from keyturn_app.screens.approvals.picturesview import PicturesPage
from keyturn_app.screens.approvals.view import ApprovalsPage, build
from support.authority import Clock, policy_body
from support.desks import InlineDesk, InlineDoor, ScriptedOfficer
from support.shellwindow import make_shell
from unit.client.scripted_server import PIN, URL, ScriptedServer


class Seat:
    """One officer, the page in front of them, and what they were asked."""

    def __init__(self, server: ScriptedServer, name: str, qtbot: QtBot) -> None:
        profile = Profile(URL, PIN, server.fingerprint, name, InKeyring(name))
        identity = Identity(profile, "test", name, name.title(), locked=False)
        self.desk = InlineDesk(identity, server.client(name), server.clock)
        self.desk.refresh()
        self.officer, self.actions = ScriptedOfficer(), Actions()
        self.copied: list[str] = []
        self.went: list[tuple[str, str]] = []
        page = build(
            PageContext(
                self.desk,
                InlineDoor(),
                self.officer,
                self.actions,
                self.copied.append,
                lambda where, target: self.went.append((where, target)),
            )
        )
        assert isinstance(page, ApprovalsPage)
        self.page = page
        self.window = QWidget()  # as in the app, the page is not the window itself
        page.setParent(self.window)
        qtbot.addWidget(self.window, before_close_func=lambda _window: page.close_page())
        self.window.resize(1096, 744)
        page.resize(1096, 744)
        with qtbot.waitActive(self.window):
            self.window.show()
            self.window.activateWindow()
        page.shown()

    def find(self, kind: type[QWidget], name: str) -> QWidget:
        found = self.page.findChild(kind, name)
        assert found is not None, name
        return found

    def button(self, name: str) -> QAbstractButton:
        found = self.find(QAbstractButton, name)
        assert isinstance(found, QAbstractButton)
        return found

    def click(self, name: str) -> None:
        QTest.mouseClick(self.button(name), Qt.MouseButton.LeftButton)

    def says(self, name: str) -> str:
        found = self.find(QLabel, name)
        assert isinstance(found, QLabel)
        return found.text() if found.isVisible() else ""

    @property
    def table(self) -> QTableView:
        found = self.find(QTableView, "approvals.list")
        assert isinstance(found, QTableView)
        return found

    @property
    def comment(self) -> QPlainTextEdit:
        found = self.find(QPlainTextEdit, "approvals.comment")
        assert isinstance(found, QPlainTextEdit)
        return found


Sit = Callable[[str], Seat]


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer(Clock())


@pytest.fixture
def proposed(server: ScriptedServer) -> Digest:
    server.enact(Kind.POLICY, "serving", policy_body())
    made = server.authority.propose(Kind.POLICY, "serving", policy_body(lease_seconds=30))
    server.post(made)
    return made.digest


@pytest.fixture
def sit(qtbot: QtBot, server: ScriptedServer) -> Sit:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    apply(application, Mode.DARK)
    return lambda name: Seat(server, name, qtbot)


def test_from_the_list_by_keys_to_an_approval(sit: Sit, proposed: Digest) -> None:
    bela = sit("bela")
    QTest.keyClick(bela.table, Qt.Key.Key_Home)
    QTest.keyClick(bela.table, Qt.Key.Key_Return)
    assert bela.says("approvals.title") == "serving"
    assert bela.says("approvals.quorum") == "0 of 2"
    assert "NOT IN FORCE" in bela.says("approvals.standing")
    assert bela.actions.run("approvals.approve") == ""
    assert isinstance(bela.officer.asked[0], Confirm)
    assert bela.says("approvals.quorum") == "1 of 2"
    assert "You approved it" in bela.says("approvals.why")
    assert not bela.button("approvals.approve").isEnabled()
    assert bela.actions.run("approvals.approve") != ""

    chen = sit("chen")
    chen.page.open(proposed)
    chen.click("approvals.approve")
    assert chen.says("approvals.standing").startswith("In force")
    assert "verified here" in chen.says("approvals.receipt.text")
    chen.click("approvals.receipt.open")
    assert chen.went[0][0] == "log"


def test_rejecting_without_a_comment_points_at_the_field(sit: Sit, proposed: Digest) -> None:
    bela = sit("bela")
    bela.page.open(proposed)
    bela.click("approvals.reject")
    assert bela.comment.property("state") == "error"
    assert QApplication.focusWidget() is bela.comment
    assert "needs a comment" in bela.says("approvals.why")
    QTest.keyClicks(bela.comment, "too short a lease")
    bela.click("approvals.reject")
    assert "A rejection stands" in bela.says("approvals.why")
    assert not bela.comment.isVisible()


def test_the_diff_in_each_form(sit: Sit, proposed: Digest) -> None:
    bela = sit("bela")
    bela.page.open(proposed)
    before = bela.find(DiffPane, "approvals.diff.before")
    after = bela.find(DiffPane, "approvals.diff.after")
    assert isinstance(before, DiffPane)
    assert isinstance(after, DiffPane)
    assert '-   "lease_seconds": 60,' in before.text()
    assert '+   "lease_seconds": 30,' in after.text()
    bela.click("approvals.form.unified")
    unified = bela.find(DiffPane, "approvals.diff.unified")
    assert unified.isVisible()
    QTest.keyClick(unified, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert '-   "lease_seconds": 60,\n+   "lease_seconds": 30,' in bela.copied[-1]
    bela.click("approvals.form.exact")
    text = bela.find(QPlainTextEdit, "approvals.exact.text")
    assert isinstance(text, QPlainTextEdit)
    bela.click("approvals.changes.json")
    assert bela.copied[-1] == text.toPlainText()
    bela.click("approvals.form.fields")
    words = [each.text() for each in bela.page.findChildren(QLabel) if each.isVisible()]
    assert "Lease, seconds" in words
    bela.click("approvals.digest.copy")
    assert bela.copied[-1] == proposed


def test_filters_by_mouse_and_search_by_keys(sit: Sit, proposed: Digest) -> None:
    bela = sit("bela")
    bela.click("approvals.filter.waiting")
    assert bela.table.model().rowCount() == 1
    bela.click("approvals.filter.all")
    assert bela.table.model().rowCount() > 3
    bela.actions.run("approvals.search")
    search = bela.find(QLineEdit, "approvals.search")
    assert QApplication.focusWidget() is search
    QTest.keyClicks(search, "zzz")
    assert not bela.table.isVisible()
    bela.actions.run("approvals.search")
    QTest.keyClick(search, Qt.Key.Key_Delete)
    assert bela.table.isVisible()
    QTest.keyClick(bela.table, Qt.Key.Key_Home)
    bela.actions.run("approvals.next")
    assert [each.row() for each in bela.table.selectionModel().selectedRows()] == [1]
    bela.actions.run("approvals.open")
    assert bela.says("approvals.place").startswith("2 of")
    bela.click("approvals.up")
    assert bela.says("approvals.place").startswith("1 of")
    bela.click("approvals.back")
    assert bela.table.isVisible()
    assert proposed


def test_one_withdraws_only_what_is_ones_own(sit: Sit, proposed: Digest) -> None:
    bela, ada = sit("bela"), sit("ada")
    for seat in (bela, ada):
        seat.page.open(proposed)
    assert not bela.button("approvals.withdraw").isVisible()
    assert "others must approve" in ada.says("approvals.why")
    ada.click("approvals.withdraw")
    question = ada.officer.asked[-1]
    assert isinstance(question, Confirm)
    assert question.comment_required


def test_a_draft_is_written_checked_and_proposed(sit: Sit, proposed: Digest) -> None:
    ada = sit("ada")
    ada.click("approvals.new")
    body = ada.find(QPlainTextEdit, "approvals.draft.body")
    assert isinstance(body, QPlainTextEdit)
    written = body.toPlainText()
    assert '"lease_seconds": 60' in written
    body.selectAll()
    QTest.keyClicks(body, '{"tees": 1}')
    assert not ada.button("approvals.draft.propose").isEnabled()
    assert "tees" in ada.find(QWidget, "approvals.draft.problem").accessibleName()
    for _ in range(40):
        QTest.keyClick(body, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert body.toPlainText() == written
    body.setPlainText(written.replace("60", "45"))
    assert "reason" in ada.says("approvals.draft.why")
    QTest.keyClicks(ada.find(QLineEdit, "approvals.draft.reason"), "in between")
    days = ada.find(QLineEdit, "approvals.draft.days")
    assert isinstance(days, QLineEdit)
    QTest.keyClick(days, Qt.Key.Key_Backspace)
    QTest.keyClick(days, Qt.Key.Key_Backspace)
    assert "how many days" in ada.says("approvals.draft.why")
    QTest.keyClicks(days, "10")
    ada.click("approvals.draft.propose")
    assert ada.says("approvals.reason") == "in between"
    assert ada.says("approvals.line").startswith("Version 2")


def test_a_discarded_draft_comes_back(sit: Sit, proposed: Digest) -> None:
    ada = sit("ada")
    ada.page.open("new:revocation:node:node-3")
    assert not ada.find(QComboBox, "approvals.draft.subject").isEnabled()
    QTest.keyClicks(ada.find(QLineEdit, "approvals.draft.reason"), "stolen")
    ada.click("approvals.draft.discard")
    ada.click("approvals.undo")
    reason = ada.find(QLineEdit, "approvals.draft.reason")
    assert isinstance(reason, QLineEdit)
    assert reason.text() == "stolen"
    ada.click("approvals.draft.back")
    assert ada.table.isVisible()


def test_a_file_from_disk_and_back(sit: Sit, proposed: Digest, tmp_path: Path) -> None:
    ada = sit("ada")
    ada.page.open(proposed)
    ada.officer.chosen = tmp_path / "proposal.json"
    ada.click("approvals.export")
    assert (tmp_path / "proposal.json").exists()
    bela = sit("bela")
    bela.officer.chosen = tmp_path / "proposal.json"
    bela.click("approvals.openfile")
    assert "verified here" in bela.says("approvals.file.notice")
    bela.officer.chosen = tmp_path / "signed.json"
    bela.click("approvals.approve")
    assert (tmp_path / "signed.json").exists()
    bela.click("approvals.file.post")
    assert bela.says("approvals.quorum") == "1 of 2"


USED = (QAbstractButton, QLineEdit, QComboBox, QPlainTextEdit, QTableView, DiffPane)


@pytest.mark.parametrize("where", ["list", "proposal", "draft"])
def test_everything_that_can_be_used_has_a_name(sit: Sit, proposed: Digest, where: str) -> None:
    ada = sit("ada")
    if where == "proposal":
        ada.page.open(proposed)
    if where == "draft":
        ada.click("approvals.new")
    used = [each for kind in USED for each in ada.page.findChildren(kind) if each.isVisible()]
    assert len(used) > 4
    for each in used:
        if each.focusPolicy() != Qt.FocusPolicy.NoFocus:
            assert each.objectName(), type(each)
            assert each.accessibleName(), each.objectName()


def test_closing_leaves_nothing_behind(sit: Sit, server: ScriptedServer, proposed: Digest) -> None:
    bela = sit("bela")
    bela.page.open(proposed)
    bela.page.close_page()
    assert list(bela.actions) == []
    server.client("chen").decide(proposed, Decision.APPROVE, "")
    bela.desk.refresh()
    assert bela.says("approvals.quorum") == "0 of 2"


def test_letters_move_and_open_and_are_letters_in_the_search_field(qtbot: QtBot) -> None:
    shell = make_shell(qtbot, preferences={"window.page": "approvals"})
    table = shell.window.findChild(QTableView, "approvals.list")
    search = shell.window.findChild(QLineEdit, "approvals.search")
    title = shell.window.findChild(QLabel, "approvals.title")
    assert table is not None
    assert search is not None
    assert title is not None
    QTest.keyClick(shell.window, Qt.Key.Key_Slash)
    assert QApplication.focusWidget() is search
    QTest.keyClicks(search, "jkaro")
    assert search.text() == "jkaro"
    search.clear()
    table.setFocus()
    QTest.keyClick(table, Qt.Key.Key_Home)
    QTest.keyClick(table, Qt.Key.Key_J)
    assert [each.row() for each in table.selectionModel().selectedRows()] == [1]
    QTest.keyClick(table, Qt.Key.Key_K)
    QTest.keyClick(table, Qt.Key.Key_O)
    assert title.isVisible()
    QTest.keyClick(shell.window, Qt.Key.Key_Backspace)
    assert table.isVisible()


def test_long_words_and_many_lines_push_nothing_out_of_sight(
    sit: Sit, server: ScriptedServer
) -> None:
    made = server.client("ada").propose_change(
        Kind.REVOCATION,
        "node:" + "n" * 200,
        {"target_kind": "node", "target": "n" * 200},
        reason="why\n" * 200 + "w" * 400,
        ticket="T" * 300,
    )
    bela = sit("bela")
    bela.page.open(made.digest)
    QApplication.sendPostedEvents()
    changes = bela.find(QWidget, "approvals.changes")
    bela.click("approvals.form.fields")
    place = changes.mapTo(bela.page, changes.rect().topLeft())
    assert place.x() + changes.width() <= bela.page.width() - 300
    assert place.y() < bela.page.height() - 100
    assert bela.says("approvals.reason").endswith("w" * 400)


def test_a_proposal_as_pictures_on_the_screen(
    sit: Sit, server: ScriptedServer, proposed: Digest, tmp_path: Path
) -> None:
    ada = sit("ada")
    ada.page.open(proposed)
    ada.click("approvals.pictures.show")
    shown = ada.find(PicturesPage, "approvals.pictures")
    code = ada.find(PartCode, "approvals.pictures.code")
    assert shown.isVisible()
    texts: list[str] = []
    while True:
        grabbed = tmp_path / f"grab-{len(texts)}.png"
        assert shown.grab().save(str(grabbed))
        texts += texts_in(grabbed.read_bytes(), grabbed.name)
        if not ada.button("approvals.pictures.after").isEnabled():
            break
        QTest.keyClick(code, Qt.Key.Key_Right)
    whole = join([parse_part(each) for each in texts])
    assert whole == server.client("bela").export(proposed).to_bytes()
    QTest.keyClick(code, Qt.Key.Key_Left)
    assert ada.says("approvals.pictures.place") == f"Picture {len(texts) - 1} of {len(texts)}"
    ada.officer.chosen = tmp_path / "written"
    ada.click("approvals.pictures.write")
    assert len(list((tmp_path / "written").iterdir())) == len(texts)
    QTest.keyClick(code, Qt.Key.Key_Escape)
    assert not shown.isVisible()
    assert ada.button("approvals.pictures.show").isVisible()
