"""The palette: opened by Ctrl+K, worked by keyboard alone; the shortcut sheet beside it."""

from functools import partial

from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QListView, QWidget
from pytestqt.qtbot import QtBot

from keyturn_app.actions import Action
from keyturn_app.shell.palette_view import PalettePanel
from support.finding import find, focused
from support.shellwindow import Shell, make_shell

CONTROL = Qt.KeyboardModifier.ControlModifier


def open_palette(qtbot: QtBot, shell: Shell) -> PalettePanel:
    QTest.keyClick(shell.window, Qt.Key.Key_K, CONTROL)
    panel = shell.window.findChild(PalettePanel)
    assert panel is not None
    assert QApplication.focusWidget() is panel.field
    return panel


def rows(panel: PalettePanel) -> list[str]:
    view = find(panel, "palette.rows", QListView)
    model: QAbstractItemModel = view.model()
    return [model.index(at, 0).data() for at in range(model.rowCount())]


def test_ctrl_k_type_enter_goes_to_a_page(qtbot: QtBot) -> None:
    shell = make_shell(qtbot, preferences={"window.page": "notifications"})
    panel = open_palette(qtbot, shell)
    QTest.keyClicks(panel.field, "sett")
    assert rows(panel)[0] == "Go to Settings"
    QTest.keyClick(panel.field, Qt.Key.Key_Return)
    assert shell.window.page == "settings"
    assert not find(shell.window, "over", QWidget).isVisible()


def test_arrows_choose_and_esc_leaves_where_one_was(qtbot: QtBot) -> None:
    shell = make_shell(qtbot, preferences={"window.page": "settings"})
    before = QApplication.focusWidget()
    panel = open_palette(qtbot, shell)
    view = find(panel, "palette.rows", QListView)
    QTest.keyClick(panel.field, Qt.Key.Key_Down)
    assert view.currentIndex().row() == 1
    QTest.keyClick(panel.field, Qt.Key.Key_Up)
    QTest.keyClick(panel.field, Qt.Key.Key_Up)
    assert view.currentIndex().row() == len(rows(panel)) - 1
    QTest.keyClick(panel.field, Qt.Key.Key_Escape)
    assert QApplication.focusWidget() is before


def test_what_cannot_be_done_says_why_and_is_not_run(qtbot: QtBot) -> None:
    shell, done = make_shell(qtbot), list[str]()
    action = Action(
        "test.never", "Approve it", lambda: done.append("x"), why_not=lambda: "You proposed it."
    )
    shell.window.actions_.add(action)
    panel = open_palette(qtbot, shell)
    QTest.keyClicks(panel.field, "approve it")
    view = find(panel, "palette.rows", QListView)
    spoken = view.currentIndex().data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "Approve it, You proposed it."
    QTest.keyClick(panel.field, Qt.Key.Key_Return)
    said = find(panel, "palette.said", QLabel)
    assert said.text() == "You proposed it."
    assert panel.isVisible()
    assert done == []


def test_a_click_on_a_row_runs_it(qtbot: QtBot) -> None:
    shell = make_shell(qtbot, preferences={"window.page": "notifications"})
    panel = open_palette(qtbot, shell)
    QTest.keyClicks(panel.field, "go to sett")
    view = find(panel, "palette.rows", QListView)
    place = view.visualRect(view.model().index(0, 0)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert shell.window.page == "settings"


def test_the_shortcut_sheet_lists_every_shortcut(qtbot: QtBot) -> None:
    shell = make_shell(qtbot)
    shell.window.setFocus()
    QTest.keyClick(shell.window, Qt.Key.Key_Question)
    sheet = find(shell.window, "shortcuts", QWidget)
    shown = {each.text().replace(" ", "") for each in sheet.findChildren(QLabel)}
    wanted = {each.shortcut for each in shell.window.actions_ if each.shortcut and not each.page}
    assert wanted <= shown
    assert "Ctrl+K" in wanted


def test_a_key_means_the_action_of_the_page_in_front(qtbot: QtBot) -> None:
    shell, done = make_shell(qtbot, preferences={"window.page": "settings"}), list[str]()
    for page in ("settings", "notifications"):
        mark = partial(done.append, page)
        shell.window.actions_.add(Action(f"{page}.mark", "Mark", mark, "Ctrl+M", page=page))
    QTest.keyClick(shell.window, Qt.Key.Key_M, CONTROL)
    shell.window.go("notifications")
    QTest.keyClick(shell.window, Qt.Key.Key_M, CONTROL)
    assert done == ["settings", "notifications"]


def test_the_fingerprint_is_shown_whole(qtbot: QtBot) -> None:
    shell = make_shell(qtbot)
    QTest.mouseClick(find(shell.window, "topbar.authority", QWidget), Qt.MouseButton.LeftButton)
    shown = find(shell.window, "authority.hex", QLabel)
    fingerprint = shell.desk.identity.profile.fingerprint
    assert "sha256:" + "".join(shown.text().split()) == fingerprint
    QTest.keyClick(focused(), Qt.Key.Key_Escape)
    assert not find(shell.window, "over", QWidget).isVisible()
