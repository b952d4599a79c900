"""Following the keyholder through its restarts; another authority is not followed."""

from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.quorum.entries import origin_entry, start_entry
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from keyturn.store import logcopy, proposals
from support.authority import Authority, Clock, policy_body
from support.control import LocalKeyholder, World, running_server


def test_a_keyholder_that_restarts_is_followed_again(tmp_path: Path) -> None:
    clock = Clock()
    keyholder = LocalKeyholder(tmp_path / "k.sock", Authority(clock), clock)
    with running_server(tmp_path, keyholder, clock, caught_up=False) as world:
        world.until(lambda: world.health()["status"] == "degraded")
        with keyholder.serving():
            world.catch_up()
        world.until(lambda: world.health()["status"] == "degraded")
        with world.client() as client:
            assert client.post("/v1/challenges").status_code == 503
            assert client.get("/v1/hello").status_code == 200
        policy = keyholder.authority.approved(Kind.POLICY, "serving", policy_body())
        keyholder.enter(Kind.POLICY, "serving", policy)
        with keyholder.serving():
            world.catch_up()
            assert world.server.parts.context.mirror.size == 4


def test_a_keyholder_of_another_authority_is_not_believed(tmp_path: Path) -> None:
    clock = Clock()
    keyholder = LocalKeyholder(tmp_path / "k.sock", Authority(clock), clock)
    other = Digest("sha256:" + "0" * 64)
    with (
        keyholder.serving(),
        running_server(tmp_path, keyholder, clock, caught_up=False, fingerprint=other) as world,
    ):
        world.until(lambda: world.health()["status"] == "degraded")
        assert "another authority" in str(world.health()["reason"])
        assert world.server.parts.context.mirror.size == 0


def test_two_servers_share_one_database(tmp_path: Path) -> None:
    clock = Clock()
    keyholder = LocalKeyholder(tmp_path / "k.sock", Authority(clock), clock)
    with (
        keyholder.serving(),
        running_server(tmp_path, keyholder, clock) as one,
        running_server(tmp_path, keyholder, clock) as other,
    ):
        for place in range(10):
            policy = keyholder.authority.approved(Kind.POLICY, f"p{place}", policy_body())
            keyholder.enter(Kind.POLICY, f"p{place}", policy)
        one.catch_up()
        other.catch_up()
        with one.sign_in() as here:
            token = here.headers["authorization"].split()[1]
            with other.client(token) as there:
                pages = [
                    client.get("/v1/events", params={"after": 0}).json()["events"]
                    for client in (here, there)
                ]
    assert pages[0] == pages[1]
    assert [each["seq"] for each in pages[0]] == list(range(1, 13))
    assert [each["data"]["index"] for each in pages[0]] == list(range(1, 13))


def rewrite(keyholder: LocalKeyholder, leaves: list[bytes]) -> None:
    """Give the keyholder another past, as a disk that was rolled back does."""
    state = AuthorityState(keyholder.fingerprint)
    for leaf in leaves:
        state = state.apply(leaf, keyholder.objects.__getitem__)
    keyholder.leaves, keyholder.state = leaves, state


def revoke(world: World, node: str) -> None:
    body: dict[str, object] = {"target_kind": "node", "target": node}
    proposal = world.authority.approved(Kind.REVOCATION, f"node:{node}", body)
    world.keyholder.enter(Kind.REVOCATION, f"node:{node}", proposal)
    world.catch_up()


def kinds(world: World) -> list[str]:
    with world.sign_in() as client:
        events = client.get("/v1/events", params={"after": 0}).json()["events"]
    return [each["kind"] for each in events]


def test_a_log_that_shrinks_is_not_believed_and_told_once(world: World) -> None:
    revoke(world, "node-1")
    whole = list(world.keyholder.leaves)
    rewrite(world.keyholder, whole[:-1])
    world.until(lambda: world.health()["status"] == "degraded")
    world.until(lambda: "history-rewritten" in kinds(world))
    assert "shorter" in str(world.health()["reason"])
    parts = world.server.parts
    assert parts.context.mirror.node_revoked("node-1", None, None)
    with parts.context.database.read() as connection:
        assert logcopy.size(connection) == len(whole)
    assert world.health()["rebuilds"] == 0
    rewrite(world.keyholder, whole)
    world.catch_up()
    assert kinds(world).count("history-rewritten") == 1


@pytest.mark.parametrize("more", [0, 2])
def test_a_log_with_another_past_is_not_believed(world: World, more: int) -> None:
    revoke(world, "node-1")
    keyholder = world.keyholder
    other = [start_entry(world.clock(), f"{place:02x}" * 16, "a test") for place in range(more + 1)]
    keyholder.boot = "ff" * 16  # a disk is not rolled back under a running keyholder
    rewrite(keyholder, keyholder.leaves[:-1] + other)
    world.until(lambda: world.health()["status"] == "degraded")
    assert "another entry" in str(world.health()["reason"])
    assert world.server.parts.context.mirror.node_revoked("node-1", None, None)
    assert world.health()["rebuilds"] == 0


def test_a_log_that_goes_on_from_another_past_is_not_believed(world: World) -> None:
    revoke(world, "node-1")
    keyholder = world.keyholder
    other = [start_entry(world.clock(), f"{place:02x}" * 16, "a test") for place in range(3)]
    rewrite(keyholder, keyholder.leaves[:-1] + other)
    world.until(lambda: world.health()["status"] == "degraded")
    assert world.server.parts.context.mirror.node_revoked("node-1", None, None)


def test_a_server_that_starts_before_a_shorter_log_keeps_its_copy(tmp_path: Path) -> None:
    clock = Clock()
    keyholder = LocalKeyholder(tmp_path / "k.sock", Authority(clock), clock)
    with keyholder.serving():
        with running_server(tmp_path, keyholder, clock) as world:
            revoke(world, "node-1")
        size = len(keyholder.leaves)
        rewrite(keyholder, keyholder.leaves[:-1])
        with running_server(tmp_path, keyholder, clock, caught_up=False) as world:
            world.until(lambda: world.health()["status"] == "degraded")
            assert "shorter" in str(world.health()["reason"])
            with world.server.parts.context.database.read() as connection:
                assert logcopy.size(connection) == size


def test_a_restarted_keyholder_with_the_same_log_is_followed(world: World) -> None:
    world.keyholder.boot = "ee" * 16
    revoke(world, "node-1")
    assert world.health()["status"] == "ok"


def test_a_log_that_goes_on_under_another_key_is_followed(world: World) -> None:
    revoke(world, "node-1")
    world.keyholder.replace_log_key()
    world.catch_up()

    mirror = world.server.parts.context.mirror
    assert mirror.origin == world.keyholder.origin
    assert mirror.state.log_names[0].last is not None
    assert "history-rewritten" not in kinds(world)
    assert world.health()["rebuilds"] == 0
    with world.server.parts.context.database.read() as connection:
        assert not proposals.receipts_not_under(connection, world.keyholder.origin)
        assert not proposals.without_receipt(connection)


def test_a_log_that_goes_on_from_another_tree_is_not_followed(world: World) -> None:
    keyholder = world.keyholder
    keyholder.leaves.append(start_entry(world.clock(), "ab" * 16, "hidden"))
    forged = keyholder.checkpoint().decode()
    keyholder.leaves.pop()
    keyholder.leaves.append(origin_entry(world.clock(), keyholder.fingerprint, forged))
    world.until(lambda: world.health()["status"] == "degraded")
    assert "goes on from another" in str(world.health()["reason"])
