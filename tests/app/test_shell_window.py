"""The window: rail, header, bands and banners, pages built when visited, nothing left behind."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QByteArray, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)
from pytestqt.qtbot import QtBot

from keyturn.client.inventory import NodeState
from keyturn_app.facts import Link
from keyturn_app.qtkit.tokens import RAIL, RAIL_NARROW
from keyturn_app.shell.asking import Toast
from keyturn_app.shell.pages import PAGES, available
from keyturn_app.shell.tray import Tray
from keyturn_app.shell.waiting import nodes_in_trouble
from support.facts import alarm, happening, with_link, with_nodes
from support.finding import find
from support.shellwindow import Shell, make_shell

INTERACTIVE = (QAbstractButton, QLineEdit, QPlainTextEdit, QComboBox, QAbstractItemView)


def text_of(shell: Shell, name: str) -> str:
    return find(shell.window, name, QLabel).text()


def child(shell: Shell, name: str) -> QWidget:
    return find(shell.window, name, QWidget)


def press(qtbot: QtBot, shell: Shell, name: str) -> None:
    QTest.mouseClick(child(shell, name), Qt.MouseButton.LeftButton)


def test_it_opens_on_a_page_named_in_the_header_and_the_title(qtbot: QtBot) -> None:
    shell = make_shell(qtbot, preferences={"window.page": "settings"})
    assert shell.window.page == "settings"
    assert text_of(shell, "topbar.title") == "Settings"
    assert shell.window.windowTitle() == "Settings · prod-eu · Keyturn"


def test_simulated_is_a_band_on_every_page(qtbot: QtBot) -> None:
    shell = make_shell(qtbot)
    for page in ("notifications", "settings"):
        shell.window.go(page)
        assert child(shell, "band").isVisible()
        assert text_of(shell, "band.text").startswith("SIMULATED")
        assert text_of(shell, "rail.environment.mark") == "DEMO"


def test_the_header_says_how_far_behind_it_is(qtbot: QtBot) -> None:
    shell = make_shell(qtbot)
    facts = with_link(shell.desk.facts, Link.LIVE)
    live = replace(facts.connection, behind_ms=38, events_per_second=80.0)
    shell.show(replace(facts, connection=live))
    assert text_of(shell, "topbar.age") == "80 events/s · 38 ms behind"
    assert child(shell, "topbar.link").accessibleName() == "Live"


def test_the_rail_narrows_and_its_entries_keep_their_names(qtbot: QtBot) -> None:
    shell = make_shell(qtbot, size=(1100, 700))
    entry = child(shell, "rail.settings")
    assert shell.window.frame.rail.width() == RAIL_NARROW
    assert entry.toolTip() == "Settings (Ctrl+,)"
    assert entry.accessibleName() == "Settings"
    shell.window.resize(1280, 800)
    qtbot.waitUntil(lambda: shell.window.frame.rail.width() == RAIL)


def test_while_offline_the_page_is_dimmed_and_a_banner_says_how_old_it_is(qtbot: QtBot) -> None:
    shell = make_shell(qtbot)
    shell.show(with_link(shell.desk.facts, Link.RECONNECTING, error="No answer."))
    banner = child(shell, "alarm.banner")
    assert banner.isVisible()
    assert "what is shown is old" in banner.accessibleName()
    assert "No answer." in banner.accessibleName()
    assert child(shell, "host.veil").isVisible()
    shell.show(with_link(shell.desk.facts, Link.LIVE))
    assert not banner.isVisible()
    assert not child(shell, "host.veil").isVisible()


def test_an_alarm_names_what_the_server_was_caught_at_and_where_the_proof_lies(
    qtbot: QtBot, tmp_path: Path
) -> None:
    shell = make_shell(qtbot)
    caught = alarm(saved=(tmp_path / "kept.note",))
    shell.show(replace(shell.desk.facts, alarms=(caught,)))
    said = child(shell, "alarm.banner").accessibleName()
    assert "history was rewritten; found 41 entries; expected 44 entries. Tell the others." in said
    press(qtbot, shell, "alarm.proof")
    shown = [each.text() for each in child(shell, "question").findChildren(QLabel)]
    assert str(tmp_path / "kept.note") in shown


def test_check_again_asks_the_server(qtbot: QtBot) -> None:
    shell = make_shell(qtbot)
    shell.show(with_link(shell.desk.facts, Link.STALE))
    press(qtbot, shell, "alarm.again")
    qtbot.waitUntil(lambda: not child(shell, "alarm.banner").isVisible())


def test_news_is_counted_on_the_bell_and_the_rail_until_it_is_read(qtbot: QtBot) -> None:
    shell = make_shell(qtbot, preferences={"window.page": "settings"})
    news = tuple(happening(at, "heartbeat-lost", node="node-1") for at in (1, 2))
    shell.show(replace(shell.desk.facts, happenings=news))
    assert child(shell, "topbar.news").accessibleName() == "Notifications, 2 unread"
    assert child(shell, "rail.notifications").accessibleName() == "Notifications, 2 waiting"
    press(qtbot, shell, "topbar.news")
    shell.window.tick()
    assert shell.window.page == "notifications"
    assert child(shell, "topbar.news").accessibleName() == "Notifications, 0 unread"


def test_another_seat_closes_the_pages_of_the_one_before(qtbot: QtBot) -> None:
    shell = make_shell(qtbot, officers=("ada", "bela"), preferences={"window.page": "settings"})
    before = shell.window.frame.host.pages
    shell.session.sit("seat-1")
    assert shell.window.page == "settings"
    assert not set(before) & set(shell.window.frame.host.pages)
    shell.window.tick()
    assert "Officer Bela" in child(shell, "topbar.officer").accessibleName()


def test_a_page_that_is_not_installed_is_named_as_missing(qtbot: QtBot) -> None:
    shell = make_shell(qtbot)
    before = shell.window.page
    shell.window.go("nowhere")
    assert shell.window.page == before
    assert find(shell.window, "toast", Toast).isVisible()


def test_everything_interactive_has_a_name_and_is_reached_by_tab(qtbot: QtBot) -> None:
    shell = make_shell(qtbot, officers=("ada", "bela"))
    shell.show(with_link(shell.desk.facts, Link.STALE))
    for page in ("settings", "notifications"):
        shell.window.go(page)
        wanted = {
            each
            for each in interactive(shell.window)
            if each.focusPolicy() & Qt.FocusPolicy.TabFocus
        }
        assert wanted
        nameless = [each for each in interactive(shell.window) if not named(each)]
        assert nameless == []
        assert {
            each.objectName() for each in wanted - reached(qtbot, shell, len(wanted) + 20)
        } == set()


def interactive(window: QWidget) -> list[QWidget]:
    found = [each for kind in INTERACTIVE for each in window.findChildren(kind)]
    return [each for each in found if each.isVisible() and each.isEnabled()]


def named(widget: QWidget) -> bool:
    inner = widget.objectName().startswith("qt_") or isinstance(widget.parent(), QComboBox)
    return inner or bool(widget.objectName() and widget.accessibleName())


def reached(qtbot: QtBot, shell: Shell, steps: int) -> set[QWidget]:
    found: set[QWidget] = set()
    for _step in range(steps):
        at = QApplication.focusWidget()
        if at is not None:
            found.add(at)
        QTest.keyClick(at or shell.window, Qt.Key.Key_Tab)
    return found


def test_the_window_s_state_is_remembered(qtbot: QtBot) -> None:
    shell = make_shell(qtbot)
    shell.window.go("settings")
    shell.window.close()
    assert shell.preferences.get("window.page") == "settings"
    kept = shell.preferences.get("window.geometry")
    assert kept
    assert not QByteArray.fromBase64(QByteArray(kept.encode())).isEmpty()


def test_closing_ends_the_session_and_every_timer(qtbot: QtBot) -> None:
    shell = make_shell(qtbot)
    with qtbot.waitSignal(shell.window.closed):
        shell.window.close()
    assert shell.session.closed
    assert [each for each in shell.window.findChildren(QTimer) if each.isActive()] == []


def test_badges_count_nodes_in_trouble_only_while_live(qtbot: QtBot) -> None:
    shell = make_shell(qtbot)
    states = (NodeState.WIPED, NodeState.REFUSED, NodeState.STALE, NodeState.PENDING)
    shell.show(with_nodes(shell.desk.facts, *states))
    assert nodes_in_trouble(shell.desk) == 2
    shell.show(with_link(shell.desk.facts, Link.OFFLINE))
    assert nodes_in_trouble(shell.desk) == 0


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080), (900, 680)])
def test_nothing_of_the_frame_is_cut_off(qtbot: QtBot, size: tuple[int, int]) -> None:
    shell = make_shell(qtbot, size=size, preferences={"window.page": "notifications"})
    assert (shell.window.width(), shell.window.height()) == size
    for each in interactive(shell.window.frame.topbar):
        assert each.geometry().right() < shell.window.frame.topbar.width()
        assert each.width() >= each.minimumSizeHint().width()
    title = find(shell.window, "topbar.title", QLabel)
    assert title.width() >= title.sizeHint().width()


def test_pages_are_numbered_in_the_rail_s_order(qtbot: QtBot) -> None:
    shell = make_shell(qtbot)
    keys = {each.id: each.shortcut for each in shell.window.actions_}
    shown = [each for each in available(PAGES) if keys[f"page.{each.id}"]]
    assert [keys[f"page.{each.id}"] for each in shown] == [
        f"Alt+{at % 10}" for at in range(1, len(shown) + 1)
    ]
    for each in shown:
        assert keys[f"page.{each.id}"] in child(shell, f"rail.{each.id}").toolTip()


def test_the_tray_is_told_once_and_without_details(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell, told = make_shell(qtbot), list[object]()
    monkeypatch.setattr(Tray, "tell", lambda *given: told.append(given[1:]))
    monkeypatch.setattr(shell.window, "isActiveWindow", lambda: False)
    news = (happening(1, "refusal", node="node-1"),)
    shell.show(replace(shell.desk.facts, happenings=news))
    shell.show(replace(shell.desk.facts, happenings=news))
    assert told == [()]
