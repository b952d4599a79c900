"""The heat map as values: one cell a rack, its worst state, grouped by site. No Qt.

In a fleet so small that one sees each node, a cell is a node.
"""

from collections import Counter
from dataclasses import dataclass
from enum import Enum

import numpy as np

from keyturn_app.i18n import _, n_
from keyturn_app.screens.fleet.filtering import quoted
from keyturn_app.screens.fleet.rows import NOWHERE
from keyturn_app.screens.fleet.store import STATES, FleetStore, Places
from keyturn_app.states import node_look

SMALL = 128
"""Nodes up to which each has a cell of its own."""
FEW = 24
"""Nodes up to which each has its name beside its cell."""


class Grouping(Enum):
    SITE = "site"
    MODEL = "model"
    POLICY = "policy"


@dataclass(frozen=True, slots=True)
class HeatGroup:
    """Cells `start` to `end` of the map."""

    name: str
    nodes: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class HeatView:
    """`worst`: a state's code for each cell; `chosen`: the cell of the selected node, or -1.

    `names` stand beside their cells where there are so few.
    """

    subtitle: str
    groups: tuple[HeatGroup, ...]
    labels: tuple[str, ...]
    worst: bytes
    chosen: int = -1
    names: tuple[str, ...] = ()


EMPTY = HeatView("", (), (), b"")


class HeatLayout:
    """Which node is in which cell. Made anew when nodes come or go, or move."""

    def __init__(self, store: FleetStore, grouping: Grouping) -> None:
        self._store, self._grouping = store, grouping
        self.by_node = len(store) <= SMALL
        groups = {
            Grouping.SITE: store.site,
            Grouping.MODEL: store.model,
            Grouping.POLICY: store.policy,
        }[grouping]
        keys = [
            (groups[place], store.names[place] if self.by_node else store.rack[place])
            for place in range(len(store))
        ]
        self.cells: tuple[tuple[str, str], ...] = tuple(sorted(set(keys), key=_natural))
        at = {key: cell for cell, key in enumerate(self.cells)}
        self.cell_of = np.fromiter((at[key] for key in keys), np.int64, len(keys))
        self._sizes = np.bincount(self.cell_of, minlength=len(self.cells))
        self.groups = self._grouped()
        self.labels = tuple(self._label(cell) for cell in range(len(self.cells)))

    def view(self, chosen: int | None) -> HeatView:
        """`chosen`: the place of the selected node."""
        worst = np.zeros(len(self.cells), np.uint8)
        np.maximum.at(worst, self.cell_of, self._store.state)
        cell = -1 if chosen is None else int(self.cell_of[chosen])
        names = tuple(name for _group, name in self.cells) if len(self._store) <= FEW else ()
        return HeatView(self._subtitle(), self.groups, self.labels, worst.tobytes(), cell, names)

    def nodes_in(self, cell: int) -> Places:
        """Places."""
        return np.flatnonzero(self.cell_of == cell)

    def query(self, cell: int) -> str:
        """The filter that leaves exactly the nodes of a cell."""
        group, rack = self.cells[cell]
        if self.by_node:
            return f"name:{quoted(rack)}"
        return f"{self._grouping.value}:{quoted(group)} rack:{quoted(rack)}"

    def describe(self, cell: int) -> str:
        """A cell in words: how many nodes are in which state, worst first."""
        states = Counter(int(code) for code in self._store.state[self.nodes_in(cell)])
        said = ", ".join(
            f"{states[code]} {node_look(STATES[code]).word}"
            for code in sorted(states, reverse=True)
        )
        return f"{self.labels[cell]}: {said}"

    def _label(self, cell: int) -> str:
        group, rack = self.cells[cell]
        if self.by_node:
            return f"{rack} · {group}" if group != NOWHERE else rack
        name = _("no rack") if rack == NOWHERE else _("rack {name}").format(name=rack)
        return f"{group} · {name}"

    def _subtitle(self) -> str:
        count = len(self.cells)
        if self.by_node:
            return n_("{count} node, one cell each", "{count} nodes, one cell each", count)
        racks = n_("{count} rack", "{count} racks", count)
        largest = int(self._sizes.max()) if count else 0
        size = _("of up to {count}").format(count=f"{largest:,}")
        return f"{racks} {size} · {_('worst state shown')}"

    def _grouped(self) -> tuple[HeatGroup, ...]:
        starts: dict[str, int] = {}
        for cell, (group, _rack) in enumerate(self.cells):
            starts.setdefault(group, cell)
        ends = [*list(starts.values())[1:], len(self.cells)]
        return tuple(
            HeatGroup(name, int(self._sizes[start:end].sum()), start, end)
            for (name, start), end in zip(starts.items(), ends, strict=True)
        )


def _natural(key: tuple[str, str]) -> tuple[object, ...]:
    """`r2` before `r10`; what has no name last."""
    group, rack = key
    digits = "".join(each for each in rack if each.isdigit())
    return (group == NOWHERE, group, rack == NOWHERE, int(digits[:9] or 0), rack)


def moved(view: HeatView, cell: int, across: int, down: int, rows: int) -> int:
    """The cell that an arrow key leads to: `down` in the column, `across` to the next one."""
    if not view.labels:
        return -1
    if cell < 0:
        return 0
    wanted = cell + down + across * rows
    return max(0, min(len(view.labels) - 1, wanted))
