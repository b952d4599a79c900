"""Locked in the middle of anything: secrets dropped, questions turned down, nothing shown."""

import logging

import pytest
from PySide6.QtCore import Qt
from PySide6.QtDBus import QDBusConnection
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from keyturn_app.questions import Confirm, Passphrase
from keyturn_app.shell.locking import DesktopWatch
from support.finding import find
from support.seats import PASSPHRASE
from support.shellwindow import Shell, make_shell

# The offscreen plugin says of menus and raised windows that it cannot do them.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")

CONTROL = Qt.KeyboardModifier.ControlModifier


def child(shell: Shell, name: str) -> QWidget:
    return find(shell.window, name, QWidget)


def field(shell: Shell) -> QLineEdit:
    return find(shell.window, "unlock.passphrase", QLineEdit)


def ctrl_l(qtbot: QtBot, shell: Shell) -> None:
    QTest.keyClick(shell.window, Qt.Key.Key_L, CONTROL)


def unlock(qtbot: QtBot, shell: Shell, passphrase: bytes = PASSPHRASE) -> None:
    QTest.keyClicks(field(shell), passphrase.decode())
    QTest.keyClick(field(shell), Qt.Key.Key_Return)


def test_ctrl_l_locks_and_the_passphrase_leads_back_to_the_page(qtbot: QtBot) -> None:
    shell = make_shell(qtbot, preferences={"window.page": "settings"})
    ctrl_l(qtbot, shell)
    assert shell.session.locks == 1
    assert shell.desk.identity.locked
    assert shell.window.windowTitle() == "Keyturn"
    assert not shell.window.frame.isVisible()
    assert QApplication.focusWidget() is field(shell)
    unlock(qtbot, shell)
    qtbot.waitUntil(shell.window.frame.isVisible)
    assert shell.window.page == "settings"
    assert shell.window.windowTitle() == "Settings · prod-eu · Keyturn"


def test_a_wrong_passphrase_is_said_and_wiped(qtbot: QtBot) -> None:
    shell = make_shell(qtbot, locked=True)
    unlock(qtbot, shell, b"a wrong one")
    error = find(shell.window, "unlock.error", QLabel)
    assert error.isVisible()
    assert "wrong passphrase" in error.text()
    assert field(shell).text() == ""
    assert shell.session.given == [bytearray(len(b"a wrong one"))]
    assert shell.window.locked


def test_locked_in_the_middle_of_questions_each_is_answered_none_once(qtbot: QtBot) -> None:
    shell, answers = make_shell(qtbot), list[object]()
    ask = shell.window.asking
    ask.passphrase(Passphrase("Unlock", "For Bela."), answers.append)
    ask.confirm(Confirm("Sure?", "", "Yes"), answers.append)
    secret = find(shell.window, "question.secret", QLineEdit)
    QTest.keyClicks(secret, "half a pass")
    ctrl_l(qtbot, shell)
    assert answers == [None, None]
    assert shell.window.findChild(QWidget, "question.secret") is None or secret.text() == ""
    ask.confirm(Confirm("Later?", "", "Yes"), answers.append)
    assert answers == [None, None, None]


def test_locking_closes_what_is_open_and_empties_the_clipboard(qtbot: QtBot) -> None:
    shell = make_shell(qtbot)
    shell.window.open_palette()
    shell.window.copy("sha256:dd93")
    QTest.mouseClick(child(shell, "topbar.officer"), Qt.MouseButton.LeftButton)
    assert QApplication.activePopupWidget() is not None
    shell.window.lock()
    assert QApplication.activePopupWidget() is None
    assert not child(shell, "over").isVisible()
    assert QApplication.clipboard().text() == ""


def test_what_somebody_else_copied_stays(qtbot: QtBot) -> None:
    shell = make_shell(qtbot)
    shell.window.copy("sha256:dd93")
    QApplication.clipboard().setText("another program's")
    shell.window.lock()
    assert QApplication.clipboard().text() == "another program's"


