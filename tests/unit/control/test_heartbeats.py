"""Heartbeats: only the attested TLS key speaks, once per counter, and hears of revocations."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from keyturn.base.encoding import b64, digest_of
from keyturn.control import heartbeats
from keyturn.quorum.kinds import Kind
from keyturn.store.errors import StoreConflict
from keyturn.wire.heartbeat import NodeReport
from support.control import PLATFORM, TestNode, World

MODEL = digest_of(b"a manifest")


@dataclass
class Serving:
    """A node with a lease, and a client for it."""

    world: World
    client: httpx.Client
    node: TestNode
    lease: str

    def beat(self, **changed: object) -> httpx.Response:
        raw = self.node.beat(self.lease, self.world.clock, **changed)
        return self.client.post("/v1/heartbeats", content=raw)

    def view(self) -> dict[str, object]:
        with self.world.sign_in() as client:
            found: dict[str, object] = client.get(f"/v1/nodes/{self.node.name}").json()
            return found

    def revoke(self, kind: str, target: str) -> None:
        subject = f"{kind}:{target}"
        body: dict[str, object] = {"target_kind": kind, "target": target}
        proposal = self.world.authority.approved(Kind.REVOCATION, subject, body)
        self.world.keyholder.enter(Kind.REVOCATION, subject, proposal)
        self.world.catch_up()
        with self.world.sign_in() as client:
            path = f"/v1/proposals/{proposal.digest}"
            self.world.until(lambda: client.get(path).json()["status"] == "in-force")


@pytest.fixture
def serving(world: World) -> Iterator[Serving]:
    node = TestNode(MODEL)
    with world.client() as client:
        challenge = client.post("/v1/challenges").json()["challenge"]
        lease = client.post("/v1/releases", content=node.request(challenge)).json()["lease"]
        yield Serving(world, client, node, lease)


def test_the_first_heartbeat_may_follow_the_grant_at_once(serving: Serving) -> None:
    answer = serving.beat(state=NodeReport.STARTING)
    assert (answer.status_code, answer.json()) == (200, {"revocations": []})


def test_a_replay_is_told_and_changes_nothing(serving: Serving) -> None:
    raw = serving.node.beat(serving.lease, serving.world.clock)
    assert serving.client.post("/v1/heartbeats", content=raw).status_code == 200
    serving.world.clock.advance(seconds=7)
    assert serving.client.post("/v1/heartbeats", content=raw).status_code == 409
    assert serving.view()["last_seen"] == "2026-11-23T08:00:00Z"


def test_a_lower_counter_is_a_replay(serving: Serving) -> None:
    assert serving.beat(counter=10).status_code == 200
    assert serving.beat(counter=9).status_code == 409
    assert serving.beat(counter=11).status_code == 200


def test_only_the_attested_key_speaks_for_a_lease(serving: Serving) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    assert serving.beat(key=other).status_code == 403


def test_a_node_speaks_for_itself_only(serving: Serving) -> None:
    assert serving.beat(node="node-2").status_code == 403
    assert serving.beat(model=digest_of(b"another")).status_code == 403


def test_an_unknown_lease_is_not_found(serving: Serving) -> None:
    raw = serving.node.beat("00" * 16, serving.world.clock)
    assert serving.client.post("/v1/heartbeats", content=raw).status_code == 404


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"payload":"","payload":""}', b"x" * 20_000])
def test_what_is_no_heartbeat_is_refused(serving: Serving, body: bytes) -> None:
    assert serving.client.post("/v1/heartbeats", content=body).status_code in (400, 413)


@pytest.mark.parametrize(
    ("kind", "target"),
    [("node", "node-1"), ("platform", PLATFORM), ("model", MODEL), ("policy", "serving")],
)
def test_a_revocation_comes_down_with_its_proof(serving: Serving, kind: str, target: str) -> None:
    serving.revoke(kind, target)
    found = serving.beat().json()["revocations"]
    assert len(found) == 1
    logged = serving.world.server.parts.context.mirror.revocations[0]
    assert found[0]["statement"] == b64(logged.statement)
    assert found[0]["approvals"] == [b64(each) for each in logged.approvals]
    assert found[0]["receipt"]["index"] == logged.index


def test_another_nodes_revocation_does_not_concern_this_one(serving: Serving) -> None:
    serving.revoke("node", "node-2")
    assert serving.beat().json() == {"revocations": []}


def test_a_revocation_from_before_the_lease_is_past(serving: Serving) -> None:
    serving.revoke("policy", "serving")
    challenge = serving.client.post("/v1/challenges").json()["challenge"]
    later = TestNode(MODEL, "node-3")
    lease = serving.client.post("/v1/releases", content=later.request(challenge)).json()["lease"]
    raw = later.beat(lease, serving.world.clock)
    assert serving.client.post("/v1/heartbeats", content=raw).json() == {"revocations": []}


def test_a_wipe_is_shown_with_its_time_and_told_once(serving: Serving) -> None:
    serving.beat()
    serving.revoke("node", "node-1")
    assert serving.view()["state"] == "quarantined"
    for _ in range(2):
        serving.beat(state=NodeReport.WIPED, wiped_after_ms=41)
    assert (serving.view()["state"], serving.view()["time_to_wipe_ms"]) == ("wiped", 41)
    with serving.world.sign_in() as client:
        events = client.get("/v1/events", params={"after": 0}).json()["events"]
    assert [each["kind"] for each in events].count("wiped") == 1


def test_silence_makes_a_node_stale_then_unknown_and_is_told_once(serving: Serving) -> None:
    serving.beat()
    assert serving.view()["state"] == "attested"
    serving.world.clock.advance(seconds=11)
    assert (serving.view()["state"], serving.view()["age_seconds"]) == ("stale", 11)
    serving.world.clock.advance(seconds=60)
    assert serving.view()["state"] == "unknown"

    def told() -> int:
        with serving.world.sign_in() as client:
            events = client.get("/v1/events", params={"after": 0}).json()["events"]
            return [each["kind"] for each in events].count("heartbeat-lost")

    serving.world.until(lambda: told() == 1)
    serving.beat()
    assert told() == 1


def test_many_heartbeats_at_once_are_all_taken(serving: Serving) -> None:
    for _ in range(50):
        assert serving.beat().status_code == 200


def test_after_a_restart_the_key_is_still_known(serving: Serving) -> None:
    serving.beat()
    serving.world.server.parts.heartbeats._known.clear()
    assert serving.beat().status_code == 200


def test_who_waits_is_told_of_any_error(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    async def clash(_group: object) -> list[bool]:
        raise StoreConflict("a row is there already")

    with monkeypatch.context() as broken:
        broken.setattr(serving.world.server.parts.heartbeats, "_commit", clash)
        assert serving.beat().status_code == 503
    assert serving.beat().status_code == 200


def test_more_revocations_than_one_answer_holds_come_in_turns(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeats, "MAX_REVOCATIONS", 2)
    for name in ("p0", "p1", "p2"):
        serving.revoke("policy", name)
    logged = serving.world.server.parts.context.mirror.revocations
    first, second, third = (b64(each.statement) for each in logged)
    found = [[each["statement"] for each in serving.beat().json()["revocations"]] for _ in range(3)]
    assert found == [[third, second], [first], [third, second]]  # an answer may have been lost
