"""The window before servers that die, dawdle or lie, and locked in the middle of anything."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QFileDialog,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from keyturn.base.encoding import Digest
from keyturn.client.inventory import NodeState
from keyturn.client.proposals import Status
from keyturn.keyrelease.grant import ReleaseAnswer
from keyturn.quorum.kinds import Kind
from keyturn.seal.paths import KEY_NAME, MANIFEST_NAME
from keyturn_app.facts import Link
from support import lying
from support.agents import seal_for
from support.authority import policy_body
from support.control import running_server
from support.lying import Document, Liar, Lie
from support.nodes import NodeSecrets
from support.office import Office, running_office
from support.officefixtures import (
    hsm_worker,
    node_secrets,
    system,
    token_template,
    unhardened,
    vendors,
    whole,
)
from support.system import admission_body, model_digest
from support.whole import Whole
from unit.app.live.lines import ours

__all__ = [
    "hsm_worker",
    "node_secrets",
    "system",
    "token_template",
    "unhardened",
    "vendors",
    "whole",
]

# The offscreen plugin says of menus and raised windows that it cannot do them.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", "propagateSizeHints")

MIB = 1 << 20
WORDS = {"Attested", "Stale", "Pending", "Refused", "Quarantined", "Wiped", "Unknown"}


@dataclass
class Settled:
    """One node is granted; Ada's stricter policy is open, and nobody has approved it yet."""

    whole: Whole
    open: Digest
    model: Digest
    directory: Path

    def approvals(self) -> int:
        """What the server holds of it, as another officer sees it."""
        return len(self.whole.desks["emil"].proposal(self.open).approvals)

    def revocations(self) -> int:
        found = self.whole.desks["emil"].proposals()
        return sum(each.statement.kind is Kind.REVOCATION for each in found)

    def stir(self) -> None:
        """Something happens at the server: everybody asks it again."""
        self.whole.propose(Kind.POLICY, "other", policy_body())

    def register(self) -> None:
        """Another model: everybody asks for the inventory again."""
        source, sealed = self.directory / "second", self.directory / "second-sealed"
        source.mkdir()
        (source / "weights.bin").write_bytes(b"other weights")
        seal_for(self.whole.system, source, sealed, "second")
        raw = [(sealed / each).read_bytes() for each in (MANIFEST_NAME, KEY_NAME)]
        self.whole.desks["ada"].register_model(*raw)


@pytest.fixture
def settled(whole: Whole, node_secrets: NodeSecrets, tmp_path: Path) -> Settled:
    node = whole.system.node(node_secrets)
    whole.system.set_baseline(node.sim)
    whole.world.catch_up()
    whole.enact(Kind.POLICY, "serving", policy_body())
    source, sealed = tmp_path / "plain", tmp_path / "sealed"
    source.mkdir()
    (source / "weights.bin").write_bytes(b"weights")
    _, model = seal_for(whole.system, source, sealed, "mini")
    parts = {"key": sealed / KEY_NAME, "manifest": sealed / MANIFEST_NAME}
    raw = {name: path.read_bytes() for name, path in parts.items()}
    whole.enact(Kind.MODEL, model_digest(model), admission_body(model), **raw)
    with whole.node_link() as link:
        answer = link.release(node.request(link.challenge(), model_digest(model)))
    assert isinstance(answer, ReleaseAnswer)
    whole.world.catch_up()
    stricter = whole.propose(Kind.POLICY, "serving", policy_body(lease_seconds=30))
    return Settled(whole, stricter, model_digest(model), tmp_path)


@pytest.fixture
def liar() -> Iterator[Liar]:
    """In the way of the window's connections, and of no other's."""
    made = Liar()
    with made.in_the_way():
        yield made


@pytest.fixture
def office(
    settled: Settled, liar: Liar, tmp_path: Path, qtbot: QtBot, unhardened: None
) -> Iterator[Office]:
    with running_office(settled.whole, tmp_path, qtbot, ("ada", "bela")) as made:
        yield made
    assert ours() == []


def link(office: Office) -> str:
    return office.spoken("topbar.link")


def states(office: Office) -> set[str]:
    """Every word for a state that the open page says of a node."""
    table = office.find(QWidget, "fleet.table")
    model = table.model()  # type: ignore[attr-defined]
    cells = {
        str(model.index(row, column).data())
        for row in range(model.rowCount())
        for column in range(model.columnCount())
    }
    return cells & WORDS


# ---- servers that die, dawdle or lie ----


