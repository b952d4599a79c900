"""Two witnesses, both needed: a `keyturn witness` and an officer's app (I5, I6, our protocol §9.7).

The shipped keyholder on a real token, the shipped control plane and witness, the shipped client;
the control plane keeps a revocation back that an officer was handed as a file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from keyturn.base.encoding import b64
from keyturn.base.strictjson import dump
from keyturn.client.client import KeyturnClient
from keyturn.client.cosigning import Hindrance
from keyturn.client.receipts import prove_receipt
from keyturn.control.config import WitnessPlace
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.kinds import Kind
from support.authority import Proposal
from support.ready import Ready
from support.system import System, reasons
from support.watching import revocation_body
from support.whole import Whole, running_whole
from support.witnesses import T
from support.witnessing import RunningWitness, pen_of, running_witness, witness_config

SILENT = {"witness-cosignatures-missing"}


@dataclass
class Scene:
    """Bela's app and one witness; the roster needs both."""

    ready: Ready
    witness: RunningWitness
    witness_key: str
    whole: Whole

    @property
    def system(self) -> System:
        return self.ready.system

    @property
    def app(self) -> KeyturnClient:
        return self.whole.desks["bela"]

    def witness_cosigned(self) -> None:
        """Wait until the witness has cosigned the newest checkpoint, by the clock of now."""
        now, size = int(self.system.clock().timestamp()), self.system.keyholder.journal.log.size
        key = self.witness_key

        def done() -> bool:
            kept = self.system.keyholder.cosignatures.witnessed().cosigned
            return any((each.key, each.size, each.time) == (key, size, now) for each in kept)

        self.whole.world.until(done)


@pytest.fixture
def scene(ready: Ready, tmp_path: Path) -> Iterator[Scene]:
    system = ready.system
    config = witness_config(tmp_path / "witness", system.bundle_bytes, system.fingerprint)
    directory = tmp_path / "whole"
    directory.mkdir()
    with running_witness(config, system.clock) as witness:
        place = WitnessPlace(witness.url, witness.pin)
        with running_whole(system, directory, witnesses=(place,), witness_seconds=0.02) as whole:
            key = pen_of(config).verify_key
            keys = [key, whole.desks["bela"].cosigner().key]
            listed = [{"algorithm": "ed25519", "spki": b64(each.spki)} for each in keys]
            witnesses = {"keys": listed, "k": 2, "t_seconds": T}
            body = system.authority.roster_body(witnesses=witnesses)
            system.enact(Kind.ROSTER, "roster", body)
            yield Scene(ready, witness, key.key_id, whole)


def revocation(system: System, node: str) -> Proposal:
    made = system.authority.propose(Kind.REVOCATION, f"node:{node}", revocation_body(node))
    made.approvals.append(system.authority.approval(made.digest, "ada"))
    return made


def file_of(system: System, made: Proposal) -> bytes:
    document = {
        "type": "proposal-export",
        "format": 1,
        "statement": b64(made.raw),
        "approvals": [b64(each) for each in made.approvals],
        "bundle": b64(make_bundle(system.keyholder.journal.state)),
    }
    return dump(document)


def test_both_are_needed_and_both_are_seen(scene: Scene) -> None:
    scene.witness_cosigned()
    assert reasons(scene.ready.ask()) == SILENT  # its refusal is one entry more
    own = scene.app.cosign()
    assert own.hindrance is None
    scene.witness_cosigned()
    scene.ready.opened()

    found = scene.whole.desks["dora"].witnesses()
    assert found is not None
    assert found.fresh(scene.system.clock()) == 2
    assert [each.name for each in found.lines] == ["witness.example/w1", "officer-bela"]


def test_a_revocation_kept_back_from_the_log_ends_releases_within_t(scene: Scene) -> None:
    scene.app.cosign()
    scene.witness_cosigned()
    scene.ready.opened()
    made = revocation(scene.system, "node-1")
    scene.app.read_export(file_of(scene.system, made))

    own = scene.app.cosign()
    assert own.hindrance is Hindrance.REVOCATION_MISSING
    assert [each.subject for each in own.owed] == ["node:node-1"]
    scene.ready.opened()  # its last cosignature is younger than T
    scene.system.clock.advance(seconds=T + 1)
    scene.witness_cosigned()  # the other one was handed nothing
    assert scene.app.cosign().hindrance is Hindrance.REVOCATION_MISSING
    assert reasons(scene.ready.ask()) == SILENT

    scene.system.submit(made)  # past the control plane: `keyturn keyholder submit`
    own = scene.app.cosign()
    assert (own.hindrance, own.owed) == (None, ())
    assert own.size == scene.system.keyholder.journal.log.size
    scene.witness_cosigned()
    assert reasons(scene.ready.ask()) == {"revoked"}


def test_a_receipt_is_proved_offline_with_both(scene: Scene) -> None:
    scene.app.cosign()
    scene.witness_cosigned()
    system = scene.system
    scene.ready.opened()  # a newer entry, which nobody has cosigned in the receipt's checkpoint
    entry, raw = scene.whole.desks["chen"].receipt_document(1)

    found = prove_receipt(
        raw, make_bundle(system.keyholder.journal.state), system.fingerprint, system.clock()
    )
    found.check_witnessed()
    assert found.entry.leaf == entry.leaf
    assert {each.witness.name for each in found.cosigned} == {
        "witness.example/w1",
        "officer-bela",
    }


def test_a_revocation_through_the_control_plane_stops_nobody(scene: Scene) -> None:
    """Each witness owes it for a moment; receipts under cosigned checkpoints hold nobody up."""
    scene.app.cosign()
    scene.witness_cosigned()
    scene.whole.enact(Kind.REVOCATION, "node:other", revocation_body("other"))
    scene.whole.desks["bela"].proposals()
    assert scene.app.cosign().hindrance is None
    scene.witness_cosigned()
    assert scene.witness.log.state.pending == ()
    scene.ready.opened()
