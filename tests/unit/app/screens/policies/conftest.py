"""One officer at the page of policies, on the real keyholder and control plane."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from keyturn.base.strictjson import JsonObject
from keyturn.quorum.kinds import Kind
from keyturn_app.actions import Actions
from keyturn_app.screens.policies.editing import EditorPresenter
from keyturn_app.screens.policies.presenter import PoliciesPresenter
from keyturn_app.screens.policies.viewmodel import Detail
from keyturn_app.surroundings import Surroundings
from support.agents import seal_for
from support.authority import policy_body
from support.desks import InlineDesk, InlineDoor, ScriptedOfficer
from support.fixtures import hsm_worker, node_secrets, system, token_template, vendors
from support.nodes import Node
from support.system import admission_body
from support.whole import Whole
from unit.app.screens.models.conftest import identity_of, node, whole

__all__ = ["hsm_worker", "node", "node_secrets", "system", "token_template", "vendors", "whole"]


@dataclass
class Here:
    """`presenter` is the page's; `went` and `copied` are what it asked for."""

    whole: Whole
    desk: InlineDesk
    officer: ScriptedOfficer
    actions: Actions
    presenter: PoliciesPresenter
    tmp: Path
    went: list[tuple[str, str]] = field(default_factory=list)
    copied: list[str] = field(default_factory=list)

    @property
    def detail(self) -> Detail:
        found = self.presenter.view().detail
        assert found is not None
        return found

    @property
    def editor(self) -> EditorPresenter:
        assert self.presenter.editor is not None
        return self.presenter.editor

    def enact(self, subject: str = "serving", **changed: object) -> None:
        self.whole.enact(Kind.POLICY, subject, policy_body(**changed))
        self.desk.refresh()

    def propose(self, subject: str = "serving", **changed: object) -> None:
        body: dict[str, object] = policy_body(**changed)
        self.whole.propose(Kind.POLICY, subject, body)
        self.desk.refresh()

    def serve(self, node: Node) -> None:
        """A model is admitted, and the node gets its key over HTTPS."""
        source = self.tmp / "plain"
        source.mkdir()
        (source / "config.json").write_bytes(b'{"hidden": 32}')
        (source / "weights.safetensors").write_bytes(b"mini" * 1000)
        sealed, model = seal_for(self.whole.system, source, self.tmp / "mini", "mini")
        parts = {
            "key": (sealed.directory / "keyturn.key").read_bytes(),
            "manifest": (sealed.directory / "keyturn.json").read_bytes(),
        }
        self.whole.desks["ada"].register_model(parts["manifest"], parts["key"])
        body: JsonObject = {**admission_body(model), "name": sealed.manifest.identity.name}  # type: ignore[dict-item]
        self.whole.enact(Kind.MODEL, sealed.model_digest, dict(body), **parts)
        with self.whole.node_link() as link:
            link.release(node.request(link.challenge(), sealed.model_digest))
        self.whole.world.catch_up()
        self.desk.refresh()


@pytest.fixture
def here(whole: Whole, node: Node, tmp_path: Path) -> Iterator[Here]:
    """`node` is there so that baselines and roots are in force."""
    whole.world.catch_up()
    desk = InlineDesk(identity_of(whole), whole.desks["ada"], whole.system.clock)
    officer, actions = ScriptedOfficer(), Actions()
    went: list[tuple[str, str]] = []
    copied: list[str] = []
    presenter = PoliciesPresenter(
        Surroundings(
            desk, InlineDoor(), officer, actions, copied.append, lambda *to: went.append(to)
        )
    )
    yield Here(whole, desk, officer, actions, presenter, tmp_path, went, copied)
    presenter.close()
