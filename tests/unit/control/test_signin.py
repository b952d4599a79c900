"""Sign-in by signed challenge, bound to the server's TLS key (our protocol §7.3)."""

import threading

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from sqlalchemy import text

from keyturn.base.encoding import b64
from keyturn.quorum.kinds import Kind
from support.control import World


def enter(client: httpx.Client, envelope: bytes) -> httpx.Response:
    return client.post("/v1/sessions", json={"envelope": b64(envelope)})


def refused(answer: httpx.Response, words: str) -> None:
    assert answer.status_code == 401, answer.text
    assert words in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", ["ada", "bela"])
def test_officers_sign_in_with_either_kind_of_key(world: World, name: str) -> None:
    with world.client() as client:
        answer = enter(client, world.sign_in_envelope(client, world.authority.people[name]))
    assert answer.status_code == 200
    found = answer.json()
    assert (found["officer"], found["roles"]) == (name, ["approver", "proposer"])
    assert found["expires"] == "2026-11-23T08:15:00Z"
    assert len(bytes.fromhex(found["token"])) == 32


def test_a_nonce_serves_once(world: World) -> None:
    with world.client() as client:
        envelope = world.sign_in_envelope(client, world.authority.people["ada"])
        assert enter(client, envelope).status_code == 200
        refused(enter(client, envelope), "nonce")


def test_of_many_at_once_one_gets_a_session(world: World) -> None:
    with world.client() as client:
        envelope = world.sign_in_envelope(client, world.authority.people["ada"])
    found: list[int] = []

    def attempt() -> None:
        with world.client() as client:
            found.append(enter(client, envelope).status_code)

    threads = [threading.Thread(target=attempt) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert sorted(found) == [200, 401, 401, 401]


def test_a_nonce_dies_after_a_minute(world: World) -> None:
    with world.client() as client:
        envelope = world.sign_in_envelope(client, world.authority.people["ada"])
        world.clock.advance(seconds=60)
        refused(enter(client, envelope), "nonce")


def test_a_signature_for_another_server_is_worth_nothing_here(world: World) -> None:
    with world.client() as client:
        envelope = world.sign_in_envelope(client, world.authority.people["ada"], server="00" * 32)
        answer = enter(client, envelope)
    refused(answer, "another server")
    assert answer.json()["error"]["expected"] == world.pin


def test_a_forged_signature_does_not_burn_the_nonce(world: World) -> None:
    ada = world.authority.people["ada"]
    with world.client() as client:
        nonce = client.post("/v1/session/challenges", json={}).json()["nonce"]
        thief = ed25519.Ed25519PrivateKey.generate()
        forged = world.sign_in_envelope(client, ada, nonce=nonce, key=thief)
        refused(enter(client, forged), "not signed by that officer")
        assert enter(client, world.sign_in_envelope(client, ada, nonce=nonce)).status_code == 200


def test_another_officers_key_does_not_do(world: World) -> None:
    people = world.authority.people
    with world.client() as client:
        envelope = world.sign_in_envelope(client, people["ada"], key=people["bela"].keys[0])
        refused(enter(client, envelope), "not signed by that officer")


@pytest.mark.parametrize("seconds", [-121, 121])
def test_a_time_far_from_the_servers_is_refused(world: World, seconds: int) -> None:
    with world.client() as client:
        there = world.clock()
        world.clock.advance(seconds=seconds)
        far = world.clock()
        world.clock.now = there
        envelope = world.sign_in_envelope(client, world.authority.people["ada"], time=far)
        refused(enter(client, envelope), "time")


def test_who_is_not_in_the_roster_gets_no_session(world: World) -> None:
    with world.client() as client:
        envelope = world.sign_in_envelope(client, world.authority.people["ada"], officer="mallory")
        answer = enter(client, envelope)
    refused(answer, "does not name this officer")
    error = answer.json()["error"]
    assert error["kind"] == "officer"
    assert error["expected"] == "an officer of roster version 1, in force since log index 1"


def test_an_envelope_of_another_kind_is_malformed(world: World) -> None:
    approval = world.authority.approval(world.keyholder.fingerprint, "ada")
    with world.client() as client:
        answer = enter(client, approval)
    assert answer.status_code == 400
    assert answer.json()["error"]["kind"] == "malformed"


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer " + "0" * 64, "Basic YTpi", "Bearer x", "Bearer " + "0" * 63 + "é"],
)
def test_without_a_session_nothing_is_shown(world: World, authorization: str) -> None:
    with world.client() as client:
        headers = {"authorization": authorization.encode()} if authorization else {}
        answer = client.get("/v1/proposals", headers=headers)
    refused(answer, "session")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_session_ends_after_fifteen_minutes(world: World) -> None:
    with world.sign_in() as client:
        world.clock.advance(minutes=14, seconds=59)
        assert client.get("/v1/nodes").status_code == 200
        world.clock.advance(seconds=1)
        refused(client.get("/v1/nodes"), "over")


def test_an_officer_whom_a_new_roster_leaves_out_is_out_at_once(world: World) -> None:
    authority = world.authority
    with world.sign_in("emil") as client:
        assert client.get("/v1/nodes").status_code == 200
        body = authority.roster_body(
            officers=[p.entry() for name, p in authority.people.items() if name != "emil"]
        )
        roster = authority.approved(Kind.ROSTER, "roster", body)
        world.keyholder.enter(Kind.ROSTER, "roster", roster)
        world.catch_up()
        refused(client.get("/v1/nodes"), "roster")


def test_the_database_holds_no_token(world: World) -> None:
    with world.sign_in() as client:
        token = client.headers["authorization"].split()[1]
    with world.server.parts.context.database.read() as connection:
        rows = connection.execute(text("SELECT * FROM sessions")).all()
    assert len(rows) == 1
    assert token not in str(rows)


def test_strangers_write_nothing_to_the_database(world: World) -> None:
    def rows() -> int:
        with world.server.parts.context.database.read() as connection:
            return connection.execute(text("SELECT count(*) FROM nonces")).scalar_one()

    with world.client() as client:
        for _ in range(5):
            assert client.post("/v1/session/challenges", json={}).status_code == 200
        assert rows() == 0
        assert enter(client, world.sign_in_envelope(client, world.authority.people["ada"]))
        assert rows() == 1
    world.clock.advance(seconds=61)
    world.until(lambda: rows() == 0)


def test_a_nonce_that_is_not_the_servers_own_is_unknown(world: World) -> None:
    ada = world.authority.people["ada"]
    with world.client() as client:
        nonce = client.post("/v1/session/challenges", json={}).json()["nonce"]
        flipped = [
            nonce[:place] + f"{int(nonce[place], 16) ^ 1:x}" + nonce[place + 1 :]
            for place in (15, 20, 63)
        ]
        for each in ("00" * 32, *flipped):
            refused(enter(client, world.sign_in_envelope(client, ada, nonce=each)), "nonce")


def test_a_nonce_from_the_future_is_unknown(world: World) -> None:
    ada = world.authority.people["ada"]
    with world.client() as client:
        world.clock.advance(seconds=30)
        nonce = client.post("/v1/session/challenges", json={}).json()["nonce"]
        world.clock.advance(seconds=-30)
        refused(enter(client, world.sign_in_envelope(client, ada, nonce=nonce)), "nonce")
