"""The control plane as a process beside the keyholder's: killed, and its database deleted (I3).

Both are the shipped programs. What the log knows comes back by itself and is told; what it does not
know is named, and handed in again.
"""

import contextlib
import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keyturn.agent.control import HttpControl
from keyturn.base.encoding import digest_bytes
from keyturn.base.errors import KeyturnError
from keyturn.client.client import KeyturnClient
from keyturn.client.profile import Places, Profile
from keyturn.client.proposals import Status
from keyturn.hsm.protocol import OaepHash as HsmOaepHash
from keyturn.hsm.selftest import oaep_padding
from keyturn.keyrelease.grant import RefusalDocument, ReleaseAnswer
from keyturn.officerkeys.location import InKeyring
from keyturn.quorum.approvals import Decision
from keyturn.quorum.kinds import Kind
from keyturn.seal.identity import ModelId, ModelIdentity
from keyturn.seal.paths import KEY_NAME, MANIFEST_NAME
from keyturn.seal.sealedkey import OaepHash, WrappedDek
from keyturn.vault.sealer import seal_directory
from keyturn.wire.tls import Pin, pinned_client
from keyturn_sim.node import SimNode
from keyturn_sim.vendors import SimVendors
from support.authority import policy_body
from support.founded import (
    Founded,
    KeyholderProcess,
    RealClock,
    command,
    environment,
    keyholder,
    make_founded,
    wait_for,
)
from support.hsmtoken import Model
from support.nodes import Node, NodeSecrets
from support.signers import PersonSigner
from support.system import (
    GOOD_FIRMWARE,
    GPU_MEASUREMENTS,
    WORKLOAD,
    admission_body,
    anchors_body,
    baseline_body,
    model_digest,
)

pytestmark = pytest.mark.timeout(600)
DATABASE = ("keyturn.db", "keyturn.db-wal", "keyturn.db-shm")

KILLED_AT = """
import os, signal, sys
from sqlalchemy import Engine, event
from keyturn.cli.main import main
at, left = sys.argv.pop(1), [int(sys.argv.pop(1))]

def die(*_):
    if not os.path.exists(os.environ["KEYTURN_TEST_ARMED"]):
        return
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(Engine, at, die)
main()
"""
"""The shipped program, killed at the given commit or statement that it sends to its database."""


@dataclass
class Place:
    """One authority, its keyholder process, and where the control plane keeps its data."""

    founded: Founded
    keyholder: KeyholderProcess
    directory: Path

    @property
    def config(self) -> Path:
        return self.directory / "control.toml"

    def write_config(self) -> None:
        self.config.write_text(
            f'data = "{self.directory / "control"}"\nkeyholder = "{self.founded.socket}"\n'
            f'fingerprint = "{self.founded.fingerprint}"\nport = 0\npoll_seconds = 0.05\n',
            encoding="utf-8",
        )

    @contextlib.contextmanager
    def control(self, *start: str) -> Iterator["Control"]:
        """`keyturn control`, or what `start` makes of it; killed at the end."""
        ready = self.directory / "control" / "ready.json"
        ready.unlink(missing_ok=True)
        output = self.directory / "control.log"
        words = ("control", "--config", str(self.config))
        with output.open("ab") as log:
            process = subprocess.Popen(
                [*start, *words] if start else command(*words),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**environment(), "KEYTURN_TEST_ARMED": str(self.directory / "armed")},
            )
        try:
            wait_for(lambda: ready.exists() or process.poll() is not None)
            assert process.poll() is None, output.read_text()
            told = json.loads(ready.read_text())
            yield Control(self, process, told["url"], Pin(told["pin"]))
        finally:
            process.kill()
            process.wait(10)

    def command(self, *words: str) -> tuple[int, dict[str, object]]:
        """`keyturn db …`; its status and its document."""
        done = subprocess.run(
            command("db", *words, "--config", str(self.config), "--json"),
            capture_output=True,
            text=True,
            env=environment(),
            check=False,
        )
        return done.returncode, json.loads(done.stdout)

    def delete_database(self) -> None:
        for name in DATABASE:
            (self.directory / "control" / name).unlink(missing_ok=True)

    def log(self) -> str:
        return (self.directory / "control.log").read_text()


