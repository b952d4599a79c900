"""New statements on top of what is in force, signed by the client's own officer."""

from datetime import timedelta

import pytest

from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import JsonObject, dump, load_object
from keyturn.client.proposals import Status
from keyturn.quorum.approvals import Decision
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.kinds import Kind
from support.authority import Clock, policy_body
from unit.client.scripted_server import ScriptedServer

REVOKE: JsonObject = {"target_kind": "node", "target": "n1"}


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer(Clock())


def policy(**changed: object) -> JsonObject:
    return load_object(dump(policy_body(**changed)), limit=1 << 20, what="policy")


def posts(server: ScriptedServer) -> list[str]:
    return [path for method, path in server.asked if method == "POST" and "proposals" in path]


def test_the_first_version_and_the_next_on_top_of_it(server: ScriptedServer) -> None:
    ada = server.client("ada")
    first = ada.propose_change(Kind.POLICY, "serving", policy(), reason="first", ticket="T-1")
    statement = first.statement
    assert (statement.version, statement.replaces, statement.proposer) == (1, None, "ada")
    assert (statement.reason, statement.ticket) == ("first", "T-1")
    assert statement.proposal_lapses - statement.time == timedelta(days=3)
    assert statement.expires == statement.time + timedelta(days=90)
    assert first.status is Status.OPEN
    for name in ("bela", "chen"):
        server.client(name).decide(first.digest, Decision.APPROVE, "")
    second = ada.propose_change(
        Kind.POLICY,
        "serving",
        policy(lease_seconds=30),
        reason="shorter",
        life=timedelta(days=7),
        lapses=timedelta(hours=5),
    ).statement
    assert (second.version, second.replaces) == (2, first.digest)
    assert second.expires == second.time + timedelta(days=7)
    assert second.proposal_lapses - second.time == timedelta(hours=5)


def test_a_revocation_never_expires(server: ScriptedServer) -> None:
    made = server.client("ada").propose_change(Kind.REVOCATION, "node:n1", REVOKE, reason="stolen")
    assert made.statement.expires is None


def test_what_no_keyholder_could_read_is_not_posted(server: ScriptedServer) -> None:
    ada = server.client("ada")
    with pytest.raises(MalformedError, match="lease_seconds"):
        ada.propose_change(Kind.POLICY, "serving", policy(lease_seconds=1), reason="x")
    with pytest.raises(MalformedStatement, match="subject"):
        ada.propose_change(Kind.REVOCATION, "node:other", REVOKE, reason="x")
    assert posts(server) == []


def test_a_file_is_read_and_signed_without_asking_the_server(server: ScriptedServer) -> None:
    ada = server.client("ada")
    made = ada.propose_change(Kind.POLICY, "serving", policy(), reason="x")
    raw = ada.export(made.digest).to_bytes()
    bela = server.client("bela")
    before = len(server.asked)
    read = bela.read_export(raw)
    signed = bela.sign_offline(read, Decision.APPROVE, "read on paper")
    assert len(server.asked) == before
    assert (read.approved_by, signed.approved_by, signed.needed) == ((), ("bela",), 2)
    assert signed.approvals[0].comment == "read on paper"
