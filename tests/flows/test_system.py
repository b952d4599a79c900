"""Keyholder on a real token, control plane over HTTPS, officers' clients and nodes, all together.

What the parts' own tests show one by one must hold of the whole: no key without its quorum, none
to a node that proves nothing, and no power to whoever edits the control plane's database (I2, I3).
"""

import asyncio
import contextlib
import io
import zipfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import delete, text, update

from keyturn.agent.authority import PinnedAuthority
from keyturn.agent.driver import Driver, Outcome
from keyturn.agent.driver import Node as AgentParts
from keyturn.agent.exchange import Identity
from keyturn.agent.keys import make_node_keys
from keyturn.agent.lease import Timing
from keyturn.agent.leaseparts import EndReason
from keyturn.agent.model import ModelInMemory
from keyturn.agent.openai import EmbeddingRequest
from keyturn.agent.revocation import VerifiedRevocation
from keyturn.agent.service import Open, Service
from keyturn.base.encoding import Digest, digest_of
from keyturn.client.client import KeyturnClient
from keyturn.client.errors import NotFound, ServerLied, ServerRefused
from keyturn.client.examination import Basis, Verdict
from keyturn.client.explainbundle import recheck
from keyturn.client.inventory import NodeState
from keyturn.client.memory import Memory
from keyturn.client.proposals import Status
from keyturn.client.transport import Transport
from keyturn.keyrelease.answer import CheckedAnswer, check_answer, open_dek
from keyturn.keyrelease.grant import RefusalDocument, ReleaseAnswer
from keyturn.keyrelease.request import parse_request
from keyturn.quorum.kinds import Kind
from keyturn.seal.paths import KEY_NAME, MANIFEST_NAME
from keyturn.store import models
from keyturn.store.schema import evidence as kept
from keyturn.vault.hygiene import UNLOCKED_MEMORY
from keyturn.vault.sealer import SealedModel
from support.agents import SimSource, seal_for
from support.authority import policy_body
from support.control import World, running_server
from support.hsmtoken import Model
from support.nodes import Node, NodeSecrets
from support.signers import PersonSigner
from support.system import System, admission_body, model_digest
from support.tinymodel import write_tiny_model
from support.whole import Whole, running_whole

SOON = 20.0


@dataclass
class Sealed:
    """A sealed model on disk, and the key that only a test may know."""

    sealed: SealedModel
    model: Model

    @property
    def digest(self) -> Digest:
        return model_digest(self.model)

    @property
    def parts(self) -> dict[str, bytes]:
        """What the proposer of its admission hands in."""
        place = self.sealed.directory
        return {
            "key": (place / KEY_NAME).read_bytes(),
            "manifest": (place / MANIFEST_NAME).read_bytes(),
        }


def seal(system: System, directory: Path, name: str) -> Sealed:
    source = directory / f"{name}-plain"
    source.mkdir()
    (source / "weights.bin").write_bytes(name.encode() * 100)
    return Sealed(*seal_for(system, source, directory / name, name))


@pytest.fixture
def whole(system: System, tmp_path: Path) -> Iterator[Whole]:
    with running_whole(system, tmp_path) as made:
        yield made


@pytest.fixture
def node(whole: Whole, node_secrets: NodeSecrets) -> Node:
    """A good node; what it may show is in force, submitted past the control plane."""
    found = whole.system.node(node_secrets)
    whole.system.trust_simulated_roots()
    whole.system.set_baseline(found.sim)
    return found


@pytest.fixture
def first(whole: Whole, node: Node, tmp_path: Path) -> Sealed:
    """A policy and a model in force, through the officers' own clients."""
    whole.world.catch_up()
    whole.enact(Kind.POLICY, "serving", policy_body())
    return admitted(whole, seal(whole.system, tmp_path, "first"))


def admitted(whole: Whole, made: Sealed) -> Sealed:
    found = whole.enact(Kind.MODEL, made.digest, admission_body(made.model), **made.parts)
    assert found.status is Status.IN_FORCE
    return made


def ask(
    whole: Whole, node: Node, made: Sealed, **options: object
) -> tuple[bytes, ReleaseAnswer | RefusalDocument]:
    """A fresh challenge, evidence over it, and the answer, all over HTTPS."""
    with whole.node_link() as link:
        raw = node.request(link.challenge(), made.digest, **options)  # type: ignore[arg-type]
        return raw, link.release(raw)


def reasons(answer: ReleaseAnswer | RefusalDocument) -> set[str]:
    assert isinstance(answer, RefusalDocument)
    return {each.reason for each in answer.reasons}


