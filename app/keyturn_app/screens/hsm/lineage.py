"""What hangs on each key: KEK, the DEKs under it, the model versions they open, the nodes.

Edges say whose word they are: that a model version was admitted and that a node got its key
stand in the log and are proved; under which KEK a DEK lies is the server's word. No Qt in here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from keyturn.ceremony.tokeninventory import KeyState, TokenInventory
from keyturn.client.inventory import Model, Node, NodeState
from keyturn_app.i18n import _, n_
from keyturn_app.screens.hsm.words import profile_word, short, state_look
from keyturn_app.states import Look, node_look

NOT_SAID = "not-said"
"""The place of DEKs of which nobody says under which KEK they lie."""
SINGLE = 8
"""So many nodes of one model version are drawn one by one."""
_NAMED = 3
_HOLDS = frozenset({NodeState.ATTESTED, NodeState.STALE, NodeState.QUARANTINED, NodeState.UNKNOWN})
"""A node that is unknown may still hold what it got."""


class Tier(Enum):
    KEK = 0
    DEK = 1
    MODEL = 2
    NODE = 3


@dataclass(frozen=True, slots=True)
class Spot:
    """One box of the picture. `up`: the spot to its left, if any."""

    id: str
    tier: Tier
    title: str
    text: str
    look: Look
    proved: bool
    up: str | None = None

    @property
    def spoken(self) -> str:
        whose = _("proved by the log") if self.proved else _("said by the server")
        return f"{self.title}, {self.text}, {self.look.word}, {whose}"


@dataclass(frozen=True, slots=True)
class LineageRow:
    """The same as text: one model version. `spots`: what it is of, from KEK to nodes."""

    id: str
    kek: str
    dek: str
    model: str
    nodes: str
    look: Look
    spots: frozenset[str]
    count: int = 0
    """Of the nodes."""

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.kek, self.dek, self.model, self.look.word, self.nodes)


@dataclass(frozen=True, slots=True)
class Lineage:
    """Spots in the order of their rows: each KEK, then per model its DEK, itself, its nodes."""

    spots: tuple[Spot, ...] = ()
    rows: tuple[LineageRow, ...] = ()
    models: int = 0
    """How many there are, also those that a filter leaves out."""

    def find(self, spot: str | None) -> Spot | None:
        return next((each for each in self.spots if each.id == spot), None)

    @property
    def summary(self) -> str:
        nodes = sum(each.count for each in self.rows)
        versions = n_("{count} model version", "{count} model versions", len(self.rows))
        holding = n_("{count} node", "{count} nodes", nodes)
        return f"{versions} · {holding}"


def lineage_of(
    inventory: TokenInventory | None,
    models: Sequence[Model],
    nodes: Sequence[Node],
    line: str = "",
) -> Lineage:
    """`line`: words that a model version, its nodes or KEK must have. KEKs stay without it."""
    held: dict[str, list[Node]] = {}
    for node in nodes:
        if node.granted is not None and node.state in _HOLDS:
            held.setdefault(node.granted[1].model, []).append(node)
    by_kek: dict[str, list[Model]] = {}
    for model in models:
        if model.has_wrapped_key:
            by_kek.setdefault(model.kek or NOT_SAID, []).append(model)
    keks = _keks(inventory, by_kek)
    words = line.lower().split()
    spots: list[Spot] = []
    rows: list[LineageRow] = []
    for kek in keks:
        branch = [
            made
            for model in by_kek.get(kek.id, ())
            if _passes(made := _branch(kek, model, _chosen(held, model, words)), words)
        ]
        if branch or not words:
            spots.append(kek)
        for of_model, row in branch:
            spots += of_model
            rows.append(row)
    return Lineage(tuple(spots), tuple(rows), sum(map(len, by_kek.values())))


def _keks(inventory: TokenInventory | None, by_kek: Mapping[str, Sequence[Model]]) -> list[Spot]:
    """Those of the token, the active one first, then the newest; then those only spoken of."""
    listed = () if inventory is None else tuple(reversed(inventory.keks))
    ordered = sorted(listed, key=lambda each: _ORDER[each.state])
    spots = [
        Spot(
            each.id,
            Tier.KEK,
            f"KEK {short(each.id)}",
            profile_word(each.profile),
            state_look(each.state),
            proved=False,
        )
        for each in ordered
    ]
    known = {each.id for each in ordered}
    for kek in sorted(set(by_kek) - known):
        spots.append(_elsewhere(kek, token_known=inventory is not None))
    return spots


def _elsewhere(kek: str, *, token_known: bool) -> Spot:
    if kek == NOT_SAID:
        look = Look(_("Not said"), "unknown", "circle-help")
        return Spot(kek, Tier.KEK, "KEK", _("nobody says which"), look, proved=False)
    look = Look(_("Unknown"), "unknown", "circle-help")
    text = _("the token is not known here")
    if token_known:
        look = Look(_("Not on the token"), "danger", "octagon-x")
        text = _("its DEKs do not open here")
    return Spot(kek, Tier.KEK, f"KEK {short(kek)}", text, look, proved=False)


_ORDER = {
    KeyState.ACTIVE: 0,
    KeyState.PRE_ACTIVATION: 1,
    KeyState.DEACTIVATED: 2,
    KeyState.DESTROYED: 3,
}
_Branch = tuple[tuple[Spot, ...], LineageRow]


def _branch(kek: Spot, model: Model, nodes: Sequence[Node]) -> _Branch:
    admitted = model.admission is not None
    look = (
        Look(_("Admitted"), "ok", "circle-check")
        if admitted
        else Look(_("Not in force"), "stale", "hourglass")
    )
    dek = Spot(
        f"dek:{model.digest}",
        Tier.DEK,
        f"DEK {short(model.tag)}" if model.tag else "DEK",
        "AES-256",
        Look(_("Wrapped"), "unknown", "key-round"),
        proved=False,
        up=kek.id,
    )
    version = Spot(
        model.digest, Tier.MODEL, model.name, model.version, look, proved=admitted, up=dek.id
    )
    holding = _holding(version.id, nodes)
    spots = (dek, version, *holding)
    row = LineageRow(
        model.digest,
        f"{kek.title} · {kek.look.word}",
        dek.title,
        f"{model.name} {model.version}",
        ", ".join(sorted(each.name for each in nodes)) or "–",
        look,
        frozenset({kek.id, *(each.id for each in spots)}),
        len(nodes),
    )
    return spots, row


def _chosen(held: Mapping[str, list[Node]], model: Model, words: Sequence[str]) -> list[Node]:
    """Where words are some nodes' own, those nodes alone."""
    nodes = held.get(model.digest, [])
    named = [each for each in nodes if words and all(w in each.name.lower() for w in words)]
    return named or nodes


