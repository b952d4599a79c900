"""The courier between keyholder and witnesses: what it brings, and that nobody holds it up."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from keyturn.base.encoding import b64
from keyturn.control.config import WitnessPlace
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.kinds import Kind
from keyturn.wire.keyholder import HandCosigned
from keyturn.wire.tls import Pin
from support.authority import Authority, Clock, Proposal
from support.control import LocalKeyholder, World, running_server
from support.watching import revocation_body
from support.witnessing import RunningWitness, running_witness, witness_config

GONE = WitnessPlace("https://127.0.0.1:1", Pin("00" * 32))


@dataclass
class Scene:
    world: World
    witness: RunningWitness

    def until(self, condition: Callable[[], bool]) -> None:
        self.world.until(condition)

    def handed(self) -> list[str]:
        """The cosigned notes that came to the keyholder."""
        asked = self.world.keyholder.asked
        return [each.note for each in asked if isinstance(each, HandCosigned)]

    def revocation(self, node: str) -> Proposal:
        authority = self.world.authority
        made = authority.propose(Kind.REVOCATION, f"node:{node}", revocation_body(node))
        made.approvals.append(authority.approval(made.digest, "ada"))
        return made


@contextmanager
def running_scene(directory: Path) -> Iterator[Scene]:
    clock = Clock()
    authority = Authority(clock)
    keyholder = LocalKeyholder(directory / "keyholder.sock", authority, clock)
    bundle = make_bundle(keyholder.state)
    config = witness_config(directory / "witness", bundle, keyholder.fingerprint)
    with ExitStack() as stack:
        witness = stack.enter_context(running_witness(config, clock))
        places = (GONE, WitnessPlace(witness.url, witness.pin))
        stack.enter_context(keyholder.serving())
        world = stack.enter_context(
            running_server(directory, keyholder, clock, witnesses=places, witness_seconds=0.02)
        )
        yield Scene(world, witness)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with running_scene(tmp_path) as made:
        yield made


def test_each_new_checkpoint_is_cosigned_though_another_witness_is_gone(scene: Scene) -> None:
    keyholder = scene.world.keyholder
    scene.until(lambda: bool(scene.handed()))
    before = len(keyholder.leaves)
    keyholder.enter(Kind.REVOCATION, "node:a", scene.revocation("a"))
    scene.until(lambda: scene.witness.log.state.size == before + 1)
    scene.until(lambda: scene.handed()[-1].startswith(f"test.example/log\n{before + 1}\n"))
    assert scene.handed()[-1].count("— witness.example/w1 ") == 1
    gone, here = scene.world.health()["witnesses"]  # type: ignore[misc]
    assert "cannot be reached" in gone["reason"]
    assert (here["size"], here["reason"]) == (before + 1, None)


def test_a_witness_follows_when_the_log_key_is_replaced(scene: Scene) -> None:
    keyholder = scene.world.keyholder
    scene.until(lambda: bool(scene.handed()))
    keyholder.replace_log_key()
    scene.until(lambda: scene.handed()[-1].startswith(f"{keyholder.origin}\n"))
    assert scene.witness.log.origin == keyholder.origin


def test_a_new_roster_is_brought(scene: Scene) -> None:
    authority = scene.world.authority
    del authority.people["emil"]
    proposal = authority.approved(Kind.ROSTER, "roster", authority.roster_body())
    scene.world.keyholder.enter(Kind.ROSTER, "roster", proposal)
    scene.until(lambda: scene.witness.log.roster_version == 2)


def test_a_revocation_is_handed_on_and_settled(scene: Scene) -> None:
    made = scene.revocation("b")
    with scene.world.sign_in() as client:
        body = {"statement": b64(made.raw), "key": None, "manifest": None}
        client.post("/v1/proposals", json=body).raise_for_status()
        path = f"/v1/proposals/{made.digest}/approvals"
        client.post(path, json={"envelope": b64(made.approvals[0])}).raise_for_status()
    scene.until(lambda: scene.witness.log.state.found == {"node:b": 1})
    assert scene.witness.log.state.pending == ()


def test_a_withdrawn_one_is_settled_by_its_withdrawal(scene: Scene) -> None:
    made = scene.revocation("c")
    scene.witness.log.add_revocation(made.raw, made.approvals)
    with scene.world.sign_in() as client:
        body = {"statement": b64(made.raw), "key": None, "manifest": None}
        client.post("/v1/proposals", json=body).raise_for_status()
        envelope = scene.world.withdrawal(made.digest)
        path = f"/v1/proposals/{made.digest}/withdrawal"
        client.post(path, json={"envelope": b64(envelope)}).raise_for_status()
    scene.until(lambda: scene.witness.log.state.pending == ())


def test_a_log_that_lacks_a_revocation_gets_no_line(scene: Scene) -> None:
    scene.until(lambda: bool(scene.handed()))
    made = scene.revocation("d")
    scene.witness.log.add_revocation(made.raw, made.approvals)
    before = len(scene.handed())
    scene.world.keyholder.enter(Kind.REVOCATION, "node:e", scene.revocation("e"))
    scene.world.catch_up()
    assert len(scene.handed()) <= before + 1  # one may have been under way

    scene.world.keyholder.enter(Kind.REVOCATION, "node:d", made)
    scene.until(lambda: scene.witness.log.state.size == len(scene.world.keyholder.leaves))
