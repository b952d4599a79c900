"""A desk on the real system, with models sealed by the real sealer; work held until a test says."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from keyturn.base.errors import KeyturnError
from keyturn.client.profile import Profile
from keyturn.officerkeys.location import InKeyring
from keyturn.quorum.kinds import Kind
from keyturn.seal.paths import KEY_NAME, MANIFEST_NAME
from keyturn.vault.hygiene import UNLOCKED_MEMORY, Hygiene
from keyturn.vault.sealer import SealedModel
from keyturn_app.actions import Actions
from keyturn_app.desk import Identity
from keyturn_app.screens.models import work
from keyturn_app.screens.models.presenter import ModelsPresenter
from keyturn_app.surroundings import Surroundings
from keyturn_app.tasks import Job, Progress, Work
from support.agents import seal_for
from support.authority import policy_body
from support.desks import InlineDesk, InlineDoor, ScriptedOfficer
from support.fixtures import (
    hsm_worker,
    node_secrets,
    system,
    token_template,
    vendors,
)
from support.hsmtoken import Model
from support.nodes import Node, NodeSecrets
from support.system import System, admission_body
from support.whole import Whole, running_whole

__all__ = ["hsm_worker", "node_secrets", "system", "token_template", "vendors"]

T = TypeVar("T")


class HeldDoor:
    """`Door` that starts a piece of work when the test says; `during` runs at each progress."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.during: Callable[[Progress], None] = lambda _: None
        self._held: list[Callable[[], None]] = []

    def run(
        self,
        label: str,
        work: Work[T],
        *,
        done: Callable[[T], None],
        failed: Callable[[KeyturnError], None],
        progress: Callable[[Progress], None] | None = None,
    ) -> Job:
        job = Job(label)
        self.jobs.append(job)

        def tell(each: Progress) -> None:
            if progress is not None and not job.dropped:
                progress(each)
            self.during(each)

        def go() -> None:
            try:
                found = work(job, tell)
            except KeyturnError as error:
                if not job.dropped:
                    failed(error)
            else:
                if not job.dropped:
                    done(found)

        self._held.append(go)
        return job

    def go(self) -> None:
        """Do everything that waits, and what it leads to."""
        while self._held:
            self._held.pop(0)()


@dataclass
class Sealed:
    """A sealed model on disk, and the key that only a test may know."""

    sealed: SealedModel
    model: Model

    @property
    def directory(self) -> Path:
        return self.sealed.directory

    @property
    def parts(self) -> dict[str, bytes]:
        return {
            "key": (self.directory / KEY_NAME).read_bytes(),
            "manifest": (self.directory / MANIFEST_NAME).read_bytes(),
        }


@dataclass
class Here:
    """One officer at the page."""

    whole: Whole
    desk: InlineDesk
    door: InlineDoor
    officer: ScriptedOfficer
    presenter: ModelsPresenter
    actions: Actions
    tmp: Path
    went: list[tuple[str, str]] = field(default_factory=list)
    copied: list[str] = field(default_factory=list)

    @property
    def system(self) -> System:
        return self.whole.system

    def seal(self, name: str = "mini") -> Sealed:
        source = self.tmp / f"{name}-plain"
        source.mkdir()
        (source / "config.json").write_bytes(b'{"hidden": 32}')
        (source / "weights.safetensors").write_bytes(name.encode() * 1000)
        return Sealed(*seal_for(self.system, source, self.tmp / name, name))

    def register(self, made: Sealed) -> None:
        parts = made.parts
        self.whole.desks["ada"].register_model(parts["manifest"], parts["key"])
        self.desk.refresh()

    def admit(self, made: Sealed) -> None:
        digest = made.sealed.model_digest
        body = {**admission_body(made.model), "name": made.sealed.manifest.identity.name}
        self.whole.enact(Kind.MODEL, digest, body, **made.parts)
        self.desk.refresh()

    def set_policy(self) -> None:
        self.whole.world.catch_up()
        self.whole.enact(Kind.POLICY, "serving", policy_body())
        self.desk.refresh()

    def release(self, made: Sealed, node: Node) -> None:
        """A key for a node, over HTTPS."""
        with self.whole.node_link() as link:
            link.release(node.request(link.challenge(), made.sealed.model_digest))
        self.whole.world.catch_up()
        self.desk.refresh()


@pytest.fixture(autouse=True)
def unhardened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hardening is for a process's whole life: other tests look into this one."""
    found = Hygiene(frozenset({UNLOCKED_MEMORY}), ("swap is in use: zram0",))
    monkeypatch.setattr(work, "harden_process", lambda: found)


@pytest.fixture
def whole(system: System, tmp_path: Path) -> Iterator[Whole]:
    with running_whole(system, tmp_path) as made:
        yield made


def identity_of(whole: Whole, officer: str = "ada") -> Identity:
    system = whole.system
    profile = Profile(
        whole.world.url, whole.world.pin, system.fingerprint, officer, InKeyring(officer)
    )
    return Identity(profile, "test", officer, officer.title(), locked=False)


@pytest.fixture
def here(whole: Whole, tmp_path: Path) -> Iterator[Here]:
    desk = InlineDesk(identity_of(whole), whole.desks["ada"], whole.system.clock)
    door, officer, actions = InlineDoor(), ScriptedOfficer(), Actions()
    went: list[tuple[str, str]] = []
    copied: list[str] = []
    presenter = ModelsPresenter(
        Surroundings(desk, door, officer, actions, copied.append, lambda *to: went.append(to))
    )
    yield Here(whole, desk, door, officer, presenter, actions, tmp_path, went, copied)
    presenter.close()


@pytest.fixture
def node(whole: Whole, node_secrets: NodeSecrets) -> Node:
    """A good node, for which everything but a policy and a model is in force."""
    found = whole.system.node(node_secrets)
    whole.system.trust_simulated_roots()
    whole.system.set_baseline(found.sim)
    return found
