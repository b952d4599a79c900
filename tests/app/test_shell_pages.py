"""Every installed page in the window: named, reached by Tab, locked in the middle."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)
from pytestqt.qtbot import QtBot

from keyturn.client.inventory import NodeState
from keyturn_app.facts import Link
from keyturn_app.qtkit.pages import PageSpec
from keyturn_app.shell.pages import FOOT, PAGES, available
from support.facts import with_link, with_nodes
from support.finding import find
from support.seats import PASSPHRASE
from support.shellwindow import Shell, make_shell

IDS = [each.id for each in available((*PAGES, *FOOT))]
INTERACTIVE = (QAbstractButton, QLineEdit, QPlainTextEdit, QComboBox, QAbstractItemView)
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


def interactive(below: QWidget) -> list[QWidget]:
    found = [each for kind in INTERACTIVE for each in below.findChildren(kind)]
    return [each for each in found if each.isVisible() and each.isEnabled()]


def inner(widget: QWidget) -> bool:
    """A part that Qt makes itself: a list's header, a field's own button."""
    parent = widget.parentWidget()
    return widget.objectName().startswith("qt_") or isinstance(
        parent, QComboBox | QLineEdit | QAbstractItemView
    )


def on_page(qtbot: QtBot, page: str) -> Shell:
    shell = make_shell(qtbot, preferences={"window.page": page})
    shell.show(with_nodes(shell.desk.facts, *NodeState))
    assert shell.window.page == page
    return shell


NEEDS = [each for each in available(PAGES) if each.needs]


@pytest.mark.parametrize("page", NEEDS, ids=lambda each: each.id)
def test_a_page_that_the_roles_do_not_include_says_so(qtbot: QtBot, page: PageSpec) -> None:
    shell = on_page(qtbot, page.id)
    why = "Your roles: custodian. Roles that may: operator."
    before = shell.desk.facts
    shell.show(replace(before, denied={page.needs: why}))
    told = find(shell.window, "host.denied", QWidget)
    assert told.isVisible()
    assert told.accessibleName() == f"Your roles do not include this. {why}"
    assert not find(shell.window, "host.stack", QWidget).isVisible()

    shell.window.go("settings")
    assert not told.isVisible()
    shell.window.go(page.id)
    assert told.isVisible()
    shell.show(before)
    assert not told.isVisible()
    assert find(shell.window, "host.stack", QWidget).isVisible()


@pytest.mark.parametrize("page", IDS)
def test_everything_on_it_has_a_name(qtbot: QtBot, page: str) -> None:
    shell = on_page(qtbot, page)
    wanted = [each for each in interactive(shell.window) if not inner(each)]
    assert wanted
    nameless = [
        f"{type(each).__name__} {each.objectName()!r} {each.accessibleName()!r}"
        for each in wanted
        if not each.objectName() or not each.accessibleName()
    ]
    assert nameless == []


@pytest.mark.parametrize("page", IDS)
def test_everything_on_it_is_reached_by_tab(qtbot: QtBot, page: str) -> None:
    shell = on_page(qtbot, page)
    takes = Qt.FocusPolicy.TabFocus
    wanted = {
        each for each in interactive(shell.window) if each.focusPolicy() & takes and not inner(each)
    }
    reached: set[QWidget] = set()
    for _step in range(len(wanted) + 30):
        at = QApplication.focusWidget() or shell.window
        reached.add(at)
        QTest.keyClick(at, Qt.Key.Key_Tab)
    missed = [each for each in wanted - reached if not of_a_reached_group(each, reached)]
    assert sorted(each.objectName() for each in missed) == []


def of_a_reached_group(widget: QWidget, reached: set[QWidget]) -> bool:
    """Of several of which one is on, Tab reaches that one, and arrows the others."""
    if not isinstance(widget, QAbstractButton):
        return False
    group = widget.group()
    if group is not None and group.exclusive():
        return not reached.isdisjoint(group.buttons())
    beside = [each for each in reached if each.parentWidget() is widget.parentWidget()]
    return widget.autoExclusive() and any(
        isinstance(each, QAbstractButton) and each.autoExclusive() for each in beside
    )


@pytest.mark.parametrize("page", IDS)
def test_locked_in_the_middle_and_back(qtbot: QtBot, page: str) -> None:
    shell = on_page(qtbot, page)
    shell.window.lock()
    field = find(shell.window, "unlock.passphrase", QLineEdit)
    QTest.keyClicks(field, PASSPHRASE.decode())
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert not field.isUndoAvailable()
    qtbot.waitUntil(shell.window.frame.isVisible)
    assert shell.window.page == page


@pytest.mark.parametrize("link", list(Link))
def test_every_page_stands_every_state_of_the_connection(qtbot: QtBot, link: Link) -> None:
    shell = make_shell(qtbot)
    shell.show(with_link(shell.desk.facts, link))
    for page in IDS:
        shell.window.go(page)
        assert shell.window.page == page
