"""A key is released to the node that proves itself, and to no other (I2)."""

from dataclasses import dataclass

import pytest

from keyturn.base.strictjson import dump
from keyturn.keyholder.releases import Outcome
from keyturn.keyrelease.answer import CheckedAnswer, check_answer, open_dek
from keyturn.keyrelease.grant import parse_answer
from keyturn.keyrelease.request import parse_request
from support.hsmtoken import Model
from support.nodes import Node, NodeSecrets
from support.system import System, model_digest


@dataclass
class Ready:
    """Everything in force for one model and one good node."""

    system: System
    model: Model
    node: Node
    wrapped: bytes

    def ask(self, **options: object) -> Outcome:
        return self.system.ask(self.node, self.model, self.wrapped, **options)

    def opened(self) -> tuple[CheckedAnswer, bytearray]:
        """Ask, check the answer as a node must, and open the DEK."""
        raw = self.node.request(self.system.challenge(), model_digest(self.model))
        outcome = self.system.keyholder.releases.release(raw, self.wrapped)
        assert outcome.granted, reasons(outcome)
        checked = check_answer(
            parse_answer(dump(outcome.answer)),
            parse_request(raw),
            self.system.bundle,
            self.system.clock(),
        )
        return checked, open_dek(checked, self.node.secrets.hpke, self.node.secrets.rsa_key)


@pytest.fixture
def ready(system: System, model: Model, node_secrets: NodeSecrets) -> Ready:
    node = system.node(node_secrets)
    system.trust_simulated_roots()
    system.set_baseline(node.sim)
    system.set_policy()
    entered = system.admit(model)
    assert entered.wrapped is not None
    return Ready(system, model, node, entered.wrapped)


def test_an_attested_node_gets_the_very_key(ready: Ready) -> None:
    checked, dek = ready.opened()

    assert bytes(dek) == ready.model.dek
    assert checked.entry.node == "node-1"
    assert "simulated" in checked.entry.caveats
    assert checked.ear.simulated
