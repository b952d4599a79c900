"""Challenges and releases pass through this server; it neither decides nor keeps secrets."""

import logging

import httpx
import pytest
from sqlalchemy import text

from keyturn.base.encoding import Digest, digest_of, unb64
from keyturn.store import evidence, models
from keyturn.wire.keyholder import AskRelease
from support.control import WRAPPED, TestNode, World

MODEL = digest_of(b"a manifest")


def ask(
    world: World, client: httpx.Client, node: TestNode, lease: str | None = None
) -> httpx.Response:
    challenge = client.post("/v1/challenges").json()["challenge"]
    return client.post("/v1/releases", content=node.request(challenge, lease))


def keep_wrapped(world: World, model: str = MODEL) -> None:
    with world.server.parts.context.database.write() as connection:
        models.set_wrapped_key(connection, model, WRAPPED, "sha256:" + "0" * 64)


def last_release(world: World) -> AskRelease:
    return [each for each in world.keyholder.asked if isinstance(each, AskRelease)][-1]


def test_the_exact_request_and_the_models_wrapped_key_reach_the_keyholder(world: World) -> None:
    keep_wrapped(world)
    node = TestNode(MODEL)
    with world.client() as client:
        challenge = client.post("/v1/challenges").json()
        raw = node.request(challenge["challenge"])
        answer = client.post("/v1/releases", content=raw)
    assert challenge["valid_seconds"] == 120
    assert answer.status_code == 200
    assert answer.json()["type"] == "release-answer"
    assert (last_release(world).request, last_release(world).wrapped) == (raw, WRAPPED)


def test_an_unknown_model_goes_to_the_keyholder_without_a_key(world: World) -> None:
    with world.client() as client:
        ask(world, client, TestNode(Digest("sha256:" + "1" * 64)))
    assert last_release(world).wrapped is None


def test_a_grant_becomes_a_node_a_lease_and_an_event(world: World) -> None:
    with world.client() as client:
        lease = ask(world, client, TestNode(MODEL)).json()["lease"]
    world.catch_up()
    with world.sign_in() as client:
        view = client.get("/v1/nodes/node-1").json()
        events = client.get("/v1/events", params={"after": 2}).json()["events"]
    assert (view["state"], view["lease"], view["model"]) == ("attested", lease, MODEL)
    assert view["simulated"] is True
    assert [(each["kind"], each["data"]["lease"]) for each in events] == [("grant", lease)]


def test_a_refusal_passes_through_and_says_why_on_the_node(world: World) -> None:
    world.keyholder.granting = False
    with world.client() as client:
        answer = ask(world, client, TestNode(MODEL))
    assert answer.status_code == 403
    assert answer.json()["type"] == "refusal"
    world.catch_up()
    with world.sign_in() as client:
        world.until(lambda: "found" in client.get("/v1/nodes/node-1").json()["reasons"][0])
        view = client.get("/v1/nodes/node-1").json()
    assert view["state"] == "refused"
    assert (view["reasons"][0]["found"], view["reasons"][0]["expected"]) == ("aa", "bb")


@pytest.mark.parametrize("granting", [True, False])
def test_officers_read_the_evidence_that_the_log_names(world: World, granting: bool) -> None:
    world.keyholder.granting = granting
    node = TestNode(MODEL)
    with world.client() as client:
        raw = node.request(client.post("/v1/challenges").json()["challenge"])
        client.post("/v1/releases", content=raw)
        path = f"/v1/evidence/{digest_of(raw)}"
        assert client.get(path).status_code == 401
    with world.sign_in() as client:
        world.until(lambda: client.get(path).status_code == 200)
        assert unb64(client.get(path).json()["data"], what="evidence") == raw
        assert client.get(f"/v1/evidence/{digest_of(b'other')}").status_code == 404


def test_what_is_not_in_the_log_is_not_kept(world: World) -> None:
    world.keyholder.granting = world.keyholder.logging = False
    with world.client() as client:
        ask(world, client, TestNode(MODEL))
    world.catch_up()
    with world.server.parts.context.database.read() as connection:
        assert evidence.named(connection) == {}


def test_a_refusal_without_a_log_entry_makes_no_node(world: World) -> None:
    world.keyholder.granting = world.keyholder.logging = False
    with world.client() as client:
        assert ask(world, client, TestNode(MODEL)).status_code == 403
    with world.sign_in() as client:
        assert client.get("/v1/nodes").json() == {"nodes": []}
    assert world.health()["unlogged_refusals"] == 1


def test_a_grant_after_a_refusal_clears_it(world: World) -> None:
    node = TestNode(MODEL)
    world.keyholder.granting = False
    with world.client() as client:
        ask(world, client, node)
        world.keyholder.granting = True
        ask(world, client, node)
    world.catch_up()
    with world.sign_in() as client:
        assert client.get("/v1/nodes/node-1").json()["state"] == "attested"


def test_a_renewal_moves_the_leases_end(world: World) -> None:
    node = TestNode(MODEL)
    with world.client() as client:
        lease = ask(world, client, node).json()["lease"]
        world.clock.advance(seconds=30)
        assert ask(world, client, node, lease).status_code == 200
    world.catch_up()
    with world.sign_in() as client:
        view = client.get("/v1/nodes/node-1").json()
    assert view["lease_until"] == "2026-11-23T08:01:30Z"


def test_a_malformed_request_never_reaches_the_keyholder(world: World) -> None:
    with world.client() as client:
        answer = client.post("/v1/releases", content=b'{"type":"release-request"}')
    assert answer.status_code == 400
    assert not any(isinstance(each, AskRelease) for each in world.keyholder.asked)


def test_an_oversized_request_is_refused_by_its_announcement(world: World) -> None:
    with world.client() as client:
        answer = client.post("/v1/releases", content=b"x" * ((256 << 10) + 1))
    assert answer.status_code == 413


def test_without_a_keyholder_the_answer_is_503_and_quick(world: World) -> None:
    world.keyholder.misbehave = lambda connection: True
    with world.client() as client:
        answer = client.post("/v1/challenges")
        assert answer.status_code == 503
        assert answer.json()["error"]["kind"] == "unreachable"
        world.keyholder.misbehave = None
        assert client.post("/v1/challenges").status_code == 200


def test_another_models_wrapped_key_in_this_row_is_the_hsms_to_refuse(world: World) -> None:
    """I3: this server hands over what the row says; nothing here could tell."""
    keep_wrapped(world)
    with world.server.parts.context.database.write() as connection:
        connection.execute(text("UPDATE wrapped_keys SET wrapped = :w"), {"w": b"\x01" * 40})
    with world.client() as client:
        ask(world, client, TestNode(MODEL))
    assert last_release(world).wrapped == b"\x01" * 40


def test_no_log_line_carries_evidence_or_keys(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    keep_wrapped(world)
    with caplog.at_level(logging.DEBUG), world.client() as client:
        ask(world, client, TestNode(MODEL))
        client.post("/v1/releases", content=b"{")
    assert "WlpaWlpa" not in caplog.text  # the wrapped key in base64