@dataclass
class Control:
    """A running control plane as the outside sees it."""

    place: Place
    process: "subprocess.Popen[bytes]"
    url: str
    pin: Pin

    @contextlib.contextmanager
    def desk(self, name: str) -> Iterator[KeyturnClient]:
        founded = self.place.founded
        person = founded.authority().people[name]
        profile = Profile(self.url, self.pin, founded.fingerprint, name, InKeyring(name))
        state = self.place.directory / "desks" / name
        with KeyturnClient.open(
            profile, Places(state, state), now=RealClock(), signer=lambda: PersonSigner(person)
        ) as client:
            yield client

    def health(self) -> dict[str, object]:
        with pinned_client(self.url, self.pin, timeout=20) as client:
            found: dict[str, object] = client.get("/healthz").json()
            return found

    def until_ok(self) -> None:
        wait_for(lambda: self.health()["status"] == "ok")

    def happened(self, kind: str) -> list[dict[str, object]]:
        with self.desk("ada") as ada:
            return [each.data for each in ada.happened(0, 1000) if each.kind == kind]


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    return make_founded(tmp_path_factory.mktemp("founded") / "authority")


@pytest.fixture
def place(founded: Founded, tmp_path: Path) -> Iterator[Place]:
    copy = founded.copied_to(tmp_path / "authority")
    with keyholder(copy) as process:
        made = Place(copy, process, tmp_path)
        made.write_config()
        yield made


def enact(
    control: Control, kind: Kind, subject: str, body: dict[str, object], **parts: bytes
) -> None:
    """Proposed, approved and in force through the officers' own clients."""
    with contextlib.ExitStack() as stack:
        desks = [
            stack.enter_context(control.desk(name)) for name in ("ada", "bela", "chen", "dora")
        ]
        found = desks[0].propose_change(kind, subject, body, reason="for a test", **parts)
        for desk in desks[1:]:
            if found.status is not Status.IN_FORCE:
                found = desk.decide(found.digest, Decision.APPROVE, "")
        assert found.status is Status.IN_FORCE


@dataclass
class Machine:
    """A sealed model, and a node that may have it."""

    model: Model
    documents: dict[str, bytes]
    sim: SimNode
    node: Node

    def release(self, control: Control) -> ReleaseAnswer | RefusalDocument:
        link = HttpControl(control.url, control.pin)
        try:
            return link.release(self.node.request(link.challenge(), model_digest(self.model)))
        finally:
            link.close()


def make_machine(place: Place, vendors: SimVendors, node_secrets: NodeSecrets) -> Machine:
    bundle = place.founded.bundle
    source = place.directory / "plain"
    source.mkdir()
    (source / "weights.bin").write_bytes(b"w" * 1000)
    dek = secrets.token_bytes(32)

    def wrap(key: bytearray | memoryview) -> WrappedDek:
        ingest = bundle.ingest_key()
        public = load_der_public_key(ingest.spki)
        assert isinstance(public, rsa.RSAPublicKey)
        oaep = bundle.ingest_oaep_hash().value
        wrapped = public.encrypt(bytes(key), oaep_padding(HsmOaepHash(oaep)))
        return WrappedDek(ingest.key_id, OaepHash(oaep), wrapped)

    sealed = seal_directory(
        source,
        place.directory / "sealed",
        dek=bytearray(dek),
        identity=ModelIdentity(ModelId("mini"), "mini", "1"),
        created=RealClock()(),
        randomness=secrets.token_bytes,
        wrap=wrap,
        threads=1,
    )
    documents = {
        "manifest": (sealed.directory / MANIFEST_NAME).read_bytes(),
        "key": (sealed.directory / KEY_NAME).read_bytes(),
    }
    gpu = vendors.issue_gpu(GPU_MEASUREMENTS)
    sim = SimNode.create(vendors, measurement=GOOD_FIRMWARE, host_data=WORKLOAD, gpus=(gpu,))
    model = Model(dek, digest_bytes(sealed.model_digest), sealed.key.tag)
    return Machine(model, documents, sim, Node(sim, node_secrets))


