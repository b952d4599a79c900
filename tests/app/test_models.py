"""The models page by mouse and keyboard, on the real system; work is in the real door's threads."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from keyturn.quorum.kinds import Kind
from keyturn.vault.copies import verify_copies
from keyturn_app.facts import Connection, Facts, Link
from keyturn_app.qtkit.door import QtDoor
from keyturn_app.qtkit.pages import PageContext
from keyturn_app.qtkit.tables import Table
from keyturn_app.questions import Confirmed
from keyturn_app.screens.models.presenter import ModelsPresenter
from keyturn_app.screens.models.view import ModelsPage, build
from keyturn_app.screens.models.viewmodel import Column
from support.nodes import Node
from unit.app.screens.models.conftest import (
    Here,
    here,
    hsm_worker,
    node,
    node_secrets,
    system,
    token_template,
    unhardened,
    vendors,
    whole,
)

__all__ = [
    "here",
    "hsm_worker",
    "node",
    "node_secrets",
    "system",
    "token_template",
    "unhardened",
    "vendors",
    "whole",
]

W = TypeVar("W", bound=QWidget)
MIB = 1 << 20


@dataclass
class Window:
    """The page in a window, and hands."""

    here: Here
    page: ModelsPage
    bot: QtBot

    @property
    def presenter(self) -> ModelsPresenter:
        return self.page._presenter

    def find(self, kind: type[W], name: str) -> W:
        def shown() -> list[W]:
            return [each for each in self.page.findChildren(kind, name) if each.isVisible()]

        self.bot.waitUntil(lambda: bool(shown()), timeout=2000)  # layouts show what is new later
        (found,) = shown()
        return found

    def click(self, name: str) -> None:
        button = self.find(QAbstractButton, name)
        assert button.isEnabled(), f"{name}: {button.toolTip()}"
        self.bot.mouseClick(button, Qt.MouseButton.LeftButton)

    def text(self, name: str) -> str:
        return self.find(QLabel, name).text()

    def type(self, name: str, text: str) -> None:
        found = self.find(QLineEdit, name)
        found.selectAll()
        self.bot.keyClicks(found, text)

    def key(self, key: Qt.Key) -> None:
        focused = self.page.focusWidget() or self.page
        self.bot.keyClick(focused, key)

    def names(self) -> list[str]:
        model = self.find(Table, "models.table").model()
        return [model.index(at, 0).data() for at in range(model.rowCount())]

    def choose(self, name: str) -> None:
        """A click on a row of the table."""
        table = self.find(Table, "models.table")
        at = self.names().index(name)
        spot = table.visualRect(table.model().index(at, 0)).center()
        self.bot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=spot)

    def wait(self, name: str) -> None:
        """Until a button can be pressed."""
        self.bot.waitUntil(lambda: self._ready(name), timeout=10_000)

    def _ready(self, name: str) -> bool:
        found = self.page.findChildren(QAbstractButton, name)
        return any(each.isVisible() and each.isEnabled() for each in found)


@pytest.fixture
def window(here: Here, qtbot: QtBot) -> Iterator[Window]:
    here.presenter.close()
    door = QtDoor()
    host = QWidget()
    qtbot.addWidget(host)
    page = build(
        PageContext(
            here.desk,
            door,
            here.officer,
            here.actions,
            here.copied.append,
            lambda *to: here.went.append(to),
        )
    )
    assert isinstance(page, ModelsPage)
    page.setParent(host)
    host.resize(1096, 744)
    page.resize(host.size())
    host.show()
    qtbot.waitExposed(host)
    yield Window(here, page, qtbot)
    page.close_page()
    door.close()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    place = tmp_path / "orion"
    place.mkdir()
    (place / "config.json").write_bytes(b"{}")
    (place / "weights.safetensors").write_bytes(bytes(3 * MIB))
    (tmp_path / "place").mkdir()
    return place


# ---- the inventory ----


def test_empty_loading_and_offline_say_what_they_are(window: Window) -> None:
    said = [each.text() for each in window.page.findChildren(QLabel) if each.isVisible()]
    assert "Asking for the inventory" in said
    window.here.desk.show(Facts(Connection(Link.OFFLINE)))
    said = [each.text() for each in window.page.findChildren(QLabel) if each.isVisible()]
    assert "Not connected" in said
    window.here.desk.refresh()
    said = [each.text() for each in window.page.findChildren(QLabel) if each.isVisible()]
    assert "No sealed model yet" in said
    window.click("models.empty.seal")
    assert window.find(QWidget, "models.wizard")


def test_a_row_opens_the_drawer_and_esc_closes_it(window: Window) -> None:
    here = window.here
    made = here.seal()
    here.register(made)
    window.choose("mini")
    assert window.text("models.detail.name") == "mini"
    assert window.find(Table, "models.files").model().rowCount() == 3
    window.key(Qt.Key.Key_Escape)
    assert not window.page.findChild(QWidget, "models.detail").isVisible()


def test_filter_tiles_and_order_by_hand(window: Window) -> None:
    here = window.here
    for name in ("alpha", "beta"):
        here.register(here.seal(name))
    header = window.find(Table, "models.table").horizontalHeader()
    spot = QPoint(header.sectionPosition(Column.NAME) + 20, header.height() // 2)
    window.bot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert window.names() == ["beta", "alpha"]
    window.type("models.filter", "alp")
    assert window.names() == ["alpha"]
    assert window.text("models.count") == "1 of 2"
    window.find(QLineEdit, "models.filter").clear()
    window.presenter.filter("")
    window.click("models.tile.in-force")
    window.click("models.empty.all")
    assert len(window.names()) == 2


def test_the_selection_stays_when_the_facts_change(window: Window) -> None:
    here = window.here
    here.register(here.seal("beta"))
    window.choose("beta")
    here.register(here.seal("alpha"))
    table = window.find(Table, "models.table")
    assert window.names() == ["alpha", "beta"]
    assert table.selected_rows() == [1]
    assert window.text("models.detail.name") == "beta"


def test_rows_are_copied_and_walked_by_keyboard(window: Window) -> None:
    here = window.here
    for name in ("alpha", "beta"):
        here.register(here.seal(name))
    table = window.find(Table, "models.table")
    table.setFocus()
    window.bot.keyClick(table, Qt.Key.Key_Down)
    window.bot.keyClick(table, Qt.Key.Key_Down)
    assert window.text("models.detail.name") == "beta"
    window.bot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert here.copied[-1].startswith("beta\t")


def test_offline_nothing_is_green_and_nobody_knows_where_it_runs(
    window: Window, node: Node
) -> None:
    here = window.here
    here.set_policy()
    made = here.seal()
    here.admit(made)
    here.release(made, node)
    window.choose("mini")
    assert window.find(QAbstractButton, "models.node.node-1")
    lost = Connection(Link.RECONNECTING, heard=here.system.clock())
    here.desk.show(replace(here.desk.facts, connection=lost))
    assert "unknown" in window.find(QWidget, "models.banner").accessibleName()
    row = window.presenter.view().rows[0]
    assert (row.look.word, row.look.token, row.runs) == ("In force", "unknown", None)
    assert not window.find(QAbstractButton, "models.revoke").isEnabled()
    assert window.text("models.why-not") == "Not connected to the server."


def test_links_lead_to_the_log_the_approvals_and_the_fleet(window: Window, node: Node) -> None:
    here = window.here
    here.set_policy()
    made = here.seal()
    here.admit(made)
    here.release(made, node)
    window.choose("mini")
    window.click("models.node.node-1")
    window.click("models.detail.admission.link")
    window.click("models.detail.policy.link")
    history = window.find(Table, "models.history")
    history.setFocus()
    history.selectRow(0)
    window.bot.keyClick(history, Qt.Key.Key_Return)
    pages = [page for page, _ in here.went]
    assert pages == ["fleet", "log", "approvals", "log"]
    window.click("models.detail.digest.copy")
    assert here.copied == [made.sealed.model_digest]


def test_everything_interactive_has_a_name(window: Window, source: Path) -> None:
    here = window.here
    here.set_policy()
    made = here.seal()
    here.register(made)
    window.choose("mini")
    kinds = (QAbstractButton, QLineEdit, QPlainTextEdit, QComboBox, QAbstractItemView, QProgressBar)

    def nameless() -> list[str]:
        return [
            f"{type(each).__name__} in {each.parent().objectName()}"
            for kind in kinds
            for each in window.page.findChildren(kind)
            if each.isVisible()
            and not each.objectName().startswith("qt_")
            and not isinstance(each, QAbstractSlider)
            and not (each.accessibleName() and each.objectName())
            and not isinstance(each.parent(), QComboBox | QLineEdit | QAbstractItemView)
        ]

    assert nameless() == []
    window.click("models.admit")
    assert nameless() == []
    window.click("admit.cancel")
    window.click("models.seal")
    assert nameless() == []


# ---- sealing ----


def walk_to_summary(window: Window, source: Path) -> None:
    here = window.here
    window.click("models.empty.seal")
    here.officer.chosen = source
    window.click("seal.source.choose")
    window.wait("seal.next")
    window.click("seal.next")
    window.type("seal.name", "Orion")
    window.click("seal.next")
    window.click("seal.next")
    here.officer.chosen = source.parent / "place"
    window.click("seal.parent.choose")
    window.wait("seal.next")
    window.click("seal.next")


def test_sealed_registered_and_proposed_by_hand(window: Window, source: Path) -> None:
    here = window.here
    here.set_policy()
    walk_to_summary(window, source)
    window.click("seal.next")
    window.wait("seal.register")
    report = verify_copies(source.parent / "place" / "orion-1.sealed")
    window.click("seal.register")
    window.bot.waitUntil(
        lambda: window.page.findChild(QWidget, "seal.registered").isVisible(), timeout=10_000
    )
    window.click("seal.propose")
    window.bot.waitUntil(lambda: "Say why" in window.text("admit.problem"), timeout=10_000)
    window.bot.keyClicks(window.find(QPlainTextEdit, "admit.reason"), "a first model")
    window.click("admit.propose")

    (proposal,) = here.whole.desks["bela"].proposals("open")
    assert proposal.statement.subject == report.model_digest
    assert proposal.statement.reason == "a first model"
    assert here.went == [("approvals", proposal.digest)]
    assert window.names() == ["Orion"]
    assert window.text("models.detail.name") == "Orion"


@pytest.mark.parametrize("pages", range(5))
def test_esc_leaves_the_wizard_at_each_page(window: Window, source: Path, pages: int) -> None:
    window.here.desk.refresh()
    walk_to_summary(window, source)
    for _each in range(4 - pages):
        window.click("seal.back")
    window.key(Qt.Key.Key_Escape)
    assert window.presenter.sheet is None
    assert list((source.parent / "place").iterdir()) == []
    assert window.find(QAbstractButton, "models.empty.seal").isEnabled()


def test_stopped_while_it_seals_and_nothing_is_left(window: Window, source: Path) -> None:
    (source / "more.safetensors").write_bytes(bytes(160 * MIB))
    window.here.desk.refresh()
    walk_to_summary(window, source)
    window.click("seal.next")
    bar = window.find(QProgressBar, "seal.progress")
    window.bot.waitUntil(lambda: bar.value() > 0, timeout=10_000)
    window.click("seal.cancel")
    window.wait("seal.next")
    assert "Nothing is left" in window.find(QWidget, "seal.error").accessibleName()
    assert list((source.parent / "place").iterdir()) == []


def test_the_wizard_is_walked_by_keyboard_alone(window: Window, source: Path) -> None:
    here = window.here
    here.desk.refresh()
    here.officer.chosen = source
    here.actions.run("models.seal")
    window.key(Qt.Key.Key_Space)  # the focus is on what comes first
    window.wait("seal.next")
    for _each in range(2):
        window.bot.keyClick(window.find(QAbstractButton, "seal.next"), Qt.Key.Key_Space)
    assert window.page.focusWidget().objectName() == "seal.authority.server"


# ---- copies, revocation ----


def test_a_damaged_copy_is_named_by_hand(window: Window) -> None:
    here = window.here
    made = here.seal()
    here.register(made)
    damaged = made.directory / "config.json.sealed"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    window.choose("mini")
    here.officer.chosen = made.directory
    window.click("models.verify")
    window.wait("models.check.close")
    assert window.text("models.check.lines").startswith("config.json: 69 bytes, expected 70")
    window.click("models.check.close")
    assert not window.page.findChild(QWidget, "models.check").isVisible()


def test_a_revocation_by_hand(window: Window) -> None:
    here = window.here
    here.set_policy()
    made = here.seal()
    here.admit(made)
    window.choose("mini")
    here.officer.confirms = Confirmed("it leaked")
    window.click("models.revoke")
    (proposal,) = here.whole.desks["bela"].proposals("open")
    assert (proposal.statement.kind, proposal.statement.reason) == (Kind.REVOCATION, "it leaked")
    assert window.text("models.why-not") == "A revocation is proposed already: see the approvals."


def test_closing_while_it_seals_leaves_nothing(window: Window, source: Path) -> None:
    (source / "more.safetensors").write_bytes(bytes(160 * MIB))
    window.here.desk.refresh()
    walk_to_summary(window, source)
    window.click("seal.next")
    bar = window.find(QProgressBar, "seal.progress")
    window.bot.waitUntil(lambda: bar.value() > 0, timeout=10_000)
    window.page.close_page()
    place = source.parent / "place"
    window.bot.waitUntil(lambda: list(place.iterdir()) == [], timeout=10_000)
