"""The client and the real control plane, over pinned TLS on loopback; no part knows of a test."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.client.client import KeyturnClient
from keyturn.client.enrolments import send_enrolment
from keyturn.client.errors import HistoryRewritten, ServerRefused, ServerUnreachable
from keyturn.client.inventory import NodeState
from keyturn.client.profile import Places, Profile
from keyturn.client.proposals import Status
from keyturn.client.rosterchange import with_officer
from keyturn.client.transport import Transport
from keyturn.officerkeys.location import InKeyring
from keyturn.quorum.approvals import Decision
from keyturn.quorum.kinds import Kind
from keyturn.tlog.merkle import leaf_hash, tree_root
from keyturn.tlog.proofs import consistency_proof
from keyturn.wire.errors import PinMismatch
from keyturn.wire.keyholder import AnyRequest, AskConsistency
from keyturn.wire.tls import Pin
from support.authority import policy_body
from support.control import World, running_world
from support.enrolling import newcomer, request_of
from support.signers import PersonSigner
from unit.control import test_modeling as models


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("world")) as made:
        prove_consistency(made)
        yield made


def prove_consistency(world: World) -> None:
    """That stand-in for a keyholder answers every consistency question with nothing."""
    keyholder = world.keyholder
    plain = keyholder.answer

    def node(level: int, index: int):  # type: ignore[no-untyped-def]
        part = keyholder.leaves[index << level : (index + 1) << level]
        return tree_root(leaf_hash(each) for each in part)

    def answer(request: AnyRequest) -> dict[str, object]:
        if isinstance(request, AskConsistency):
            proof = consistency_proof(request.old, request.new, node)
            return {"proof": [each.hex() for each in proof]}
        return plain(request)

    keyholder.answer = answer  # type: ignore[method-assign]


def client(world: World, directory: Path, officer: str = "ada", **changed: str) -> KeyturnClient:
    profile = Profile(
        world.url, world.pin, world.keyholder.fingerprint, officer, InKeyring(officer)
    )
    signer = PersonSigner(world.authority.people[officer])
    return KeyturnClient.open(
        replace(profile, **changed),  # type: ignore[arg-type]
        Places(directory, directory),
        now=world.clock,
        signer=lambda: signer,
    )


def test_proposed_approved_and_in_force(world: World, tmp_path: Path) -> None:
    made = world.authority.propose(Kind.POLICY, "serving", policy_body())
    with client(world, tmp_path / "ada") as ada, client(world, tmp_path / "bela", "bela") as bela:
        assert ada.hello().simulation
        assert ada.propose(made.raw).missing == 2
        assert bela.decide(made.digest, Decision.APPROVE, "").missing == 1
        with client(world, tmp_path / "chen", "chen") as chen:
            assert chen.decide(made.digest, Decision.APPROVE, "").status is Status.IN_FORCE
        found = ada.proposal(made.digest[7:20])
        assert (found.status, found.approved_by) == (Status.IN_FORCE, ("bela", "chen"))
        assert ada.state().policy("serving", world.clock()) is not None
        index = found.index
        assert index is not None
        assert ada.receipt(index).leaf == world.keyholder.leaves[index]
        assert ada.export(made.digest).approved_by == ("bela", "chen")
    world.authority.entered(Kind.POLICY, "serving", made)


def test_withdrawn(world: World, tmp_path: Path) -> None:
    made = world.authority.propose(Kind.POLICY, "other", policy_body())
    with client(world, tmp_path) as ada:
        ada.propose(made.raw)
        assert ada.withdraw(made.digest, "typo").status is Status.WITHDRAWN


def test_a_kept_session_and_copy_serve_the_next_run(world: World, tmp_path: Path) -> None:
    with client(world, tmp_path) as first:
        size = first.state().size
    with client(world, tmp_path) as second:
        second._signer = lambda: pytest.fail("the session is still good")
        assert second.state().size >= size
        assert second.nodes() == []
        assert second.models() == []


def test_another_tls_key_ends_the_conversation(world: World, tmp_path: Path) -> None:
    with client(world, tmp_path, pin=Pin("00" * 32)) as deceived, pytest.raises(PinMismatch):
        deceived.hello()


def test_nobody_there_is_unreachable(world: World, tmp_path: Path) -> None:
    nowhere = "https://127.0.0.1:1"
    with client(world, tmp_path, server=nowhere) as lost, pytest.raises(ServerUnreachable):
        lost.hello()


def test_a_stranger_gets_no_session(world: World, tmp_path: Path) -> None:
    with client(world, tmp_path) as stranger:
        other = PersonSigner(replace(world.authority.people["bela"], id="ada"))
        stranger._signer = lambda: other
        with pytest.raises(ServerRefused) as caught:
            stranger.proposals()
        assert caught.value.status in (401, 403)


def test_events_come_as_they_happen(world: World, tmp_path: Path) -> None:
    with client(world, tmp_path) as ada:
        made = world.authority.propose(Kind.POLICY, "watched", policy_body())
        ada.propose(made.raw)
        events = ada.events(0, lambda _: False)
        seen = []
        for event in events:
            seen.append(event)
            if event.data.get("digest") == made.digest:
                break
        events.close()  # type: ignore[attr-defined]
        assert [each.id for each in seen] == sorted({each.id for each in seen})
        assert seen[-1].kind == "proposal"


def test_a_rewritten_log_is_noticed_through_the_server(world: World, tmp_path: Path) -> None:
    with client(world, tmp_path) as ada:
        ada.checkpoint()
    true = list(world.keyholder.leaves)
    world.keyholder.leaves[1], world.keyholder.leaves[2] = true[2], true[1]
    try:
        with client(world, tmp_path) as ada, pytest.raises(HistoryRewritten):
            ada.checkpoint()
    finally:
        world.keyholder.leaves[:] = true
    with client(world, tmp_path) as ada:
        assert ada.checkpoint().checkpoint.size == len(true)


def test_there_is_no_node_that_nobody_has_seen(world: World, tmp_path: Path) -> None:
    with client(world, tmp_path) as ada:
        assert [node for node in ada.nodes() if node.state is NodeState.ATTESTED] == []


def test_a_registered_models_manifest(world: World, tmp_path: Path) -> None:
    raw, key = models.manifest("listed"), models.key()
    with client(world, tmp_path) as ada:
        model = ada.register_model(raw, key)
        found = ada.manifest(model.digest)
        assert [each.path for each in found.model_files] == ["weights.bin"]
        with pytest.raises(ServerRefused) as caught:
            ada.manifest(Digest("sha256:" + "0" * 64))
    assert caught.value.status == 404


def test_a_newcomer_asks_is_taken_in_and_signs_in(world: World, tmp_path: Path) -> None:
    """From a stranger's request to a session, over the wire."""
    zoe = newcomer("zoe")
    raw = request_of(zoe, world.keyholder.fingerprint, world.clock())
    with Transport.pinned(world.url, world.pin) as stranger:
        send_enrolment(stranger, raw)
        with pytest.raises(ServerRefused) as early:
            stranger.get("/v1/enrolments", "enrolments")
        assert early.value.status == 401
    with client(world, tmp_path / "ada") as ada:
        (found,) = ada.enrolments().waiting
        assert (found.enrolment.raw, found.refused) == (raw, "")
        body = with_officer(ada.state(), found.enrolment.officer)
        ticket = f"enrolment {found.digest}"
        made = ada.propose_change(Kind.ROSTER, "roster", body, reason="Zoë joins", ticket=ticket)
    for name in ("bela", "chen", "dora"):
        with client(world, tmp_path / name, name) as officer:
            done = officer.decide(made.digest, Decision.APPROVE, "")
    assert done.status is Status.IN_FORCE
    world.catch_up()
    world.authority.people["zoe"] = zoe
    with client(world, tmp_path / "zoe", "zoe") as hers:
        assert hers.enrolments().waiting == ()
        assert hers.proposal(made.digest).status is Status.IN_FORCE
