"""The keyholder as a process: killed under load, its HSM worker killed, its commands (I2, I5, I8).

The moments of killing are drawn from a fixed seed; what is asserted holds at any moment.
"""

import os
import random
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.base.strictjson import dump
from keyturn.keyrelease.answer import check_answer, open_dek
from keyturn.keyrelease.audit import Audited, audit_log
from keyturn.keyrelease.grant import parse_answer
from keyturn.keyrelease.request import parse_request
from keyturn.quorum.kinds import Kind
from keyturn.tlog.checkpoints import verify_checkpoint
from keyturn.tlog.merkle import leaf_hash, tree_root
from keyturn.wire.errors import PeerRefused, PeerUnreachable
from keyturn.wire.keyholder import (
    AskChallenge,
    AskCheckpoint,
    AskEntries,
    AskHello,
    AskObject,
    AskRelease,
    Released,
)
from keyturn_sim.node import SimNode
from keyturn_sim.vendors import SimVendors
from support.authority import Authority, policy_body
from support.founded import (
    ORIGIN,
    Founded,
    KeyholderProcess,
    RealClock,
    children_of,
    ended_keyholder,
    keyholder,
    make_founded,
    wait_for,
)
from support.hsmtoken import Model, make_model
from support.nodes import Node, NodeSecrets
from support.system import (
    GOOD_FIRMWARE,
    GPU_MEASUREMENTS,
    WORKLOAD,
    admission_body,
    anchors_body,
    baseline_body,
    model_digest,
)

SEED = 20261123
ROUNDS = 4
THREADS = 3


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    return make_founded(tmp_path_factory.mktemp("founded") / "authority")


class Desk:
    """What is in force at one keyholder process, and a node that fits."""

    def __init__(self, founded: Founded, vendors: SimVendors, secrets: NodeSecrets) -> None:
        self.founded = founded
        self.authority: Authority = founded.authority()
        gpu = vendors.issue_gpu(GPU_MEASUREMENTS)
        self.sim = SimNode.create(
            vendors, measurement=GOOD_FIRMWARE, host_data=WORKLOAD, gpus=(gpu,)
        )
        self.vendors = vendors
        self.node = Node(self.sim, secrets)
        self.model: Model = make_model()
        self.wrapped: bytes | None = None

    def prepare(self, process: KeyholderProcess) -> None:
        """Roots, baseline, policy and one model, over the socket."""
        body = admission_body(self.model)
        for kind, subject, content in (
            (Kind.TRUST_ANCHORS, "trust-anchors", anchors_body(self.vendors)),
            (Kind.REFERENCE_VALUES, "firmware", baseline_body(self.sim)),
            (Kind.POLICY, "serving", policy_body()),
        ):
            process.enact(self.authority, kind, subject, content)
        key = self.founded.key_file(self.model)
        entered = process.enact(self.authority, Kind.MODEL, str(body["model"]), body, key)
        self.wrapped = entered.wrapped

    def request(self, process: KeyholderProcess) -> bytes:
        challenge = process.ask(AskChallenge()).challenge
        return self.node.request(bytes.fromhex(challenge), model_digest(self.model))

    def release(self, process: KeyholderProcess, raw: bytes | None = None) -> Released:
        return process.ask(AskRelease(raw or self.request(process), self.wrapped))

    def open(self, raw: bytes, released: Released) -> bytes:
        """The answer checked as a node must, and the DEK."""
        assert released.granted, released.answer
        checked = check_answer(
            parse_answer(dump(released.answer)),
            parse_request(raw),
            self.founded.bundle,
            RealClock()(),
        )
        return bytes(open_dek(checked, self.node.secrets.hpke, self.node.secrets.rsa_key))


def audit(process: KeyholderProcess) -> tuple[Audited, list[bytes]]:
    """The whole log over the socket, against its signed checkpoint and its own rules."""
    note = process.ask(AskCheckpoint()).encode()
    founded = process.founded
    checkpoint = verify_checkpoint(note, founded.bundle.log_key(), ORIGIN).checkpoint
    leaves: list[bytes] = []
    while len(leaves) < checkpoint.size:
        end = min(len(leaves) + 1000, checkpoint.size)
        leaves += process.ask(AskEntries(len(leaves), end)).leaves
    assert tree_root(leaf_hash(each) for each in leaves) == checkpoint.root
    found = audit_log(leaves, founded.fingerprint, lambda digest: process.ask(AskObject(digest)))
    return found, leaves


