"""The collateral page's widgets, driven by clicks and keys, over a real client."""

from pathlib import Path
from typing import TypeVar

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QLabel,
    QLineEdit,
    QPushButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from keyturn_app.actions import Actions
from keyturn_app.qtkit.pages import PageContext
from keyturn_app.questions import Confirm
from keyturn_app.screens.collateral.timeline import TimeLine
from keyturn_app.screens.collateral.view import CollateralPage, build
from support.collateralpage import Site
from support.desks import InlineDoor, ScriptedOfficer

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen plugin says so

W = TypeVar("W", bound=QWidget)


class Window:
    """The page as a window, and who sits at it."""

    def __init__(self, qtbot: QtBot, site: Site, width: int = 1096) -> None:
        self.qtbot, self.site, self.officer = qtbot, site, ScriptedOfficer()
        self.copied: list[str] = []
        self.actions = Actions()
        context = PageContext(
            site.desk(),
            InlineDoor(),
            self.officer,
            self.actions,
            self.copied.append,
            lambda _page, _target: None,
        )
        page = build(context)
        assert isinstance(page, CollateralPage)
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

    def rows(self, name: str) -> list[list[str]]:
        model = self.child(QAbstractItemView, name).model()
        columns = range(model.columnCount())
        return [
            [str(model.index(at, column).data()) for column in columns]
            for at in range(model.rowCount())
        ]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_an_officer_fills_an_empty_cache_from_a_bundle(qtbot: QtBot, site: Site) -> None:
    window = Window(qtbot, site)
    window.press("collateral.empty.commands.0")
    assert window.copied[0].startswith("keyturn collateral fetch ")

    window.press("collateral.section.forecast")
    assert {each[1] for each in window.rows("collateral.events")} == {"Stops nodes now"}

    path, key = site.bundle(*site.intel.everything(site.issued))
    window.officer.chosen = path
    window.press("collateral.import")
    (question,) = [each for each in window.officer.asked if isinstance(each, Confirm)]
    assert key[-4:] in question.details[0]
    assert {each[3] for each in window.rows("collateral.parcel")} == {"Newer"}
    window.press("collateral.hand-in")
    assert {each[4] for each in window.rows("collateral.parcel")} == {"The keyholder keeps it"}
    assert not window.child(QPushButton, "collateral.hand-in").isVisible()

    window.press("collateral.section.cache")
    shown = window.rows("collateral.documents")
    assert {(each[3], each[6]) for each in shown} == {("Fresh", "Keeps it")}


def test_keys_go_through_the_events(qtbot: QtBot, site: Site) -> None:
    window = Window(qtbot, site.stocked())
    window.press("collateral.section.forecast")
    line = window.child(TimeLine, "collateral.timeline")
    line.setFocus()
    qtbot.keyClick(line, Qt.Key.Key_Right)
    table = window.child(QAbstractItemView, "collateral.events")
    assert table.currentIndex().row() == 0
    assert "td-1" in line.accessibleDescription()
    qtbot.keyClick(line, Qt.Key.Key_End)
    assert table.currentIndex().row() == 4
    assert window.child(QLabel, "collateral.drawer.title").text() == "AMD · Revocation list"

    mark = next(each for each in line.line().marks if len(each.events) == 4)
    for place in range(2):
        qtbot.mouseClick(line, Qt.MouseButton.LeftButton, pos=QPoint(int(mark.x), int(mark.y)))
        assert table.currentIndex().row() == mark.events[place]
    qtbot.keyClick(window.page, Qt.Key.Key_Escape)
    assert not window.child(QWidget, "collateral.drawer").isVisible()
    window.press("collateral.days.30")
    assert len(window.rows("collateral.events")) == 5


def test_the_filter_and_the_drawer(qtbot: QtBot, site: Site) -> None:
    window = Window(qtbot, site.stocked())
    window.press("collateral.only.AMD")
    assert [each[0] for each in window.rows("collateral.documents")] == ["AMD"]
    window.press("collateral.only.AMD")
    window.child(QLineEdit, "collateral.filter").setText("fmspc")
    table = window.child(QAbstractItemView, "collateral.documents")
    place = table.visualRect(table.model().index(0, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert window.child(QLabel, "collateral.drawer.users").text() == "td-1, td-2"


def test_an_unknown_forecast_does_not_look_like_a_good_one(qtbot: QtBot, site: Site) -> None:
    site.book.server.denied["/v1/collateral"] = "no role"
    window = Window(qtbot, site)
    window.press("collateral.section.forecast")
    said = [each.text() for each in window.page.findChildren(QLabel) if each.isVisible()]
    assert "The collateral cannot be read" in said
    assert "Nothing ends within this time" not in said


@pytest.mark.parametrize("section", ["cache", "forecast", "carry"])
def test_a_small_window_holds_the_page_and_its_drawer(
    qtbot: QtBot, site: Site, section: str
) -> None:
    window = Window(qtbot, site.stocked(), width=844)
    window.page.open(window.page._presenter.view().rows[0].id)
    window.page.open(section)
    qtbot.waitUntil(lambda: window.page.minimumSizeHint().width() <= 844)
    window.page.resize(844, 594)
    assert window.page.width() == 844


def test_everything_interactive_has_a_name(qtbot: QtBot, site: Site) -> None:
    window = Window(qtbot, site.stocked())
    for kind in (QAbstractButton, QLineEdit, QAbstractItemView, TimeLine):
        for each in window.page.findChildren(kind):
            if not each.objectName().startswith("qt_") and each.objectName():
                assert each.accessibleName(), each.objectName()