def opened(whole: Whole, node: Node, made: Sealed) -> tuple[CheckedAnswer, bytes]:
    """Granted, checked as a node must, and the DEK in its hands."""
    raw, answer = ask(whole, node, made)
    assert isinstance(answer, ReleaseAnswer), answer
    system = whole.system
    checked = check_answer(answer, parse_request(raw), system.bundle, system.clock())
    return checked, bytes(open_dek(checked, node.secrets.hpke, node.secrets.rsa_key))


def edit(world: World, statement: str, **values: object) -> None:
    """What the database's administrator could do."""
    with world.server.parts.context.database.write() as connection:
        assert connection.execute(text(statement), values).rowcount >= 1


# From a proposal to a key


def test_no_key_before_the_quorum_and_the_very_key_after(
    whole: Whole, node: Node, tmp_path: Path
) -> None:
    made = seal(whole.system, tmp_path, "model")
    whole.world.catch_up()
    whole.enact(Kind.POLICY, "serving", policy_body())
    digest = whole.propose(Kind.MODEL, made.digest, admission_body(made.model), **made.parts)
    assert whole.approve(digest, "bela").missing == 1
    assert reasons(ask(whole, node, made)[1]) == {"model-not-in-force"}

    assert whole.approve(digest, "chen").status is Status.IN_FORCE
    checked, dek = opened(whole, node, made)

    assert dek == made.model.dek
    assert checked.entry.model == made.digest
    assert "simulated" in checked.entry.caveats


def test_what_the_officers_see_of_a_grant_and_of_a_refusal(
    whole: Whole, node: Node, first: Sealed
) -> None:
    checked, _ = opened(whole, node, first)
    wrong = node.sim.with_firmware(b"\xee" * 48)
    assert reasons(ask(whole, Node(wrong, node.secrets, "node-2"), first)[1]) == {
        "measurement-mismatch"
    }
    whole.world.catch_up()

    ada = whole.desks["ada"]
    assert ada.node("node-1").state is NodeState.ATTESTED
    granted = ada.node("node-1").granted
    assert granted is not None
    assert granted[1].lease == checked.entry.lease
    refused = ada.node("node-2")
    assert refused.state is NodeState.REFUSED
    (reason,) = refused.reasons
    assert reason.found == "ee" * 48
    assert node.sim.launch.measurement.hex() in reason.expected


def test_an_officer_sees_why_from_the_evidence_itself(
    whole: Whole, node: Node, first: Sealed
) -> None:
    checked, _ = opened(whole, node, first)
    wrong = node.sim.with_firmware(b"\xee" * 48)
    ask(whole, Node(wrong, node.secrets, "node-2"), first)
    whole.world.catch_up()
    ada = whole.desks["ada"]

    granted = ada.examine("node-1")
    assert (granted.verdict, granted.basis) == (Verdict.GRANTED, Basis.VERIFIED_HERE)
    assert granted.failed == ()
    assert granted.lease == checked.entry.lease
    assert granted.caveats == checked.entry.caveats
    assert granted.identity is not None
    assert granted.identity.measurement == node.sim.launch.measurement.hex()

    refused = ada.examine("node-2")
    (failed,) = refused.failed
    assert failed.check == "cpu: firmware measurement"
    assert failed.found == "ee" * 48
    assert node.sim.launch.measurement.hex() in failed.expected
    firmware = ada.state().newest[(Kind.REFERENCE_VALUES, "firmware")].statement
    assert failed.statement == firmware.digest
    with pytest.raises(NotFound):
        ada.examine("node-3")


def test_evidence_that_the_server_bends_or_loses(whole: Whole, node: Node, first: Sealed) -> None:
    opened(whole, node, first)
    whole.world.catch_up()
    ada, database = whole.desks["ada"], whole.world.server.parts.context.database
    digest = ada.examine("node-1").evidence
    raw = ada.evidence(digest)
    assert raw is not None

    def write(data: bytes) -> None:
        with database.write() as connection:
            changed = connection.execute(update(kept).values(request=data))
            assert changed.rowcount == 1

    write(raw.replace(b'"release"', b'"renewal"'))
    with pytest.raises(ServerLied, match="contradict each other"):
        ada.examine("node-1")
    assert [each.shown for each in ada.observe_fleet()] == [None]
    write(raw)
    assert ada.examine("node-1").basis is Basis.VERIFIED_HERE

    with restarted(whole) as again, another(ada, again, whole) as later:
        assert later.examine("node-1").basis is Basis.VERIFIED_HERE
        (observed,) = later.observe_fleet()
        assert observed.measurable
        with database.write() as connection:
            connection.execute(delete(kept))
        lost = later.examine("node-1")
    assert (lost.basis, lost.verdict) == (Basis.NOT_KEPT, Verdict.GRANTED)
    assert [each.check for each in lost.failed] == ["evidence"]


