"""The authority is the pinned one, and never older than it was."""

from datetime import timedelta

import pytest

from keyturn.client.authority import check_not_older, fetch_authority, left_roster, rosters_of
from keyturn.client.errors import AuthorityRolledBack, NoLongerOfficer, ServerLied
from keyturn.client.memory import Memory
from keyturn.quorum.bundle import Authority
from keyturn.quorum.kinds import Kind
from support.authority import Clock
from unit.client.scripted_server import ORIGIN, ScriptedServer


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer(Clock())


def fetched(server: ScriptedServer, memory: Memory | None = None) -> Authority:
    memory = memory or Memory(server.fingerprint)
    return fetch_authority(server.transport(), server.fingerprint, memory, server.clock())


def test_versions_seen_are_remembered(server: ScriptedServer) -> None:
    memory = Memory(server.fingerprint)
    fetched(server, memory)
    assert (memory.recall().roster_version, memory.recall().keys_version) == (1, 1)
    server.enact(Kind.ROSTER, "roster", server.authority.roster_body())
    fetched(server, memory)
    assert memory.recall().roster_version == 2


def test_an_expired_authority_lets_officers_in_to_renew_it_and_says_so(
    server: ScriptedServer,
) -> None:
    assert fetched(server).expired(server.clock()) == ()
    server.clock.now += timedelta(days=91)
    found = [each.statement.kind for each in fetched(server).expired(server.clock())]
    assert found == [Kind.ROSTER, Kind.KEYS]


def test_who_left_is_told_by_the_verified_roster_alone(server: ScriptedServer) -> None:
    memory = Memory(server.fingerprint)

    def left(officer: str) -> NoLongerOfficer | None:
        transport, now = server.transport(), server.clock()
        return left_roster(transport, server.fingerprint, memory, officer, now)

    assert left("ada") is None
    told = left("mallory")
    assert told is not None
    assert (told.version, told.index) == (1, 1)


def test_a_server_that_does_not_say_since_when_is_not_asked_for_more(
    server: ScriptedServer,
) -> None:
    told = NoLongerOfficer("emil", 7, None)
    assert told.message.endswith("of this authority (roster version 7)")


def test_older_keys_than_seen_are_a_rollback(server: ScriptedServer) -> None:
    memory = Memory(server.fingerprint)
    memory.keep_versions(1, 3)
    with pytest.raises(AuthorityRolledBack, match="keys"):
        check_not_older(fetched(server), memory)


def test_keys_of_an_officer_who_left_are_known_by_the_log_alone(server: ScriptedServer) -> None:
    """Bela approved them and is gone: who has seen that log may come in and renew them."""
    memory = Memory(server.fingerprint)
    memory.keep_checkpoint(ORIGIN, server.checkpoint().to_bytes())
    authority = server.authority
    authority.people.pop("bela")
    removal = authority.propose(Kind.ROSTER, "roster", authority.roster_body())
    for name in ("chen", "dora", "emil"):
        removal.approvals.append(authority.approval(removal.digest, name))
    server.enter(removal)

    assert fetched(server, memory).origin == ORIGIN
    with pytest.raises(ServerLied, match="not in the roster"):
        fetched(server)
    stranger = Memory(server.fingerprint)
    other = ScriptedServer(server.clock)
    stranger.keep_checkpoint(ORIGIN, other.checkpoint().to_bytes())
    with pytest.raises(ServerLied, match="not in the roster"):
        fetched(server, stranger)


def test_every_roster_that_ever_was_newest_first(server: ScriptedServer) -> None:
    fewer = server.authority.roster_body()
    officers = fewer["officers"]
    assert isinstance(officers, list)
    server.enact(Kind.ROSTER, "roster", {**fewer, "officers": officers[:4]})
    assert [len(each.officers) for each in rosters_of(fetched(server).state)] == [4, 5]
