"""A desk without a server: locked, unlocked, what it knows, and nothing that outlives a lock."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from keyturn.base.errors import KeyturnError
from keyturn.client.errors import NoServer
from keyturn.client.profile import Places, station_profile
from keyturn.client.signing import Unlocked
from keyturn.client.station import StationClient
from keyturn.officerkeys.errors import KeyNotOpened
from keyturn.officerkeys.location import InKeyring
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.approvals import Decision
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.kinds import Kind
from keyturn_app.desk import Identity, Locked, Topic
from keyturn_app.facts import Link
from keyturn_app.live.station import StationDesk
from support.authority import Clock, policy_body
from unit.client.scripted_server import ScriptedServer
from unit.client.test_station import export_of

WAIT = 20_000


class Seat:
    """Bela's desk over a directory, and what it answered."""

    def __init__(self, directory: Path, bot: QtBot) -> None:
        self.server = ScriptedServer(Clock())
        self.places = Places(directory, directory / "state")
        self.profile = station_profile(self.server.fingerprint, "bela", InKeyring("bela"))
        self.bot = bot
        self.closed: list[bool] = []
        self.given: list[bytearray] = []
        self.told: list[frozenset[Topic]] = []
        identity = Identity(self.profile, "Station", "bela", "bela", locked=False)
        self.desk = StationDesk(identity, self.places, now=self.server.clock, open_key=self.opened)
        self.desk.subscribe(self.told.append)

    def opened(self, secret: bytearray) -> Unlocked:
        self.given.append(secret)
        right = bytes(secret) == b"right"
        secret[:] = bytes(len(secret))
        if not right:
            raise KeyNotOpened("wrong passphrase")
        signer = OfficerSigner(self.server.secrets["bela"])
        return Unlocked(signer, lambda: self.closed.append(True))

    def brings(self) -> None:
        """A bundle reached the station."""
        with StationClient.open(
            self.profile, self.places, now=self.server.clock, signer=_nobody
        ) as client:
            client.adopt(make_bundle(self.server.state))

    def unlock(self, secret: bytes = b"right") -> list[object]:
        ends: list[object] = []
        self.desk.unlock(bytearray(secret), done=lambda: ends.append("open"), failed=ends.append)
        self.bot.waitUntil(lambda: bool(ends), timeout=WAIT)
        return ends

    def asked(self, work: object) -> object:
        ends: list[object] = []
        self.desk.ask(work, done=ends.append, failed=ends.append)  # type: ignore[arg-type]
        self.bot.waitUntil(lambda: bool(ends), timeout=WAIT)
        return ends[0]

    def policy(self) -> bytes:
        made = self.server.authority.propose(Kind.POLICY, "serving", policy_body())
        return export_of(self.server, made)


def _nobody() -> OfficerSigner:
    raise AssertionError("nothing is signed")


@pytest.fixture
def seat(tmp_path: Path, qtbot: QtBot) -> Iterator[Seat]:
    made = Seat(tmp_path / "station", qtbot)
    yield made
    made.desk.close()
    made.desk.close()


def test_it_starts_locked_and_knows_its_bundle_once_open(seat: Seat) -> None:
    seat.brings()
    assert seat.desk.identity.locked
    assert seat.desk.facts.bundle is None
    assert isinstance(seat.asked(lambda client: client.read_export(seat.policy())), Locked)
    assert seat.unlock() == ["open"]
    seat.bot.waitUntil(lambda: seat.desk.facts.bundle is not None, timeout=WAIT)
    assert seat.desk.facts.connection.link is Link.STATION
    assert seat.desk.facts.simulated
    assert seat.desk.identity.name == "Officer Bela"
    assert seat.desk.facts.seen is None
    assert all(not any(each) for each in seat.given)


def test_a_file_is_read_signed_and_its_newer_bundle_shown(seat: Seat) -> None:
    seat.brings()
    seat.unlock()
    seat.server.enact(Kind.ROSTER, "roster", seat.server.authority.roster_body())
    raw = seat.policy()
    found = seat.asked(
        lambda client: client.sign_offline(client.read_export(raw), Decision.REJECT, "no")
    )
    assert not isinstance(found, KeyturnError), found
    bundle = seat.desk.facts.bundle
    assert bundle is not None
    assert bundle.version == 2


def test_what_is_asked_of_a_server_fails(seat: Seat) -> None:
    seat.brings()
    seat.unlock()
    for work in (lambda c: c.seen(), lambda c: c.proposals(), lambda c: c.models()):
        assert isinstance(seat.asked(work), NoServer)
    seat.desk.refresh()
    assert seat.desk.facts.connection.link is Link.STATION


def test_without_a_bundle_and_with_an_expired_one_it_says_so(seat: Seat) -> None:
    seat.unlock()
    seat.bot.waitUntil(lambda: "No authority bundle" in seat.desk.facts.connection.error)
    seat.brings()
    seat.desk.refresh()
    seat.bot.waitUntil(lambda: seat.desk.facts.bundle is not None, timeout=WAIT)
    seat.server.clock.advance(days=400)
    seat.desk.refresh(Topic.SEEN)
    seat.bot.waitUntil(lambda: seat.desk.facts.bundle is None, timeout=WAIT)
    assert "not in force" in seat.desk.facts.connection.error


def test_a_wrong_passphrase_and_a_lock_in_between(seat: Seat) -> None:
    (error,) = seat.unlock(b"wrong")
    assert isinstance(error, KeyNotOpened)
    ends: list[object] = []
    seat.desk.unlock(bytearray(b"right"), done=lambda: ends.append("open"), failed=ends.append)
    seat.desk.lock()
    seat.bot.waitUntil(lambda: bool(ends), timeout=WAIT)
    assert isinstance(ends[0], Locked)
    assert seat.closed == [True]
    assert seat.desk.identity.locked


def test_locked_while_a_file_is_signed_nothing_comes_of_it(seat: Seat) -> None:
    seat.brings()
    seat.unlock()
    raw, ends = seat.policy(), list[object]()
    seat.desk.ask(lambda client: client.read_export(raw), done=ends.append, failed=ends.append)
    seat.desk.lock()
    seat.bot.waitUntil(lambda: bool(ends), timeout=WAIT)
    assert isinstance(ends[0], Locked)
    assert seat.closed == [True]


def test_resting_and_waking_change_nothing(seat: Seat) -> None:
    seat.unlock()
    seat.desk.rest()
    seat.desk.wake()
    assert not seat.desk.identity.locked
    assert replace(seat.desk.identity, locked=True).profile.offline