@contextlib.contextmanager
def another(ada: KeyturnClient, world: World, whole: Whole) -> Iterator[KeyturnClient]:
    """The same officer before another control plane, who remembers nothing."""
    profile = replace(ada._profile, server=world.url, pin=world.pin)
    transport = Transport.pinned(world.url, world.pin)
    memory = Memory(profile.fingerprint)
    signer = PersonSigner(whole.system.authority.people["ada"])
    with KeyturnClient(
        profile, memory, transport, now=whole.system.clock, signer=lambda: signer
    ) as client:
        yield client


def test_a_refusal_is_explained_carried_and_checked_without_a_server(
    whole: Whole, node: Node, first: Sealed
) -> None:
    """Found, expected, who set it, who shares it and the repair; and no secret is carried."""
    _, dek = opened(whole, node, first)
    wrong = node.sim.with_firmware(b"\xee" * 48)
    for name in ("node-2", "node-3"):
        ask(whole, Node(wrong, node.secrets, name), first)
    whole.world.catch_up()
    ada = whole.desks["ada"]
    seen = ada.seen()
    found = ada.explain("node-2", seen=seen)
    (fault,) = found.explanation.faults
    assert (fault.shared_by, fault.passed_by) == (("node-3",), ("node-1",))
    assert fault.source is not None
    assert fault.source.subject == "firmware"
    assert [each.draft is not None for each in found.explanation.repairs] == [False, True]

    raw = ada.carry(found, seen)
    again = recheck(raw, ada.authority().fingerprint, whole.system.clock())
    assert again.differing == ()
    (carried,) = again.explained.explanation.faults
    assert (carried.finding, carried.source) == (fault.finding, fault.source)
    secrets = whole_secrets(whole, node, bytes(dek), ada)
    assert not [name for name, secret in secrets.items() if holds(raw, secret)]
    for secret in secrets.values():  # the search finds what is there, however it is written
        assert holds(raw + secret, secret)
        assert holds(b64encode(b"xy" + raw[:1000] + secret + raw[:9]), secret)

    granted = ada.explain("node-1", seen=seen)
    assert granted.explanation.faults == ()
    carried_grant = recheck(
        ada.carry(granted, seen), ada.authority().fingerprint, whole.system.clock()
    )
    assert carried_grant.differing == ()
    assert carried_grant.explained.examination.verdict is Verdict.GRANTED

    draft = found.explanation.repairs[1].draft
    assert draft is not None
    digest = whole.propose(draft.kind, draft.subject, draft.body)
    whole.approve(digest, "bela")
    assert whole.approve(digest, "chen").status is Status.IN_FORCE
    answer = ask(whole, Node(wrong, node.secrets, "node-2"), first)[1]
    assert isinstance(answer, ReleaseAnswer)


def whole_secrets(whole: Whole, node: Node, dek: bytes, ada: KeyturnClient) -> dict[str, bytes]:
    """Of the node, the officer and the session; each as the bytes that somebody could use."""
    session = ada._memory.recall().session
    assert session is not None
    private = {
        "tls": node.secrets.tls,
        "rsa": node.secrets.rsa_key,
        "officer": whole.system.authority.people["ada"].keys[0],
    }
    found = {"dek": dek, "session": session.token.encode()}
    for name, key in private.items():
        found[name] = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())[-32:]
    return found


