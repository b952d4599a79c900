"""An officer station: reads and signs files, believes no older or other authority, asks nobody."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest, b64
from keyturn.base.errors import KeyturnError
from keyturn.client.errors import (
    AuthorityForked,
    AuthorityRolledBack,
    FileForged,
    MalformedAnswer,
    NoServer,
    ServerLied,
)
from keyturn.client.memory import Memory
from keyturn.client.profile import Places, station_profile
from keyturn.client.station import StationClient, bundle_in, claimed_fingerprint
from keyturn.officerkeys.location import InKeyring
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.approvals import Decision
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.kinds import Kind
from support.authority import Clock, Proposal, policy_body
from unit.client.scripted_server import ScriptedServer


def export_of(server: ScriptedServer, made: Proposal) -> bytes:
    """A proposal's file with the bundle of now; nobody has approved."""
    return json.dumps(
        {
            "type": "proposal-export",
            "format": 1,
            "statement": b64(made.raw),
            "approvals": [],
            "bundle": b64(make_bundle(server.state)),
        }
    ).encode()


class Station:
    """Bela's, for the authority of a server that it never meets."""

    def __init__(self, directory: Path, server: ScriptedServer | None = None) -> None:
        self.server = server or ScriptedServer(Clock())
        self.places = Places(directory, directory / "state")
        self.profile = station_profile(self.server.fingerprint, "bela", InKeyring("bela"))

    def open(self) -> StationClient:
        signer = OfficerSigner(self.server.secrets["bela"])
        return StationClient.open(
            self.profile, self.places, now=self.server.clock, signer=lambda: signer
        )

    def bundle(self) -> bytes:
        return make_bundle(self.server.state)

    def file(self, kind: Kind = Kind.POLICY, **options: object) -> bytes:
        """A proposal's file with the bundle of now."""
        subject, body = ("serving", policy_body())
        if kind is Kind.ROSTER:
            subject, body = "roster", self.server.authority.roster_body(**options)
        return export_of(self.server, self.server.authority.propose(kind, subject, body))

    def new_roster(self) -> None:
        self.server.enact(Kind.ROSTER, "roster", self.server.authority.roster_body())


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station(tmp_path / "station")


def test_a_file_is_verified_signed_and_its_authority_kept(station: Station) -> None:
    with station.open() as client:
        assert client.newest() is None
        file = client.read_export(station.file())
        signed = client.sign_offline(file, Decision.APPROVE, "read at the station")
    assert signed.approved_by == ("bela",)
    with station.open() as client:
        newest = client.newest()
    assert newest is not None
    assert newest.roster.officers.keys() == file.authority.roster.officers.keys()


def test_a_newer_bundle_is_adopted_and_an_older_file_refused_from_then_on(
    station: Station,
) -> None:
    old_file, old_bundle = station.file(), station.bundle()
    with station.open() as client:
        client.adopt(old_bundle)
        station.new_roster()
        client.adopt(station.bundle())
        for stale in (old_file, old_bundle):
            with pytest.raises(AuthorityRolledBack, match="older 'roster'") as caught:
                client.adopt(stale)
            assert "Export it anew" in caught.value.hint
        with pytest.raises(AuthorityRolledBack):
            client.read_export(old_file)
        assert client.read_export(station.file()).authority.roster


def test_a_bundle_put_back_on_the_disk_is_not_believed(station: Station) -> None:
    with station.open() as client:
        client.adopt(station.bundle())
        (kept,) = station.places.state.rglob("authority.json")
        old = kept.read_bytes()
        station.new_roster()
        client.adopt(station.bundle())
        kept.write_bytes(old)
        with pytest.raises(AuthorityRolledBack):
            client.newest()


