"""The officers page by mouse and keyboard: rows, reasons, questions; the code that cameras read."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import segno
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QPushButton,
    QSpinBox,
    QWidget,
)
from pytestqt.qtbot import QtBot

from keyturn.client.enrolments import send_enrolment
from keyturn.quorum.kinds import Kind
from keyturn_app.actions import Actions
from keyturn_app.facts import Connection, Facts, Link
from keyturn_app.qtkit.pages import Page, PageContext
from keyturn_app.qtkit.tables import Table
from keyturn_app.questions import Confirm, Confirmed
from keyturn_app.screens.officers.qr import QUIET, QrCode
from keyturn_app.screens.officers.view import OfficersPage, build
from support.authority import Clock, policy_body
from support.desks import InlineDesk, InlineDoor, ScriptedOfficer
from support.enrolling import newcomer, request_of
from support.facts import standing_desk, with_link
from support.finding import find
from unit.client.scripted_server import ScriptedServer


class Window:
    """The page in a window of its own."""

    def __init__(self, qtbot: QtBot) -> None:
        self.bot = qtbot
        self.server = ScriptedServer(Clock())
        self.server.enact(Kind.POLICY, "serving", policy_body())
        self.desk: InlineDesk = standing_desk(self.server)
        self.officer = ScriptedOfficer(confirms=Confirmed("as agreed"))
        self.actions = Actions()
        self.copied: list[str] = []
        self.went: list[tuple[str, str]] = []
        self.page: Page = build(
            PageContext(
                self.desk,
                InlineDoor(),
                self.officer,
                self.actions,
                self.copied.append,
                lambda *to: self.went.append(to),
            )
        )
        qtbot.addWidget(self.page)
        self.page.resize(1096, 744)
        with qtbot.waitExposed(self.page):
            self.page.show()

    def button(self, name: str) -> QPushButton:
        return find(self.page, f"officers.{name}", QPushButton)

    def click(self, name: str) -> None:
        button = self.button(name)
        assert button.isEnabled(), button.toolTip()
        self.bot.mouseClick(button, Qt.MouseButton.LeftButton)

    def table(self, name: str) -> Table:
        return find(self.page, f"officers.{name}", Table)

    def rows(self, name: str, column: int = 0) -> list[str]:
        model = self.table(name).model()
        return [str(model.index(at, column).data()) for at in range(model.rowCount())]

    def choose(self, name: str, text: str, column: int = 0) -> None:
        """A click on a row."""
        table = self.table(name)
        at = table.model().index(self.rows(name, column).index(text), column)
        spot = table.visualRect(at).center()
        self.bot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=spot)

    def says(self) -> str:
        labels = self.page.findChildren(QLabel)
        return "\n".join(each.text() for each in labels if each.isVisible())


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[Window]:
    made = Window(qtbot)
    yield made
    made.page.close_page()


def test_an_officer_is_chosen_and_their_removal_proposed(window: Window) -> None:
    assert not window.button("remove").isEnabled()
    assert "Choose an officer first." in window.says()
    window.choose("table", "Officer Bela")
    seen = window.desk.facts.seen
    assert seen is not None
    details = find(window.page, "officers.details", QWidget)
    assert details.isVisible()
    window.bot.waitUntil(lambda: "Officer Bela (bela)" in window.says())
    window.click("remove")
    question = window.officer.asked[-1]
    assert isinstance(question, Confirm)
    assert question.typed == "bela"
    window.desk.refresh()
    proposals = window.desk.facts.proposals
    assert proposals is not None
    assert window.went == [
        ("approvals", each.digest) for each in proposals.all if each.index is None
    ]


def test_by_keyboard_a_row_is_reached_copied_and_renewed(window: Window) -> None:
    window.page.shown()
    officers = window.table("table")
    assert window.page.focusWidget() is officers
    window.bot.keyClick(officers, Qt.Key.Key_Down)
    window.bot.keyClick(officers, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    seen = window.desk.facts.seen
    assert seen is not None
    (copied,) = window.copied
    assert any(key in copied for key in seen.roster.keys), "whole key ids, not shortened ones"

    window.choose("expiries", "policy")
    window.bot.keyClick(window.table("expiries"), Qt.Key.Key_Return)
    assert window.went == [("approvals", "new:policy:serving")]


def test_a_disabled_button_says_why_and_enter_does_not_get_round_it(window: Window) -> None:
    window.choose("expiries", "policy")
    window.desk.show(with_link(window.desk.facts, Link.RECONNECTING))
    for name in ("enrol", "remove", "compromised", "renew"):
        assert not window.button(name).isEnabled()
        assert window.button(name).toolTip() == "Not connected to the server."
    assert window.button("calendar").isEnabled()
    window.bot.keyClick(window.table("expiries"), Qt.Key.Key_Return)
    assert window.went == []
    assert "Read only" in window.says()


def test_loading_offline_and_distrusted_say_what_they_are(window: Window) -> None:
    known = window.desk.facts
    window.desk.show(Facts(Connection(Link.CONNECTING)))
    assert "Reading the roster" in window.says()
    window.desk.show(Facts(Connection(Link.OFFLINE)))
    assert "Not connected" in window.says()
    window.desk.show(with_link(known, Link.DISTRUSTED))
    assert "The server is not believed" in window.says()
    assert "Officer Ada" not in window.says()
    window.desk.show(known)
    assert window.rows("table")[0] == "Officer Ada"


def test_the_fingerprint_is_drawn_as_the_code_of_its_text(window: Window) -> None:
    drawn = find(window.page, "officers.qr", QrCode)
    image, fingerprint = drawn.image(), window.server.fingerprint
    matrix = segno.make(fingerprint, error="m", micro=False).matrix
    white, black = QColor("white"), QColor("black")
    assert image.width() == image.height() == len(matrix) + 2 * QUIET
    assert image.pixelColor(QUIET - 1, QUIET) == white
    for y, line in enumerate(matrix, QUIET):
        for x, dark in enumerate(line, QUIET):
            assert image.pixelColor(x, y) == (black if dark else white)
    assert drawn.width() % image.width() == 0
    assert drawn.accessibleName().endswith(fingerprint)
    window.click("copy")
    assert window.copied == [fingerprint]


def test_history_and_roster_lead_to_the_log(window: Window, tmp_path: Path) -> None:
    window.click("entry")
    window.table("history").setFocus()
    window.choose("history", "1")
    window.bot.keyClick(window.table("history"), Qt.Key.Key_Return)
    assert window.went == [("log", "1"), ("log", "1")]
    window.officer.chosen = tmp_path / "ends.ics"
    window.click("calendar")
    assert window.officer.chosen.read_bytes().startswith(b"BEGIN:VCALENDAR")
    assert window.officer.toasts == ["Saved ends.ics."]


def test_what_the_page_brought_it_takes_away(window: Window) -> None:
    assert isinstance(window.page, OfficersPage)
    assert window.actions.get("officers.enrol") is not None
    window.page.close_page()
    assert list(window.actions) == []


def test_a_change_is_put_together_foretold_and_proposed(window: Window) -> None:
    window.choose("table", "Officer Emil")
    window.click("compose")
    page = find(window.page, "officers.change.page", QWidget)
    assert page.isVisible()
    assert not window.button("change.propose").isEnabled()

    needed = find(window.page, "officers.change.needed.policy", QSpinBox)
    needed.setValue(5)
    assert "can never be reached" in window.says()
    assert not window.button("change.propose").isEnabled()
    needed.setValue(3)
    witness = find(window.page, "officers.change.role.witness", QCheckBox)
    witness.click()
    assert "Policy: 3 approvals in place of 2." in window.says()
    assert "Officer Emil gets the role witness." in window.says()
    window.click("change.propose")
    assert isinstance(window.officer.asked[-1], Confirm)
    assert window.went[-1][0] == "approvals"
    assert not page.isVisible()


def test_another_officers_keys_are_another_officers(window: Window) -> None:
    window.click("compose")
    window.choose("change.people", "Officer Bela")
    choice = find(window.page, "officers.change.key.0", QComboBox)
    choice.setCurrentIndex(2)
    find(window.page, "officers.change.removed", QCheckBox).click()
    assert "named compromised, for ever" in window.says()
    assert "Suspended: Policy serving, version 1" in window.says()
    window.choose("change.people", "Officer Chen")
    assert find(window.page, "officers.change.key.0", QComboBox).currentIndex() == 0
    assert not find(window.page, "officers.change.removed", QCheckBox).isChecked()
    window.choose("change.people", "Officer Bela")
    assert find(window.page, "officers.change.key.0", QComboBox).currentIndex() == 2
    window.click("change.back")
    window.click("compose")
    assert "Nothing differs yet." in window.says()


def test_the_wheel_turns_no_number_that_has_no_keyboard(window: Window) -> None:
    window.click("compose")
    needed = find(window.page, "officers.change.needed.policy", QSpinBox)
    turn = QWheelEvent(
        QPointF(5, 5),
        QPointF(5, 5),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(needed, turn)
    assert needed.value() == 2


def test_who_asks_to_join_is_listed_and_proposed(window: Window) -> None:
    assert "No request waits." in window.says()
    assert not window.button("requests.propose").isVisible()
    raw = request_of(newcomer("zoe"), window.server.fingerprint, window.server.clock())
    with window.server.transport() as stranger:
        send_enrolment(stranger, raw)
    window.click("requests.again")
    assert window.rows("requests.table") == ["Officer Zoe"]
    assert window.rows("requests.table", 4) == ["Waits"]
    assert "Have its maker read the digest or the words aloud" in window.says()
    window.click("requests.propose")
    assert window.went[-1][0] == "approvals"


def test_who_asks_to_join_is_dismissed(window: Window) -> None:
    raw = request_of(newcomer("zoe"), window.server.fingerprint, window.server.clock())
    with window.server.transport() as stranger:
        send_enrolment(stranger, raw)
    window.click("requests.again")
    window.click("requests.dismiss")
    assert window.server.enrolments == {}
    assert not window.button("requests.dismiss").isVisible()
