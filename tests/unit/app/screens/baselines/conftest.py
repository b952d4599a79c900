"""A desk on the real system at the baselines page, with a node whose evidence the server keeps."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.client.profile import Profile
from keyturn.officerkeys.location import InKeyring
from keyturn.quorum.kinds import Kind
from keyturn_app.actions import Actions
from keyturn_app.desk import Identity
from keyturn_app.screens.baselines.presenter import BaselinesPresenter
from keyturn_app.surroundings import Surroundings
from support.authority import policy_body
from support.desks import InlineDesk, InlineDoor, ScriptedOfficer
from support.fixtures import (
    hsm_worker,
    model,
    node_secrets,
    system,
    token_template,
    vendors,
)
from support.hsmtoken import Model
from support.nodes import Node, NodeSecrets
from support.system import System, baseline_body
from support.whole import Whole, running_whole

__all__ = ["hsm_worker", "model", "node_secrets", "system", "token_template", "vendors"]


@dataclass
class Here:
    """One officer at the page."""

    whole: Whole
    desk: InlineDesk
    door: InlineDoor
    officer: ScriptedOfficer
    presenter: BaselinesPresenter
    actions: Actions
    tmp: Path
    went: list[tuple[str, str]] = field(default_factory=list)
    copied: list[str] = field(default_factory=list)

    @property
    def system(self) -> System:
        return self.whole.system

    def propose(self, body: dict[str, object], subject: str = "firmware") -> None:
        self.whole.propose(Kind.REFERENCE_VALUES, subject, body)
        self.desk.refresh()

    def enact(self, body: dict[str, object], subject: str = "firmware") -> None:
        self.whole.enact(Kind.REFERENCE_VALUES, subject, body)
        self.desk.refresh()


def identity_of(whole: Whole, officer: str = "ada") -> Identity:
    system = whole.system
    profile = Profile(
        whole.world.url, whole.world.pin, system.fingerprint, officer, InKeyring(officer)
    )
    return Identity(profile, "test", officer, officer.title(), locked=False)


@pytest.fixture
def whole(system: System, tmp_path: Path) -> Iterator[Whole]:
    with running_whole(system, tmp_path) as made:
        yield made


@pytest.fixture
def here(whole: Whole, tmp_path: Path) -> Iterator[Here]:
    desk = InlineDesk(identity_of(whole), whole.desks["ada"], whole.system.clock)
    door, officer, actions = InlineDoor(), ScriptedOfficer(), Actions()
    went: list[tuple[str, str]] = []
    copied: list[str] = []
    presenter = BaselinesPresenter(
        Surroundings(desk, door, officer, actions, copied.append, lambda *to: went.append(to))
    )
    yield Here(whole, desk, door, officer, presenter, actions, tmp_path, went, copied)
    presenter.close()


@pytest.fixture
def golden(here: Here, node_secrets: NodeSecrets, model: Model) -> Node:
    """`node-1`, which was given a key: its values are the baseline `firmware`, version 1."""
    system, whole = here.system, here.whole
    node = system.node(node_secrets)
    system.trust_simulated_roots()
    system.set_baseline(node.sim)
    whole.world.catch_up()
    whole.enact(Kind.POLICY, "serving", policy_body())
    system.admit(model)
    whole.world.catch_up()
    with whole.node_link() as link:
        link.release(node.request(link.challenge(), Digest(f"sha256:{model.digest.hex()}")))
    whole.world.catch_up()
    here.desk.refresh()
    return node


def body_of(node: Node) -> dict[str, object]:
    return baseline_body(node.sim)
