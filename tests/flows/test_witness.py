"""Nobody shows two histories, and nobody keeps a revocation back, for longer than T (I5, I6).

The shipped witness behind TLS, the shipped control plane as its courier, the keyholder on a real
token; the attacks are played with full rights over the control plane.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from keyturn.base.encoding import b64
from keyturn.control.config import WitnessPlace
from keyturn.keyrelease.errors import BadProof, Forked, RevocationMissing
from keyturn.quorum.kinds import Kind
from keyturn.tlog.checkpoints import Checkpoint, cosignatures_of
from keyturn.tlog.merkle import Hash
from keyturn.tlog.notes import parse_note
from keyturn.wire.keyholder import HandCosigned
from keyturn.wire.witness import AddCheckpoint
from keyturn.witness.config import WitnessConfig
from support.ready import Ready
from support.system import System, reasons
from support.watching import revocation_body
from support.whole import Whole, running_whole
from support.witnesses import T, require_witnesses
from support.witnessing import RunningWitness, pen_of, running_witness, witness_config

SILENT = {"witness-cosignatures-missing"}


@dataclass
class Scene:
    """One witness, and a roster that needs it."""

    ready: Ready
    config: WitnessConfig
    witness: RunningWitness

    @property
    def system(self) -> System:
        return self.ready.system

    def newest(self) -> bytes:
        return self.system.keyholder.journal.log.checkpoint.to_bytes()

    def size(self) -> int:
        return self.system.keyholder.journal.log.size

    def cosign(self) -> None:
        """What the control plane does, without one."""
        log, watched = self.system.keyholder.journal.log, self.witness.log
        old = watched.state.size
        proof = log.consistency(old, log.size) if 0 < old < log.size else ()
        line = watched.add_checkpoint(AddCheckpoint(old, proof, self.newest()))
        note = parse_note(self.newest()).with_signatures(line)
        self.system.keyholder.answer(HandCosigned(note.to_bytes().decode()))

    def times(self) -> list[int]:
        """Of the cosignatures that the keyholder keeps."""
        kept = self.system.keyholder.cosignatures.witnessed().cosigned
        return [each.time for each in kept]

    def after_t(self) -> None:
        self.system.clock.advance(seconds=T + 1)


@pytest.fixture
def scene(ready: Ready, tmp_path: Path) -> Iterator[Scene]:
    system = ready.system
    config = witness_config(tmp_path / "witness", system.bundle_bytes, system.fingerprint)
    require_witnesses(system, [pen_of(config).key], 1)
    with running_witness(config, system.clock) as witness:
        yield Scene(ready, config, witness)


@pytest.fixture
def whole(scene: Scene, tmp_path: Path) -> Iterator[Whole]:
    place = WitnessPlace(scene.witness.url, scene.witness.pin)
    directory = tmp_path / "whole"
    directory.mkdir()
    with running_whole(
        scene.system, directory, witnesses=(place,), witness_seconds=0.02
    ) as running:
        yield running


def cosigned_sizes(scene: Scene) -> list[int]:
    return [each.size for each in scene.system.keyholder.cosignatures.witnessed().cosigned]


def test_the_control_plane_has_every_checkpoint_cosigned(scene: Scene, whole: Whole) -> None:
    whole.world.until(lambda: cosigned_sizes(scene) == [scene.size()])
    scene.ready.opened()
    whole.world.until(lambda: cosigned_sizes(scene) == [scene.size()])

    for _ in range(2):  # an officer's client sees the line, whether or not the log has grown
        seen = whole.desks["ada"].seen()
        keys = seen.authority.roster.witnesses.keys
        assert len(cosignatures_of(seen.checkpoint.note, keys)) == 1


def test_a_log_at_rest_is_cosigned_again_before_t_is_over(scene: Scene, whole: Whole) -> None:
    whole.world.until(lambda: cosigned_sizes(scene) == [scene.size()])
    for _ in range(8):
        scene.system.clock.advance(seconds=T / 4)
        whole.world.until(lambda: scene.times() == [int(scene.system.clock().timestamp())])
    scene.ready.opened()


def test_a_revocation_through_the_control_plane_is_settled_by_it(
    scene: Scene, whole: Whole
) -> None:
    whole.enact(Kind.REVOCATION, "node:other", revocation_body("other"))
    whole.world.until(lambda: scene.witness.log.state.found == {"node:other": 1})
    whole.world.until(lambda: cosigned_sizes(scene) == [scene.size()])

    assert scene.witness.log.state.pending == ()
    assert scene.witness.log.roster_version == 2
    scene.ready.opened()


def test_when_the_witness_stops_releases_stop_after_t_and_come_back_with_it(scene: Scene) -> None:
    scene.cosign()
    scene.ready.opened()
    scene.after_t()
    assert reasons(scene.ready.ask()) == SILENT
    scene.system.restart()
    assert reasons(scene.ready.ask()) == SILENT
    scene.cosign()
    scene.ready.opened()


def test_a_forked_log_gets_no_cosignature_and_ends_after_t(scene: Scene) -> None:
    """Whoever has the log's key shows another history to the witness."""
    scene.cosign()
    scene.ready.opened()
    watched, signed = scene.witness.log, scene.system.keyholder.journal.log.checkpoint
    size = watched.state.size
    for at, refusal in ((size, Forked), (size + 3, BadProof)):
        forged = Checkpoint(signed.checkpoint.origin, at, Hash(b"\x66" * 32))
        line = signed.note.signatures[0]
        value = scene.system.hsm.sign_log(forged.to_text().encode())
        own = type(line)(line.name, line.key_id, value)
        note = type(signed.note)(forged.to_text(), (own,)).to_bytes()
        with pytest.raises(refusal):
            watched.add_checkpoint(AddCheckpoint(size, (), note))
    assert list(scene.config.data.glob("*.forked-*"))
    scene.after_t()
    assert reasons(scene.ready.ask()) == SILENT