@pytest.fixture
def desk(founded: Founded, tmp_path: Path, vendors: SimVendors, node_secrets: NodeSecrets) -> Desk:
    return Desk(founded.copied_to(tmp_path / "authority"), vendors, node_secrets)


# ---- killed under load ----


class Load:
    """Threads that ask for keys and change the policy until the socket is gone."""

    def __init__(self, desk: Desk, process: KeyholderProcess) -> None:
        self._desk = desk
        self._process = process
        self._going = True
        self._killed = False
        self._lock = threading.Lock()
        self.answered: list[tuple[bytes, Released]] = []
        self.entered: list[tuple[int, bytes]] = []  # index and statement's digest
        self.faults: list[BaseException] = []
        asking = [threading.Thread(target=self._run, args=(self._ask,)) for _ in range(THREADS)]
        self._threads = [*asking, threading.Thread(target=self._run, args=(self._change,))]
        for each in self._threads:
            each.start()

    def kill(self) -> None:
        self._killed = True
        self._process.kill()

    def stop(self) -> None:
        self._going = False
        for each in self._threads:
            each.join(30)
            assert not each.is_alive()

    def _run(self, act: object) -> None:
        try:
            while self._going:
                act()  # type: ignore[operator]
        except BaseException as error:  # noqa: BLE001  the test's own thread reports it
            if not (self._killed and isinstance(error, PeerUnreachable)):
                self.faults.append(error)

    def _ask(self) -> None:
        raw = self._desk.request(self._process)
        released = self._desk.release(self._process, raw)
        with self._lock:
            self.answered.append((raw, released))

    def _change(self) -> None:
        threading.Event().wait(0.05)  # releases get their turn between two changes
        authority = self._desk.authority
        proposal = authority.approved(Kind.POLICY, "serving", policy_body())
        try:
            index = self._process.submit(proposal).index
        except PeerUnreachable:
            self.cut_off = proposal  # perhaps in force, perhaps not
            raise
        authority.entered(Kind.POLICY, "serving", proposal)
        assert index is not None
        with self._lock:
            self.entered.append((index, proposal.digest.encode()))


def test_killed_under_load_nothing_is_lost_or_released_unlogged(desk: Desk) -> None:
    draw = random.Random(SEED)
    answered: list[tuple[bytes, Released]] = []
    entered: list[tuple[int, bytes]] = []
    boots = set()
    old: bytes | None = None
    for number in range(ROUNDS):
        with keyholder(desk.founded) as process:
            boots.add(process.ask(AskHello()).boot)
            if number == 0:
                desk.prepare(process)
            check_round(desk, process, answered, entered, old)
            old = desk.request(process)
            load = Load(desk, process)
            wait_for(lambda: load.answered)  # noqa: B023  waited for here
            threading.Event().wait(draw.uniform(0.0, 0.3))
            load.kill()
            load.stop()
            assert load.faults == []
            answered += load.answered
            entered += load.entered
            settle(desk, load)
    assert len(boots) == ROUNDS
    with keyholder(desk.founded) as process:
        check_round(desk, process, answered, entered, old)
    assert len(answered) >= ROUNDS


def settle(desk: Desk, load: Load) -> None:
    """Whether the statement that was cut off came into force: hand it in again."""
    proposal = getattr(load, "cut_off", None)
    if proposal is None:
        return
    with keyholder(desk.founded) as process:
        index = process.submit(proposal).index
        assert index is not None
        desk.authority.entered(Kind.POLICY, "serving", proposal)


