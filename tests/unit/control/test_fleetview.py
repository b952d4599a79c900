"""Nodes as the officers see them: what the log says, the revocations and the clock together."""

from keyturn.base.encoding import digest_of
from keyturn.quorum.kinds import Kind
from support.control import NODE, PLATFORM, TestNode, World

MODEL = digest_of(b"a manifest")


def granted(world: World, node: TestNode) -> str:
    with world.client() as client:
        challenge = client.post("/v1/challenges").json()["challenge"]
        lease: str = client.post("/v1/releases", content=node.request(challenge)).json()["lease"]
        beat = node.beat(lease, world.clock)
        assert client.post("/v1/heartbeats", content=beat).status_code == 200
    return lease


def view(world: World, name: str = NODE) -> dict[str, object]:
    with world.sign_in() as client:
        found: dict[str, object] = client.get(f"/v1/nodes/{name}").json()
    return found


def test_a_node_with_all_that_is_known_of_it(world: World) -> None:
    lease = granted(world, TestNode(MODEL))
    world.catch_up()
    world.clock.advance(seconds=7)
    world.until(lambda: view(world)["granted_evidence"] is not None)
    found = view(world)
    assert str(found.pop("granted_evidence")).startswith("sha256:")
    assert found == {
        "name": NODE,
        "state": "attested",
        "age_seconds": 7,
        "last_seen": "2026-11-23T08:00:00Z",
        "last_attested": "2026-11-23T08:00:00Z",
        "model": MODEL,
        "lease": lease,
        "lease_until": "2026-11-23T08:01:00Z",
        "platform": PLATFORM,
        "reasons": [],
        "simulated": True,
        "caveats": ["simulated"],
        "time_to_wipe_ms": None,
        "refused_evidence": None,
    }


def test_every_state_shows_its_age_and_decays_with_it(world: World) -> None:
    granted(world, TestNode(MODEL))
    world.catch_up()
    seen = []
    for seconds in (10, 1, 49, 1):  # two heartbeats of 5 s, a lease of 60 s
        world.clock.advance(seconds=seconds)
        found = view(world)
        seen.append((found["state"], found["age_seconds"]))
    assert seen == [("attested", 10), ("stale", 11), ("stale", 60), ("unknown", 61)]


def test_nodes_are_listed_by_name(world: World) -> None:
    for name in ("node-2", "node-10", "node-1"):
        granted(world, TestNode(MODEL, name))
    world.catch_up()
    with world.sign_in() as client:
        found = client.get("/v1/nodes").json()["nodes"]
    assert [each["name"] for each in found] == ["node-1", "node-10", "node-2"]


def test_a_revoked_platform_puts_its_node_in_quarantine(world: World) -> None:
    granted(world, TestNode(MODEL))
    world.catch_up()
    assert view(world)["state"] == "attested"
    body: dict[str, object] = {"target_kind": "platform", "target": PLATFORM}
    subject = f"platform:{PLATFORM}"
    proposal = world.authority.approved(Kind.REVOCATION, subject, body)
    world.keyholder.enter(Kind.REVOCATION, subject, proposal)
    world.catch_up()
    assert view(world)["state"] == "quarantined"
