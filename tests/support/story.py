"""What officers and a node do at a control plane, act by act, and what must hold whenever it dies.

An act that was acknowledged (200) is never lost; one that was not may have happened or not, and
can be done again. Statements, log and database are then what they would have been anyway.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from keyturn.base.encoding import b64, digest_of
from keyturn.control import rebuild
from keyturn.control.rebuild import LogContent
from keyturn.quorum.entries import EntryKind, parse_entry, read_statement
from keyturn.quorum.kinds import Kind
from support.authority import Authority, Proposal, policy_body
from support.control import TestNode, World
from unit.control import test_modeling as modeling

Act = Callable[["Story", httpx.Client, World], httpx.Response]
REVOKE: dict[str, object] = {"target_kind": "node", "target": "another"}


@dataclass
class Story:
    """The same statements and envelopes however often an act is tried."""

    authority: Authority
    acknowledged: dict[str, httpx.Response] = field(default_factory=dict)
    proposals: dict[str, Proposal] = field(default_factory=dict)
    withdrawal: bytes = b""

    def __post_init__(self) -> None:
        make = self.authority.approved
        self.manifest, self.key = modeling.manifest(), modeling.key()
        self.model = digest_of(self.manifest)
        admission: dict[str, object] = {
            "model": self.model,
            "name": "mini",
            "version": "1",
            "tag": "cd" * 32,
            "policy": "serving",
        }
        self.proposals = {
            "policy": make(Kind.POLICY, "serving", policy_body()),
            "other": make(Kind.POLICY, "another", policy_body()),
            "model": make(Kind.MODEL, self.model, admission),
            "revocation": make(Kind.REVOCATION, "node:another", REVOKE),
        }
        self.node = TestNode(self.model)

    def play(self, world: World) -> bool:
        """Every act that was not acknowledged yet, until one is not; whether all were."""
        try:
            with world.sign_in() as client:
                for name, act in ACTS.items():
                    if name not in self.acknowledged:
                        answer = act(self, client, world)
                        if answer.status_code != httpx.codes.OK:
                            return False
                        self.acknowledged[name] = answer
        except (httpx.HTTPError, AssertionError, KeyError):  # no session, no challenge, no answer
            return False
        return True

    def check(self, world: World) -> None:
        """After a restart: nothing acknowledged is lost, nothing is twice, a quorum came true."""
        with world.sign_in() as client:
            world.until(lambda: self._settled(client), seconds=30)
            listed = {
                each["digest"]: each for each in client.get("/v1/proposals").json()["proposals"]
            }
            events = client.get("/v1/events", params={"after": 0, "limit": 1000}).json()["events"]
            for name in self.acknowledged:
                what, _, which = name.partition(":")
                if what == "propose":
                    assert self.proposals[which].digest in listed
                if what == "approve":
                    which, _, place = which.partition(":")
                    proposal = self.proposals[which]
                    envelopes = listed[proposal.digest]["approvals"]
                    assert b64(proposal.approvals[int(place)]) in envelopes
            if "withdraw" in self.acknowledged:
                assert listed[self.proposals["other"].digest]["status"] == "withdrawn"
            if "release" in self.acknowledged:
                assert [n["name"] for n in client.get("/v1/nodes").json()["nodes"]] == ["node-1"]
            for each in listed.values():
                assert len(each["approvals"]) == len(set(each["approvals"]))
        self._check_events(events)
        self._check_log(world)
        assert world.health()["rebuilds"] == 0

    def _settled(self, client: httpx.Client) -> bool:
        """Whatever has its quorum here is in force, with its receipt, and models have their DEK."""
        views = client.get("/v1/proposals").json()["proposals"]
        full = [each for each in views if len(each["approved_by"]) >= each["needed"]]
        models = client.get("/v1/models").json()["models"]
        return all(each["status"] == "in-force" and each["receipt"] for each in full) and all(
            each["has_kek_wrapped"] for each in models if each["admitted"]
        )

    def _check_events(self, events: list[dict[str, object]]) -> None:
        assert [each["seq"] for each in events] == list(range(1, len(events) + 1))
        once = [
            (each["kind"], each["data"]["digest"])  # type: ignore[index]
            for each in events
            if each["kind"] in ("in-force", "revocation", "model")
            or (each["kind"] == "proposal" and "proposer" in each["data"])  # type: ignore[operator]
        ]
        assert len(once) == len(set(once))
        voices = [
            tuple(each["data"].values())  # type: ignore[attr-defined]
            for each in events
            if each["kind"] == "approval"
        ]
        assert len(voices) == len(set(voices))

    def _check_log(self, world: World) -> None:
        leaves = list(world.keyholder.leaves)
        entries = [parse_entry(each) for each in leaves]
        statements = [read_statement(e).statement for e in entries if e.kind is EntryKind.STATEMENT]
        assert len(statements) == len(set(statements))
        content = LogContent(leaves, world.keyholder.objects)  # type: ignore[arg-type]
        with world.server.parts.context.database.read() as connection:
            assert rebuild.differences(connection, content) == []


def _propose(name: str) -> Act:
    def act(story: Story, client: httpx.Client, _: World) -> httpx.Response:
        model = name == "model"
        body = {
            "statement": b64(story.proposals[name].raw),
            "key": b64(story.key) if model else None,
            "manifest": b64(story.manifest) if model else None,
        }
        return client.post("/v1/proposals", json=body)

    return act


def _approve(name: str, place: int) -> Act:
    def act(story: Story, client: httpx.Client, _: World) -> httpx.Response:
        proposal = story.proposals[name]
        where = f"/v1/proposals/{proposal.digest}"
        answer = client.post(
            f"{where}/approvals", json={"envelope": b64(proposal.approvals[place])}
        )
        if answer.status_code == httpx.codes.CONFLICT:  # taken before it died, and in force since
            return client.get(where)
        return answer

    return act


def _withdraw(story: Story, client: httpx.Client, world: World) -> httpx.Response:
    digest = story.proposals["other"].digest
    view = client.get(f"/v1/proposals/{digest}")
    if view.json().get("status") == "withdrawn":
        return view
    story.withdrawal = story.withdrawal or world.withdrawal(digest)
    return client.post(
        f"/v1/proposals/{digest}/withdrawal", json={"envelope": b64(story.withdrawal)}
    )


def _release(story: Story, client: httpx.Client, world: World) -> httpx.Response:
    challenge = client.post("/v1/challenges").json()["challenge"]
    answer = client.post("/v1/releases", content=story.node.request(challenge))
    if answer.status_code != httpx.codes.OK:
        return answer
    lease = answer.json()["lease"]
    return client.post("/v1/heartbeats", content=story.node.beat(lease, world.clock))


ACTS: dict[str, Act] = {
    "propose:policy": _propose("policy"),
    "approve:policy:0": _approve("policy", 0),
    "approve:policy:1": _approve("policy", 1),
    "propose:other": _propose("other"),
    "withdraw": _withdraw,
    "propose:model": _propose("model"),
    "approve:model:0": _approve("model", 0),
    "approve:model:1": _approve("model", 1),
    "release": _release,
    "propose:revocation": _propose("revocation"),
    "approve:revocation:0": _approve("revocation", 0),
}
