"""A window that has a seat at a server and one at a station: each sees its own pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from keyturn.client.memory import Memory
from keyturn.client.profile import station_profile
from keyturn.client.station import StationClient, severed
from keyturn.officerkeys.location import InKeyring
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.bundle import load_bundle, make_bundle
from keyturn.quorum.kinds import Kind
from keyturn_app.actions import Actions
from keyturn_app.desk import Identity
from keyturn_app.facts import Bundle, Connection, Facts, Link
from keyturn_app.questions import Notice
from keyturn_app.screens.station.presenter import StationPresenter
from keyturn_app.screens.station.view import StationPage
from keyturn_app.settings import MemoryPreferences, Settings
from keyturn_app.shell.idling import Idling
from keyturn_app.shell.window import MainWindow
from keyturn_app.surroundings import Surroundings
from support.authority import Clock
from support.desks import InlineDesk, InlineDoor, ScriptedOfficer
from support.facts import standing_desk
from support.finding import find
from support.seats import StandingSession
from unit.client.scripted_server import ScriptedServer

PAGES = ("fleet", "models", "approvals", "officers", "log", "notifications", "settings")


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer(Clock())


def station_desk(server: ScriptedServer, officer: str = "bela") -> InlineDesk:
    """What it knows is the bundle of now; it takes in newer ones."""
    profile = station_profile(server.fingerprint, officer, InKeyring(officer))
    signer = OfficerSigner(server.secrets["bela"])
    client = StationClient(
        profile, Memory(server.fingerprint), severed(), now=server.clock, signer=lambda: signer
    )
    bundle = make_bundle(server.state)
    client.adopt(bundle)
    identity = Identity(profile, "Station", officer, officer.title(), False)
    desk = InlineDesk(identity, client, server.clock)
    authority = load_bundle(bundle, server.fingerprint, server.clock())
    desk.show(Facts(Connection(Link.STATION), bundle=Bundle(authority, server.clock())))
    return desk


@pytest.fixture
def session(server: ScriptedServer) -> StandingSession:
    return StandingSession(standing_desk(server), station_desk(server))


@pytest.fixture
def window(session: StandingSession, qtbot: QtBot) -> Iterator[MainWindow]:
    kept = MemoryPreferences({"settings.appearance": "dark"})
    made = MainWindow(session, Settings(kept), InlineDoor(), idling=Idling(600.0, lambda: 0.0))
    qtbot.addWidget(made)
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
    yield made
    made.close()


def on_the_rail(window: MainWindow) -> set[str]:
    return {each for each in PAGES if find(window, f"rail.{each}", QPushButton).isVisible()}


def test_each_seat_has_its_own_pages(window: MainWindow, session: StandingSession) -> None:
    assert on_the_rail(window) == set(PAGES)
    window.go("fleet")
    session.sit("seat-1")
    assert on_the_rail(window) == {"approvals", "officers", "settings"}
    assert window.page == "approvals"
    window.tick()
    assert "OFFLINE STATION" in {each.text() for each in window.findChildren(QLabel)}
    session.sit("seat-0")
    assert on_the_rail(window) == set(PAGES)


def test_what_is_not_there_says_why(
    window: MainWindow, session: StandingSession, qtbot: QtBot
) -> None:
    session.sit("seat-1")
    for page in ("fleet", "models", "log", "notifications"):
        window.go(page)
        texts = [each.text() for each in window.findChildren(QLabel) if each.isVisible()]
        assert any("it asks no server" in each for each in texts), page
    qtbot.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.AltModifier)
    assert window.page == "fleet"
    window.go("officers")
    page = find(window, "page.station", StationPage)
    assert page.isVisible()
    assert not page.of_the_server


# ---- the station's officers ----


class Page:
    """Its presenter over a desk, without a window."""

    def __init__(self, desk: InlineDesk) -> None:
        self.desk, self.officer, self.copied = desk, ScriptedOfficer(), list[str]()
        self.actions = Actions()
        self.presenter = StationPresenter(
            Surroundings(
                desk,
                InlineDoor(),
                self.officer,
                self.actions,
                self.copied.append,
                lambda *_to: None,
            )
        )

    def takes(self, path: Path, raw: bytes) -> Notice | None:
        path.write_bytes(raw)
        told = len(self.officer.told)
        self.officer.chosen = path
        self.presenter.import_bundle()
        return self.officer.told[-1] if len(self.officer.told) > told else None


def test_a_newer_bundle_is_taken_in_and_an_older_one_is_not(
    server: ScriptedServer, tmp_path: Path
) -> None:
    page = Page(station_desk(server))
    old = make_bundle(server.state)
    server.enact(Kind.ROSTER, "roster", server.authority.roster_body())
    assert page.takes(tmp_path / "new.json", make_bundle(server.state)) is None
    assert page.officer.toasts
    refused = page.takes(tmp_path / "old.json", old)
    assert refused is not None
    assert refused.title == "This bundle is not taken in"
    assert "older 'roster'" in refused.text
    other = page.takes(tmp_path / "other.json", make_bundle(ScriptedServer(Clock()).state))
    assert other is not None
    assert page.takes(tmp_path / "none.json", b"{}") is not None


def test_it_shows_the_bundle_and_what_cannot_be_known(server: ScriptedServer) -> None:
    page = Page(station_desk(server))
    view = page.presenter.view()
    assert "this station cannot know" in view.cannot_know
    assert dict((name, value) for name, value, _mono in view.bundle)["Roster"][:9] == "version 1"
    assert ("Officer Bela (bela)", "proposer, approver", False) in view.officers
    assert ("Policy", "2 of 5", False) in view.thresholds
    assert view.standing == ""
    page.presenter.copy_fingerprint()
    assert page.copied == [server.fingerprint]
    page.presenter.close()
    assert list(page.actions) == []


def test_who_is_not_in_the_roster_or_locked_is_told(server: ScriptedServer) -> None:
    page = Page(station_desk(server, "fay"))
    assert "not in this roster" in page.presenter.view().standing
    page.desk.show(Facts(Connection(Link.STATION, error="it expired")))
    view = page.presenter.view()
    assert (view.standing, view.bundle, view.look.token) == ("it expired", (), "danger")
    page.desk.identity = Identity(page.desk.identity.profile, "Station", "fay", "Fay", True)
    assert page.presenter.view().import_why_not == "Locked: unlock your key first."
