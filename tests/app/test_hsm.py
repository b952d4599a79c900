"""The HSM page's widgets, driven by clicks and keys, over a real client."""

from pathlib import Path
from typing import TypeVar

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QAbstractItemView, QLabel, QLineEdit, QPushButton, QTableView, QWidget
from pytestqt.qtbot import QtBot

from keyturn_app.actions import Actions
from keyturn_app.qtkit.pages import PageContext
from keyturn_app.screens.hsm.lineagepicture import LineagePicture, LineageScroll
from keyturn_app.screens.hsm.view import HsmPage, build
from support import tokens
from support.desks import InlineDoor, ScriptedOfficer
from support.hsmpage import Site
from support.logbook import MODEL, MODEL_NAME

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen plugin says so

W = TypeVar("W", bound=QWidget)


class Window:
    """The page as a window, and who sits at it."""

    def __init__(self, qtbot: QtBot, site: Site, width: int = 1096) -> None:
        self.qtbot, self.site, self.officer = qtbot, site, ScriptedOfficer()
        self.copied: list[str] = []
        self.actions = Actions()
        context = PageContext(
            site.book.desk(),
            InlineDoor(),
            self.officer,
            self.actions,
            self.copied.append,
            lambda _page, _target: None,
        )
        page = build(context)
        assert isinstance(page, HsmPage)
        self.page = page
        qtbot.addWidget(page, before_close_func=lambda widget: widget.close_page())
        page.resize(width, 594 if width < 900 else 744)
        page.show()
        page.shown()

    def child(self, kind: type[W], name: str) -> W:
        found = self.page.findChild(kind, name)
        assert found is not None, name
        return found

    def press(self, name: str) -> None:
        self.qtbot.mouseClick(self.child(QPushButton, name), Qt.MouseButton.LeftButton)

    def press_row(self, name: str, row: int) -> None:
        table = self.child(QAbstractItemView, name)
        place = table.visualRect(table.model().index(row, 0)).center()
        self.qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)

    def rows(self, name: str) -> list[list[str]]:
        model = self.child(QAbstractItemView, name).model()
        columns = range(model.columnCount())
        return [
            [str(model.index(at, column).data()) for column in columns]
            for at in range(model.rowCount())
        ]

    def text(self, name: str) -> str:
        return self.child(QLabel, name).text()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, "node-1", "node-2")


def test_an_officer_looks_at_a_key_and_at_what_hangs_on_it(qtbot: QtBot, site: Site) -> None:
    window = Window(qtbot, site)
    assert window.rows("hsm.keys")[0][:3] == ["KEK", "Active", "Never extractable"]
    window.press_row("hsm.keys", 0)
    drawer = window.child(QWidget, "hsm.drawer")
    assert drawer.isVisible()
    assert "Software assurance" in window.text("hsm.drawer.worth")
    window.press("hsm.drawer.id.copy")
    assert window.copied == [tokens.ACTIVE.id]

    window.press("hsm.drawer.follow")
    assert not drawer.isVisible()
    picture = window.child(LineagePicture, "hsm.lineage.picture")
    assert picture.isVisible()
    assert "KEK" in picture.accessibleDescription()
    assert window.rows("hsm.lineage.table")[0][2] == f"{MODEL_NAME} 1"


def test_escape_closes_the_drawer(qtbot: QtBot, site: Site) -> None:
    window = Window(qtbot, site)
    window.press_row("hsm.keys", 0)
    qtbot.keyClick(window.page, Qt.Key.Key_Escape)
    assert not window.child(QWidget, "hsm.drawer").isVisible()


def test_the_picture_is_walked_and_zoomed_by_keys(qtbot: QtBot, site: Site) -> None:
    window = Window(qtbot, site)
    window.press("hsm.section.lineage")
    picture = window.child(LineagePicture, "hsm.lineage.picture")
    picture.setFocus()
    for key in (Qt.Key.Key_Home, Qt.Key.Key_Right, Qt.Key.Key_Right):
        qtbot.keyClick(picture, key)
    assert "proved by the log" in picture.accessibleDescription()
    table = window.child(QAbstractItemView, "hsm.lineage.table")
    assert table.selectionModel().selectedRows()[0].row() == 0

    area = window.child(LineageScroll, "hsm.lineage.scroll")
    width = picture.width()
    qtbot.keyClick(picture, Qt.Key.Key_Plus)
    assert area.zoom == 1.25
    assert picture.width() > width
    assert window.text("hsm.lineage.zoom") == "125 %"
    qtbot.keyClick(picture, Qt.Key.Key_0)
    assert area.zoom == 1.0
    for _ in range(20):
        window.press("hsm.lineage.zoom.out")
    assert area.zoom == 0.5
    window.press("hsm.lineage.zoom.reset")
    assert picture.width() == width


