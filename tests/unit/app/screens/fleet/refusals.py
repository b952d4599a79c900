"""Nodes that showed real evidence: one was granted, two refused for their firmware."""

from datetime import timedelta

from keyturn.attest.chains import ChainCache
from keyturn.base.encoding import digest_of
from keyturn.client.inventory import Node, NodeState
from keyturn.keyrelease.challenge import make_challenge
from keyturn.keyrelease.decision import Approved, ChallengeStanding, Refused, decide
from keyturn.keyrelease.entries import GrantEntry, RefusalEntry, grant_entry, refusal_entry
from keyturn.keyrelease.evidence import verify_evidence
from keyturn.keyrelease.request import ReleaseRequest, parse_request
from keyturn.policy.trust import anchors_in_force
from keyturn.quorum.kinds import Kind
from keyturn_app.desk import Topic
from keyturn_app.facts import Connection, Facts, Link, Models, Nodes, Proposals, Seen
from keyturn_app.screens.fleet.presenter import FleetPresenter
from keyturn_app.settings import MemoryPreferences
from support import fleets
from support.authority import Clock, policy_body
from support.desks import InlineDesk, InlineDoor, ScriptedOfficer
from support.fleets import NOW
from support.hsmtoken import make_model
from support.nodes import Node as Machine
from support.nodes import NodeSecrets
from support.system import anchors_body, baseline_body
from unit.client.scripted_server import ScriptedServer
from unit.keyrelease.release_desk import digest_of_model, simulated, vendors
from unit.quorum.authority_log import admission, rsa_key

GOOD, BAD, ALSO = "node-1", "node-2", "node-3"
WRONG = b"\xee" * 48


class Refusals:
    """A server whose log has the three, and a desk on it."""

    def __init__(self, officer: str = "ada") -> None:
        clock = Clock(NOW - timedelta(hours=2))
        self.server = ScriptedServer(clock)
        self.machine = Machine(simulated(), NodeSecrets(rsa_key=rsa_key(3072, 1)))
        model = make_model()
        self.model = digest_of_model(model)
        enact = self.server.enact
        enact(Kind.TRUST_ANCHORS, "trust-anchors", anchors_body(vendors()))
        enact(Kind.REFERENCE_VALUES, "firmware", baseline_body(self.machine.sim))
        enact(Kind.POLICY, "serving", policy_body())
        enact(Kind.MODEL, self.model, admission(self.model, tag=model.tag.hex()))
        clock.now = NOW
        self.nodes: list[Node] = []
        self._count = 0
        for name in (GOOD, BAD, ALSO):
            self.show(name, wrong=name != GOOD)
        self.desk = InlineDesk(
            fleets.identity_of(self.server, officer), self.server.client(officer), clock
        )
        self.officer, self.door = ScriptedOfficer(), InlineDoor()
        self.copied: list[str] = []
        self.went: list[tuple[str, str]] = []
        self.desk.facts = self.facts()

    def show(self, name: str, *, wrong: bool) -> None:
        """A node asks for the key; the log and the evidence are as a keyholder leaves them."""
        sim = self.machine.sim.with_firmware(WRONG) if wrong else self.machine.sim
        machine = Machine(sim, self.machine.secrets, name)
        self._count += 1
        nonce = self._count.to_bytes(16, "big")
        challenge = make_challenge(nonce, self.server.clock(), bytes(32))
        request = parse_request(machine.request(challenge, self.model))
        self.server.evidence[request.digest] = request.raw
        self.nodes = [each for each in self.nodes if each.name != name]
        self.nodes.append(self._decided(request))

    def _decided(self, request: ReleaseRequest) -> Node:
        state, now = self.server.state, self.server.clock()
        evidence = verify_evidence(request, anchors_in_force(state, now)[0], now, ChainCache())
        decision = decide(request, evidence, state, ChallengeStanding.GOOD, None, now)
        name = request.claims.node
        if isinstance(decision, Refused):
            reasons = tuple(sorted({each.reason for each in decision.reasons}))
            refusal = RefusalEntry(
                request.purpose,
                request.challenge,
                request.model,
                name,
                decision.platform,
                request.digest,
                reasons,
            )
            index = self.server.append(refusal_entry(now, refusal))
            return self._node(name, NodeState.REFUSED, refused=(index, refusal))
        grant = self._grant(request, decision)
        index = self.server.append(grant_entry(now, grant))
        return self._node(name, NodeState.ATTESTED, granted=(index, grant))

    def _grant(self, request: ReleaseRequest, decision: Approved) -> GrantEntry:
        until = self.server.clock() + timedelta(seconds=decision.policy.lease_seconds)
        return GrantEntry(
            request.purpose,
            request.digest,
            f"{self._count:032x}",
            until,
            request.challenge,
            request.model,
            request.claims.node,
            decision.platform,
            digest_of(request.keys.tls),
            request.core,
            request.digest,
            decision.statements,
            decision.caveats,
        )

    def _node(self, name: str, state: NodeState, **values: object) -> Node:
        return fleets.a_node(
            name, state, age_seconds=1, heard=NOW, model=self.model, platform="p", **values
        )

    def facts(self) -> Facts:
        seen, now = self.server.client().seen(), self.server.clock()
        return Facts(
            Connection(Link.LIVE, heard=now, behind_ms=38),
            Seen(seen.authority, seen.state, seen.checkpoint, list(seen.leaves), now),
            Proposals((), now),
            Models((), now),
            Nodes(tuple(sorted(self.nodes, key=lambda each: each.name)), now),
        )

    def tell(self) -> None:
        """The desk hears of what the log has by now."""
        self.desk.show(self.facts(), Topic.SEEN, Topic.NODES)

    def presenter(self) -> FleetPresenter:
        return FleetPresenter(
            self.desk,
            self.door,
            self.officer,
            copy=self.copied.append,
            go=lambda page, target: self.went.append((page, target)),
            preferences=MemoryPreferences(),
        )
