"""Nodes on old firmware that serve, and a golden one on new: the cast of the story of baselines."""

from dataclasses import dataclass
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.keyrelease.answer import check_answer, open_dek
from keyturn.keyrelease.grant import RefusalDocument, ReleaseAnswer
from keyturn.keyrelease.request import parse_request
from keyturn.quorum.kinds import Kind
from keyturn.seal.paths import KEY_NAME, MANIFEST_NAME
from support.agents import seal_for
from support.authority import policy_body
from support.hsmtoken import Model
from support.nodes import Node, NodeSecrets
from support.system import admission_body, baseline_body, model_digest
from support.whole import Whole

OLD, NEW = bytes(range(48)), b"\x5a" * 48
SERVING = ("node-1", "node-2")
GOLDEN = "golden"


@dataclass
class Cast:
    """One model in force under policy `serving`, which lists the old firmware alone."""

    whole: Whole
    model: Model
    nodes: dict[str, Node]

    @property
    def digest(self) -> Digest:
        return model_digest(self.model)

    def ask(self, name: str) -> tuple[bytes, ReleaseAnswer | RefusalDocument]:
        """A fresh challenge, evidence over it, and the answer, all over HTTPS."""
        with self.whole.node_link() as link:
            raw = self.nodes[name].request(link.challenge(), self.digest)
            answer = link.release(raw)
        self.whole.world.catch_up()
        return raw, answer

    def serves(self, name: str) -> bool:
        """Granted, checked as a node must, and the model's own DEK in its hands."""
        raw, answer = self.ask(name)
        if isinstance(answer, RefusalDocument):
            return False
        system, held = self.whole.system, self.nodes[name].secrets
        checked = check_answer(answer, parse_request(raw), system.bundle, system.clock())
        return bytes(open_dek(checked, held.hpke, held.rsa_key)) == self.model.dek

    def refused(self, name: str) -> set[str]:
        """The reasons; empty where a key was given."""
        _, answer = self.ask(name)
        return {each.reason for each in getattr(answer, "reasons", ())}


def make_cast(whole: Whole, held: NodeSecrets, directory: Path) -> Cast:
    """Simulated roots are trusted already. Everybody has asked once: the golden one in vain."""
    system = whole.system
    nodes = {name: Node(system.sim_node(OLD), held, name) for name in SERVING}
    nodes[GOLDEN] = Node(system.sim_node(NEW), held, GOLDEN)
    whole.world.catch_up()
    whole.enact(Kind.REFERENCE_VALUES, "firmware", baseline_body(nodes[SERVING[0]].sim))
    whole.enact(Kind.POLICY, "serving", policy_body())
    source = directory / "mini-plain"
    source.mkdir()
    (source / "weights.bin").write_bytes(b"mini" * 100)
    sealed, model = seal_for(system, source, directory / "mini", "mini")
    parts = {
        "key": (sealed.directory / KEY_NAME).read_bytes(),
        "manifest": (sealed.directory / MANIFEST_NAME).read_bytes(),
    }
    whole.enact(Kind.MODEL, model_digest(model), admission_body(model), **parts)
    cast = Cast(whole, model, nodes)
    assert all(cast.serves(each) for each in SERVING)
    assert cast.refused(GOLDEN) == {"measurement-mismatch"}
    return cast
