"""Where the picture's boxes and lines stand, in pixels at zoom 1. No Qt in here."""

from collections.abc import Sequence
from dataclasses import dataclass

from keyturn_app.screens.hsm.lineage import Lineage, Spot, Tier

BOX_WIDTH = 200.0
BOX_HEIGHT = 44.0
GAP = 56.0
ROW = 54.0
MARGIN = 14.0
HEAD = 26.0
"""Above the boxes: what each tier is called."""


@dataclass(frozen=True, slots=True)
class Box:
    spot: Spot
    x: float
    y: float

    @property
    def middle(self) -> float:
        return self.y + BOX_HEIGHT / 2


@dataclass(frozen=True, slots=True)
class Edge:
    """From the right side of one box to the left side of another."""

    start: Box
    end: Box


@dataclass(frozen=True, slots=True)
class Picture:
    boxes: tuple[Box, ...] = ()
    edges: tuple[Edge, ...] = ()
    width: float = 0.0
    height: float = 0.0

    def at(self, x: float, y: float) -> Spot | None:
        """The spot whose box is there."""
        for each in self.boxes:
            if each.x <= x <= each.x + BOX_WIDTH and each.y <= y <= each.y + BOX_HEIGHT:
                return each.spot
        return None

    def box(self, spot: str | None) -> Box | None:
        return next((each for each in self.boxes if each.spot.id == spot), None)


def lay_out(lineage: Lineage) -> Picture:
    """One row for each model version, more where several nodes hold it; a KEK at its first. One
    without DEKs stands right below the KEK before it, beside that one's nodes."""
    boxes = tuple(
        Box(spot, tier_x(spot.tier), MARGIN + HEAD + row * ROW)
        for spot, row in zip(lineage.spots, _rows(lineage.spots), strict=True)
    )
    if not boxes:
        return Picture()
    by_id: dict[str | None, Box] = {each.spot.id: each for each in boxes}
    edges = tuple(Edge(by_id[each.spot.up], each) for each in boxes if each.spot.up in by_id)
    height = max(each.y for each in boxes) + BOX_HEIGHT + MARGIN
    return Picture(boxes, edges, tier_x(Tier.NODE) + BOX_WIDTH + MARGIN, height)


def _rows(spots: Sequence[Spot]) -> list[int]:
    """The row of each spot. `below`: the first that is empty in every tier; `beside`: the first
    with no KEK and no DEK."""
    rows: list[int] = []
    row = node_row = below = beside = 0
    for at, spot in enumerate(spots):
        if spot.tier is Tier.KEK:
            has_deks = spots[at + 1 : at + 2] and spots[at + 1].tier is Tier.DEK
            row = below if has_deks else beside
            beside, below = row + 1, below if has_deks else max(below, row + 1)
        elif spot.tier is Tier.DEK:
            row = node_row = below
            beside = below = row + 1
        elif spot.tier is Tier.NODE:
            row, node_row = node_row, node_row + 1
            below = max(below, node_row)
        rows.append(row)
    return rows


def tier_x(tier: Tier) -> float:
    return MARGIN + tier.value * (BOX_WIDTH + GAP)
