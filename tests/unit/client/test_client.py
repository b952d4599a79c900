"""A server that lies is named as lying, in each of the ways that it can lie."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.base.dsse import parse_envelope
from keyturn.base.encoding import b64
from keyturn.base.errors import KeyturnError, UnreachableError
from keyturn.client.errors import (
    HistoryRewritten,
    NotEntitled,
    NotFound,
    ServerLied,
    ServerRefused,
)
from keyturn.client.inventory import NodeState
from keyturn.client.memory import Memory
from keyturn.client.proposals import Status
from keyturn.quorum.approvals import Decision
from keyturn.quorum.kinds import Kind
from support.authority import Clock, make_people, policy_body
from unit.client.scripted_server import ScriptedServer
from unit.control.test_modeling import manifest as whole_manifest

PLATFORMS = {"platforms": [{"id": "amd-genoa-00", "site": "here", "note": ""}]}


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer(Clock())


def a_policy(server: ScriptedServer, approvers: tuple[str, ...] = ()) -> str:
    made = server.authority.propose(Kind.POLICY, "serving", policy_body())
    made.approvals += [server.authority.approval(made.digest, each) for each in approvers]
    return server.post(made)


# ---- the truth ----


def test_one_approval_short_is_open_and_the_next_brings_it_into_force(
    server: ScriptedServer,
) -> None:
    digest = a_policy(server, ("bela",))
    before = server.client("chen").proposal(digest)
    assert (before.status, before.approved_by, before.missing) == (Status.OPEN, ("bela",), 1)
    after = server.client("chen").decide(before.digest, Decision.APPROVE, "read it")
    assert (after.status, after.index, after.missing) == (Status.IN_FORCE, 3, 0)
    assert after.approved_by == ("bela", "chen")
    assert after.approvals[-1].comment == "read it"


def test_the_proposers_own_approval_and_a_rejected_one_do_not_count(
    server: ScriptedServer,
) -> None:
    digest = a_policy(server, ("ada", "bela"))
    rejection = server.authority.approval(digest, "bela", decision=Decision.REJECT)
    server.held[digest].approvals.append(rejection)
    found = server.client().proposal(digest)
    assert (found.approved_by, found.rejected_by, found.missing) == ((), ("bela",), 2)


def test_a_new_version_supersedes_and_a_revocation_revokes(server: ScriptedServer) -> None:
    first = server.enact(Kind.POLICY, "serving", policy_body())
    assert server.client().proposal(first).status is Status.IN_FORCE
    second = server.enact(Kind.POLICY, "serving", policy_body(lease_seconds=30))
    client = server.client()
    statuses = {each.digest: each.status for each in client.proposals()}
    assert (statuses[first], statuses[second]) == (Status.SUPERSEDED, Status.IN_FORCE)
    server.enact(Kind.REVOCATION, "policy:serving", {"target_kind": "policy", "target": "serving"})
    assert client.proposal(second).status is Status.REVOKED


def test_time_ends_what_nobody_renews(server: ScriptedServer) -> None:
    in_force, open_one = server.enact(Kind.PLATFORMS, "all", PLATFORMS), a_policy(server)
    server.clock.advance(days=4)
    assert server.client().proposal(open_one).status is Status.LAPSED
    server.clock.advance(days=80)
    assert server.client().proposal(in_force).status is Status.IN_FORCE


def test_an_expired_statement_is_not_in_force_though_the_server_says_so(
    server: ScriptedServer,
) -> None:
    made = server.authority.approved(Kind.PLATFORMS, "short", PLATFORMS, life=timedelta(days=1))
    server.enter(made)
    server.clock.advance(days=2)
    assert server.held[made.digest].status == "in-force"
    assert server.client().proposal(made.digest).status is Status.EXPIRED


def test_a_withdrawn_proposal_is_over(server: ScriptedServer) -> None:
    digest = a_policy(server)
    assert server.client("ada").withdraw(digest, "typo").status is Status.WITHDRAWN


def test_digests_may_be_cut_short_when_they_stay_unique(server: ScriptedServer) -> None:
    digest = a_policy(server)
    client = server.client()
    assert client.proposal(digest[7:19]).digest == digest
    with pytest.raises(NotFound, match="no proposal"):
        client.proposal("ffffffffffff")
    with pytest.raises(NotFound, match="no proposal"):
        client.proposal(digest[7:10])


def test_an_approval_that_would_not_count_is_not_signed(server: ScriptedServer) -> None:
    digest = a_policy(server)
    stranger = ScriptedServer(server.clock).secrets["bela"]
    server.secrets["bela"] = stranger
    client = server.client("ada")
    client.proposal(digest)
    impostor = server.client("bela", memory=Memory(server.fingerprint))
    with pytest.raises((NotEntitled, ServerRefused)):
        impostor.decide(digest, Decision.APPROVE, "")
    assert not server.held[digest].approvals


# ---- lies ----


def test_a_forged_approval_is_a_lie(server: ScriptedServer) -> None:
    digest = a_policy(server)
    stranger = ScriptedServer(server.clock).authority
    server.held[digest].approvals.append(stranger.approval(digest, "bela"))  # type: ignore[arg-type]
    with pytest.raises(ServerLied, match="approval of bela is not genuine") as caught:
        server.client().proposal(digest)
    assert "not in the roster" in caught.value.message
    server.held[digest].approvals = [server.authority.approval(digest, "bela")]  # type: ignore[arg-type]
    assert server.client().proposal(digest).approved_by == ("bela",)


def test_an_approval_with_a_broken_signature_is_a_lie(server: ScriptedServer) -> None:
    digest = a_policy(server, ("bela",))
    envelope = parse_envelope(server.held[digest].approvals[0])
    edited = replace(envelope, payload=envelope.payload.replace(b'"comment":""', b'"comment":"x"'))
    assert edited.payload != envelope.payload
    server.held[digest].approvals = [edited.to_bytes()]
    with pytest.raises(ServerLied, match="does not verify"):
        server.client().proposal(digest)


def test_an_approval_moved_to_another_statement_is_a_lie(server: ScriptedServer) -> None:
    digest = a_policy(server)
    other = server.authority.propose(Kind.PLATFORMS, "all", PLATFORMS)
    server.held[digest].approvals = [server.authority.approval(other.digest, "bela")]
    with pytest.raises(ServerLied, match="over another statement"):
        server.client().proposal(digest)


def test_an_approval_that_names_another_officer_is_a_lie(server: ScriptedServer) -> None:
    digest = a_policy(server)
    keys = server.authority.people["chen"].keys
    server.held[digest].approvals = [server.authority.approval(digest, "bela", keys=keys)]  # type: ignore[arg-type]
    with pytest.raises(ServerLied, match="somebody else") as caught:
        server.client().proposal(digest)
    assert (caught.value.found, caught.value.expected) == ("chen", "bela")


def test_an_edited_statement_is_a_lie(server: ScriptedServer) -> None:
    digest = a_policy(server)
    envelope = parse_envelope(server.held[digest].statement)
    payload = envelope.payload.replace(b'"lease_seconds":60', b'"lease_seconds":61')
    assert payload != envelope.payload
    edited = replace(envelope, payload=payload)
    path = f"/v1/proposals/{digest}"
    server.lie(path, lambda true: {**true, "statement": b64(edited.to_bytes())})
    with pytest.raises(ServerLied, match="statement is not genuine"):
        server.client().proposal(digest)
    del server.lies[path]
    assert server.client().proposal(digest).digest == digest


def test_another_genuine_statement_under_this_digest_is_a_lie(server: ScriptedServer) -> None:
    digest = a_policy(server)
    other = server.authority.propose(Kind.PLATFORMS, "all", PLATFORMS)
    path = f"/v1/proposals/{digest}"
    server.lie(path, lambda true: {**true, "statement": b64(other.raw)})
    with pytest.raises(ServerLied, match="another statement under this digest"):
        server.client().proposal(digest)


def in_force_says(server: ScriptedServer, digest: str, **changed: object) -> str:
    server.lie(f"/v1/proposals/{digest}", lambda true: {**true, "status": "in-force", **changed})
    with pytest.raises(ServerLied) as caught:
        server.client().proposal(digest)
    return str(caught.value)


def test_in_force_without_a_receipt_is_a_lie(server: ScriptedServer) -> None:
    digest = a_policy(server, ("bela",))
    assert "without a receipt" in in_force_says(server, digest, index=2)


def test_the_receipt_of_another_entry_is_a_lie(server: ScriptedServer) -> None:
    digest = a_policy(server, ("bela",))
    says = in_force_says(server, digest, index=2, receipt=server.receipt(2))
    assert "receipt is of another entry" in says


def test_a_receipt_with_a_wrong_proof_is_a_lie(server: ScriptedServer) -> None:
    digest = server.enact(Kind.POLICY, "serving", policy_body())
    receipt = server.held[digest].receipt
    assert receipt is not None
    proof = receipt["proof"]
    assert isinstance(proof, list)
    wrong = {**receipt, "proof": ["00" * 32, *proof[1:]]}
    assert "proves nothing" in in_force_says(server, digest, receipt=wrong)
    del server.lies[f"/v1/proposals/{digest}"]
    assert server.client().proposal(digest).status is Status.IN_FORCE


def test_a_receipt_signed_by_another_log_is_a_lie(server: ScriptedServer) -> None:
    digest = server.enact(Kind.POLICY, "serving", policy_body())
    index = server.held[digest].index
    true_key = server.log_key
    server.log_key = ScriptedServer(server.clock).log_key
    forged = server.receipt(index or 0)
    server.log_key = true_key
    assert "proves nothing" in in_force_says(server, digest, receipt=forged)


def test_the_wrong_index_is_a_lie(server: ScriptedServer) -> None:
    digest = server.enact(Kind.POLICY, "serving", policy_body())
    assert "another log index" in in_force_says(server, digest, index=1)


def test_a_hidden_revocation_is_found_by_who_saw_the_log(server: ScriptedServer) -> None:
    digest = server.enact(Kind.POLICY, "serving", policy_body())
    memory = Memory(server.fingerprint)
    before = server.checkpoint()
    server.enact(Kind.REVOCATION, "policy:serving", {"target_kind": "policy", "target": "serving"})
    server.client(memory=memory).checkpoint()
    server.lie("/v1/log/checkpoint", lambda true: {"note": before.to_bytes().decode()})
    with pytest.raises(HistoryRewritten):
        server.client(memory=memory).proposal(digest)


def test_an_answer_about_another_proposal_is_a_lie(server: ScriptedServer) -> None:
    digest = a_policy(server)
    other = server.enact(Kind.PLATFORMS, "all", PLATFORMS)
    server.lie(f"/v1/proposals/{digest}/approvals", lambda true: server.view(other))
    approval = server.authority.approval(digest, "bela")  # type: ignore[arg-type]
    with pytest.raises(ServerLied, match="about another proposal"):
        server.client().post_approval(digest, approval)  # type: ignore[arg-type]


# ---- inventory ----

MANIFEST = json.dumps({"model_id": "mini", "name": "Mini", "version": "1"}).encode()
KEY = json.dumps({"tag": "11" * 32}).encode()


def test_another_models_manifest_is_a_lie(server: ScriptedServer) -> None:
    client = server.client()
    model = client.register_model(whole_manifest("mini"), KEY)
    assert client.manifest(model.digest).identity.name == "mini"

    server.lie(f"/v1/models/{model.digest}/manifest", lambda true: manifest_of("other"))
    with pytest.raises(ServerLied, match="manifest of another model") as caught:
        client.manifest(model.digest)
    assert caught.value.expected == model.digest


def manifest_of(name: str) -> dict[str, object]:
    return {"manifest": b64(whole_manifest(name))}


def test_admitted_is_what_the_log_says_not_the_server(server: ScriptedServer) -> None:
    client = server.client()
    model = client.register_model(MANIFEST, KEY)
    assert server.models[0]["admitted"] is True
    assert model.admission is None
    body = {"model": model.digest, "name": "Mini", "version": "1", "tag": "11" * 32, "policy": "p"}
    server.enact(Kind.MODEL, model.digest, body)
    admission = client.model("Mini").admission
    assert admission is not None
    assert admission.index == 3


def node_view(**changed: object) -> dict[str, object]:
    return {
        "name": "n1",
        "state": "attested",
        "age_seconds": 1.5,
        "simulated": True,
        "reasons": [],
        "caveats": ["simulated"],
        **changed,
    }


def test_a_node_is_not_attested_without_a_live_lease_in_the_log(server: ScriptedServer) -> None:
    server.nodes = [node_view()]
    node = server.client().node("n1")
    assert node.state is NodeState.UNKNOWN
    assert (node.granted, node.age_seconds, node.caveats) == (None, 1, ("simulated",))


def test_a_state_that_nobody_knows_is_unknown(server: ScriptedServer) -> None:
    server.nodes = [node_view(state="splendid"), node_view(name="n2", state="refused")]
    states = [node.state for node in server.client().nodes()]
    assert states == [NodeState.UNKNOWN, NodeState.REFUSED]


def test_a_node_that_nobody_knows_is_not_found(server: ScriptedServer) -> None:
    with pytest.raises(NotFound, match="no node"):
        server.client().node("n1")


def test_another_node_than_asked_for_is_a_lie(server: ScriptedServer) -> None:
    server.nodes = [node_view(), node_view(name="n2")]
    server.lie("/v1/nodes/n1", lambda true: node_view(name="n2"))
    client = server.client()
    with pytest.raises(ServerLied, match="another node"):
        client.node("n1")
    assert client.node("n2").name == "n2"


# ---- one look for many questions ----


def test_one_look_serves_many_questions(server: ScriptedServer) -> None:
    a_policy(server)
    server.nodes = [node_view()]
    client = server.client()
    seen = client.seen()
    server.asked.clear()
    assert len(client.proposals(seen=seen)) == 3
    assert len(client.nodes(seen=seen)) == 1
    assert client.models(seen=seen) == []
    asked = {path for _, path in server.asked}  # proofs for the proposals' receipts, too
    assert asked.isdisjoint({"/v1/log/checkpoint", "/v1/log/entries", "/v1/authority"})


def test_an_older_look_calls_no_honest_server_a_liar(server: ScriptedServer) -> None:
    client = server.client()
    old = client.seen()
    server.authority.people |= make_people(["zoe"])
    server.enact(Kind.ROSTER, "roster", server.authority.roster_body())
    digest = a_policy(server, ("zoe",))
    found = {each.digest: each for each in client.proposals(seen=old)}
    assert found[digest].approved_by == ("zoe",)


def test_a_lie_is_one_by_any_look(server: ScriptedServer) -> None:
    digest = a_policy(server)
    stranger = ScriptedServer(server.clock).authority
    client = server.client()
    seen = client.seen()
    server.held[digest].approvals.append(stranger.approval(digest, "bela"))  # type: ignore[arg-type]
    with pytest.raises(ServerLied, match="approval of bela is not genuine"):
        client.proposals(seen=seen)


def test_errors_keep_their_kinds(server: ScriptedServer) -> None:
    assert not issubclass(ServerRefused, UnreachableError)
    with pytest.raises(ServerRefused, match="no such thing") as caught:
        server.client().proposal("sha256:" + "0" * 64)
    assert (caught.value.status, caught.value.kind) == (404, "not-found")
    assert isinstance(caught.value, KeyturnError)


def test_a_server_that_denies_what_the_roster_gives_lies(server: ScriptedServer) -> None:
    """So it cannot keep nodes or an open revocation back as *not yours to read*."""
    client = server.client()
    for path, ask in (("/v1/nodes", client.nodes), ("/v1/proposals", client.proposals)):
        server.denied = {path: "custodian"}
        with pytest.raises(ServerLied, match="your roles do not include"):
            ask()
