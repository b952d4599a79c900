"""Witnesses as an officer sees them: the log page's part, the officers page, the header."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QAbstractItemView, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from keyturn.base.encoding import b64
from keyturn.base.strictjson import parse_object
from keyturn.client.proposals import Status
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import Roster
from keyturn_app.actions import Actions
from keyturn_app.news import News
from keyturn_app.qtkit.pages import Page, PageContext
from keyturn_app.qtkit.widgets import Pill
from keyturn_app.questions import Confirm, Confirmed
from keyturn_app.screens.log import view as log_page
from keyturn_app.screens.officers import view as officers_page
from keyturn_app.settings import MemoryPreferences
from keyturn_app.shell.presenter import ShellPresenter
from keyturn_app.shell.topbar import TopBar
from support.cosigning import Cosigning, T, cosigning_desk
from support.desks import InlineDoor, ScriptedOfficer
from support.finding import find

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen plugin says so


class Window:
    """One page of the app in a window of its own."""

    def __init__(self, qtbot: QtBot, scene: Cosigning, module: object, target: str = "") -> None:
        self.bot, self.scene = qtbot, scene
        self.officer = ScriptedOfficer(confirms=Confirmed("one more"))
        self.copied: list[str] = []
        self.page: Page = module.build(  # type: ignore[attr-defined]
            PageContext(
                scene.desk,
                InlineDoor(),
                self.officer,
                Actions(),
                self.copied.append,
                lambda _page, _target: None,
            )
        )
        qtbot.addWidget(self.page, before_close_func=lambda widget: widget.close_page())
        self.page.resize(1096, 744)
        with qtbot.waitExposed(self.page):
            self.page.show()
        if target:
            self.page.open(target)

    def text(self, name: str) -> str:
        return find(self.page, name, QLabel).text()

    def pill(self, name: str) -> str:
        return find(self.page, name, Pill).accessibleName()

    def press(self, name: str) -> None:
        made = find(self.page, name, QPushButton)
        assert made.isVisible()
        assert made.isEnabled(), made.toolTip()
        self.bot.mouseClick(made, Qt.MouseButton.LeftButton)

    def rows(self) -> list[list[str]]:
        model = find(self.page, "log.witnesses.table", QAbstractItemView).model()
        return [
            [str(model.index(row, at, QModelIndex()).data()) for at in (0, 2, 3, 4)]
            for row in range(model.rowCount(QModelIndex()))
        ]


@pytest.fixture
def scene(tmp_path: Path) -> Cosigning:
    return cosigning_desk(tmp_path)


@pytest.fixture
def log(qtbot: QtBot, scene: Cosigning) -> Window:
    return Window(qtbot, scene, log_page, "witnesses")


def test_each_witness_has_its_row_and_ages_without_news(log: Window, scene: Cosigning) -> None:
    scene.require()
    scene.pen_cosigns()
    scene.refresh()
    size = f"{len(scene.server.leaves):,}"
    assert log.rows() == [
        ["one.example", size, "0 s ago", "Fresh"],
        ["officer-ada (this app)", size, "0 s ago", "Fresh"],
    ]
    assert log.pill("log.witnesses.state") == "Witnessed"
    assert log.pill("log.cosigning.state") == "Cosigning"
    assert log.text("log.witnesses.needed") == "A release needs 2 of 2, none older than 300 s"

    scene.clock.advance(seconds=T + 1)
    scene.desk.show(scene.desk.facts)  # a tick: nothing was asked
    assert [row[2:] for row in log.rows()] == [["5 min ago", "Not fresh"]] * 2
    assert log.pill("log.witnesses.state") == "Too few witnesses"
    assert log.pill("log.cosigning.state") == "Not cosigning"


def test_a_missing_revocation_is_named_and_saved(
    log: Window, scene: Cosigning, tmp_path: Path
) -> None:
    scene.require(k=1)
    made = scene.revocation()
    scene.hand(made)
    scene.refresh()
    assert log.pill("log.cosigning.state") == "Not cosigning"
    card = find(log.page, "log.cosigning", QWidget)
    said = [each.text() for each in card.findChildren(QLabel)]
    assert any("node:node-1, version 1: missing since" in text for text in said)

    log.officer.chosen = tmp_path / "out"
    log.officer.chosen.mkdir()
    log.press("log.cosigning.save")
    (file,) = log.officer.chosen.iterdir()
    submission = parse_object(file.read_bytes(), limit=1 << 20, what="file")
    assert submission.b64("statement") == made.raw
    log.press("log.cosigning.save")  # it is there already
    assert [each.title for each in log.officer.told] == ["The revocations were not saved"]
    scene.server.enter(made)
    scene.refresh()
    assert not find(log.page, "log.cosigning.save", QPushButton).isVisible()


def test_the_key_is_copied_and_proposed(log: Window, scene: Cosigning) -> None:
    own = scene.client.cosigner().key
    assert log.pill("log.cosigning.state") == "Not a witness"
    log.press("log.cosigning.copy")
    assert log.copied == [b64(own.spki)]
    log.press("log.cosigning.propose")
    assert isinstance(log.officer.asked[-1], Confirm)
    (made,) = scene.client.proposals(Status.OPEN.value)[-1:]
    assert (made.statement.kind, made.statement.subject) == (Kind.ROSTER, "roster")
    assert isinstance(made.statement.body, Roster)
    assert own in made.statement.body.witnesses.keys

    scene.require(k=1)
    scene.refresh()
    assert not find(log.page, "log.cosigning.propose", QPushButton).isVisible()


def test_who_is_locked_proposes_nothing(log: Window, scene: Cosigning) -> None:
    desk = scene.desk
    desk.identity = replace(desk.identity, locked=True)
    desk.show(desk.facts)
    button = find(log.page, "log.cosigning.propose", QPushButton)
    assert not button.isEnabled()
    assert "Unlock" in button.toolTip()


def test_the_officers_page_has_the_key_too(qtbot: QtBot, scene: Cosigning) -> None:
    window = Window(qtbot, scene, officers_page)
    window.press("officers.copy-cosigner")
    assert window.copied == [b64(scene.client.cosigner().key.spki)]
    window.press("officers.propose-witness")
    assert window.officer.asked
    scene.require(k=1)
    scene.refresh()
    assert not find(window.page, "officers.propose-witness", QPushButton).isEnabled()


@pytest.fixture
def header(qtbot: QtBot, scene: Cosigning) -> Iterator[tuple[TopBar, ShellPresenter]]:
    bar = TopBar()
    qtbot.addWidget(bar)
    bar.resize(1280, bar.height())
    bar.fit(1280)
    presenter = ShellPresenter(scene.desk, News(scene.desk, MemoryPreferences()), ScriptedOfficer())
    with qtbot.waitExposed(bar):
        bar.show()
    yield bar, presenter
    presenter.close()


def test_the_header_says_how_many_of_how_many(
    header: tuple[TopBar, ShellPresenter], scene: Cosigning
) -> None:
    bar, presenter = header
    pill = find(bar, "topbar.witnesses", Pill)
    bar.show_view(presenter.view())
    assert not pill.isVisible()  # none is asked for

    scene.require()
    scene.pen_cosigns()
    scene.refresh()
    bar.show_view(presenter.view())
    assert pill.isVisible()
    assert pill.accessibleName() == "Witnesses 2 of 2"
    bar.fit(1000)
    assert not pill.isVisible()  # the log page has it, and there is no room

    scene.clock.advance(seconds=T + 1)
    bar.show_view(presenter.view())
    assert pill.isVisible()
    assert pill.accessibleName() == "Witnesses 0 of 2"
