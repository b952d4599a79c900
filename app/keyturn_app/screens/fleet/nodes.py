"""The nodes of the facts beside their rows in the store: what changed is found and put in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from keyturn.client.inventory import Node
from keyturn_app.facts import Facts, Nodes
from keyturn_app.screens.fleet.rows import EntryTimes, Lookup, Row, lookup_of, row_of
from keyturn_app.screens.fleet.store import FleetStore

_EXPIRY = timedelta(minutes=1)
"""How long a statement may be shown that has expired meanwhile."""


@dataclass(frozen=True, slots=True)
class Changes:
    """`anew`: nodes came, went or changed places, and everything must be loaded."""

    nodes: tuple[Node, ...] = ()
    anew: bool = False

    @property
    def any(self) -> bool:
        return self.anew or bool(self.nodes)


class NodeKeeper:
    """Nodes in the order of the store's places."""

    def __init__(self, store: FleetStore) -> None:
        self.store = store
        self.nodes: list[Node] = []
        self._source: Nodes | None = None
        self._lookup = Lookup()
        self._dates = EntryTimes()
        self._undated: set[str] = set()
        self._looked: tuple[object, object, datetime] = (
            None,
            None,
            datetime.min.replace(tzinfo=UTC),
        )

    def find(self, name: str | None) -> Node | None:
        place = None if name is None else self.store.place.get(name)
        return None if place is None else self.nodes[place]

    def row(self, node: Node) -> Row:
        return row_of(node, self._lookup, self._dates)

    def changes(self, facts: Facts) -> Changes:
        """What of the facts' nodes is not in the store yet."""
        nodes = facts.nodes
        if nodes is None:
            return Changes(anew=bool(self.nodes))
        if nodes is self._source:
            return Changes()
        if len(nodes.all) != len(self.nodes):
            return Changes(anew=True)
        if nodes.changed is None:
            return self._compared(nodes.all)
        return self._hinted(nodes.all, nodes.changed)

    def take(self, facts: Facts, changes: Changes) -> list[int]:
        """Put changes in. Gives the places of the rows that changed."""
        self._source = facts.nodes
        return self.put(changes.nodes)

    def load(self, facts: Facts) -> None:
        """Begin anew with the facts' nodes."""
        self._source = facts.nodes
        self.nodes = [] if facts.nodes is None else list(facts.nodes.all)
        self._undated.clear()
        self.store.load([self._dated(each) for each in self.nodes])

    def put(self, nodes: Iterable[Node]) -> list[int]:
        """Newer values of nodes that are known; of one name the last wins."""
        newest = {self.store.place[each.name]: each for each in nodes}
        spoke: list[Node] = []
        others: list[Node] = []
        for place, node in newest.items():
            (spoke if _only_spoke(self.nodes[place], node) else others).append(node)
            self.nodes[place] = node
        self.store.hear(
            [self.store.place[each.name] for each in spoke],
            [each.state for each in spoke],
            [each.age_seconds for each in spoke],
            [None if each.heard is None else each.heard.timestamp() for each in spoke],
        )
        self.store.update(self._dated(each) for each in others)
        return list(newest)

    def put_anew(self, nodes: Iterable[Node]) -> list[int]:
        """Nodes whose rows are other ones although they are not: something looked up changed."""
        places: list[int] = self.store.update(self._dated(each) for each in nodes).tolist()
        return places

    def look_up(self, facts: Facts, now: datetime) -> tuple[Node, ...]:
        """Take a newer log and inventory. Gives the nodes whose rows are other ones by that."""
        if facts.seen is not None:
            self._dates.follow(facts.seen.leaves)
        if self._may_differ(facts, now):
            lookup = lookup_of(facts, now)
            if lookup != self._lookup:
                self._lookup = lookup
                return tuple(self.nodes)
        undated = tuple(self.nodes[self.store.place[n]] for n in self._undated)
        return tuple(each for each in undated if self.row(each).attested is not None)

    def _may_differ(self, facts: Facts, now: datetime) -> bool:
        """Most of a log's entries are grants, which change nothing that is looked up here."""
        statements = None if facts.seen is None else facts.seen.state.newest
        before, self._looked = self._looked, (statements, facts.models, now)
        same = before[0] is statements and before[1] is facts.models
        if same and timedelta(0) <= now - before[2] < _EXPIRY:
            self._looked = before
            return False
        return True

    def _dated(self, node: Node) -> Row:
        """The row; remembered when the log that would date its grant is not here yet."""
        row = self.row(node)
        if node.granted is not None and row.attested is None:
            self._undated.add(node.name)
        else:
            self._undated.discard(node.name)
        return row

    def _hinted(self, new: Sequence[Node], changed: Iterable[str]) -> Changes:
        found = []
        for name in changed:
            place = self.store.place.get(name)
            if place is None or new[place].name != name:
                return self._compared(new)
            found.append(new[place])
        return Changes(tuple(found))

    def _compared(self, new: Sequence[Node]) -> Changes:
        found = []
        for old, node in zip(self.nodes, new, strict=True):
            if old is not node:
                if old.name != node.name:
                    return Changes(anew=True)
                found.append(node)
        return Changes(tuple(found))


def _only_spoke(old: Node, new: Node) -> bool:
    """Most of what comes is a heartbeat: nothing but the state and its age is another one."""
    return (
        old.granted is new.granted
        and old.refused is new.refused
        and old.platform == new.platform
        and old.model == new.model
        and old.caveats == new.caveats
        and old.simulated is new.simulated
    )