def _holding(model: str, nodes: Sequence[Node]) -> tuple[Spot, ...]:
    """A spot each, or where there are many, one for each state."""
    if len(nodes) <= SINGLE:
        return tuple(
            Spot(
                f"node:{model}:{each.name}",
                Tier.NODE,
                each.name,
                each.platform or _("platform not said"),
                node_look(each.state),
                proved=True,
                up=model,
            )
            for each in sorted(nodes, key=lambda each: each.name)
        )
    by_state: dict[NodeState, list[str]] = {}
    for each in nodes:
        by_state.setdefault(each.state, []).append(each.name)
    return tuple(
        Spot(
            f"nodes:{model}:{state.value}",
            Tier.NODE,
            n_("{count} node", "{count} nodes", len(by_state[state])),
            _some(by_state[state]),
            node_look(state),
            proved=True,
            up=model,
        )
        for state in NodeState
        if state in by_state
    )


def _some(names: Sequence[str]) -> str:
    more = " …" if len(names) > _NAMED else ""
    return ", ".join(sorted(names)[:_NAMED]) + more


def _passes(branch: _Branch, words: Sequence[str]) -> bool:
    if not words:
        return True
    spots, row = branch
    text = " ".join((*row.texts, *(f"{each.text} {each.look.word}" for each in spots), row.id))
    return all(word in text.lower() for word in words)


def related(lineage: Lineage, spot: str | None) -> frozenset[str]:
    """The spot, all it hangs on, and all that hangs on it."""
    if lineage.find(spot) is None or spot is None:
        return frozenset()
    ups = {each.id: each.up for each in lineage.spots}
    found = {spot}
    above = ups[spot]
    while above is not None:
        found.add(above)
        above = ups.get(above)
    below = {spot}
    for each in lineage.spots:  # each comes after what it hangs on
        if each.up in below:
            below.add(each.id)
    return frozenset(found | below)


class Way(Enum):
    UP = "up"
    DOWN = "down"
    LEFT = "left"
    RIGHT = "right"
    FIRST = "first"
    LAST = "last"


def step(lineage: Lineage, spot: str | None, way: Way) -> str | None:
    """Where an arrow key leads from `spot`: along its tier, or to what it hangs on or carries."""
    at = lineage.find(spot)
    if at is None or way is Way.FIRST:
        return lineage.spots[0].id if lineage.spots else None
    if way is Way.LAST:
        return lineage.spots[-1].id
    if way is Way.LEFT:
        return at.up or at.id
    if way is Way.RIGHT:
        return next((each.id for each in lineage.spots if each.up == at.id), at.id)
    tier = [each.id for each in lineage.spots if each.tier is at.tier]
    place = tier.index(at.id) + (1 if way is Way.DOWN else -1)
    return tier[min(len(tier) - 1, max(0, place))]
