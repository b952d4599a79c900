"""Officers at their desks, before a real control plane and keyholder."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.client.profile import Profile
from keyturn.officerkeys.location import InKeyring
from keyturn.quorum.kinds import Kind
from keyturn_app.desk import Identity
from keyturn_app.screens.approvals.presenter import ApprovalsPresenter
from keyturn_app.screens.approvals.viewmodel import Decide, Detail
from support.authority import policy_body
from support.desks import InlineDesk, InlineDoor, ScriptedOfficer
from support.fixtures import (
    hsm_worker,
    model,
    node_secrets,
    ready,
    system,
    token_template,
    vendors,
)
from support.system import System
from support.whole import Whole, running_whole

__all__ = ["hsm_worker", "model", "node_secrets", "ready", "system", "token_template", "vendors"]


@dataclass
class Seat:
    """One officer before the page."""

    desk: InlineDesk
    officer: ScriptedOfficer
    page: ApprovalsPresenter
    told: list[str] = field(default_factory=list)

    @property
    def detail(self) -> Detail:
        found = self.page.view().detail
        assert found is not None
        return found

    @property
    def decide(self) -> Decide:
        found = self.page.view().decide
        assert found is not None
        return found

    def open(self, digest: Digest) -> Detail:
        self.desk.refresh()
        self.page.open(digest)
        return self.detail


def identity(whole: Whole, name: str) -> Identity:
    world = whole.world
    profile = Profile(world.url, world.pin, whole.system.fingerprint, name, InKeyring(name))
    return Identity(profile, "test", name, name.title(), locked=False)


def seat(whole: Whole, name: str, *, connected: bool = True) -> Seat:
    desk = InlineDesk(identity(whole, name), whole.desks[name], whole.system.clock)
    if connected:
        desk.refresh()
    officer = ScriptedOfficer()
    return Seat(desk, officer, ApprovalsPresenter(desk, officer, InlineDoor()))


@pytest.fixture
def whole(system: System, tmp_path: Path) -> Iterator[Whole]:
    with running_whole(system, tmp_path) as made:
        yield made


@pytest.fixture
def proposed(whole: Whole) -> Digest:
    """A first policy, proposed by Ada; nobody has approved."""
    return whole.propose(Kind.POLICY, "serving", policy_body())
