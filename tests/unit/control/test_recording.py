"""Decisions reach the log when they are given, and a logged rejection cannot be buried (§2.10)."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from keyturn.base.encoding import b64
from keyturn.control import recording
from keyturn.quorum.approvals import Decision
from keyturn.quorum.entries import EntryKind, parse_entry, read_decision
from keyturn.quorum.kinds import Kind
from keyturn.wire.errors import PeerRefused
from keyturn.wire.keyholder import AnyRequest, Record, Submit
from support.authority import Proposal, policy_body
from support.control import World, running_server


def policy(world: World) -> Proposal:
    return world.authority.propose(Kind.POLICY, "serving", policy_body())


def propose(client: httpx.Client, made: Proposal) -> None:
    body = {"statement": b64(made.raw), "key": None, "manifest": None}
    assert client.post("/v1/proposals", json=body).status_code == 200


def give(
    world: World,
    client: httpx.Client,
    made: Proposal,
    by: str,
    decision: Decision = Decision.APPROVE,
) -> dict[str, object]:
    envelope = world.authority.approval(made.digest, by, decision=decision)
    path = f"/v1/proposals/{made.digest}/approvals"
    answer = client.post(path, json={"envelope": b64(envelope)})
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def recorded(world: World) -> list[tuple[str, Decision]]:
    entries = [parse_entry(each) for each in world.keyholder.leaves]
    found = [read_decision(each) for each in entries if each.kind is EntryKind.DECISION]
    return [(each.officer, each.decision) for each in found]


def asked(world: World, kind: type[AnyRequest]) -> int:
    return sum(isinstance(each, kind) for each in world.keyholder.asked)


def test_each_decision_is_logged_when_it_is_given(world: World) -> None:
    made = policy(world)
    with world.sign_in() as client:
        propose(client, made)
        give(world, client, made, "bela", Decision.REJECT)
        assert recorded(world) == [("bela", Decision.REJECT)]
        give(world, client, made, "chen")
        view = give(world, client, made, "dora")
    approve = Decision.APPROVE
    assert recorded(world)[1:] == [("chen", approve), ("dora", approve)]
    assert view["status"] == "in-force"
    kinds = [parse_entry(each).kind for each in world.keyholder.leaves[-4:]]
    assert kinds == [EntryKind.DECISION] * 3 + [EntryKind.STATEMENT]


def test_a_rejection_deleted_from_the_database_still_counts(world: World) -> None:
    """The administrator deletes Chen's rejection, whose approval stands beside it."""
    made = policy(world)
    with world.sign_in() as client:
        propose(client, made)
        give(world, client, made, "chen")
        give(world, client, made, "chen", Decision.REJECT)
        with world.server.parts.context.database.write() as connection:
            gone = connection.execute(text("DELETE FROM approvals WHERE decision = 'reject'"))
            assert gone.rowcount == 1
        view = give(world, client, made, "bela")
        assert (view["status"], view["approved_by"]) == ("open", ["bela"])
        view = give(world, client, made, "dora")
    assert (view["status"], view["approved_by"]) == ("in-force", ["bela", "dora"])


def test_a_keyholder_that_was_away_gets_them_later_and_once(world: World) -> None:
    made = policy(world)
    with world.sign_in() as client:
        propose(client, made)
        world.keyholder.misbehave = lambda _connection: True
        view = give(world, client, made, "bela", Decision.REJECT)
        assert view["rejected_by"] == ["bela"]
        assert recorded(world) == []
        world.keyholder.misbehave = None
        world.until(lambda: bool(recorded(world)))
        give(world, client, made, "chen")
    assert recorded(world) == [("bela", Decision.REJECT), ("chen", Decision.APPROVE)]


def test_another_replica_asks_for_nothing_that_is_there(tmp_path: Path, world: World) -> None:
    made = policy(world)
    with world.sign_in() as client:
        propose(client, made)
        give(world, client, made, "bela")
    before = asked(world, Record)
    with running_server(tmp_path, world.keyholder, world.clock) as again:
        turns = again.server.parts.proposing
        with again.sign_in() as client:
            give(again, client, made, "chen")
        assert turns is not None
    assert recorded(world) == [("bela", Decision.APPROVE), ("chen", Decision.APPROVE)]
    assert asked(world, Record) - before <= 2  # Chen's, by one or both of them


def test_what_the_keyholder_will_not_log_is_asked_again_only_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An officer's day is full: the decision is kept, and handed in with the submission."""
    made = policy(world)

    def refuse(_request: Record) -> int:
        raise PeerRefused("untrusted", "bela has decided often enough today")

    with world.sign_in() as client, monkeypatch.context() as patch:
        patch.setattr(world.keyholder, "_record", refuse)
        propose(client, made)
        give(world, client, made, "bela")
        times = asked(world, Record)
        give(world, client, made, "chen", Decision.REJECT)
        assert asked(world, Record) == times + 1
        view = give(world, client, made, "dora")
    assert view["status"] == "in-force"
    assert recorded(world) == []
    handed = [each for each in world.keyholder.asked if isinstance(each, Submit)]
    assert len(handed[-1].approvals) == 3


def test_refused_decisions_are_due_again(world: World) -> None:
    kept = world.server.parts.proposing._recording
    now = world.clock()
    kept._refused = {"x": now + timedelta(minutes=10)}
    row = type("Row", (), {"digest": "x", "envelope": b""})
    made = policy(world)
    row.envelope = world.authority.approval(made.digest, "bela")  # type: ignore[attr-defined]
    assert not kept._due(row)  # type: ignore[arg-type]
    world.clock.advance(minutes=10)
    assert kept._due(row)  # type: ignore[arg-type]


def test_what_is_remembered_of_refusals_is_bounded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Officers decide as often as they like; a keyholder that always says no costs no memory."""
    monkeypatch.setattr(recording, "_MANY", 3)
    kept = world.server.parts.proposing._recording

    def refuse(_request: Record) -> int:
        raise PeerRefused("untrusted", "the day is full")

    monkeypatch.setattr(world.keyholder, "_record", refuse)
    with world.sign_in() as client:
        for number in range(6):
            made = world.authority.propose(Kind.POLICY, f"serving-{number}", policy_body())
            propose(client, made)
            give(world, client, made, "bela")
            assert len(kept._refused) <= 4


def test_an_open_proposal_comes_back_from_the_log_alone(tmp_path: Path, world: World) -> None:
    made = policy(world)
    with world.sign_in() as client:
        propose(client, made)
        give(world, client, made, "bela", Decision.REJECT)
        world.catch_up()
        before = client.get(f"/v1/proposals/{made.digest}").json()
    fresh = f"sqlite:///{tmp_path}/new.db"
    with (
        running_server(tmp_path, world.keyholder, world.clock, database=fresh) as again,
        again.sign_in() as client,
    ):
        assert client.get(f"/v1/proposals/{made.digest}").json() == before