def holds(raw: bytes, secret: bytes) -> bool:
    """Bare, in hex, or in base64 at any of its three alignments, in any file that it has."""
    alike = [secret, secret.hex().encode()]
    for shift in range(3):
        text = b64encode(bytes(shift) + secret)
        alike.append(text[(shift * 8 + 5) // 6 : -4])
    places = [raw]
    with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(raw)) as archive:
        places += [archive.read(each) for each in archive.namelist()]
    return any(each in place for each in alike for place in places)


def test_events_tell_of_the_grant_and_of_the_refusal(
    whole: Whole, node: Node, first: Sealed
) -> None:
    opened(whole, node, first)
    ask(whole, Node(node.sim.with_debug(), node.secrets, "node-2"), first)

    stream = whole.desks["bela"].events(0, lambda _: False)
    told = {}
    for event in stream:
        told[event.kind] = event.data
        if {"grant", "refusal"} <= told.keys():
            break
    stream.close()  # type: ignore[attr-defined]

    assert (told["grant"]["node"], told["grant"]["model"]) == ("node-1", first.digest)
    assert told["refusal"]["node"] == "node-2"
    assert told["refusal"]["reasons"] == ["debug-allowed-by-guest-policy"]


def test_a_replayed_request_is_refused(whole: Whole, node: Node, first: Sealed) -> None:
    with whole.node_link() as link:
        raw = node.request(link.challenge(), first.digest)
        assert isinstance(link.release(raw), ReleaseAnswer)
        assert reasons(link.release(raw)) == {"challenge-spent"}
    opened(whole, node, first)


def test_a_restarted_keyholder_voids_its_challenges_and_nothing_else(
    whole: Whole, node: Node, first: Sealed
) -> None:
    with whole.node_link() as link:
        raw = node.request(link.challenge(), first.digest)
        whole.system.restart()
        assert reasons(link.release(raw)) == {"challenge-forged"}
    assert opened(whole, node, first)[1] == first.model.dek
    whole.world.catch_up()
    assert whole.world.health()["rebuilds"] == 0


def test_what_the_log_does_not_hold_is_not_found(whole: Whole) -> None:
    ada = whole.desks["ada"]
    assert ada.read_object(digest_of(b"nothing")) is None
    with pytest.raises(ServerRefused) as caught:
        ada.receipt(10_000)
    assert caught.value.status == 404


# The database's administrator


def test_another_models_wrapped_dek_in_this_models_row_opens_nothing(
    whole: Whole, node: Node, first: Sealed, tmp_path: Path
) -> None:
    second = admitted(whole, seal(whole.system, tmp_path, "second"))
    database = whole.world.server.parts.context.database
    with database.read() as connection:
        own = models.wrapped_key(connection, first.digest)
        other = models.wrapped_key(connection, second.digest)
    assert own is not None
    assert own != other

    put = "UPDATE wrapped_keys SET wrapped = :wrapped WHERE model = :model"
    edit(whole.world, put, wrapped=other, model=first.digest)
    assert reasons(ask(whole, node, first)[1]) == {"wrapped-dek-of-another-model"}

    edit(whole.world, put, wrapped=own, model=first.digest)
    assert opened(whole, node, first)[1] == first.model.dek


def test_a_policy_edited_in_the_database_changes_no_release_and_is_named(
    whole: Whole, node: Node, first: Sealed, tmp_path: Path
) -> None:
    """The row of the policy in force gets a laxer text by its own author, approved by nobody."""
    lax = whole.system.authority.propose(Kind.POLICY, "serving", policy_body(gpu={"count": 0}))
    put = "UPDATE proposals SET envelope = :envelope WHERE kind = 'policy'"
    edit(whole.world, put, envelope=lax.raw)

    assert reasons(ask(whole, node, first, sim=replace(node.sim, gpus=()))[1]) == {"gpu-count"}
    opened(whole, node, first)
    with pytest.raises(ServerLied, match="another statement"):
        whole.desks["ada"].proposals()

    with restarted(whole) as again:  # it compares its rows with the log
        assert again.health()["rebuilds"] == 1
        assert lax.raw not in envelopes(again)


def test_a_forged_approval_in_the_database_brings_nothing_into_force(
    whole: Whole, node: Node, first: Sealed
) -> None:
    """Chen's approval of another statement is copied below a laxer policy, and so is the index."""
    lax = policy_body(gpu={"count": 0})
    digest = whole.propose(Kind.POLICY, "serving", lax)
    whole.approve(digest, "bela")
    edit(
        whole.world,
        "INSERT INTO approvals SELECT 'sha256:forged', :digest, officer, decision, time, envelope"
        " FROM approvals WHERE officer = 'chen' LIMIT 1",
        digest=digest,
    )
    edit(
        whole.world,
        'UPDATE proposals SET "index" = 1, receipt = (SELECT receipt FROM proposals'
        " WHERE kind = 'model') WHERE digest = :digest",
        digest=digest,
    )

    with pytest.raises(ServerLied):
        whole.desks["ada"].proposals()
    bare = replace(node.sim, gpus=())
    assert reasons(ask(whole, node, first, sim=bare)[1]) == {"gpu-count"}

    edit(whole.world, "DELETE FROM approvals WHERE digest = 'sha256:forged'")
    undo = 'UPDATE proposals SET "index" = NULL, receipt = NULL WHERE digest = :digest'
    edit(whole.world, undo, digest=digest)
    assert whole.approve(digest, "chen").status is Status.IN_FORCE
    assert isinstance(ask(whole, node, first, sim=bare)[1], ReleaseAnswer)


def test_a_node_forged_to_be_attested_gets_no_key_and_convinces_no_officer(
    whole: Whole, node: Node, first: Sealed
) -> None:
    wrong = Node(node.sim.with_firmware(b"\xee" * 48), node.secrets, "node-2")
    ask(whole, wrong, first)
    whole.world.catch_up()
    edit(
        whole.world,
        "UPDATE nodes SET last_refused = NULL, last_attested = last_refused,"
        " last_seen = last_refused, lease = 'x', lease_until = last_refused + 60000000"
        " WHERE name = 'node-2'",
    )
    with whole.world.sign_in() as client:
        told = client.get("/v1/nodes/node-2").json()
    assert told["state"] == "attested"  # the server is deceived

    seen = whole.desks["ada"].node("node-2")
    assert seen.state is not NodeState.ATTESTED
    assert seen.granted is None
    assert seen.refused is not None
    assert reasons(ask(whole, wrong, first)[1]) == {"measurement-mismatch"}


@contextlib.contextmanager
def restarted(whole: Whole) -> Iterator[World]:
    """A second control plane over the same database, as after a restart."""
    world = whole.world
    with running_server(world.directory, world.keyholder, world.clock) as again:
        yield again


def envelopes(world: World) -> set[bytes]:
    with world.server.parts.context.database.read() as connection:
        return {row[0] for row in connection.execute(text("SELECT envelope FROM proposals"))}


# A real agent


@dataclass
class Life:
    """One agent in this process, over HTTPS, on a clock that stands until it is moved."""

    driver: Driver
    parts: AgentParts

    async def until(self, done: Callable[[], object]) -> None:
        async with asyncio.timeout(SOON):
            while not done():
                await asyncio.sleep(0.01)


@pytest.fixture
def tiny(whole: Whole, node: Node, tmp_path: Path) -> Sealed:
    """The tiny sentence model, sealed and admitted."""
    source = tmp_path / "tiny-plain"
    source.mkdir()
    write_tiny_model(source)
    whole.world.catch_up()
    whole.enact(Kind.POLICY, "serving", policy_body())
    return admitted(whole, Sealed(*seal_for(whole.system, source, tmp_path / "tiny", "tiny")))


@pytest.fixture
def life(whole: Whole, node: Node, tiny: Sealed) -> Iterator[Life]:
    system = whole.system
    caveats = frozenset({UNLOCKED_MEMORY})
    with whole.node_link() as link:
        parts = AgentParts(
            Identity("node-1", "keyturn/test", tiny.digest, frozenset()),
            make_node_keys("node-1", system.clock()),
            link,
            SimSource(node.sim),
            PinnedAuthority(system.bundle_bytes, system.fingerprint, system.clock),
            ModelInMemory(tiny.sealed.directory, tiny.digest, caveats=caveats, workers=1),
            Service(lambda: 1000.0, "tiny", tiny.digest),
            lambda: 1000.0,
            system.clock,
        )
        yield Life(Driver(parts, Timing(retry_first=0.01), 0.02, lambda *_: None), parts)


def test_an_agent_serves_until_its_officers_revoke_it(whole: Whole, life: Life) -> None:
    ada = whole.desks["ada"]

    async def play() -> Outcome:
        running = asyncio.create_task(life.driver.run())
        try:
            await life.until(lambda: running.done() or isinstance(life.parts.service.gate, Open))
            question = EmbeddingRequest(("abc",), "tiny", as_base64=False, dimensions=None)
            answer = await asyncio.to_thread(life.parts.service.answer, question)
            assert b'"embedding"' in answer
            assert (await asyncio.to_thread(ada.node, "node-1")).state is NodeState.ATTESTED
            target = {"target_kind": "node", "target": "node-1"}
            await asyncio.to_thread(whole.enact, Kind.REVOCATION, "node:node-1", target)
            async with asyncio.timeout(SOON):
                return await running
        finally:
            running.cancel()

    outcome = asyncio.run(play())

    assert outcome.reason is EndReason.REVOKED
    assert isinstance(outcome.failure, VerifiedRevocation)
    assert life.parts.model.engine is None
    seen = ada.node("node-1")
    assert (seen.state, seen.time_to_wipe_ms) == (NodeState.WIPED, outcome.milliseconds)
