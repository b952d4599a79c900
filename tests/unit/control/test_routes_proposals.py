"""Proposals' routes: the envelope counts, the session only lets in."""

import pytest

from keyturn.base.encoding import b64
from keyturn.quorum.kinds import Kind
from support.authority import policy_body
from support.control import World

DIGEST = "sha256:" + "0" * 64


def test_proposals_are_listed_newest_first_and_by_status(world: World) -> None:
    world.clock.advance(seconds=1)
    proposal = world.authority.propose(Kind.POLICY, "serving", policy_body())
    with world.sign_in() as client:
        body = {"statement": b64(proposal.raw), "key": None, "manifest": None}
        assert client.post("/v1/proposals", json=body).status_code == 200
        everything = client.get("/v1/proposals").json()["proposals"]
        one = client.get("/v1/proposals", params={"status": "open"}).json()["proposals"]
        none = client.get("/v1/proposals", params={"status": "lapsed"}).json()["proposals"]
    assert everything[0]["digest"] == proposal.digest
    assert [each["kind"] for each in everything[1:]] in (["roster", "keys"], ["keys", "roster"])
    assert [each["digest"] for each in one] == [proposal.digest]
    assert none == []


def test_anyone_with_a_session_may_carry_an_approval(world: World) -> None:
    """As after `proposal import`: Emil brings what Bela signed without a network."""
    proposal = world.authority.propose(Kind.POLICY, "serving", policy_body())
    envelope = world.authority.approval(proposal.digest, "bela")
    with world.sign_in("emil") as client:
        body = {"statement": b64(proposal.raw), "key": None, "manifest": None}
        client.post("/v1/proposals", json=body)
        path = f"/v1/proposals/{proposal.digest}/approvals"
        view = client.post(path, json={"envelope": b64(envelope)}).json()
    assert (view["proposer"], view["approved_by"]) == ("ada", ["bela"])


@pytest.mark.parametrize("what", ["approvals", "withdrawal"])
@pytest.mark.parametrize("envelope", ["", "*", b64(b"{}"), b64(b"\x00" * 100)])
def test_a_malformed_envelope_is_refused(standing: World, what: str, envelope: str) -> None:
    with standing.sign_in() as client:
        answer = client.post(f"/v1/proposals/{DIGEST}/{what}", json={"envelope": envelope})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"statement": ""},
        {"statement": "", "key": None},
        {"statement": None, "key": None, "manifest": None},
        {"statement": b64(b"{}"), "key": None, "manifest": None},
        {"statement": b64(b"{}"), "key": None, "manifest": None, "more": 1},
    ],
)
def test_a_malformed_proposal_is_refused(standing: World, body: dict[str, object]) -> None:
    with standing.sign_in() as client:
        assert client.post("/v1/proposals", json=body).status_code == 400


@pytest.mark.parametrize("what", ["", "/export"])
def test_what_nobody_proposed_is_not_found(standing: World, what: str) -> None:
    with standing.sign_in() as client:
        assert client.get(f"/v1/proposals/{DIGEST}{what}").status_code == 404