def test_two_statements_of_one_version_are_two_histories(station: Station) -> None:
    """A quorum that approved both is worth stopping for, whichever of them was logged."""
    server = station.server
    before, chain = server.state, dict(server.authority.chain)
    station.new_roster()
    with station.open() as client:
        client.adopt(station.bundle())
        server.state, server.authority.chain = before, chain
        server.authority.clock.advance(seconds=5)
        station.new_roster()
        with pytest.raises(AuthorityForked, match="of version 2") as caught:
            client.adopt(station.bundle())
        assert caught.value.found != caught.value.expected


def test_another_authority_is_refused_however_well_signed(station: Station) -> None:
    other = ScriptedServer(Clock())
    with station.open() as client, pytest.raises(ServerLied, match="does not verify"):
        client.adopt(make_bundle(other.state))
    with station.open() as client:
        assert client.newest() is None


def test_an_expired_authority_signs_nothing(station: Station) -> None:
    raw = station.file()
    with station.open() as client:
        client.adopt(raw)
        station.server.clock.advance(days=400)
        with pytest.raises(ServerLied, match="not in force"):
            client.newest()
        with pytest.raises(ServerLied, match="not in force"):
            client.read_export(raw)


def test_every_question_to_a_server_says_that_there_is_none(station: Station) -> None:
    digest = Digest("sha256:" + "00" * 32)
    questions = (
        lambda client: client.hello(),
        lambda client: client.authority(),
        lambda client: client.seen(),
        lambda client: client.proposals(),
        lambda client: client.decide(digest, Decision.APPROVE, ""),
        lambda client: client.nodes(),
        lambda client: list(client.events(None, lambda _seconds: None)),
    )
    with station.open() as client:
        for ask in questions:
            with pytest.raises(NoServer):
                ask(client)


def test_the_fingerprint_that_a_bundle_claims_is_its_first_rosters(station: Station) -> None:
    station.new_roster()
    assert claimed_fingerprint(station.bundle()) == station.server.fingerprint
    assert bundle_in(station.file()) == bundle_in(station.bundle()) == station.bundle()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'{"type": "authority-bundle"}',
        b'{"type": "authority-bundle", "format": 1, "roster": [], "keys": {}}',
        b'{"type": "authority-bundle", "format": 1, "roster": [{"statement": 1}], "keys": {}}',
        b'{"type": "proposal-export", "format": 1}',
        b'{"type": "proposal-export", "bundle": 7}',
        b'{"type": "something-else"}',
        b"\xff" * 100,
    ],
)
def test_anything_else_is_malformed(station: Station, raw: bytes) -> None:
    with station.open() as client, pytest.raises(KeyturnError):
        client.adopt(raw)
    with pytest.raises(MalformedAnswer):
        claimed_fingerprint(bundle_in(raw))


def test_with_one_byte_changed_nothing_is_adopted(station: Station) -> None:
    raw = bytearray(station.bundle())
    with station.open() as client:
        for place in range(40, len(raw), 997):
            changed = bytearray(raw)
            changed[place] ^= 1
            with pytest.raises(KeyturnError):
                client.adopt(bytes(changed))
        assert client.newest() is None


def test_it_is_a_station_only_without_a_server(station: Station) -> None:
    assert station.profile.offline
    assert not replace(station.profile, server="https://control.test").offline


def test_a_forged_file_convicts_no_server_and_is_forgotten(station: Station) -> None:
    """Else whoever carries files could have every officer disbelieve the server."""
    server = station.server
    memory = Memory(server.fingerprint)
    client = server.client("ada", memory)
    client.authority()
    before = memory.recall()
    other = ScriptedServer(Clock())
    document = json.loads(station.file())
    document["bundle"] = b64(make_bundle(other.state))
    with pytest.raises(FileForged):
        client.read_export(json.dumps(document).encode())
    state, chain = server.state, dict(server.authority.chain)
    station.new_roster()
    client.read_export(station.file())  # approved by a quorum, for all that a file can say
    server.state, server.authority.chain = state, chain
    assert memory.recall() == before
    client.authority()