def test_killed_in_the_middle_and_back(office: Office, settled: Settled) -> None:
    whole, world = settled.whole, settled.whole.world
    office.unlock("bela")
    office.go("fleet")
    office.until(lambda: states(office) == {"Attested"})
    world.server.should_exit = True
    office.until(lambda: link(office) == "Reconnecting")
    office.until(lambda: states(office) == {"Unknown"})
    assert "Connection lost" in office.spoken("alarm.banner")
    assert office.facts.alarms == ()
    office.row("fleet.table", "node-1")
    office.until(lambda: office.spoken("fleet.drawer.state") == "Unknown")
    assert not office.find(QAbstractButton, "fleet.drawer.revoke_node").isEnabled()

    port = httpx.URL(world.url).port
    with running_server(world.directory, world.keyholder, world.clock, port=port):
        office.until(lambda: link(office) == "Live")
        office.until(lambda: states(office) == {"Attested"})
        office.until(lambda: not office.seen(QWidget, "alarm.banner"))
        office.lock()
    assert whole.system.keyholder.journal.state is not None


@dataclass
class Gate:
    """Answers are held back while it is shut. `held` counts those that wait."""

    path: str = ""
    _open: threading.Event = field(default_factory=threading.Event)
    held: int = 0

    def edit(self, request: httpx.Request, document: Document) -> Document:
        if self.path in request.url.path:
            self.held += 1
            self._open.wait(20)
        return document

    def open(self) -> None:
        self._open.set()


@contextlib.contextmanager
def shut_gate(liar: Liar, path: str = "") -> Iterator[Gate]:
    gate = Gate(path)
    with liar.telling(Lie("late", gate.edit)):
        try:
            yield gate
        finally:
            gate.open()


def test_the_window_lives_while_the_server_dawdles(
    office: Office, settled: Settled, liar: Liar
) -> None:
    office.unlock("bela")
    office.go("approvals")
    ticks: list[int] = []
    timer = QTimer(office.window)
    timer.timeout.connect(lambda: ticks.append(1))
    timer.start(10)
    with shut_gate(liar) as gate:
        settled.stir()
        office.until(lambda: gate.held)
        before = len(ticks)
        office.until(lambda: len(ticks) > before + 30)
        office.write("approvals.search", "serv")
        office.go("log")
        office.go("fleet")
        assert states(office) == {"Attested"}
        assert gate.held == 1  # nothing of this waited for an answer, nor asked for a second one
    office.go("approvals")
    office.write("approvals.search", "other")
    office.until(lambda: office.seen(QWidget, "approvals.list"))
    timer.stop()


Lies = Callable[[Settled, Liar], Lie]


@dataclass(frozen=True)
class Told:
    """A lie, and words that no page may say while it is told."""

    name: str
    lie: Lies
    never: str


LIES = (
    Told(
        "forged approval",
        lambda settled, _: lying.forged_approval(settled.open, "chen"),
        "1 of 2",
    ),
    Told(
        "called in force",
        lambda settled, _: lying.called_in_force(settled.open, None),
        "In force since",
    ),
    Told(
        "edited body",
        lambda settled, _: lying.edited_body(settled.open, lease_seconds=31),
        '"lease_seconds": 31',
    ),
    Told(
        "edited model",
        lambda settled, _: lying.edited_model(settled.model, tag="ee" * 32),
        "eeee eeee",
    ),
)


@pytest.mark.parametrize("told", LIES, ids=lambda each: each.name)
def test_a_lie_is_never_shown_as_fact(
    office: Office, settled: Settled, liar: Liar, told: Told
) -> None:
    office.unlock("bela")
    office.go("approvals")
    office.row("approvals.list", "serving")
    office.says("approvals.quorum", "0 of 2")

    def caught() -> bool:
        assert told.never not in everything(office)
        return "not believed" in office.spoken("alarm.banner")

    with liar.telling(told.lie(settled, liar)):
        settled.stir()
        settled.register()
        office.until(caught)
        assert liar.told
        assert link(office) == "Server not believed"
        assert office.facts.alarms
        office.go("fleet")
        assert states(office) <= {"Unknown"}
        office.go("models")
        office.go("approvals")
        assert told.never not in everything(office)
        assert not office.seen(QAbstractButton, "approvals.approve")
    office.click("alarm.again")
    office.until(lambda: link(office) == "Live")
    assert "not believed" in office.spoken("alarm.banner")  # it stays on record
    assert settled.approvals() == 0


def everything(office: Office) -> str:
    """All text that is on the screen."""
    texts = [each.toPlainText() for each in office.all(QPlainTextEdit) if each.isVisible()]
    return "\n".join([office.words, *texts])


# ---- locked in the middle ----


def locked_and_back(office: Office, name: str) -> None:
    """Nothing is on the screen but the way back in; then the page is there again."""
    page = office.window.page
    office.lock()
    assert not office.window.frame.isVisible()
    assert office.seen(QWidget, "question") == []
    assert office.window.windowTitle() == "Keyturn"
    field = office.find(QLineEdit, "unlock.passphrase")
    assert field.text() == ""
    office.unlock(name)
    assert office.window.page == page
    assert office.seen(QWidget, "question") == []


