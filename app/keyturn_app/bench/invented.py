"""Fleets for measuring, the same in every run: invented nodes over a recorded, real authority.

The nodes and the log entries behind them are made up, and proved by nobody. No Qt in here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.strictjson import dump
from keyturn.base.times import format_time
from keyturn.client.inventory import Node, NodeState
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.entries import GrantEntry, grant_entry
from keyturn.quorum.bodies import Platform, Platforms
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from keyturn_app.facts import Connection, Facts, Link, Nodes

SITES = {"fra-1": 28, "dub-2": 22, "iad-3": 22, "pdx-1": 16, "sin-2": 12}
SHARES = {
    NodeState.ATTESTED: 985,
    NodeState.STALE: 4,
    NodeState.PENDING: 2,
    NodeState.REFUSED: 3,
    NodeState.QUARANTINED: 2,
    NodeState.WIPED: 4,
}
LEASE = timedelta(minutes=10)
HEARTBEAT = 10
"""Seconds between two words of a node."""
_CAVEATS = ("no-witness", "simulated", "software-assurance")
_IN_RACK = 32
_SEED = 20261129


@dataclass
class Fleet:
    """Nodes in the order of their names, and the log's leaves that follow `first` others."""

    nodes: list[Node] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    platforms: dict[str, Platform] = field(default_factory=dict)


def names(count: int) -> list[str]:
    """Like `fra-1-r003-g27`; every site gets its share, the last one what is left."""
    made: list[str] = []
    for site, share in SITES.items():
        last = site == tuple(SITES)[-1]
        here = count - len(made) if last else count * share // 100
        made += [f"{site}-r{at // _IN_RACK:03d}-g{at % _IN_RACK:02d}" for at in range(here)]
    return made


def invent(count: int, models: Sequence[Digest], first: int, now: datetime) -> Fleet:
    """A fleet at `now`; its grants follow `first` entries of the log, oldest first."""
    random = Random(_SEED)  # noqa: S311 - the same fleet in every run, and no secret
    states = random.choices(list(SHARES), list(SHARES.values()), k=count)
    made = Fleet()
    for at, (name, state) in enumerate(zip(names(count), states, strict=True)):
        granted = now - timedelta(seconds=540 - 540 * at // max(1, count))
        platform = f"platform-{digest_of(name.encode())[-12:]}"
        made.platforms[platform] = Platform(platform, name[:5], "")
        entry = _grant(name, platform, models[at % len(models)], granted + LEASE)
        made.leaves.append(grant_entry(granted, entry))
        made.nodes.append(_node(name, state, (first + at, entry), at % HEARTBEAT, now))
    made.nodes.sort(key=lambda each: each.name)
    return made


def spoken(node: Node, random: Random, now: datetime) -> Node:
    """The node's next word: nearly always that it is well, sometimes of another state."""
    state = node.state if random.random() < 0.9 else random.choice(tuple(SHARES))
    age = random.randrange(3)
    return replace(node, state=state, age_seconds=age, heard=now - timedelta(seconds=age))


def facts_with(known: Facts, fleet: Fleet, now: datetime) -> Facts:
    """The recording's facts as if its log and its platforms statement had named this fleet."""
    if known.seen is None:
        raise ValueError("nothing is known of the authority")
    state = _with_platforms(known.seen.state, fleet.platforms, now)
    leaves = [*known.seen.leaves, *fleet.leaves]
    return replace(
        known,
        connection=Connection(Link.LIVE, heard=now, behind_ms=0),
        seen=replace(known.seen, state=state, leaves=leaves, as_of=now),
        nodes=Nodes(tuple(fleet.nodes), now),
    )


def answer(nodes: Sequence[Node], now: datetime) -> bytes:
    """As the control plane lists them, each with the time of its last heartbeat."""
    listed = []
    for at, node in enumerate(nodes):
        age = (int(now.timestamp()) + at) % HEARTBEAT
        listed.append(
            {
                "name": node.name,
                "state": node.state.value,
                "age_seconds": age,
                "last_seen": format_time(now - timedelta(seconds=age)),
                "last_attested": None,
                "model": node.model,
                "lease": None,
                "lease_until": None,
                "platform": node.platform,
                "reasons": [],
                "simulated": True,
                "caveats": list(node.caveats),
                "time_to_wipe_ms": None,
            }
        )
    return dump({"nodes": listed})


def _node(
    name: str, state: NodeState, granted: tuple[int, GrantEntry], age: int, now: datetime
) -> Node:
    return Node(
        name=name,
        state=state,
        age_seconds=age,
        heard=now - timedelta(seconds=age),
        last_seen=None,
        last_attested=None,
        model=granted[1].model,
        lease=None,
        lease_until=None,
        platform=granted[1].platform,
        reasons=(),
        simulated=True,
        caveats=_CAVEATS,
        time_to_wipe_ms=None,
        granted=granted,
        refused=None,
    )


def _grant(name: str, platform: str, model: Digest, until: datetime) -> GrantEntry:
    about = name.encode()
    return GrantEntry(
        Purpose.RENEWAL,
        digest_of(b"grant " + about),
        digest_of(about)[-32:],
        until,
        bytes(32),
        model,
        name,
        platform,
        digest_of(b"tls " + about),
        bytes(32),
        digest_of(b"evidence " + about),
        (),
        _CAVEATS,
    )


def _with_platforms(
    state: AuthorityState, platforms: dict[str, Platform], now: datetime
) -> AuthorityState:
    newest = dict(state.newest)
    for kind, subject in state.newest:
        found = state.in_force(kind, subject, now) if kind is Kind.PLATFORMS else None
        if found is not None:
            statement = replace(found.statement, body=Platforms(platforms))
            newest[kind, subject] = replace(found, statement=statement)
            return replace(state, newest=newest)
    return state