def test_the_database_deleted_while_everything_stands(
    place: Place, vendors: SimVendors, node_secrets: NodeSecrets
) -> None:
    machine = make_machine(place, vendors, node_secrets)
    digest = model_digest(machine.model)
    with place.control() as control:
        control.until_ok()
        enact(control, Kind.TRUST_ANCHORS, "trust-anchors", anchors_body(vendors))
        enact(control, Kind.REFERENCE_VALUES, "firmware", baseline_body(machine.sim))
        enact(control, Kind.POLICY, "serving", policy_body())
        enact(control, Kind.MODEL, digest, admission_body(machine.model), **machine.documents)
        assert isinstance(machine.release(control), ReleaseAnswer)
        with control.desk("ada") as ada:
            ada.propose_change(Kind.POLICY, "open", policy_body(), reason="never approved")
            before = {each.digest for each in ada.proposals() if each.status is Status.IN_FORCE}
        assert control.happened("rebuilt") == []
        control.process.kill()
        control.process.wait(10)

    place.delete_database()
    with place.control() as control:
        control.until_ok()
        wait_for(lambda: control.health()["models_without_key"] == 1)
        assert control.health()["rebuilt_from_nothing"] is True
        (told,) = control.happened("rebuilt")
        assert told["empty"] is True
        assert told["without_key"] == [digest]
        assert "the database was written anew from the log" in place.log()
        with control.desk("ada") as ada:
            assert {each.digest for each in ada.proposals()} == before
            assert [each.name for each in ada.nodes()] == ["node-1"]
        code, checked = place.command("check")
        assert (code, checked["agrees"], checked["without_key"]) == (0, True, [digest])

        refused = machine.release(control)
        assert isinstance(refused, RefusalDocument)
        with control.desk("ada") as ada:
            ada.register_model(machine.documents["manifest"], machine.documents["key"])
        wait_for(lambda: control.health()["models_without_key"] == 0)
        assert isinstance(machine.release(control), ReleaseAnswer)
        assert place.command("check")[1]["without_key"] == []


@pytest.mark.parametrize("at", ["commit", "before_cursor_execute"])
def test_killed_by_the_system_at_some_writes(place: Place, at: str) -> None:
    """A sample, by a real SIGKILL, of what `test_kill_control.py` goes through one by one."""
    armed = place.directory / "armed"
    steps = (0, 3, 8) if at == "commit" else (2, 11, 30)
    for number, step in enumerate(steps):
        subject = f"p{number}"
        start = (sys.executable, "-c", KILLED_AT, at, str(step))
        with place.control(*start) as control, contextlib.ExitStack() as stack:
            control.until_ok()
            desks = [stack.enter_context(control.desk(name)) for name in ("ada", "bela", "chen")]
            for desk in desks:
                desk.checkpoint()  # signed in: what follows is about the proposal
            armed.touch()
            kept = play(desks, subject)
            if kept.whole:  # it writes on by itself, and dies of that
                wait_for(lambda: control.process.poll() is not None, 20)
            assert control.process.wait(10) == -9
        armed.unlink()
        with place.control() as control:
            control.until_ok()
            with control.desk("ada") as ada:
                listed = [each for each in ada.proposals() if each.statement.subject == subject]
                assert len(listed) == 1 or not kept.proposed
            if listed:
                assert kept.approved <= set(listed[0].approved_by)
            if listed and len(listed[0].approved_by) >= 2:
                wait_for(lambda: in_force(control, subject))  # noqa: B023  without anybody's help
            assert control.health()["rebuilds"] == 0
            assert place.command("check")[1]["differences"] == []


def in_force(control: Control, subject: str) -> bool:
    with control.desk("ada") as ada:
        return any(
            each.statement.subject == subject and each.status is Status.IN_FORCE
            for each in ada.proposals()
        )


@dataclass
class Kept:
    """What was acknowledged before the process died."""

    proposed: bool = False
    approved: frozenset[str] = frozenset()
    whole: bool = False


def play(desks: list[KeyturnClient], subject: str) -> Kept:
    """A policy proposed and approved twice, as far as it goes."""
    kept = Kept()
    with contextlib.suppress(KeyturnError):
        made = desks[0].propose_change(Kind.POLICY, subject, policy_body(), reason="for a test")
        kept.proposed = True
        for name, desk in zip(("bela", "chen"), desks[1:], strict=True):
            desk.decide(made.digest, Decision.APPROVE, "")
            kept.approved |= {name}
        kept.whole = True
    return kept
