"""Proposals through the API: collected here, decided by the keyholder (I3)."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from sqlalchemy import text

from keyturn.base.encoding import Digest, b64, unb64
from keyturn.control.projection import approval_row
from keyturn.quorum.approvals import Decision, parse_approval
from keyturn.quorum.bundle import load_bundle
from keyturn.quorum.kinds import Kind
from keyturn.store.proposals import insert_approval
from keyturn.wire.errors import MalformedFrame
from keyturn.wire.keyholder import Submit
from keyturn.wire.keyholder_client import KeyholderClient
from keyturn.wire.requests import Request
from support.authority import Authority, Clock, Person, Proposal, policy_body
from support.control import World


def propose(client: httpx.Client, proposal: Proposal) -> httpx.Response:
    body = {"statement": b64(proposal.raw), "key": None, "manifest": None}
    return client.post("/v1/proposals", json=body)


def approve(client: httpx.Client, digest: str, envelope: bytes) -> httpx.Response:
    return client.post(f"/v1/proposals/{digest}/approvals", json={"envelope": b64(envelope)})


def policy(world: World) -> Proposal:
    return world.authority.approved(Kind.POLICY, "serving", policy_body())


def submissions(world: World) -> int:
    return sum(isinstance(each, Submit) for each in world.keyholder.asked)


def test_two_approvals_bring_a_policy_into_force_and_one_does_not(world: World) -> None:
    proposal = policy(world)
    with world.sign_in() as client:
        view = propose(client, proposal).json()
        assert (view["status"], view["needed"], view["approved_by"]) == ("open", 2, [])
        view = approve(client, proposal.digest, proposal.approvals[0]).json()
        assert (view["status"], view["approved_by"], view["index"]) == ("open", ["bela"], None)
        assert submissions(world) == 0
        view = approve(client, proposal.digest, proposal.approvals[1]).json()
    assert (view["status"], view["approved_by"]) == ("in-force", ["bela", "chen"])
    assert view["index"] == 5  # behind the two approvals
    assert view["receipt"]["index"] == 5
    assert view["statement"] == b64(proposal.raw)


def test_proposing_twice_is_one_proposal(world: World) -> None:
    proposal = policy(world)
    with world.sign_in() as client:
        assert propose(client, proposal).status_code == 200
        assert propose(client, proposal).status_code == 200
        assert len(client.get("/v1/proposals").json()["proposals"]) == 3  # roster, keys, this


def test_the_same_approval_twice_counts_once(world: World) -> None:
    proposal = policy(world)
    with world.sign_in() as client:
        propose(client, proposal)
        for _ in range(3):
            view = approve(client, proposal.digest, proposal.approvals[0]).json()
    assert (view["status"], view["approved_by"]) == ("open", ["bela"])
    assert len(view["approvals"]) == 1


def test_two_approvals_of_one_officer_count_once(world: World) -> None:
    proposal = policy(world)
    with world.sign_in() as client:
        propose(client, proposal)
        approve(client, proposal.digest, world.authority.approval(proposal.digest, "bela"))
        world.clock.advance(seconds=1)
        view = approve(
            client, proposal.digest, world.authority.approval(proposal.digest, "bela")
        ).json()
    assert (view["status"], view["approved_by"]) == ("open", ["bela"])


def test_the_proposers_own_approval_does_not_count(world: World) -> None:
    proposal = policy(world)
    with world.sign_in() as client:
        propose(client, proposal)
        approve(client, proposal.digest, world.authority.approval(proposal.digest, "ada"))
        view = approve(client, proposal.digest, proposal.approvals[0]).json()
    assert (view["status"], view["approved_by"]) == ("open", ["bela"])


def test_a_rejection_takes_an_approval_back(world: World) -> None:
    proposal = policy(world)
    no = world.authority.approval(proposal.digest, "bela", decision=Decision.REJECT)
    with world.sign_in() as client:
        propose(client, proposal)
        approve(client, proposal.digest, proposal.approvals[0])
        approve(client, proposal.digest, no)
        view = approve(client, proposal.digest, proposal.approvals[1]).json()
    assert (view["status"], view["approved_by"], view["rejected_by"]) == (
        "open",
        ["chen"],
        ["bela"],
    )


def test_forged_and_foreign_approvals_are_refused_at_the_door(world: World) -> None:
    proposal = policy(world)
    stranger = Person("bela", [ed25519.Ed25519PrivateKey.generate()])
    other = world.authority.propose(Kind.POLICY, "another", policy_body())
    forgeries = [
        world.authority.approval(proposal.digest, "bela", keys=stranger.keys),
        world.authority.approval(other.digest, "bela"),
        world.authority.approval(proposal.digest, "bela", keys=world.authority.people["chen"].keys),
    ]
    with world.sign_in() as client:
        propose(client, proposal)
        found = [approve(client, proposal.digest, each).status_code for each in forgeries]
        view = client.get(f"/v1/proposals/{proposal.digest}").json()
    assert found == [403, 403, 403]
    assert view["approvals"] == []


def test_a_forged_statement_is_refused_at_the_door(world: World) -> None:
    thief = ed25519.Ed25519PrivateKey.generate()
    forged = world.authority.propose(Kind.POLICY, "serving", policy_body(), keys=[thief])
    with world.sign_in() as client:
        answer = propose(client, forged)
    assert answer.status_code == 403
    assert "roster" in answer.json()["error"]["message"]


def test_another_authoritys_statement_is_refused_at_the_door(world: World) -> None:
    other = Authority(Clock(world.clock() - timedelta(days=1)))
    other.people = world.authority.people
    first = other.approved(Kind.ROSTER, "roster", other.roster_body())
    other.entered(Kind.ROSTER, "roster", first)
    before = submissions(world)
    with world.sign_in() as client:
        for made in (first, other.propose(Kind.POLICY, "serving", policy_body())):
            answer = propose(client, made)
            assert answer.status_code == 403
            assert "another authority" in answer.json()["error"]["message"]
    assert submissions(world) == before


def test_what_the_keyholder_refuses_stands_in_the_view(world: World) -> None:
    first = policy(world)
    world.clock.advance(seconds=1)
    second = world.authority.approved(Kind.POLICY, "serving", policy_body())
    with world.sign_in() as client:
        for proposal in (first, second):
            propose(client, proposal)
        for proposal in (first, second):
            for each in proposal.approvals:
                view = approve(client, proposal.digest, each).json()
        events = client.get("/v1/events", params={"after": 0}).json()["events"]
    assert view["status"] == "refused"
    assert "version" in view["refusal"]["message"]
    assert (view["index"], view["receipt"]) == (None, None)
    assert [each["kind"] for each in events].count("refused") == 1


def test_a_newer_version_supersedes(world: World) -> None:
    first = policy(world)
    world.keyholder.enter(Kind.POLICY, "serving", first)
    second = world.authority.approved(Kind.POLICY, "serving", policy_body(lease_seconds=30))
    world.keyholder.enter(Kind.POLICY, "serving", second)
    world.catch_up()
    with world.sign_in() as client:
        for proposal, status in ((first, "superseded"), (second, "in-force")):
            path = f"/v1/proposals/{proposal.digest}"
            world.until(lambda p=path, s=status: client.get(p).json()["status"] == s)


def test_what_was_submitted_past_the_server_appears_with_its_receipt(world: World) -> None:
    proposal = policy(world)
    world.keyholder.enter(Kind.POLICY, "serving", proposal)
    world.catch_up()
    with world.sign_in("emil") as client:
        world.until(
            lambda: client.get(f"/v1/proposals/{proposal.digest}").json()["status"] == "in-force"
        )
        view = client.get(f"/v1/proposals/{proposal.digest}").json()
    assert view["approved_by"] == ["bela", "chen"]
    assert view["receipt"]["index"] == view["index"] == 3


def test_a_withdrawal_ends_a_proposal_for_ever(world: World) -> None:
    proposal = policy(world)
    with world.sign_in() as client:
        propose(client, proposal)
        path = f"/v1/proposals/{proposal.digest}/withdrawal"
        forged = client.post(
            path, json={"envelope": b64(world.withdrawal(proposal.digest, "bela"))}
        )
        assert forged.status_code == 403
        view = client.post(path, json={"envelope": b64(world.withdrawal(proposal.digest))}).json()
        assert view["status"] == "withdrawn"
        assert approve(client, proposal.digest, proposal.approvals[0]).status_code == 409


def test_a_lapsed_proposal_takes_no_approval(world: World) -> None:
    proposal = policy(world)
    with world.sign_in() as client:
        propose(client, proposal)
    world.clock.advance(days=3, seconds=1)
    with world.sign_in() as client:
        view = client.get(f"/v1/proposals/{proposal.digest}").json()
        assert view["status"] == "lapsed"
        assert approve(client, proposal.digest, proposal.approvals[0]).status_code == 409


def test_an_unreachable_keyholder_loses_no_approval(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposal = policy(world)
    with world.sign_in() as client:
        propose(client, proposal)
        approve(client, proposal.digest, proposal.approvals[0])
        world.keyholder.misbehave = lambda connection: True  # hang up on every question
        view = approve(client, proposal.digest, proposal.approvals[1]).json()
        assert view["status"] == "open"
        assert view["refusal"]["kind"] == "unreachable"
        world.keyholder.misbehave = None
        world.until(
            lambda: client.get(f"/v1/proposals/{proposal.digest}").json()["status"] == "in-force"
        )


def test_who_may_not_propose_is_told_so(world: World) -> None:
    authority = world.authority
    entries = [p.entry() for p in authority.people.values()]
    entries[4]["roles"] = ["auditor"]
    roster = authority.approved(Kind.ROSTER, "roster", authority.roster_body(officers=entries))
    world.keyholder.enter(Kind.ROSTER, "roster", roster)
    world.catch_up()
    proposal = policy(world)
    with world.sign_in("emil") as client:
        assert client.get("/v1/proposals").status_code == 200
        answer = propose(client, proposal)
    assert answer.status_code == 403
    assert answer.json()["error"]["found"] == "auditor"


def test_an_export_carries_all_that_a_lonely_officer_needs(world: World) -> None:
    proposal = policy(world)
    with world.sign_in() as client:
        propose(client, proposal)
        approve(client, proposal.digest, proposal.approvals[0])
        found = client.get(f"/v1/proposals/{proposal.digest}/export").json()
    assert found["statement"] == b64(proposal.raw)
    assert found["approvals"] == [b64(proposal.approvals[0])]
    authority = load_bundle(
        unb64(found["bundle"]),
        world.keyholder.fingerprint,
        world.clock(),
    )
    assert authority.roster.simulation


def test_an_approval_that_the_roster_no_longer_vouches_for_sinks_nothing(world: World) -> None:
    authority = world.authority
    proposal = policy(world)
    with world.sign_in() as client:
        propose(client, proposal)
        emil = authority.approval(proposal.digest, "emil")
        approve(client, proposal.digest, emil)
        entries = [p.entry() for name, p in authority.people.items() if name != "emil"]
        roster = authority.approved(Kind.ROSTER, "roster", authority.roster_body(officers=entries))
        world.keyholder.enter(Kind.ROSTER, "roster", roster)
        world.catch_up()
        approve(client, proposal.digest, proposal.approvals[0])
        view = approve(client, proposal.digest, proposal.approvals[1]).json()
    assert view["status"] == "in-force"
    submitted = [each for each in world.keyholder.asked if isinstance(each, Submit)][-1]
    assert emil not in submitted.approvals


@pytest.mark.parametrize("path", ["sha256:" + "0" * 64])
def test_an_unknown_proposal_is_not_found(world: World, path: str) -> None:
    with world.sign_in() as client:
        assert client.get(f"/v1/proposals/{path}").status_code == 404
        assert client.get("/v1/proposals/nonsense").status_code == 400


def test_who_becomes_an_approver_by_it_sinks_nothing_with_the_old_key(world: World) -> None:
    """The roster gives Emil, an auditor, the role and another key. With the one that he has he may
    approve by neither roster, and one such envelope has the keyholder refuse all others."""
    authority = world.authority
    emil = authority.people["emil"]
    others = [each.entry() for name, each in authority.people.items() if name != "emil"]
    entries = [*others, Person("emil", emil.keys, ("auditor",)).entry()]
    roster = authority.approved(Kind.ROSTER, "roster", authority.roster_body(officers=entries))
    world.keyholder.enter(Kind.ROSTER, "roster", roster)
    world.catch_up()
    fresh = Person("emil", [ed25519.Ed25519PrivateKey.generate()])
    body = authority.roster_body(officers=[*others, fresh.entry()])
    proposal = authority.approved(Kind.ROSTER, "roster", body)
    with world.sign_in() as client:
        propose(client, proposal)
        said = approve(client, proposal.digest, authority.approval(proposal.digest, "emil"))
        for each in proposal.approvals:
            view = approve(client, proposal.digest, each).json()
    assert view["status"] == "in-force"
    assert said.status_code == 403


def dated(world: World, digest: Digest, by: str, seconds: float, **options: Any) -> bytes:
    """An approval that was signed by a clock that is wrong by `seconds`."""
    wrong = Clock(world.clock())  # its own: the server goes on by the right one meanwhile
    wrong.advance(seconds=seconds)
    return world.authority.forked(wrong).approval(digest, by, **options)


@pytest.mark.parametrize("seconds", [-600, -121, 121, 30 * 86_400])
def test_an_approval_of_a_wrong_clock_is_refused_and_sinks_nothing(
    world: World, seconds: int
) -> None:
    proposal = policy(world)
    with world.sign_in() as client:
        propose(client, proposal)
        answer = approve(client, proposal.digest, dated(world, proposal.digest, "dora", seconds))
        assert answer.status_code == 403
        assert "clock" in answer.json()["error"]["hint"]
        for each in proposal.approvals:
            view = approve(client, proposal.digest, each).json()
    assert view["status"] == "in-force"


def test_an_approval_of_a_wrong_time_that_is_here_already_is_not_handed_in(world: World) -> None:
    proposal = policy(world)
    bad = dated(world, proposal.digest, "dora", -600)
    with world.sign_in() as client:
        propose(client, proposal)
        with world.server.parts.context.database.write() as connection:
            insert_approval(connection, approval_row(parse_approval(bad)))
        for each in proposal.approvals:
            view = approve(client, proposal.digest, each).json()
    assert view["status"] == "in-force"


def test_one_envelope_an_officer_is_handed_in(world: World) -> None:
    proposal = policy(world)
    no = {"decision": Decision.REJECT}
    bela = [dated(world, proposal.digest, "bela", seconds) for seconds in (1, 2, 3)]
    emil = [dated(world, proposal.digest, "emil", s, **o) for s, o in ((1, no), (2, {}))]
    with world.sign_in() as client:
        propose(client, proposal)
        for each in (*bela, *emil, proposal.approvals[1]):
            view = approve(client, proposal.digest, each).json()
    assert view["status"] == "in-force"
    handed = [each for each in world.keyholder.asked if isinstance(each, Submit)][-1].approvals
    assert set(handed) == {proposal.approvals[1], bela[-1], emil[0]}


def test_a_proposal_too_large_for_a_frame_keeps_no_other_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = policy(world)
    second = world.authority.approved(Kind.POLICY, "other", policy_body())
    world.keyholder.misbehave = lambda connection: True
    with world.sign_in() as client:
        for proposal in (first, second):
            propose(client, proposal)
            for each in proposal.approvals:
                approve(client, proposal.digest, each)
        ask = KeyholderClient.ask

        async def cramped(self: KeyholderClient, request: Request[Any]) -> Any:
            if isinstance(request, Submit) and request.statement == first.raw:
                raise MalformedFrame("frame is too large")
            return await ask(self, request)

        monkeypatch.setattr(KeyholderClient, "ask", cramped)
        world.keyholder.misbehave = None
        for proposal, status in ((second, "in-force"), (first, "refused")):
            path = f"/v1/proposals/{proposal.digest}"
            world.until(lambda p=path, s=status: client.get(p).json()["status"] == s)


def test_a_proposal_that_cannot_be_read_keeps_no_other_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = policy(world)
    second = world.authority.approved(Kind.POLICY, "other", policy_body())
    world.keyholder.misbehave = lambda connection: True
    with world.sign_in() as client:
        for proposal in (first, second):
            propose(client, proposal)
            for each in proposal.approvals:
                approve(client, proposal.digest, each)
        with world.server.parts.context.database.write() as connection:
            edit = text("UPDATE approvals SET envelope = :junk WHERE statement = :digest")
            connection.execute(edit, {"junk": b"junk", "digest": first.digest})
        world.keyholder.misbehave = None
        path = f"/v1/proposals/{second.digest}"
        world.until(lambda: client.get(path).json()["status"] == "in-force")


def test_a_flood_of_challenges_does_not_starve_a_revocation(world: World) -> None:
    body: dict[str, object] = {"target_kind": "node", "target": "node-1"}
    proposal = world.authority.approved(Kind.REVOCATION, "node:node-1", body)
    waiting = world.server.parts.context.keyholder._limits.waiting
    with world.sign_in() as client:
        world.server.parts.context.keyholder._waiting = waiting  # as full as it can be
        assert client.post("/v1/challenges").status_code == 429
        propose(client, proposal)
        for each in proposal.approvals:
            view = approve(client, proposal.digest, each).json()
    assert view["status"] == "in-force"
