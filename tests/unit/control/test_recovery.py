"""A lost database is written anew, says so once, and names what is missing (DESIGN §7)."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from keyturn.base.encoding import b64
from keyturn.control.recovery import LOST
from keyturn.quorum.kinds import Kind
from keyturn.store import models
from keyturn.store.schema import metadata
from support.authority import policy_body
from support.control import WRAPPED, World, running_server, running_world
from unit.control import test_modeling as modeling
from unit.control.test_rebuild import fill

MANIFEST = modeling.manifest()
DIGEST = modeling.digest(MANIFEST)
DATABASE = ("keyturn.db", "keyturn.db-wal", "keyturn.db-shm")


def told(world: World) -> list[dict[str, Any]]:
    return modeling.told(world, "rebuilt")


def admit(world: World) -> None:
    """A model in force with its wrapped DEK, through the control plane."""
    body: dict[str, object] = {
        "model": DIGEST,
        "name": "mini",
        "version": "1",
        "tag": "cd" * 32,
        "policy": "serving",
    }
    proposal = world.authority.approved(Kind.MODEL, DIGEST, body)
    with world.sign_in() as client:
        document = {
            "statement": b64(proposal.raw),
            "key": b64(modeling.key()),
            "manifest": b64(MANIFEST),
        }
        assert client.post("/v1/proposals", json=document).status_code == 200
        for each in proposal.approvals:
            where = f"/v1/proposals/{proposal.digest}/approvals"
            view = client.post(where, json={"envelope": b64(each)}).json()
        assert view["status"] == "in-force"
        assert client.get(f"/v1/models/{DIGEST}").json()["has_kek_wrapped"]
    world.authority.entered(Kind.MODEL, DIGEST, proposal)


def wrapped(world: World) -> bytes | None:
    with world.server.parts.context.database.read() as connection:
        return models.wrapped_key(connection, DIGEST)


def test_a_fresh_authority_has_lost_nothing(world: World) -> None:
    assert told(world) == []
    assert world.health()["rebuilds"] == 0
    assert world.health()["rebuilt_from_nothing"] is False


def test_a_lost_database_is_told_with_what_is_missing(tmp_path: Path) -> None:
    with running_world(tmp_path) as world:
        admit(world)
        elsewhere = {"database": f"sqlite:///{tmp_path}/new.db"}
        with running_server(tmp_path, world.keyholder, world.clock, **elsewhere) as again:
            (event,) = told(again)
            assert event["empty"] is True
            assert event["lost"] == list(LOST)
            assert event["without_key"] == [DIGEST]
            assert event["entries"] == len(world.keyholder.leaves)
            again.until(lambda: again.health()["models_without_key"] == 1)
            assert again.health()["rebuilt_from_nothing"] is True
            assert wrapped(again) is None

            with again.sign_in() as client:
                assert modeling.register(client, MANIFEST, modeling.key()).status_code == 200
            again.until(lambda: again.health()["models_without_key"] == 0)
            assert wrapped(again) == WRAPPED
        with running_server(tmp_path, world.keyholder, world.clock, **elsewhere) as third:
            assert len(told(third)) == 1
            assert third.health()["rebuilds"] == 0


def test_edited_rows_are_told_with_what_they_said(tmp_path: Path) -> None:
    with running_world(tmp_path) as world:
        fill(world)
        with world.server.parts.context.database.write() as connection:
            connection.execute(text("UPDATE leases SET tls = 'sha256:00'"))
        with running_server(tmp_path, world.keyholder, world.clock) as again:
            (event,) = told(again)
    assert event["empty"] is False
    assert "tls is not what the log says" in event["reason"]
    assert event["lost"] == []


def test_two_replicas_over_an_empty_database_tell_it_once(tmp_path: Path) -> None:
    with running_world(tmp_path) as world:
        fill(world)
        elsewhere = {"database": f"sqlite:///{tmp_path}/new.db"}
        with (
            running_server(
                tmp_path, world.keyholder, world.clock, caught_up=False, **elsewhere
            ) as one,
            running_server(
                tmp_path, world.keyholder, world.clock, caught_up=False, **elsewhere
            ) as other,
        ):
            one.catch_up()
            other.catch_up()
            assert len(told(one)) == 1


@pytest.mark.parametrize("names", [DATABASE, DATABASE[:1]], ids=["all of it", "the file alone"])
def test_a_database_deleted_under_a_running_server(tmp_path: Path, names: tuple[str, ...]) -> None:
    """It is made again and filled from the log without a restart; nobody writes into a ghost."""
    with running_world(tmp_path) as world:
        fill(world)
        for name in names:
            (tmp_path / "control" / name).unlink(missing_ok=True)
        world.until(lambda: world.health()["rebuilds"] == 1)
        world.catch_up()
        (event,) = told(world)
        assert event["empty"] is True
        policy = world.authority.approved(Kind.POLICY, "another", policy_body())
        world.keyholder.enter(Kind.POLICY, "another", policy)
        world.catch_up()
        with running_server(tmp_path, world.keyholder, world.clock) as again:
            assert again.health()["rebuilds"] == 0  # all of it is in the file that there is now
            with again.sign_in() as client:
                listed = client.get("/v1/proposals").json()["proposals"]
                assert {each["subject"] for each in listed} >= {"serving", "another"}


ALL = ("alembic_version", *(each.name for each in metadata.sorted_tables))


@pytest.mark.parametrize("dropped", [ALL, ("log_entries",), ("proposals", "events", "counters")])
def test_tables_dropped_by_the_administrator_come_back(
    world: World, dropped: tuple[str, ...]
) -> None:
    fill(world)
    with world.server.parts.context.database.write() as connection:
        for table in dropped:
            connection.execute(text(f"DROP TABLE {table}"))
    world.server.parts.follower._checked = False  # as at the next start, or the next entry
    world.until(lambda: world.health()["rebuilds"] == 1)
    world.catch_up()
    assert told(world)[0]["empty"] is ("log_entries" in dropped)