def test_locked_over_a_question(office: Office, settled: Settled) -> None:
    office.unlock("bela")
    office.go("approvals")
    office.row("approvals.list", "serving")
    office.click("approvals.approve")
    office.find(QAbstractButton, "question.yes")
    locked_and_back(office, "bela")
    office.says("approvals.quorum", "0 of 2")
    assert settled.approvals() == 0
    office.click("approvals.approve")  # asked anew, and answered once
    office.click("question.yes")
    office.says("approvals.quorum", "1 of 2")
    assert settled.approvals() == 1


def test_locked_over_a_typed_revocation(office: Office, settled: Settled) -> None:
    office.unlock("ada")
    office.go("fleet")
    office.row("fleet.table", "node-1")
    office.click("fleet.drawer.revoke_node")
    office.write("question.comment", "it was stolen")
    office.write("question.typed", "node-1")
    assert office.find(QAbstractButton, "question.yes").isEnabled()
    locked_and_back(office, "ada")
    office.until(lambda: office.spoken("fleet.drawer.state") == "Attested")  # the drawer is back
    assert settled.revocations() == 0
    office.click("fleet.drawer.revoke_node")
    assert office.find(QLineEdit, "question.typed").text() == ""
    assert office.find(QPlainTextEdit, "question.comment").toPlainText() == ""
    office.click("question.no")


def test_locked_while_an_approval_is_under_way(
    office: Office, settled: Settled, liar: Liar
) -> None:
    """Held before it was signed: nothing is signed, nothing is posted."""
    office.unlock("bela")
    office.go("approvals")
    office.row("approvals.list", "serving")
    with shut_gate(liar, f"/v1/proposals/{settled.open}") as gate:
        office.click("approvals.approve")
        office.click("question.yes")
        office.until(lambda: gate.held)
        office.lock()
    office.unlock("bela")
    office.says("approvals.quorum", "0 of 2")
    assert settled.approvals() == 0
    assert [each for each in liar.asked if each.startswith("POST") and "approvals" in each] == []
    office.until(lambda: office.find(QAbstractButton, "approvals.approve").isEnabled())


def test_locked_while_it_seals(office: Office, settled: Settled, tmp_path: Path) -> None:
    """Sealing needs no officer's key: it goes on. Nothing of it reaches the server."""
    source, place = tmp_path / "big", tmp_path / "place"
    for each in (source, place):
        each.mkdir()
    with (source / "weights.safetensors").open("wb") as file:
        file.truncate(300 * MIB)
    office.unlock("ada")
    office.go("models")
    office.click("models.seal")
    office.click("seal.source.choose")
    office.path(source)
    for _page in range(3):
        office.click("seal.next")
    office.click("seal.parent.choose")
    office.path(place)
    office.click("seal.next")
    office.click("seal.next")
    bar = office.find(QProgressBar, "seal.progress")
    office.until(lambda: bar.value() > 0)
    locked_and_back(office, "ada")
    office.find(QAbstractButton, "seal.register")
    assert [each.name for each in settled.whole.desks["emil"].models()] == ["mini"]


def test_locked_over_an_open_file_dialog(office: Office, settled: Settled) -> None:
    office.unlock("bela")
    office.go("approvals")
    office.click("approvals.openfile")
    office.click("question.browse")
    office.until(lambda: any(each.isVisible() for each in choosers()))
    office.window.lock()
    office.until(lambda: not any(each.isVisible() for each in choosers()))
    office.unlock("bela")
    assert office.seen(QWidget, "question") == []


def choosers() -> list[QFileDialog]:
    return [each for each in QApplication.topLevelWidgets() if isinstance(each, QFileDialog)]


def test_locked_over_a_drawer_and_a_menu(office: Office, settled: Settled) -> None:
    office.unlock("bela")
    office.go("fleet")
    office.row("fleet.table", "node-1")
    office.says("fleet.drawer.name", "node-1")
    office.click("fleet.drawer.more")
    office.until(lambda: QApplication.activePopupWidget())
    office.window.lock()
    assert QApplication.activePopupWidget() is None
    assert office.text("fleet.drawer.name") == ""
    office.unlock("bela")
    office.says("fleet.drawer.name", "node-1")


def test_locked_keys_and_clicks_do_nothing(office: Office, settled: Settled) -> None:
    office.unlock("bela")
    office.go("approvals")
    office.row("approvals.list", "serving")
    office.lock()
    for key in (Qt.Key.Key_A, Qt.Key.Key_R, Qt.Key.Key_Return, Qt.Key.Key_Escape):
        QTest.keyClick(office.window, key)
        QTest.keyClick(office.window.frame, key)
    (approve,) = [e for e in office.all(QAbstractButton) if e.objectName() == "approvals.approve"]
    approve.click()  # what no officer can reach
    assert office.seen(QWidget, "question") == []
    assert office.facts.connection.link in (Link.OFFLINE, Link.LIVE)
    office.unlock("bela")
    assert settled.approvals() == 0
    found = settled.whole.desks["emil"].proposal(settled.open)
    assert found.status is Status.OPEN
    node = settled.whole.desks["emil"].node("node-1")
    assert node.state is NodeState.ATTESTED
