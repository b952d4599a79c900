"""The log page's widgets, driven by clicks and keys, over a real client of a scripted server."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from keyturn.quorum.entries import start_entry
from keyturn_app.actions import Actions
from keyturn_app.facts import Alarm, AlarmKind, Connection, Facts, Link
from keyturn_app.qtkit.door import QtDoor
from keyturn_app.qtkit.pages import PageContext
from keyturn_app.screens.log.alarming import Contradiction, export, side
from keyturn_app.screens.log.prooftree import ProofTree
from keyturn_app.screens.log.view import LogPage, build
from keyturn_app.tasks import Door
from support.desks import InlineDesk, InlineDoor, ScriptedOfficer
from support.logbook import Logbook

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen plugin says so

W = TypeVar("W", bound=QWidget)
INTERACTIVE = (QAbstractButton, QLineEdit, QPlainTextEdit, QComboBox, QAbstractItemView)


@dataclass
class Window:
    """The page as a window, and who sits at it."""

    page: LogPage
    book: Logbook
    desk: InlineDesk
    officer: ScriptedOfficer
    actions: Actions
    copied: list[str] = field(default_factory=list)
    went: list[tuple[str, str]] = field(default_factory=list)

    @property
    def table(self) -> QAbstractItemView:
        return self.child(QAbstractItemView, "log.entries")

    def child(self, kind: type[W], name: str) -> W:
        found = self.page.findChild(kind, name)
        assert found is not None, name
        return found

    def text(self, name: str) -> str:
        return self.child(QLabel, name).text()

    def said(self, row: int) -> list[str]:
        model = self.table.model()
        return [str(model.index(row, column).data()) for column in range(model.columnCount())]

    def press(self, qtbot: QtBot, name: str) -> None:
        qtbot.mouseClick(self.child(QPushButton, name), Qt.MouseButton.LeftButton)

    def show(self, **changed: object) -> None:
        self.desk.show(replace(self.desk.facts, **changed))  # type: ignore[arg-type]


def make(qtbot: QtBot, book: Logbook, desk: InlineDesk, door: Door | None = None) -> Window:
    officer, actions = ScriptedOfficer(), Actions()
    copied: list[str] = []
    went: list[tuple[str, str]] = []
    context = PageContext(
        desk,
        door or InlineDoor(),
        officer,
        actions,
        copied.append,
        lambda page, target: went.append((page, target)),
    )
    page = build(context)
    assert isinstance(page, LogPage)
    qtbot.addWidget(page, before_close_func=lambda widget: widget.close_page())
    page.resize(1096, 744)
    page.show()
    return Window(page, book, desk, officer, actions, copied, went)


@pytest.fixture
def book(tmp_path: Path) -> Logbook:
    made = Logbook(tmp_path / "state")
    made.story()
    return made


@pytest.fixture
def window(qtbot: QtBot, book: Logbook) -> Window:
    return make(qtbot, book, book.desk())


# ---- the table ----


def test_rows_are_read_newest_first(window: Window) -> None:
    assert window.table.model().rowCount() == 10
    assert window.said(1) == [
        "8",
        "2026-11-23 08:00:05",
        "Refusal",
        "Refused node-2: measurement-mismatch",
    ]


def test_cells_speak_to_a_screen_reader(window: Window) -> None:
    cell = window.table.model().index(1, 3)
    spoken = cell.data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "What it says: Refused node-2: measurement-mismatch"
    table = QAccessible.queryAccessibleInterface(window.table)
    assert table is not None
    assert table.text(QAccessible.Text.Name) == "Entries of the log"


def test_everything_interactive_has_a_name(window: Window) -> None:
    window.page.open("8")
    for kind in INTERACTIVE:
        for each in window.page.findChildren(kind):
            if each.isVisible() and not isinstance(each, QHeaderView):
                assert each.accessibleName() or getattr(each, "text", str)(), each
                if not isinstance(each.parentWidget(), QLineEdit):
                    assert each.objectName(), each


def test_arrow_keys_walk_the_entries_and_escape_closes_the_drawer(
    qtbot: QtBot, window: Window
) -> None:
    window.table.setFocus()
    qtbot.keyClick(window.table, Qt.Key.Key_Home)
    window.page.open("9")
    qtbot.keyClick(window.table, Qt.Key.Key_Down)
    assert window.text("log.drawer.title") == "Entry 8"
    qtbot.keyClick(window.table, Qt.Key.Key_Down)
    assert window.text("log.drawer.title") == "Entry 7"
    drawer = window.child(QWidget, "log.drawer")
    qtbot.keyClick(drawer, Qt.Key.Key_Escape)
    assert not drawer.isVisible()
    assert window.table.hasFocus()
    qtbot.keyClick(window.table, Qt.Key.Key_Up)
    assert window.text("log.drawer.title") == "Entry 8"


def test_the_chosen_entry_stays_chosen_while_the_log_grows(window: Window) -> None:
    window.page.open("8")
    assert window.table.currentIndex().row() == 1
    window.book.grant("node-5")
    window.book.grant("node-6")
    window.desk.refresh()
    assert window.said(0)[3].startswith("Grant to node-6")
    assert window.table.currentIndex().row() == 3
    assert window.text("log.drawer.title") == "Entry 8"


def test_what_is_being_read_does_not_move_when_entries_come(qtbot: QtBot, book: Logbook) -> None:
    book.busy(300)
    window = make(qtbot, book, book.desk())
    bar = window.table.verticalScrollBar()
    bar.setValue(bar.maximum() // 2)
    top = window.table.indexAt(window.table.viewport().rect().topLeft())
    before = top.data()
    book.grant()
    window.desk.refresh()
    assert window.table.indexAt(window.table.viewport().rect().topLeft()).data() == before


# ---- filters ----


def test_chips_words_and_clear(qtbot: QtBot, window: Window) -> None:
    window.press(qtbot, "log.kind.refusal")
    assert window.table.model().rowCount() == 1
    window.press(qtbot, "log.kind.refusal")
    line = window.child(QLineEdit, "log.filter.line")
    qtbot.keyClicks(line, "minilm node:node-1")
    assert [window.said(row)[0] for row in range(window.table.model().rowCount())] == ["7", "6"]
    assert window.text("log.filter.summary") == "2 of 10"
    window.press(qtbot, "log.filter.clear")
    assert line.text() == ""
    assert window.table.model().rowCount() == 10


def test_a_wrong_word_is_explained_below_the_line(qtbot: QtBot, window: Window) -> None:
    line = window.child(QLineEdit, "log.filter.line")
    qtbot.keyClicks(line, "since:noon")
    assert window.child(QLabel, "log.filter.error").isVisible()
    assert "since:2026-11-29" in window.text("log.filter.error")
    assert line.property("state") == "error"
    line.clear()
    assert not window.child(QLabel, "log.filter.error").isVisible()


def test_straight_to_an_index_by_keyboard(qtbot: QtBot, window: Window) -> None:
    index = window.child(QLineEdit, "log.goto")
    qtbot.keyClicks(index, "77")
    qtbot.keyClick(index, Qt.Key.Key_Return)
    assert "There is no entry 77" in window.text("log.filter.error")
    index.clear()
    qtbot.keyClicks(index, "4")
    qtbot.keyClick(index, Qt.Key.Key_Return)
    assert window.text("log.drawer.title") == "Entry 4"


# ---- one entry ----


def test_the_proof_is_drawn_and_spoken(window: Window) -> None:
    window.page.open("6")
    tree = window.child(ProofTree, "log.proof.tree")
    assert tree.isVisible()
    lines = tree.accessibleDescription().split("\n")
    assert lines[0].startswith("Leaf 6, hash ")
    assert lines[-1] == (
        f"Root of 10 entries: {window.book.server.checkpoint().checkpoint.root.hex()}, as signed"
    )
    assert tree.sizeHint().width() < window.child(QWidget, "log.drawer").width()
    image = tree.grab().toImage()
    colours = {image.pixelColor(x, 20).name() for x in range(image.width())}
    assert len(colours) > 3  # something is drawn


def test_statements_open_where_they_were_decided_and_digests_are_copied(
    qtbot: QtBot, window: Window
) -> None:
    window.page.open("6")
    window.press(qtbot, "log.named.2.open")
    page, target = window.went[0]
    assert page == "approvals"
    assert target in window.book.server.held
    window.press(qtbot, "log.named.4.copy")
    assert window.copied[0].startswith("sha256:")
    window.press(qtbot, "log.named.0.open")
    assert window.went[1] == ("fleet", "node-1")


def test_the_bytes_are_shown_readable_and_exact(qtbot: QtBot, window: Window) -> None:
    window.page.open("8")
    box = window.child(QPlainTextEdit, "log.bytes")
    assert box.toPlainText().startswith("{\n  ")
    window.press(qtbot, "log.bytes.exact")
    assert box.toPlainText().encode() == window.book.server.leaves[8]
    window.press(qtbot, "log.copy-entry")
    assert window.copied == [box.toPlainText()]


def test_the_servers_receipt(qtbot: QtBot, window: Window) -> None:
    window.page.open("4")
    window.press(qtbot, "log.receipt.ask")
    assert window.child(QWidget, "log.receipt.state").accessibleName() == "Verified"


# ---- checkpoints and the alarm ----


def test_checkpoints_are_listed_and_checked_again(qtbot: QtBot, window: Window) -> None:
    window.press(qtbot, "log.section.checkpoints")
    assert window.text("log.consistency.text").startswith("Consistent with the 1 checkpoint")
    window.book.clock.advance(minutes=2)
    window.book.grant()
    window.press(qtbot, "log.check")
    assert window.child(QAbstractItemView, "log.checkpoints").model().rowCount() == 2
    assert "No witness has to cosign" in window.text("log.witness.text")


def test_the_alarm_comes_to_the_front_and_exports_both(
    qtbot: QtBot, window: Window, tmp_path: Path
) -> None:
    server = window.book.server
    kept = server.checkpoint()
    server.leaves[8] = start_entry(window.book.clock(), "cd" * 16, "keyturn 0.1.0")
    notes = (kept.to_bytes(), server.checkpoint().to_bytes())
    saved = tmp_path / "contradiction.json"
    export(Contradiction(*(side(each, None, None) for each in notes)), saved)
    alarm = Alarm(
        AlarmKind.REWRITTEN, "it does not extend", "a", "b", "", window.book.clock(), (saved,)
    )
    window.show(connection=Connection(Link.DISTRUSTED), alarms=(alarm,))
    assert window.text("log.alarm.title") == "The log's history was rewritten"
    for place in (0, 1):
        pill = window.child(QWidget, f"log.alarm.side.{place}.signature")
        assert pill.accessibleName() == "Signed by the log's key"
    window.officer.chosen = tmp_path / "both.json"
    window.press(qtbot, "log.alarm.export")
    assert (tmp_path / "both.json").read_bytes() == saved.read_bytes()
    window.press(qtbot, "log.alarm.entries")
    assert window.table.isVisible()
    assert not window.child(QPushButton, "log.export").isEnabled()


# ---- states ----


def test_before_the_log_is_known_and_without_a_server(qtbot: QtBot, book: Logbook) -> None:
    desk = InlineDesk(book.identity(), None, book.clock)
    window = make(qtbot, book, desk)
    texts = [each.text() for each in window.page.findChildren(QLabel) if each.isVisible()]
    assert "Reading the log" in texts
    desk.show(Facts(connection=Connection(Link.OFFLINE, error="no route")))
    texts = [each.text() for each in window.page.findChildren(QLabel) if each.isVisible()]
    assert {"The log is not known", "no route"} <= set(texts)


def test_actions_are_there_with_their_reasons_and_go_with_the_page(
    qtbot: QtBot, window: Window
) -> None:
    assert window.actions.run("log.copy-entry") == "Choose an entry first."
    window.page.open("3")
    assert window.actions.run("log.copy-entry") == ""
    assert len(window.copied) == 1
    window.actions.run("log.goto")
    window.page.close_page()
    assert list(window.actions) == []


@pytest.fixture
def door(qtbot: QtBot) -> Iterator[QtDoor]:
    made = QtDoor()
    yield made
    made.close()


def test_a_long_log_is_read_behind_a_real_door(
    qtbot: QtBot, book: Logbook, door: QtDoor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keyturn_app.screens.log.exporting.BATCH", 1000)
    book.busy(2000)
    window = make(qtbot, book, book.desk(), door)
    assert window.table.model().rowCount() == book.size
    qtbot.waitUntil(lambda: not window.child(QLabel, "log.filter.busy").isVisible())
    window.press(qtbot, "log.kind.refusal")
    refused = 1 + len(range(7, 2000, 11))
    qtbot.waitUntil(lambda: window.table.model().rowCount() == refused)
    window.officer.chosen = tmp_path / "log"
    window.press(qtbot, "log.export")
    qtbot.waitUntil(lambda: bool(window.officer.told), timeout=20_000)
    assert window.officer.told[0].title == "The log is exported"
    assert (tmp_path / "log" / "checkpoint").exists()


def test_a_page_closed_while_it_reads_leaves_nothing(
    qtbot: QtBot, book: Logbook, door: QtDoor
) -> None:
    book.busy(2000)
    window = make(qtbot, book, book.desk(), door)
    window.page.close_page()
    assert not window.desk._listeners
