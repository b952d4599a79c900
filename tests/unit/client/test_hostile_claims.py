"""What a lying server may not have the client say."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from keyturn.base.strictjson import Fields
from keyturn.client.errors import MalformedAnswer, ServerLied
from keyturn.client.inventory import NodeState, read_model
from keyturn.client.proposals import Status
from keyturn.keyrelease.entries import grant_entry, read_grant
from keyturn.quorum.entries import parse_entry
from keyturn.quorum.kinds import Kind
from support.authority import START, Clock, policy_body
from unit.client.scripted_server import Document, ScriptedServer
from unit.client.test_client import node_view
from unit.client.test_inventory import REAL, grant, node
from unit.quorum.authority_log import AuthorityLog


def called_withdrawn(answer: Document) -> Document:
    held = answer["proposals"]
    assert isinstance(held, list)
    return {"proposals": [{**held[-1], "status": "withdrawn"}]}


def twice(name: str) -> Callable[[Document], Document]:
    def lie(answer: Document) -> Document:
        listed = answer[name]
        assert isinstance(listed, list)
        return {name: [*listed, *listed]}

    return lie


def test_an_open_revocation_called_withdrawn() -> None:
    server = ScriptedServer(Clock())
    body: Document = {"target_kind": "node", "target": "n1"}
    made = server.authority.propose(Kind.REVOCATION, "node:n1", body)
    server.post(made)
    client = server.client()
    assert client.proposals()[-1].status is Status.OPEN
    server.lie("/v1/proposals", called_withdrawn)
    with pytest.raises(ServerLied, match="withdrawn"):
        client.proposals()


def test_a_proposal_listed_twice() -> None:
    server = ScriptedServer(Clock())
    server.post(server.authority.propose(Kind.POLICY, "serving", policy_body()))
    server.lie("/v1/proposals", twice("proposals"))
    with pytest.raises(ServerLied, match="twice"):
        server.client().proposals()


def test_a_node_listed_twice() -> None:
    server = ScriptedServer(Clock())
    server.nodes = [node_view()]
    server.lie("/v1/nodes", twice("nodes"))
    with pytest.raises(ServerLied, match="twice"):
        server.client().nodes()


@pytest.mark.parametrize(
    "name",
    ["n\u0456", "n1\u202e", "n1\u200b", "n1\n", "n 1", "<b>n1</b>", "=n1()", "..", "-", "n1\x00"],
)
def test_a_node_that_no_keyholder_would_name(name: str) -> None:
    with pytest.raises(MalformedAnswer, match="name"):
        node(name=name)


def test_attested_under_a_revoked_policy() -> None:
    """The log says what a grant rests on: the server's word does not outweigh it."""
    log = AuthorityLog()
    policy = log.authority.approved(Kind.POLICY, "serving", policy_body())
    log.submit(policy)
    entry = read_grant(parse_entry(grant("n1", 5)))
    leaf = grant_entry(log.authority.clock(), replace(entry, statements=(policy.digest,)))
    assert node(leaf, of=log.state).state is NodeState.ATTESTED
    log.submit(
        log.authority.approved(
            Kind.REVOCATION, "policy:serving", {"target_kind": "policy", "target": "serving"}
        )
    )
    assert node(leaf, of=log.state).state is NodeState.QUARANTINED


HIDING = ["a\u202eb", "a\nb", "a\x00b", "a\u200bb"]


@pytest.mark.parametrize("text", HIDING)
@pytest.mark.parametrize("field", ["name", "version", "model_id"])
def test_a_model_that_no_manifest_would_name(field: str, text: str) -> None:
    view: Document = {
        "digest": "sha256:" + "ab" * 32, "model_id": "m", "name": "n", "version": "1",
        "files": 1, "bytes": 1, "ingest_key": "", "tag": "", "has_kek_wrapped": False,
    }  # fmt: skip
    read_model(Fields(dict(view), "model"), REAL, START)
    with pytest.raises(MalformedAnswer, match=field):
        read_model(Fields({**view, field: text}, "model"), REAL, START)


@pytest.mark.parametrize("text", [*HIDING, "x" * 301])
@pytest.mark.parametrize("field", ["platform", "model", "lease", "lease_until"])
def test_a_node_whose_texts_hide_something(field: str, text: str) -> None:
    with pytest.raises(MalformedAnswer, match=field):
        node(**{field: text})


def test_a_caveat_that_hides_something() -> None:
    with pytest.raises(MalformedAnswer, match="caveats"):
        node(caveats=["simulated", "\u202efine"])
