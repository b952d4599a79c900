"""A share's boxes: what a scanner types of a sheet's QR code is a share typed by hand."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit
from pytestqt.qtbot import QtBot

from keyturn.ceremony.script import ShareUse
from keyturn.ceremony.sharewords import EntryState, Feedback, feedback
from keyturn_app.screens.ceremonies.share_view import ShareEntry
from unit.ceremony.share_sets import deal


def test_all_words_in_one_line_fill_their_boxes(qtbot: QtBot) -> None:
    """Keys go to whatever has the focus, and a scanner ends with Return."""
    words = deal(ShareUse.BACKUP).words("bob").decode()
    found: list[Feedback] = []

    def told(typed: list[str]) -> Feedback:
        found.append(feedback(typed, 33))
        return found[-1]

    entry = ShareEntry(told, lambda: None)
    qtbot.addWidget(entry)
    entry.show_entry(33)
    with qtbot.waitActive(entry):
        entry.show()
        entry.activateWindow()
    entry.first.setFocus()
    for letter in words:
        QTest.keyClick(_focused(), letter)
    QTest.keyClick(_focused(), Qt.Key.Key_Return)
    assert " ".join(entry.typed()) == words
    assert found[-1].state is EntryState.RIGHT


def _focused() -> QLineEdit:
    box = QApplication.focusWidget()
    assert isinstance(box, QLineEdit)
    return box
