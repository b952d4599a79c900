"""A window for tests: a real client of a scripted server, desks that stand still, no thread."""

from dataclasses import dataclass

from pytestqt.qtbot import QtBot

from keyturn_app.facts import Facts
from keyturn_app.settings import MemoryPreferences, Settings
from keyturn_app.shell.idling import Idling
from keyturn_app.shell.window import MainWindow
from support.authority import Clock
from support.desks import InlineDesk, InlineDoor
from support.facts import standing_desk
from support.seats import StandingSession
from unit.client.scripted_server import ScriptedServer


@dataclass
class Ticker:
    """Seconds that pass only when the test says."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Shell:
    """The window and what it stands on."""

    window: MainWindow
    session: StandingSession
    server: ScriptedServer
    preferences: MemoryPreferences
    ticker: Ticker

    @property
    def desk(self) -> InlineDesk:
        return self.session.desk

    def show(self, facts: Facts) -> None:
        """Let these be the facts, and the window look at them."""
        self.desk.show(facts)
        self.window.tick()


def make_shell(
    qtbot: QtBot,
    *,
    officers: tuple[str, ...] = ("ada",),
    locked: bool = False,
    preferences: dict[str, str] | None = None,
    size: tuple[int, int] = (1280, 800),
) -> Shell:
    """Shown and active."""
    shell = shell_of(officers, locked, preferences or {}, size)
    qtbot.addWidget(shell.window)
    with qtbot.waitActive(shell.window):
        shell.window.show()
        shell.window.activateWindow()
    return shell


def shell_of(
    officers: tuple[str, ...],
    locked: bool,
    preferences: dict[str, str],
    size: tuple[int, int] = (1280, 800),
) -> Shell:
    """Not shown yet."""
    server = ScriptedServer(Clock())
    session = StandingSession(*(standing_desk(server, each, locked=locked) for each in officers))
    kept = MemoryPreferences({"settings.appearance": "dark", **preferences})
    ticker = Ticker()
    window = MainWindow(session, Settings(kept), InlineDoor(), idling=Idling(600.0, ticker))
    window.resize(*size)
    return Shell(window, session, server, kept, ticker)
