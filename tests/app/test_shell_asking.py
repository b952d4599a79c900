"""Questions as sheets in the window: by keyboard, one after the other, each answered once."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QLineEdit, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot

from keyturn_app.questions import (
    Confirm,
    Confirmed,
    Notice,
    OpenDirectory,
    OpenFile,
    Passphrase,
    SaveFile,
    Weight,
)
from support.finding import find, focused
from support.shellwindow import make_shell

STOPS = Confirm(
    "Quarantine node-1?",
    "Its lease ends at once.",
    "Quarantine",
    typed="quarantine",
    weight=Weight.DANGER,
    comment="Reason",
    comment_required=True,
)


def key(qtbot: QtBot, which: Qt.Key) -> None:
    QTest.keyClick(focused(), which)


def write(qtbot: QtBot, text: str) -> None:
    QTest.keyClicks(focused(), text)


def test_what_stops_production_is_typed_by_keyboard_alone(qtbot: QtBot) -> None:
    shell, answers = make_shell(qtbot), list[Confirmed | None]()
    shell.window.asking.confirm(STOPS, answers.append)
    write(qtbot, "wrong firmware")
    key(qtbot, Qt.Key.Key_Tab)
    write(qtbot, "quarantin")
    key(qtbot, Qt.Key.Key_Return)
    assert answers == []
    assert not find(shell.window, "question.yes", QWidget).isEnabled()
    assert find(shell.window, "question.why", QLabel).text() == "Type quarantine to go on."
    write(qtbot, "e")
    key(qtbot, Qt.Key.Key_Return)
    assert answers == [Confirmed("wrong firmware")]


def test_a_dangerous_yes_is_not_where_the_focus_is(qtbot: QtBot) -> None:
    shell, answers = make_shell(qtbot), list[Confirmed | None]()
    question = Confirm("Wipe?", "It is gone.", "Wipe", weight=Weight.DANGER)
    shell.window.asking.confirm(question, answers.append)
    assert focused().objectName() == "question.no"
    key(qtbot, Qt.Key.Key_Return)
    assert answers == [None]


def test_esc_turns_it_down_and_the_focus_goes_back(qtbot: QtBot) -> None:
    shell, answers = make_shell(qtbot), list[Confirmed | None]()
    shell.window.go("settings")
    before = QApplication.focusWidget()
    shell.window.asking.confirm(STOPS, answers.append)
    assert QApplication.focusWidget() is not before
    key(qtbot, Qt.Key.Key_Escape)
    assert answers == [None]
    assert QApplication.focusWidget() is before


def test_tab_stays_inside(qtbot: QtBot) -> None:
    shell = make_shell(qtbot)
    shell.window.asking.confirm(STOPS, lambda _answer: None)
    sheet = find(shell.window, "question", QWidget)
    seen = set()
    for _step in range(8):
        key(qtbot, Qt.Key.Key_Tab)
        assert sheet.isAncestorOf(focused())
        seen.add(focused().objectName())
    assert seen == {"question.comment", "question.typed", "question.no"}


def test_shortcuts_do_nothing_over_a_question_but_lock(qtbot: QtBot) -> None:
    shell, answers = make_shell(qtbot), list[Confirmed | None]()
    shell.window.asking.confirm(STOPS, answers.append)
    QTest.keyClick(shell.window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    assert shell.window.findChild(QWidget, "palette") is None
    QTest.keyClick(shell.window, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    assert shell.window.locked
    assert answers == [None]


def test_questions_wait_for_their_turn(qtbot: QtBot) -> None:
    shell, order = make_shell(qtbot), list[str]()
    ask = shell.window.asking
    ask.confirm(Confirm("One?", "", "Yes"), lambda _answer: order.append("one"))
    ask.tell(Notice("Two", "Said once."))
    ask.confirm(Confirm("Three?", "", "Yes"), lambda _answer: order.append("three"))
    for title in ("One?", "Two", "Three?"):
        assert find(shell.window, "question", QWidget).accessibleName() == title
        key(qtbot, Qt.Key.Key_Return)
    assert order == ["one", "three"]
    assert not ask.busy


def test_an_answer_may_ask_again(qtbot: QtBot) -> None:
    shell, answers = make_shell(qtbot), list[Confirmed | None]()
    ask = shell.window.asking
    ask.confirm(
        Confirm("One?", "", "Yes"),
        lambda _answer: ask.confirm(Confirm("Two?", "", "Yes"), answers.append),
    )
    key(qtbot, Qt.Key.Key_Return)
    assert find(shell.window, "question", QWidget).accessibleName() == "Two?"
    key(qtbot, Qt.Key.Key_Return)
    assert answers == [Confirmed()]


def test_a_passphrase_is_masked_and_leaves_nothing_behind(qtbot: QtBot) -> None:
    shell, answers = make_shell(qtbot), list[bytearray | None]()
    question = Passphrase("Unlock", "For the key of Bela.", error="wrong passphrase")
    shell.window.asking.passphrase(question, answers.append)
    field = find(shell.window, "question.secret", QLineEdit)
    write(qtbot, "correct horse")
    assert field.echoMode() is QLineEdit.EchoMode.Password
    assert find(shell.window, "question.error", QLabel).text() == "wrong passphrase"
    key(qtbot, Qt.Key.Key_Return)
    assert answers == [bytearray(b"correct horse")]
    assert field.text() == ""


def test_a_path_may_be_typed(qtbot: QtBot, tmp_path: Path) -> None:
    shell, answers = make_shell(qtbot), list[Path | None]()
    shell.window.asking.path(OpenFile("Import a proposal"), answers.append)
    wanted = tmp_path / "proposal.json"
    write(qtbot, str(wanted))
    assert find(shell.window, "question.why", QLabel).text() == "There is no such file."
    wanted.write_text("{}")
    key(qtbot, Qt.Key.Key_Backspace)
    write(qtbot, "n")
    key(qtbot, Qt.Key.Key_Return)
    assert answers == [wanted]


@pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen plugin says so of any dialog
def test_a_path_may_be_chosen_and_nothing_waits_for_it(qtbot: QtBot, tmp_path: Path) -> None:
    shell, answers = make_shell(qtbot), list[Path | None]()
    shell.window.asking.path(OpenDirectory("Where the model lies"), answers.append)
    QTest.mouseClick(find(shell.window, "question.browse", QWidget), Qt.MouseButton.LeftButton)
    chooser = find(shell.window, "question.chooser", QFileDialog)
    assert chooser.isVisible()
    chooser.fileSelected.emit(str(tmp_path))
    assert answers == [tmp_path]


def test_a_file_that_is_there_is_not_overwritten(qtbot: QtBot, tmp_path: Path) -> None:
    shell, answers = make_shell(qtbot), list[Path | None]()
    (tmp_path / "kept.json").write_text("{}")
    question = SaveFile("Export", str(tmp_path / "kept.json"))
    shell.window.asking.path(question, answers.append)
    key(qtbot, Qt.Key.Key_Return)
    assert answers == []
    assert "there already" in find(shell.window, "question.why", QLabel).text()
    key(qtbot, Qt.Key.Key_Escape)
    assert answers == [None]


def test_a_notice_can_be_selected_and_copied(qtbot: QtBot) -> None:
    shell = make_shell(qtbot)
    notice = Notice("Refused", "The server said no.", "one", "two", "Ask again.", Weight.DANGER)
    shell.window.asking.tell(notice)
    text = find(shell.window, "question.text", QLabel)
    assert text.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByKeyboard
    QTest.mouseClick(find(shell.window, "question.copy", QWidget), Qt.MouseButton.LeftButton)
    copied = QApplication.clipboard().text()
    assert copied == (
        "Refused\nThe server said no.\nFound: one\nExpected: two\nWhat to do: Ask again."
    )


def test_the_comment_s_enter_is_a_new_line(qtbot: QtBot) -> None:
    shell, answers = make_shell(qtbot), list[Confirmed | None]()
    question = Confirm("Reject?", "", "Reject", comment="Why", comment_required=True)
    shell.window.asking.confirm(question, answers.append)
    write(qtbot, "one")
    key(qtbot, Qt.Key.Key_Return)
    write(qtbot, "two")
    comment = find(shell.window, "question.comment", QPlainTextEdit)
    assert comment.toPlainText() == "one\ntwo"
    assert answers == []
