"""Following the keyholder through its restarts; another authority is not followed."""

from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.quorum.kinds import Kind
from support.authority import Authority, Clock, policy_body
from support.control import LocalKeyholder, running_server


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
