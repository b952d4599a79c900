"""The log is the truth: rows that say something else are found, told and written anew (I3)."""

from pathlib import Path

import pytest
from sqlalchemy import text

from keyturn.base.encoding import b64, digest_of
from keyturn.quorum.approvals import Decision
from keyturn.quorum.kinds import Kind
from keyturn.store import models
from keyturn.wire.keyholder import Record
from support.authority import policy_body
from support.control import TestNode, World, running_server, running_world
from unit.quorum.authority_log import platforms

MODEL = digest_of(b"a manifest")

EDITS = [
    'UPDATE log_entries SET leaf = :junk WHERE "index" = 3',
    "UPDATE log_entries SET subject = 'other' WHERE \"index\" = 3",
    'DELETE FROM log_entries WHERE "index" = 4',
    "UPDATE proposals SET \"index\" = NULL WHERE kind = 'policy'",
    "UPDATE proposals SET subject = 'other' WHERE kind = 'policy'",
    "UPDATE proposals SET envelope = :junk WHERE kind = 'policy'",
    "UPDATE proposals SET withdrawn = true WHERE kind = 'policy'",
    "DELETE FROM proposals WHERE kind = 'policy'",
    "DELETE FROM proposals WHERE kind = 'platforms'",
    "DELETE FROM approvals WHERE decision = 'reject'",
    "UPDATE approvals SET decision = 'approve' WHERE decision = 'reject'",
    "UPDATE approvals SET envelope = :junk WHERE decision = 'reject'",
    "UPDATE nodes SET platform = 'amd:00'",
    "UPDATE nodes SET lease_until = lease_until + 3600000000",
    "DELETE FROM nodes",
    "UPDATE leases SET tls = 'sha256:00'",
    "DELETE FROM leases",
]


def fill(world: World) -> None:
    """A policy in force, a rejection in the log, a granted lease, a heartbeat, a wrapped key."""
    policy = world.authority.approved(Kind.POLICY, "serving", policy_body())
    world.keyholder.enter(Kind.POLICY, "serving", policy)
    rejected = world.authority.propose(Kind.PLATFORMS, "eu", platforms("amd-genoa-00"))
    no = world.authority.approval(rejected.digest, "bela", decision=Decision.REJECT)
    assert world.keyholder.answer(Record(rejected.raw, no))["index"] == 4
    node = TestNode(MODEL)
    with world.client() as client:
        challenge = client.post("/v1/challenges").json()["challenge"]
        lease = client.post("/v1/releases", content=node.request(challenge)).json()["lease"]
        beat = node.beat(lease, world.clock)
        assert client.post("/v1/heartbeats", content=beat).status_code == 200
    with world.server.parts.context.database.write() as connection:
        models.set_wrapped_key(connection, MODEL, b"w" * 40, "sha256:s")
    world.catch_up()


def shown(world: World) -> tuple[object, ...]:
    """What the officers see of all that the log determines."""
    with world.sign_in() as client:
        world.until(
            lambda: all(
                each["status"] == ("open" if each["kind"] == "platforms" else "in-force")
                for each in client.get("/v1/proposals").json()["proposals"]
            )
        )
        proposals = client.get("/v1/proposals").json()["proposals"]
        nodes = client.get("/v1/nodes").json()["nodes"]
        events = client.get("/v1/events", params={"after": 0}).json()["events"]
    for each in nodes:
        each.pop("last_seen")  # the node's own word, which the log does not know
    events = [each for each in events if each["kind"] != "rebuilt"]  # that it was mended at all
    seen = [{k: v for k, v in each.items() if k != "receipt"} for each in proposals]
    return seen, nodes, events


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_row_is_found_and_mended_at_the_next_start(tmp_path: Path, edit: str) -> None:
    with running_world(tmp_path) as world:
        fill(world)
        before = shown(world)
        assert world.health()["rebuilds"] == 0
        with world.server.parts.context.database.write() as connection:
            junk = {"junk": b"junk"} if ":junk" in edit else {}
            assert connection.execute(text(edit), junk).rowcount >= 1
        with running_server(tmp_path, world.keyholder, world.clock) as again:
            assert shown(again) == before
            assert again.health()["rebuilds"] == 1


def test_a_restart_without_an_edit_rebuilds_nothing(tmp_path: Path) -> None:
    with running_world(tmp_path) as world:
        fill(world)
        before = shown(world)
        with running_server(tmp_path, world.keyholder, world.clock) as again:
            assert shown(again) == before
            assert again.health()["rebuilds"] == 0


def test_an_edited_row_brings_nothing_into_force_even_before_it_is_mended(world: World) -> None:
    proposal = world.authority.propose(Kind.POLICY, "serving", policy_body())
    with world.sign_in() as client:
        body = {"statement": b64(proposal.raw), "key": None, "manifest": None}
        client.post("/v1/proposals", json=body)
        with world.server.parts.context.database.write() as connection:
            connection.execute(
                text("UPDATE proposals SET \"index\" = 1, receipt = '{}' WHERE kind = 'policy'")
            )
        view = client.get(f"/v1/proposals/{proposal.digest}").json()
    assert (view["status"], view["index"], view["receipt"]) == ("open", None, None)
    assert world.server.parts.context.mirror.state.policy("serving", world.clock()) is None


def test_a_lost_database_comes_back_from_the_log(tmp_path: Path) -> None:
    with running_world(tmp_path) as world:
        fill(world)
        proposals, _, events = shown(world)
        with running_server(
            tmp_path, world.keyholder, world.clock, database=f"sqlite:///{tmp_path}/new.db"
        ) as again:
            found, nodes, told = shown(again)
    assert found == proposals
    assert [each["name"] for each in nodes] == ["node-1"]  # type: ignore[attr-defined]
    assert told == events
