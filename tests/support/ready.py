"""A system with one admitted model and one good node, and what tests ask of it."""

from dataclasses import dataclass

from keyturn.base.encoding import Digest
from keyturn.base.strictjson import dump
from keyturn.keyholder.releases import Outcome
from keyturn.keyrelease.answer import CheckedAnswer, check_answer, open_dek
from keyturn.keyrelease.grant import parse_answer
from keyturn.keyrelease.request import parse_request
from keyturn.quorum.entries import parse_entry
from keyturn.quorum.kinds import Kind
from support.hsmtoken import Model
from support.nodes import Node, NodeSecrets
from support.system import System, model_digest

_OWN = object()


@dataclass
class Ready:
    """Everything in force for one model and one good node."""

    system: System
    model: Model
    node: Node
    wrapped: bytes

    def request(self, **options: object) -> bytes:
        return self.node.request(
            self.system.challenge(),
            model_digest(self.model),
            **options,  # type: ignore[arg-type]
        )

    def release(self, raw: bytes, wrapped: object = _OWN) -> Outcome:
        chosen = self.wrapped if wrapped is _OWN else wrapped
        return self.system.keyholder.releases.release(raw, chosen)  # type: ignore[arg-type]

    def ask(self, *, wrapped: object = _OWN, **options: object) -> Outcome:
        return self.release(self.request(**options), wrapped)

    def checked(self, raw: bytes, outcome: Outcome) -> CheckedAnswer:
        """The answer, checked as a node must."""
        assert outcome.granted, outcome.answer
        return check_answer(
            parse_answer(dump(outcome.answer)),
            parse_request(raw),
            self.system.bundle,
            self.system.clock(),
        )

    def opened(self) -> tuple[CheckedAnswer, bytearray]:
        """Ask, check the answer, and open the DEK."""
        raw = self.request()
        checked = self.checked(raw, self.release(raw))
        return checked, open_dek(checked, self.node.secrets.hpke, self.node.secrets.rsa_key)

    def shown(self, outcome: Outcome) -> list[dict[str, object]]:
        """A refusal's reasons as they travel."""
        return outcome.answer["reasons"]  # type: ignore[return-value]

    def in_force(self, kind: Kind, subject: str) -> Digest:
        found = self.system.keyholder.journal.state.newest[(kind, subject)]
        return found.statement.digest

    def entries(self, kind: str) -> list[bytes]:
        """The log's leaves of one kind."""
        leaves = self.system.keyholder.journal.log.leaves()
        return [leaf for leaf in leaves if parse_entry(leaf).kind.value == kind]


def make_ready(system: System, model: Model, node_secrets: NodeSecrets) -> Ready:
    node = system.node(node_secrets)
    system.trust_simulated_roots()
    system.set_baseline(node.sim)
    system.set_policy()
    entered = system.admit(model)
    assert entered.wrapped is not None
    return Ready(system, model, node, entered.wrapped)
