"""The fleet page by hand: mouse, keys, heat map, drawer, and what each width shows."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QLineEdit,
    QMenu,
    QPushButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from keyturn.client.inventory import NodeState
from keyturn_app.actions import Actions
from keyturn_app.desk import Topic
from keyturn_app.facts import Connection, Link
from keyturn_app.qtkit import theme
from keyturn_app.qtkit.pages import PageContext
from keyturn_app.qtkit.tokens import DRAWER, ROW_COMPACT, Mode
from keyturn_app.questions import Confirmed, SaveFile
from keyturn_app.screens.fleet.columns import COLUMNS, Column
from keyturn_app.screens.fleet.heatmap import HeatMap
from keyturn_app.screens.fleet.view import FleetPage, build
from keyturn_app.settings import Density, Settings
from support import fleets
from support.desks import InlineDoor
from unit.app.screens.fleet.world import NAMES, World

LEFT, PLAIN = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


class Desktop:
    """A page over a small world, without a window around."""

    def __init__(self, qtbot: QtBot, count: int = 0, *, empty: bool = False) -> None:
        self.world = World(empty=empty)
        if count:
            self.world.fleet = fleets.invent(count, first=len(self.world.server.leaves))
            self.world.desk.facts = fleets.facts_of(self.world.server, self.world.fleet)
        self.actions, self.settings = Actions(), Settings()
        self.settings.choose(replace(self.settings.choices, reduce_motion=True))
        context = PageContext(
            self.world.desk,
            InlineDoor(),
            self.world.officer,
            self.actions,
            self.world.copied.append,
            lambda page, target: self.world.went.append((page, target)),
            self.settings,
        )
        page = build(context)
        assert isinstance(page, FleetPage)
        self.page = page
        qtbot.addWidget(page)
        page.resize(1256, 844)
        with qtbot.waitActive(page):
            page.show()
            page.activateWindow()

    def find(self, kind: type[QWidget], name: str) -> QWidget:
        found = self.page.findChild(kind, name)
        assert isinstance(found, kind), name
        return found


@pytest.fixture
def desktop(qtbot: QtBot) -> Iterator[Desktop]:
    made = Desktop(qtbot)
    yield made
    made.page.close_page()


@pytest.fixture
def large(qtbot: QtBot) -> Iterator[Desktop]:
    made = Desktop(qtbot, 640)
    yield made
    made.page.close_page()


def rows(desktop: Desktop) -> list[str]:
    model = desktop.page.table.fleet
    return [model.name_at(row) for row in range(model.rowCount())]


def test_a_click_on_a_row_opens_its_drawer_and_escape_closes_it(
    desktop: Desktop, qtbot: QtBot
) -> None:
    page = desktop.page
    where = page.table.visualRect(page.table.fleet.index(1, 0)).center()
    QTest.mouseClick(page.table.viewport(), LEFT, PLAIN, where)
    assert page.drawer.is_open
    assert page.presenter.selected == rows(desktop)[1]
    QTest.keyClick(page.table, Qt.Key.Key_Down)
    assert page.presenter.selected == rows(desktop)[2]
    QTest.keyClick(page.table, Qt.Key.Key_Escape)
    assert not page.drawer.is_open
    assert page.drawer.isHidden()


def test_coming_to_the_table_opens_nothing(desktop: Desktop, qtbot: QtBot) -> None:
    desktop.page.table.setFocus()
    assert desktop.page.presenter.selected is None


def test_the_filter_says_where_it_is_wrong_while_it_is_typed(
    desktop: Desktop, qtbot: QtBot
) -> None:
    edit = desktop.find(QLineEdit, "fleet.filter")
    assert isinstance(edit, QLineEdit)
    QTest.keyClicks(edit, "site:sin-*")
    assert rows(desktop) == [NAMES[3]]
    QTest.keyClicks(edit, " sate:x")
    problem = desktop.find(QWidget, "fleet.filter.problem")
    assert problem.isVisible()
    assert edit.property("state") == "error"
    assert "no such field" in edit.accessibleDescription()
    QTest.keyClick(edit, Qt.Key.Key_Escape)
    assert edit.text() == ""
    assert len(rows(desktop)) == len(NAMES)
    assert not problem.isVisible()


def test_a_tile_filters_to_its_state(desktop: Desktop, qtbot: QtBot) -> None:
    world = desktop.world
    world.change(replace(world.node(NAMES[2]), state=NodeState.WIPED))
    desktop.page.presenter.tick()
    tile = desktop.find(QAbstractButton, "fleet.tile.attested")
    QTest.mouseClick(tile, LEFT)
    assert len(rows(desktop)) == 3
    assert "Attested: 3" in tile.accessibleName()
    QTest.mouseClick(tile, LEFT)
    assert len(rows(desktop)) == 4


def test_the_heat_map_by_keys_and_by_mouse(large: Desktop, qtbot: QtBot) -> None:
    heat = large.find(HeatMap, "fleet.heat")
    assert isinstance(heat, HeatMap)
    heat.setFocus()
    assert heat.accessibleDescription().startswith("dub-2 · rack r00: ")
    QTest.keyClick(heat, Qt.Key.Key_Down)
    QTest.keyClick(heat, Qt.Key.Key_Return)
    assert large.page.presenter.view().filter == "site:dub-2 rack:r01"
    assert len(rows(large)) == 32
    QTest.mouseClick(heat, LEFT, PLAIN, heat.cell_rect(0).center())
    assert large.page.presenter.view().filter == "site:dub-2 rack:r00"
    assert heat.cell_at(QPoint(1, 1)) == -1
    for cell in range(len(large.page.presenter.view().heat.labels)):
        assert heat.cell_at(heat.cell_rect(cell).center()) == cell


def test_sorting_by_a_click_on_the_header(desktop: Desktop, qtbot: QtBot) -> None:
    header = desktop.page.table.horizontalHeader()
    for expected in (sorted(NAMES), sorted(NAMES, reverse=True)):
        header.sectionClicked.emit(COLUMNS.index(Column.NAME))
        assert rows(desktop) == expected


def test_rows_are_copied_by_keyboard(desktop: Desktop, qtbot: QtBot) -> None:
    table = desktop.page.table
    table.selectAll()
    QTest.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(table, Qt.Key.Key_C, both)
    tabs, document = desktop.world.copied
    assert tabs.splitlines()[0].startswith("Node\tState\tHeard")
    assert len(tabs.splitlines()) == 5
    assert document.startswith("{")


def test_a_quarantine_is_proposed_from_the_drawer(desktop: Desktop, qtbot: QtBot) -> None:
    desktop.world.officer.confirms = Confirmed("stolen")
    desktop.page.open(NAMES[0])
    button = desktop.find(QAbstractButton, "fleet.drawer.revoke_node")
    QTest.mouseClick(button, LEFT)
    (made,) = desktop.world.open_proposals()
    assert desktop.world.went == [("approvals", made.digest)]


def test_what_cannot_be_done_says_why_beside_it(desktop: Desktop) -> None:
    desktop.page.open(NAMES[0])
    gone = replace(desktop.world.desk.facts, connection=Connection(Link.OFFLINE))
    desktop.world.desk.show(gone, Topic.CONNECTION)
    button = desktop.find(QAbstractButton, "fleet.drawer.revoke_node")
    why_not = desktop.find(QWidget, "fleet.drawer.why_not")
    assert not button.isEnabled()
    assert why_not.isVisible()
    tile = desktop.find(QWidget, "fleet.tile.unknown")
    assert "Unknown: 4" in tile.accessibleName()


def test_actions_are_there_as_long_as_the_page(qtbot: QtBot) -> None:
    desktop = Desktop(qtbot)
    assert {each.shortcut for each in desktop.actions} >= {"/", "N", "Ctrl+E"}
    assert desktop.actions.run("fleet.quarantine") == "Select a node first."
    assert desktop.actions.run("fleet.filter") == ""
    assert desktop.find(QLineEdit, "fleet.filter").hasFocus()
    desktop.page.close_page()
    assert list(desktop.actions) == []


def action_of(menu: QMenu, text: str) -> QAction:
    return next(each for each in menu.actions() if each.text() == text)


def menu_of(desktop: Desktop, name: str) -> QMenu:
    button = desktop.find(QPushButton, name)
    assert isinstance(button, QPushButton)
    menu = button.menu()
    assert menu is not None
    return menu


def test_a_filter_is_saved_as_a_view_shown_and_removed(desktop: Desktop, qtbot: QtBot) -> None:
    menu = menu_of(desktop, "fleet.views")
    desktop.page.presenter.filter("site:sin-*")
    action_of(menu, "Save this filter as a view…").trigger()
    edit = desktop.find(QLineEdit, "fleet.view_name")
    assert edit.isVisible()
    QTest.keyClicks(edit, "Singapore")
    QTest.keyClick(edit, Qt.Key.Key_Return)
    assert not edit.isVisible()
    chip = desktop.find(QAbstractButton, "fleet.chip.2")
    assert isinstance(chip, QAbstractButton)
    assert (chip.text(), chip.isChecked()) == ("Singapore", True)
    action_of(menu, "Singapore").trigger()
    assert len(rows(desktop)) == 4
    action_of(menu, "Remove “Singapore”").trigger()
    assert [each.text() for each in menu.actions()][:2] == ["Needs attention", "All"]


def test_columns_are_chosen_and_sorted_from_the_menu(desktop: Desktop) -> None:
    menu = menu_of(desktop, "fleet.columns")
    action_of(menu, "Rack").trigger()
    action_of(menu, "Site").trigger()
    shown = desktop.page.table.shown_columns()
    assert Column.RACK in shown
    assert Column.SITE not in shown
    order = action_of(menu, "Sort by").menu()
    assert isinstance(order, QMenu)
    action_of(order, "Node").trigger()
    assert rows(desktop) == sorted(NAMES)


def test_an_export_is_asked_for_from_the_menu(desktop: Desktop) -> None:
    action_of(menu_of(desktop, "fleet.export"), "JSON…").trigger()
    (asked,) = desktop.world.officer.asked
    assert isinstance(asked, SaveFile)
    assert asked.suggested.endswith(".json")


def test_the_menu_of_a_row_holds_the_rows_and_acts_on_it(desktop: Desktop, qtbot: QtBot) -> None:
    table = desktop.page.table
    where = table.visualRect(table.fleet.index(2, 0)).center()
    name = table.fleet.name_at(2)
    table.customContextMenuRequested.emit(where)
    menu = next(each for each in table.findChildren(QMenu) if each.isVisible())
    assert desktop.page.presenter.selected == name
    action_of(menu, "Copy name").trigger()
    assert desktop.world.copied == [name]
    action_of(menu, "Show its rack only").trigger()
    assert desktop.page.presenter.view().filter == f"name:{name}"
    menu.close()
    table.customContextMenuRequested.emit(QPoint(5, table.height() * 3))
    assert desktop.page.presenter.selected == name


def test_the_drawer_slides_unless_motion_is_unwanted(desktop: Desktop, qtbot: QtBot) -> None:
    choices = desktop.settings.choices
    desktop.settings.choose(replace(choices, reduce_motion=False, density=Density.COMPACT))
    assert desktop.page.table.verticalHeader().defaultSectionSize() == ROW_COMPACT
    desktop.page.open(NAMES[0])
    qtbot.waitUntil(lambda: desktop.page.drawer.width() == DRAWER)
    QTest.mouseClick(desktop.find(QWidget, "fleet.drawer.close"), LEFT)
    qtbot.waitUntil(lambda: desktop.page.drawer.isHidden())


def test_the_look_follows_the_theme(large: Desktop, qtbot: QtBot) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    heat = large.find(HeatMap, "fleet.heat")
    dark = heat.grab().toImage()
    before = theme.theme().mode
    theme.apply(app, Mode.LIGHT if before is Mode.DARK else Mode.DARK)
    assert heat.grab().toImage() != dark
    theme.apply(app, before)


def test_loading_and_empty_are_said(qtbot: QtBot) -> None:
    desktop = Desktop(qtbot, empty=True)
    assert desktop.find(QWidget, "fleet.empty").isVisible()
    world = desktop.world
    world.desk.show(fleets.facts_of(world.server, world.fleet))
    assert not desktop.find(QWidget, "fleet.empty").isVisible()
    desktop.page.close_page()


@pytest.mark.parametrize(
    ("width", "tiles", "trend"), [(1096, 7, True), (772, 6, False), (1736, 7, True)]
)
def test_each_width_shows_what_fits(
    large: Desktop, qtbot: QtBot, width: int, tiles: int, trend: bool
) -> None:
    def shown() -> list[QAbstractButton]:
        found = large.page.findChildren(QAbstractButton)
        return [e for e in found if e.objectName().startswith("fleet.tile.") and e.isVisible()]

    large.page.resize(width, 744)
    qtbot.waitUntil(lambda: len(shown()) == tiles)
    assert large.find(QWidget, "fleet.trend_card").isVisible() is trend
    assert large.page.minimumSizeHint().width() <= 1096


def test_every_widget_that_one_can_reach_has_a_name(large: Desktop) -> None:
    large.page.open(large.world.fleet.nodes[0].name)
    for each in large.page.findChildren(QWidget):
        if isinstance(each, QAbstractButton | QLineEdit) and each.isVisible():
            inside = isinstance(each.parent(), QLineEdit)
            assert inside or each.objectName(), each
            assert each.accessibleName() or each.toolTip() or inside, each.objectName()
