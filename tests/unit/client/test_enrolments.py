"""Requests at a server: sent to the right one, and each verified by whoever reads them."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from keyturn.base.encoding import Digest, b64
from keyturn.base.errors import MalformedError
from keyturn.base.times import format_time
from keyturn.client.client import KeyturnClient
from keyturn.client.enrolments import MOST, PendingEnrolments, named, send_enrolment
from keyturn.client.errors import MalformedAnswer, NotFound, ServerLied, ServerRefused
from keyturn.quorum.errors import EnrolmentRefused
from support.authority import Clock, Person
from support.enrolling import newcomer, request_of
from unit.client.scripted_server import ScriptedServer

PATH = "/v1/enrolments"


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer(Clock())


@pytest.fixture
def ada(server: ScriptedServer) -> Iterator[KeyturnClient]:
    with server.client("ada") as client:
        yield client


def raw(server: ScriptedServer, person: Person, **changed: object) -> bytes:
    values = {"authority": server.fingerprint, "now": server.clock(), **changed}
    return request_of(person, **values)  # type: ignore[arg-type]


def test_sent_without_a_session_and_read_with_one(
    server: ScriptedServer, ada: KeyturnClient
) -> None:
    zoe = raw(server, newcomer("zoe"))
    with server.transport() as stranger:
        assert send_enrolment(stranger, zoe) == server.clock() + timedelta(days=30)
    assert ("POST", "/v1/sessions") not in server.asked
    (found,) = ada.enrolments().waiting
    assert (found.enrolment.raw, found.received, found.refused) == (zoe, server.clock(), "")
    ada.dismiss_enrolment(found.digest)
    assert ada.enrolments() == PendingEnrolments(())
    with pytest.raises(ServerRefused):
        ada.dismiss_enrolment(found.digest)


def test_nothing_is_sent_to_another_authoritys_server(server: ScriptedServer) -> None:
    elsewhere = Digest("sha256:" + "0" * 64)
    with server.transport() as stranger, pytest.raises(ServerLied, match="another authority"):
        send_enrolment(stranger, raw(server, newcomer("zoe"), authority=elsewhere))
    assert ("POST", PATH) not in server.asked


def test_what_proves_nothing_is_not_even_sent(server: ScriptedServer) -> None:
    unsigned = raw(server, newcomer("zoe"), keys=newcomer("eve").keys)
    with server.transport() as stranger, pytest.raises(EnrolmentRefused):
        send_enrolment(stranger, unsigned)
    assert server.asked == []


def test_an_answer_about_another_request_is_none(server: ScriptedServer) -> None:
    server.lies[PATH] = lambda true: {**true, "digest": "sha256:" + "1" * 64}
    with server.transport() as stranger, pytest.raises(MalformedAnswer, match="another request"):
        send_enrolment(stranger, raw(server, newcomer("zoe")))


def entry(server: ScriptedServer, data: bytes) -> dict[str, object]:
    return {"envelope": b64(data), "received": format_time(server.clock())}


def test_a_server_that_makes_requests_up_shows_none(
    server: ScriptedServer, ada: KeyturnClient
) -> None:
    """Its owner wants officers to take in a key of his under a colleague's name."""
    forged = raw(server, newcomer("zoe"), keys=newcomer("eve").keys)
    good = raw(server, newcomer("yan"))
    listed = [entry(server, forged), entry(server, b"{}"), entry(server, good)]
    server.lies[PATH] = lambda _true: {"enrolments": listed}
    found = ada.enrolments()
    assert [each.enrolment.officer.id for each in found.waiting] == ["yan"]
    assert found.unproved == 2


@pytest.mark.parametrize(
    ("person", "changed", "says"),
    [
        (newcomer("zoe"), {"authority": Digest("sha256:" + "0" * 64)}, "another authority"),
        (newcomer("ada"), {}, "in the roster already"),
        (newcomer("zoe"), {"now": Clock()() - timedelta(days=31)}, "not of now"),
    ],
)
def test_what_the_roster_cannot_take_in_is_shown_with_why(
    server: ScriptedServer,
    ada: KeyturnClient,
    person: Person,
    changed: dict[str, object],
    says: str,
) -> None:
    data = raw(server, person, **changed)
    server.lies[PATH] = lambda _true: {"enrolments": [entry(server, data)]}
    (found,) = ada.enrolments().waiting
    assert says in found.refused


def test_lists_that_are_no_lists(server: ScriptedServer, ada: KeyturnClient) -> None:
    good = entry(server, raw(server, newcomer("zoe")))
    for listed in (None, [1], [good, good], [good] * (MOST + 1), [{"envelope": "%"}], [{}]):
        server.lies[PATH] = lambda _true, listed=listed: {"enrolments": listed}  # type: ignore[misc]
        with pytest.raises(MalformedError):
            ada.enrolments()


def test_named_by_digest_or_by_id_that_one_has(server: ScriptedServer, ada: KeyturnClient) -> None:
    people = [newcomer("zoe"), newcomer("zoe"), newcomer("yan")]
    with server.transport() as stranger:
        for each in people:
            send_enrolment(stranger, raw(server, each))
    pending = ada.enrolments()
    first = pending.waiting[0]
    assert named(pending, first.digest) == named(pending, first.digest[7:17]) == first
    assert named(pending, "yan").enrolment.officer.id == "yan"
    assert [each.digest for each in pending.alike(first)] == [pending.waiting[1].digest]
    assert pending.alike(pending.waiting[2]) == ()
    for wrong in ("zoe", first.digest[7:10], "nobody", ""):
        with pytest.raises(NotFound):
            named(pending, wrong)