def test_an_idle_officer_is_locked_out(qtbot: QtBot) -> None:
    shell = make_shell(qtbot)
    shell.ticker.seconds = 17
    shell.window.tick()
    idle = find(shell.window, "topbar.idle", QLabel)
    assert idle.text() == "Locks in 9:43"
    handle = shell.window.windowHandle()
    assert handle is not None
    QTest.keyClick(handle, Qt.Key.Key_Shift)
    shell.window.tick()
    assert idle.text() == "Locks in 9:59" or idle.text() == "Locks in 10:00"
    shell.ticker.seconds = 17 + 601
    shell.window.watch.tick()
    assert shell.window.locked


def test_it_locks_with_the_desktop(qtbot: QtBot) -> None:
    shell = make_shell(qtbot)
    watch = shell.window.findChild(DesktopWatch)
    assert watch is not None
    watch.turned(False)
    assert not shell.window.locked
    watch.turned(True)
    assert shell.window.locked


def test_without_a_bus_it_says_so_once(qtbot: QtBot, caplog: pytest.LogCaptureFixture) -> None:
    nobody = QDBusConnection("nobody")
    parent = QWidget()
    qtbot.addWidget(parent)
    with caplog.at_level(logging.INFO, "keyturn_app.shell"):
        watch = DesktopWatch(parent, session=nobody, system=nobody)
    assert not watch.listening
    assert len(caplog.records) == 1


def test_locked_no_shortcut_does_anything(qtbot: QtBot) -> None:
    shell = make_shell(qtbot, preferences={"window.page": "settings"})
    shell.window.lock()
    for key in (Qt.Key.Key_K, Qt.Key.Key_Comma):
        QTest.keyClick(shell.window, key, CONTROL)
    shell.window.go("notifications")
    assert shell.window.page == "settings"
    assert shell.window.findChild(QWidget, "palette") is None


def test_from_the_tray_it_comes_back_locked(qtbot: QtBot) -> None:
    shell = make_shell(qtbot)
    shell.window.lock()
    shell.window.hide()
    shell.window.to_front()
    assert shell.window.isVisible()
    assert not shell.window.frame.isVisible()
    assert child(shell, "unlock").isVisible()


def test_another_officer_may_be_chosen_while_locked(qtbot: QtBot) -> None:
    shell = make_shell(qtbot, officers=("ada", "bela"), locked=True)
    seats = find(shell.window, "unlock.seat", QComboBox)
    seats.setCurrentIndex(1)
    seats.activated.emit(1)
    assert shell.session.at == "seat-1"
    unlock(qtbot, shell)
    qtbot.waitUntil(shell.window.frame.isVisible)
    assert "Officer Bela" in child(shell, "topbar.officer").accessibleName()


def test_locked_while_a_passphrase_is_tried(qtbot: QtBot) -> None:
    shell = make_shell(qtbot, locked=True)
    shell.session.waiting = True
    unlock(qtbot, shell)
    assert not field(shell).isEnabled()
    shell.session.answer()
    qtbot.waitUntil(shell.window.frame.isVisible)


def test_locking_leaves_no_text_of_the_server_in_sight(qtbot: QtBot) -> None:
    shell = make_shell(qtbot)
    shell.window.lock()
    shown = " ".join(each.text() for each in shell.window.findChildren(QLabel) if each.isVisible())
    assert "Keyturn is locked" in shown
    assert shell.desk.identity.profile.fingerprint[7:11] not in shown
    assert "SIMULATED" not in shown


def test_a_fault_while_locking_does_not_leave_the_page_shown(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = make_shell(qtbot)

    def faulty() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(shell.session, "lock", faulty)
    with pytest.raises(ZeroDivisionError):
        shell.window.lock()
    assert shell.window.locked
    assert not shell.window.frame.isVisible()