def check_round(
    desk: Desk,
    process: KeyholderProcess,
    answered: list[tuple[bytes, Released]],
    entered: list[tuple[int, bytes]],
    old: bytes | None,
) -> None:
    """After a restart: each answer has its entry, its key opens, the old challenge is void."""
    found, leaves = audit(process)
    for raw, released in answered:
        assert released.index is not None
        assert parse_request(raw).challenge.hex().encode() in leaves[released.index]
        assert desk.open(raw, released) == desk.model.dek
    for index, digest in entered:
        assert digest in leaves[index]
    assert found.counts.get("grant", 0) >= len(answered)
    if old is not None:
        refused = desk.release(process, old)
        assert not refused.granted
        assert "challenge-forged" in str(refused.answer)
        raw = desk.request(process)
        assert desk.open(raw, desk.release(process, raw)) == desk.model.dek


# ---- the HSM worker, the signal, the socket ----


@pytest.fixture
def serving(desk: Desk) -> Iterator[KeyholderProcess]:
    with keyholder(desk.founded) as process:
        desk.prepare(process)
        yield process


def test_a_killed_hsm_worker_is_replaced(desk: Desk, serving: KeyholderProcess) -> None:
    """Between two questions nobody notices; in the middle of one the keyholder says so."""
    (worker,) = serving.children()
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: worker not in serving.children() or is_zombie(worker))

    raw = desk.request(serving)

    assert desk.open(raw, desk.release(serving, raw)) == desk.model.dek
    assert [each for each in serving.children() if not is_zombie(each)] != [worker]


def is_zombie(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True
    return text.rpartition(")")[2].split()[0] == "Z"


def test_an_hsm_worker_killed_under_load_loses_nothing(
    desk: Desk, serving: KeyholderProcess
) -> None:
    """Either the worker is replaced and all goes on, or the keyholder ends and says why."""
    load = Load(desk, serving)
    wait_for(lambda: load.answered)
    for worker in serving.children():
        os.kill(worker, signal.SIGKILL)
    threading.Event().wait(0.3)
    load.stop()
    for fault in load.faults:
        assert isinstance(fault, PeerRefused | PeerUnreachable), fault
        if isinstance(fault, PeerRefused):
            assert "HSM" in str(fault) or "stopped" in str(fault)
        else:
            assert serving.process.wait(20) == 1
            assert "the keyholder has stopped" in serving.log.read_text()
    serving.kill()

    with keyholder(desk.founded) as process:
        settle_here(desk, process, load)
        check_round(desk, process, load.answered, load.entered, None)
        raw = desk.request(process)
        assert desk.open(raw, desk.release(process, raw)) == desk.model.dek


def settle_here(desk: Desk, process: KeyholderProcess, load: Load) -> None:
    proposal = getattr(load, "cut_off", None)
    if proposal is not None:
        process.submit(proposal)


def test_a_keyholder_told_to_end_ends_in_order(desk: Desk, serving: KeyholderProcess) -> None:
    children = serving.children()
    serving.process.send_signal(signal.SIGTERM)

    assert serving.process.wait(20) == 0
    assert not desk.founded.socket.exists()
    assert all(is_zombie(each) for each in children)
    assert "Traceback" not in serving.log.read_text()
    with pytest.raises(PeerUnreachable):
        serving.ask(AskHello())


def test_a_second_keyholder_on_one_log_is_refused(desk: Desk, serving: KeyholderProcess) -> None:
    status, said = ended_keyholder(desk.founded)

    assert status == 1
    assert "another process writes this log" in said
    assert "Traceback" not in said
    assert serving.ask(AskHello()).origin == ORIGIN


def test_a_wrong_pin_ends_clearly_and_shows_none(desk: Desk) -> None:
    wrong = Founded(
        desk.founded.directory,
        b"0" * 32,
        desk.founded.so_pin,
        desk.founded.fingerprint,
        desk.founded.secrets,
    )
    status, said = ended_keyholder(wrong)

    assert status == 1
    assert "PIN" in said
    assert wrong.pin.decode() not in said
    assert "Traceback" not in said


def test_the_socket_is_for_its_owner_alone(serving: KeyholderProcess) -> None:
    assert serving.founded.socket.stat().st_mode & 0o777 == 0o600
    assert children_of(serving.process.pid)
