"""A fleet of four, its authority, and a desk on it: what presenters are tested with."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from keyturn.client.inventory import Node, NodeState
from keyturn.client.proposals import Proposal, Status
from keyturn.keyrelease.entries import grant_entry
from keyturn_app.desk import Topic
from keyturn_app.facts import Nodes
from keyturn_app.screens.fleet.presenter import FleetPresenter
from keyturn_app.settings import MemoryPreferences
from support import fleets
from support.desks import InlineDesk, InlineDoor, ScriptedOfficer
from unit.client.scripted_server import ScriptedServer

NAMES = ("fra-1-r01-g00", "fra-1-r01-g01", "fra-1-r02-g00", "sin-2-r01-g00")


@dataclass
class Screen:
    """What tells a table about rows, remembered."""

    anew: int = 0
    arranged: int = 0
    places: list[Sequence[int] | None] = field(default_factory=list)

    def before(self, *, anew: bool) -> None:
        self.anew += anew
        self.arranged += not anew

    def after(self, *, anew: bool) -> None:
        pass

    def updated(self, places: Sequence[int] | None) -> None:
        self.places.append(places)


class World:
    def __init__(self, *, officer: str = "ada", empty: bool = False) -> None:
        self.server: ScriptedServer = fleets.a_server()
        self.fleet = fleets.invent(first=len(self.server.leaves), names=NAMES)
        for place, node in enumerate(self.fleet.nodes):
            self.fleet.nodes[place] = replace(node, state=NodeState.ATTESTED)
        for leaf in self.fleet.leaves:
            self.server.append(leaf)
        self.fleet.leaves = []
        self.desk = InlineDesk(
            fleets.identity_of(self.server, officer), self.server.client(officer), self.server.clock
        )
        self.officer = ScriptedOfficer()
        self.copied: list[str] = []
        self.went: list[tuple[str, str]] = []
        self.preferences = MemoryPreferences()
        if not empty:
            self.desk.facts = fleets.facts_of(self.server, self.fleet)

    def presenter(self) -> FleetPresenter:
        return FleetPresenter(
            self.desk,
            InlineDoor(),
            self.officer,
            copy=self.copied.append,
            go=lambda page, target: self.went.append((page, target)),
            preferences=self.preferences,
        )

    def node(self, name: str = NAMES[0]) -> Node:
        return next(each for each in self.fleet.nodes if each.name == name)

    def regrant(self, name: str = NAMES[0]) -> Node:
        """The node renews its lease: the log grows, and the desk hears of both."""
        node, now = self.node(name), self.desk.now()
        assert node.granted is not None
        entry = replace(node.granted[1], until=now + fleets.LEASE)
        index = self.server.append(grant_entry(now, entry))
        self.fleet.nodes = [
            replace(each, granted=(index, entry)) if each is node else each
            for each in self.fleet.nodes
        ]
        self.desk.show(fleets.facts_of(self.server, self.fleet), Topic.SEEN, Topic.NODES)
        return self.node(name)

    def open_proposals(self) -> list[Proposal]:
        found = self.server.client().proposals()
        return [each for each in found if each.status is Status.OPEN]

    def change(self, *nodes: Node, hint: bool = True) -> None:
        """Newer nodes arrive, as the network thread would bring them."""
        newest = {each.name: each for each in nodes}
        self.fleet.nodes = [newest.get(each.name, each) for each in self.fleet.nodes]
        changed = frozenset(newest) if hint else None
        self.show_nodes(Nodes(tuple(self.fleet.nodes), self.desk.now(), changed))

    def show_nodes(self, nodes: Nodes) -> None:
        self.desk.show(replace(self.desk.facts, nodes=nodes), Topic.NODES)

    def wait(self, seconds: float) -> None:
        self.server.clock.now += timedelta(seconds=seconds)
