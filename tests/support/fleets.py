"""Invented fleets for the app's tests: nodes, the log entries that they rest on, facts of both.

The authority is real, signed by the scripted server's officers; only the nodes are made up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random

from keyturn.base.encoding import Digest, digest_of
from keyturn.client.inventory import Model, Node, NodeState
from keyturn.keyrelease.binding import CHALLENGE_SIZE, Purpose
from keyturn.keyrelease.entries import GrantEntry, RefusalEntry, grant_entry, refusal_entry
from keyturn.quorum.bodies import Platform, Platforms
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from keyturn_app.desk import Identity
from keyturn_app.facts import Connection, Facts, Link, Models, Nodes, Proposals, Seen
from support.authority import Clock, policy_body
from unit.client.scripted_server import ScriptedServer

NOW = datetime(2026, 11, 29, 10, 0, tzinfo=UTC)
SITES = {"fra-1": 0.28, "dub-2": 0.22, "iad-3": 0.22, "pdx-1": 0.16, "sin-2": 0.12}
MODELS = {"orion-70b": digest_of(b"orion-70b"), "orion-8b": digest_of(b"orion-8b")}
LEASE = timedelta(minutes=10)
CAVEATS = ("simulated", "software-assurance", "no-witness")
STATES = {
    NodeState.ATTESTED: 0.9885,
    NodeState.STALE: 0.0035,
    NodeState.PENDING: 0.0010,
    NodeState.REFUSED: 0.0028,
    NodeState.QUARANTINED: 0.0016,
    NodeState.WIPED: 0.0008,
    NodeState.UNKNOWN: 0.0018,
}


@dataclass
class InventedFleet:
    """Nodes and the leaves that follow `first` others in the log."""

    nodes: list[Node]
    leaves: list[bytes]
    platforms: dict[str, Platform] = field(default_factory=dict)


def grant(node: str, platform: str, model: Digest, until: datetime) -> GrantEntry:
    name = node.encode()
    return GrantEntry(
        Purpose.RENEWAL,
        digest_of(b"grant" + name),
        digest_of(name)[-32:],
        until,
        bytes(CHALLENGE_SIZE),
        model,
        node,
        platform,
        digest_of(b"tls" + name),
        bytes(32),
        digest_of(b"evidence" + name),
        (),
        CAVEATS,
    )


def refusal(node: str, platform: str, model: Digest, *reasons: str) -> RefusalEntry:
    evidence = digest_of(b"refused" + node.encode())
    return RefusalEntry(
        Purpose.RENEWAL, bytes(CHALLENGE_SIZE), model, node, platform, evidence, reasons
    )


def a_node(name: str, state: NodeState = NodeState.ATTESTED, **values: object) -> Node:
    """A node with nothing behind it, changed by `values`."""
    empty = Node(
        name=name,
        state=state,
        age_seconds=None,
        heard=None,
        last_seen=None,
        last_attested=None,
        model=None,
        lease=None,
        lease_until=None,
        platform=None,
        reasons=(),
        simulated=True,
        caveats=(),
        time_to_wipe_ms=None,
        granted=None,
        refused=None,
    )
    return replace(empty, **values)  # type: ignore[arg-type]


def node_names(count: int, random: Random) -> list[str]:
    """Like `fra-1-r03-g27`: 32 in a rack, sites of different sizes."""
    names: list[str] = []
    for site, share in SITES.items():
        here = round(count * share) if site != "sin-2" else count - len(names)
        names += [f"{site}-r{at // 32:02d}-g{at % 32:02d}" for at in range(here)]
    return names


def invent(
    count: int = 0, *, first: int = 0, seed: int = 7, names: Sequence[str] = ()
) -> InventedFleet:
    """`count` nodes, or those named; their entries follow `first` others."""
    random = Random(seed)
    names = names or node_names(count, random)
    states = random.choices(list(STATES), list(STATES.values()), k=len(names))
    if len(names) > 1000:
        for state, start in ((NodeState.REFUSED, 7200), (NodeState.QUARANTINED, 3000)):
            states[start : start + 14] = [state] * 14
    fleet = InventedFleet([], [])
    if len(names) > 1000:
        _renew(fleet, names, random)
    known = sorted((random.uniform(1, 540), place) for place in range(len(names)))
    for attested, place in reversed(known):
        _add(fleet, names[place], states[place], round(attested), first, random)
    fleet.nodes.sort(key=lambda each: each.name)
    return fleet


def _renew(fleet: InventedFleet, names: Sequence[str], random: Random) -> None:
    """Entries that newer ones follow: what the last quarter of an hour looked like."""
    for ago in range(1000, 541, -1):
        time = NOW - timedelta(seconds=ago)
        for _each in range(random.randint(14, 22)):
            entry = grant(random.choice(names), "amd-genoa-00", MODELS["orion-8b"], time + LEASE)
            fleet.leaves.append(grant_entry(time, entry))


def _add(
    fleet: InventedFleet, name: str, state: NodeState, attested: int, first: int, random: Random
) -> None:
    platform = f"amd-genoa-{digest_of(name.encode())[-16:]}"
    site, rack = (name[:5], "") if name[:5] in SITES else ("fra-1", "rack:a1")
    fleet.platforms[platform] = Platform(platform, site, rack)
    model = MODELS["orion-70b" if random.random() < 0.7 else "orion-8b"]
    time, index = NOW - timedelta(seconds=attested), first + len(fleet.leaves)
    granted = None
    silent = {NodeState.STALE: 23 + attested % 30, NodeState.UNKNOWN: 300}.get(state, attested % 5)
    if state is not NodeState.PENDING:
        entry = grant(name, platform, model, time + LEASE)
        fleet.leaves.append(grant_entry(time, entry))
        granted = (index, entry)
    refused = None
    if state is NodeState.REFUSED:
        failed = refusal(name, platform, model, "wrong-measurement")
        fleet.leaves.append(refusal_entry(time, failed))
        refused = (index + 1, failed)
    fleet.nodes.append(
        a_node(
            name,
            state,
            age_seconds=silent,
            heard=NOW - timedelta(seconds=silent),
            model=model if granted else None,
            platform=platform,
            caveats=CAVEATS if granted else (),
            time_to_wipe_ms=412 if state is NodeState.WIPED else None,
            granted=granted,
            refused=refused,
        )
    )


def a_server(now: datetime = NOW) -> ScriptedServer:
    """With policies, models and their admissions in force; its clock stands at `now`."""
    clock = Clock(now - timedelta(hours=2))
    server = ScriptedServer(clock)
    server.enact(Kind.POLICY, "prod-inference", policy_body())
    for name, digest in MODELS.items():
        body: dict[str, object] = {
            "model": digest,
            "name": name,
            "version": "1",
            "tag": "00" * 32,
            "policy": "prod-inference",
        }
        server.enact(Kind.MODEL, digest, body)
    first = {"id": "amd-genoa-00", "site": "fra-1", "note": ""}
    server.enact(Kind.PLATFORMS, "machines", {"platforms": [first]})
    clock.now = now
    return server


def with_platforms(state: AuthorityState, platforms: dict[str, Platform]) -> AuthorityState:
    """As if the platforms statement had named these."""
    chain = (Kind.PLATFORMS, "machines")
    found = state.newest[chain]
    statement = replace(found.statement, body=Platforms(platforms))
    return replace(state, newest={**state.newest, chain: replace(found, statement=statement)})


def facts_of(server: ScriptedServer, fleet: InventedFleet, now: datetime = NOW) -> Facts:
    """Live facts: the server's authority, and the invented nodes with their log."""
    client = server.client()
    seen = client.seen()
    state = with_platforms(seen.state, fleet.platforms)
    leaves = [*seen.leaves, *fleet.leaves]
    return Facts(
        Connection(Link.LIVE, heard=now, behind_ms=38),
        Seen(seen.authority, state, seen.checkpoint, leaves, now),
        Proposals(tuple(client.proposals()), now),
        Models(tuple(a_model(name, digest, state, now) for name, digest in MODELS.items()), now),
        Nodes(tuple(fleet.nodes), now),
    )


def a_model(name: str, digest: Digest, state: AuthorityState, now: datetime) -> Model:
    admission = state.in_force(Kind.MODEL, digest, now)
    return Model(digest, name, name, "1", 3, 10**9, "00" * 32, "00" * 32, "", True, admission)


def identity_of(server: ScriptedServer, officer: str = "ada", *, locked: bool = False) -> Identity:
    return Identity(server.profile(officer), "prod-eu", officer, officer.title(), locked)
