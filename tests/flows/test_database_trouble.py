"""The database full, read-only, restarted under load: typed answers, and recovery by itself."""

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import event

from keyturn.base.encoding import b64
from keyturn.quorum.kinds import Kind
from keyturn.store.database import open_database
from keyturn.store.errors import StoreUnreachable
from support.authority import Proposal, policy_body
from support.control import TestNode, World, running_server, running_world
from support.postgres import Postgres, postgres_fixture

pytestmark = pytest.mark.timeout(300)
own_postgres = postgres_fixture()
"""A cluster of this module's own: it is stopped under load."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running_world(tmp_path) as made:
        yield made


def propose(client: httpx.Client, proposal: Proposal) -> httpx.Response:
    body = {"statement": b64(proposal.raw), "key": None, "manifest": None}
    return client.post("/v1/proposals", json=body)


def said(answer: httpx.Response, words: str) -> None:
    error = answer.json()["error"]
    assert (answer.status_code, error["kind"]) == (503, "unreachable"), answer.text
    assert words in error["message"]
    assert error["hint"]


def test_a_full_database_is_said_and_what_was_acknowledged_stays(world: World) -> None:
    """SQLite's own limit of pages stands for the disk's end: the error is the same."""
    engine = world.server.parts.context.database.engine
    full = False

    @event.listens_for(engine, "checkout")
    def limit(connection: object, _record: object, _proxy: object) -> None:
        pages = 1 if full else 1 << 30  # below what is used: no page more
        connection.execute(f"PRAGMA max_page_count={pages}").close()  # type: ignore[attr-defined]

    first = world.authority.propose(Kind.POLICY, "first", policy_body())
    with world.sign_in() as client:
        assert propose(client, first).status_code == 200
        full = True
        refused = None
        for place in range(200):  # until the pages that there are hold no row more
            made = world.authority.propose(Kind.POLICY, f"p{place}", policy_body())
            answer = propose(client, made)
            if answer.status_code != 200:
                refused = answer
                break
        assert refused is not None
        said(refused, "is full")
        assert client.get(f"/v1/proposals/{first.digest}").status_code == 200
        full = False
        assert propose(client, made).status_code == 200
    world.catch_up()
    assert world.health()["rebuilds"] == 0


def test_a_read_only_database_is_said_and_reads_go_on(world: World) -> None:
    engine = world.server.parts.context.database.engine
    locked = True

    @event.listens_for(engine, "checkout")
    def read_only(connection: object, _record: object, _proxy: object) -> None:
        connection.execute(f"PRAGMA query_only={int(locked)}").close()  # type: ignore[attr-defined]

    made = world.authority.propose(Kind.POLICY, "serving", policy_body())
    locked = False
    with world.sign_in() as client:
        locked = True
        said(propose(client, made), "cannot be written")
        assert client.get("/v1/proposals").status_code == 200
        policy = world.authority.approved(Kind.POLICY, "another", policy_body())
        world.keyholder.enter(Kind.POLICY, "another", policy)
        world.until(lambda: world.health()["status"] == "degraded")
        assert "cannot be written" in str(world.health()["reason"])
        locked = False
        world.catch_up()
        assert propose(client, made).status_code == 200


def test_a_directory_in_the_files_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "keyturn.db").mkdir()
    database = open_database(f"sqlite:///{tmp_path}/keyturn.db")
    with pytest.raises(StoreUnreachable, match="cannot be opened"), database.read():
        pass
    database.close()


class Load:
    """Officers and a node that go on asking; what was acknowledged is remembered."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._going = True
        self.acknowledged: list[str] = []
        self.statuses: set[int] = set()
        self.faults: list[BaseException] = []
        self._threads = [threading.Thread(target=self._run, args=(act,)) for act in self._acts()]
        for each in self._threads:
            each.start()

    def stop(self) -> None:
        self._going = False
        for each in self._threads:
            each.join(60)
            assert not each.is_alive()

    def _acts(self) -> list[object]:
        return [self._officer, self._node]

    def _run(self, act: object) -> None:
        try:
            act()  # type: ignore[operator]
        except BaseException as error:  # noqa: BLE001  the test's own thread hands it over
            self.faults.append(error)

    def _officer(self) -> None:
        world = self._world
        with world.sign_in() as client:
            place = 0
            while self._going:
                place += 1
                made = world.authority.propose(Kind.POLICY, f"p{place}", policy_body())
                answer = propose(client, made)
                self.statuses.add(answer.status_code)
                if answer.status_code == 200:
                    self.acknowledged.append(made.digest)

    def _node(self) -> None:
        node = TestNode(self._world.keyholder.fingerprint)
        with self._world.client() as client:
            while self._going:
                challenge = client.post("/v1/challenges").json()["challenge"]
                answer = client.post("/v1/releases", content=node.request(challenge))
                self.statuses.add(answer.status_code)
                if answer.status_code == 200:
                    beat = node.beat(answer.json()["lease"], self._world.clock)
                    self.statuses.add(client.post("/v1/heartbeats", content=beat).status_code)


def test_postgresql_cut_off_and_started_again_under_load(
    tmp_path: Path, own_postgres: Postgres
) -> None:
    """Nothing that was acknowledged is lost, nobody is told anything but 503, and it goes on."""
    with running_world(tmp_path) as first:
        keyholder, clock = first.keyholder, first.clock
        with running_server(tmp_path, keyholder, clock, database=own_postgres.fresh()) as world:
            load = Load(world)
            for _ in range(2):
                known = len(load.acknowledged)
                world.until(lambda: len(load.acknowledged) > known + 3 or load.faults, 60)  # type: ignore[arg-type,return-value]  # noqa: B023
                own_postgres.stop()
                world.until(lambda: world.health()["status"] == "degraded", 60)
                own_postgres.start()
                world.until(lambda: world.health()["status"] == "ok", 60)
            load.stop()
            assert load.faults == []
            assert load.statuses <= {200, 404, 503}  # 404: a lease whose key is not known here yet
            assert 503 in load.statuses
            world.catch_up()
            with world.sign_in() as client:
                listed = client.get("/v1/proposals").json()["proposals"]
                events = client.get("/v1/events", params={"after": 0, "limit": 1000}).json()
            assert {each["digest"] for each in listed} >= set(load.acknowledged)
            numbers = [each["seq"] for each in events["events"]]
            assert numbers == list(range(1, len(numbers) + 1))
            assert world.health()["rebuilds"] == 0