def test_a_box_that_is_pressed_is_chosen_at_any_zoom(qtbot: QtBot, site: Site) -> None:
    window = Window(qtbot, site)
    window.press("hsm.section.lineage")
    picture = window.child(LineagePicture, "hsm.lineage.picture")
    window.press("hsm.lineage.zoom.in")
    place = picture.place_of(MODEL)
    assert place is not None
    qtbot.mouseClick(picture, Qt.MouseButton.LeftButton, pos=place.center().toPoint())
    assert MODEL_NAME in picture.accessibleDescription()
    qtbot.mouseClick(picture, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))
    assert MODEL_NAME not in picture.accessibleDescription()


def test_the_table_and_the_picture_move_together(qtbot: QtBot, site: Site) -> None:
    window = Window(qtbot, site)
    window.press("hsm.section.lineage")
    window.press_row("hsm.lineage.table", 0)
    picture = window.child(LineagePicture, "hsm.lineage.picture")
    assert MODEL_NAME in picture.accessibleDescription()


def test_a_filter_that_nothing_passes_says_so(qtbot: QtBot, site: Site) -> None:
    window = Window(qtbot, site)
    window.press("hsm.section.lineage")
    line = window.child(QLineEdit, "hsm.lineage.filter")
    qtbot.keyClicks(line, "node-2")
    assert "node-2" in window.rows("hsm.lineage.table")[0][4]
    qtbot.keyClicks(line, "zzz")
    assert window.rows("hsm.lineage.table") == []
    assert not window.child(LineagePicture, "hsm.lineage.picture").isVisible()


def test_checks_are_filtered_and_shown_whole(qtbot: QtBot, site: Site) -> None:
    window = Window(qtbot, site)
    window.press("hsm.tile.preflight")
    assert len(window.rows("hsm.preflight.checks")) == 4
    window.press("hsm.preflight.only.amber")
    rows = window.rows("hsm.preflight.checks")
    assert {each[0] for each in rows} == {"Amber"}
    window.press_row("hsm.preflight.checks", 0)
    assert "What to do: use a hardware token" in window.text("hsm.preflight.detail")


def test_a_red_report_is_opened_from_a_file(qtbot: QtBot, site: Site) -> None:
    window = Window(qtbot, site)
    window.officer.chosen = site.file(site.report(tokens.RED_REPORT))
    window.press("hsm.report")
    assert (
        "Red: Keyturn must not run"
        in window.child(QWidget, "hsm.preflight.warning").accessibleName()
    )
    window.press("hsm.preflight.back")
    assert not window.child(QWidget, "hsm.preflight.warning").isVisible()


def test_without_a_report_the_command_is_there_to_copy(qtbot: QtBot, site: Site) -> None:
    site.server.hsm = tokens.answer(site.inventory(), None)
    window = Window(qtbot, site)
    window.press("hsm.section.preflight")
    window.press("hsm.empty.copy")
    assert window.copied[0].startswith("keyturn hsm preflight ")


def test_a_keyholder_that_tells_nothing_is_said_to(qtbot: QtBot, site: Site) -> None:
    site.server.hsm = None
    window = Window(qtbot, site)
    assert not window.child(QAbstractItemView, "hsm.keys").isVisible()
    labels = {each.text() for each in window.page.findChildren(QLabel) if each.isVisible()}
    assert "Nothing is told" in labels


@pytest.mark.parametrize("width", [716, 844, 1096, 1700])
def test_columns_fit_their_table_at_every_width(qtbot: QtBot, site: Site, width: int) -> None:
    window = Window(qtbot, site, width)
    for _ in range(2):
        table = window.child(QTableView, "hsm.keys")
        assert table.horizontalHeader().length() <= table.viewport().width()
        window.press_row("hsm.keys", 0)


def test_everything_that_acts_has_a_name(qtbot: QtBot, site: Site) -> None:
    window = Window(qtbot, site)
    for each in window.page.findChildren(QPushButton):
        assert each.objectName()
        assert each.accessibleName()
