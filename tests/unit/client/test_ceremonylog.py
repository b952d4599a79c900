"""Ceremonies of a log, and a transcript made of one that proves itself."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from keyturn.base.errors import UntrustedError
from keyturn.ceremony.script import Part, ScriptKind
from keyturn.ceremony.sessions import verify_session
from keyturn.ceremony.transcript import parse_transcript
from keyturn.client.ceremonylog import ceremonies_in, logged_ceremonies, transcript_from_log
from keyturn.client.errors import NotFound, ServerLied
from keyturn.quorum.kinds import Kind
from support.authority import Clock
from support.ceremonies import Cast
from support.ceremonylog import ceremony_leaf, logged_genesis
from support.sealedsessions import SESSION, Session
from unit.client.scripted_server import ScriptedServer

LOGGED = logged_genesis(Cast(simulation=False))
SEAL = Session(LOGGED, ScriptKind.SEAL)
NAME = f"seal-{SESSION}"


def serving(session: Session = SEAL, officer: str = "hana") -> ScriptedServer:
    """A server whose roster knows Hana, and in whose log somebody sealed the keyholder."""
    server = ScriptedServer(Clock())
    people = server.authority.roster_body()["officers"]
    hana = next(each for each in Cast().body()["officers"] if each["id"] == "hana")  # type: ignore[index,union-attr,call-overload]
    body = server.authority.roster_body(officers=[*people, hana])  # type: ignore[misc]
    server.clock.advance(seconds=5)
    server.enact(Kind.ROSTER, "roster", body)
    server.enact(Kind.KEYS, "keys", server.keys_body())
    server.clock.now = session.now + timedelta(minutes=5)
    done = session.done([session.signature(officer, Part.ADMINISTRATOR)])
    for record in (session.first, done):
        server.put(record.raw)
        server.append(session.leaf(record))
    return server


@pytest.fixture(scope="module")
def server() -> ScriptedServer:
    return serving()


def test_a_transcript_from_the_log_is_proved_up_to_it(server: ScriptedServer) -> None:
    with server.client() as client:
        raw = transcript_from_log(client, NAME)
    found = verify_session(parse_transcript(raw), server.fingerprint)
    assert found.ceremony == NAME
    assert found.looked_at.log is not None
    assert found.looked_at.log.size == len(server.leaves)


def test_ceremonies_are_listed_with_their_entries(server: ScriptedServer) -> None:
    with server.client() as client:
        (found,) = logged_ceremonies(client)
    assert (found.ceremony, found.kind) == (NAME, "seal")
    assert [each.event for each in found.records] == ["opened", "done"]
    assert found.records[1].index == len(server.leaves) - 1
    assert found.began == SEAL.first.time


def test_records_of_many_ceremonies_are_told_apart() -> None:
    genesis = [ceremony_leaf(LOGGED.play, each) for each in LOGGED.play.course.records]
    leaves = [*genesis[:3], SEAL.leaf(SEAL.first), *genesis[3:]]
    found = ceremonies_in(leaves)
    assert [(each.kind, len(each.records)) for each in found] == [("genesis", 9), ("seal", 1)]
    assert found[1].records[0].index == 3


def test_one_that_the_log_has_not(server: ScriptedServer) -> None:
    with server.client() as client, pytest.raises(NotFound, match="no such ceremony") as refused:
        transcript_from_log(client, "genesis-1")
    assert refused.value.expected == NAME


def test_a_record_that_the_server_keeps_back(server: ScriptedServer) -> None:
    gone = server.objects.pop(SEAL.first.digest)
    try:
        with server.client() as client, pytest.raises(ServerLied):
            transcript_from_log(client, NAME)
    finally:
        server.objects[SEAL.first.digest] = gone


def test_a_keyholder_that_logged_what_nobody_signed() -> None:
    refuse: Callable[[], ScriptedServer] = lambda: serving(officer="ada")  # noqa: E731
    with refuse().client() as client, pytest.raises(UntrustedError):
        transcript_from_log(client, NAME)