def test_a_revocation_kept_from_the_log_ends_releases_within_t(scene: Scene) -> None:
    """Silence: the control plane hands the revocation to nobody. The officer hands it to the
    witness; releases go on for T at most, and leases end with the last of them."""
    scene.cosign()
    system = scene.system
    made = system.authority.propose(Kind.REVOCATION, "node:node-1", revocation_body())
    made.approvals.append(system.authority.approval(made.digest, "ada"))
    with scene.witness.client() as client:
        document = {
            "origin": scene.witness.log.origin,
            "statement": b64(made.raw),
            "approvals": [b64(each) for each in made.approvals],
        }
        assert client.post("/v1/revocations", json=document).status_code == 200

    scene.ready.opened()  # the last cosignature is younger than T
    with pytest.raises(RevocationMissing):
        scene.cosign()
    scene.after_t()
    assert reasons(scene.ready.ask()) == SILENT

    index = system.submit(made).index  # past the control plane
    old = scene.witness.log.state.size
    log = system.keyholder.journal.log
    scene.witness.log.add_receipt(log.receipt(index), log.consistency(old, log.size))
    scene.cosign()
    assert reasons(scene.ready.ask()) == {"revoked"}


def test_one_of_two_witnesses_may_be_away(ready: Ready, tmp_path: Path) -> None:
    system = ready.system
    configs = [
        witness_config(tmp_path / name, system.bundle_bytes, system.fingerprint)
        for name in ("one", "two")
    ]
    require_witnesses(system, [pen_of(each).key for each in configs], 1)
    with ExitStack() as stack:
        running = [stack.enter_context(running_witness(each, system.clock)) for each in configs]
        for witness in running:
            Scene(ready, configs[0], witness).cosign()
            ready.opened()
        system.clock.advance(seconds=T + 1)
        Scene(ready, configs[1], running[1]).cosign()
        ready.opened()
