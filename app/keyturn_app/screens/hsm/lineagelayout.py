"""Where the picture's boxes and lines stand, in pixels at zoom 1. No Qt in here."""

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
    """One row for each model version, more where several nodes hold it; a KEK at its first."""
    boxes: list[Box] = []
    by_id: dict[str, Box] = {}
    edges: list[Edge] = []
    row, kek_empty = 0, False
    nodes = 0
    for spot in lineage.spots:
        if spot.tier is Tier.KEK:
            row += max(1, nodes) if boxes and not kek_empty else (1 if kek_empty else 0)
            nodes, kek_empty = 0, True
        elif spot.tier is Tier.DEK:
            if not kek_empty:
                row += max(1, nodes)
            nodes, kek_empty = 0, False
        place = row + (nodes if spot.tier is Tier.NODE else 0)
        if spot.tier is Tier.NODE:
            nodes += 1
        box = Box(spot, tier_x(spot.tier), MARGIN + HEAD + place * ROW)
        boxes.append(box)
        by_id[spot.id] = box
        if spot.up is not None and spot.up in by_id:
            edges.append(Edge(by_id[spot.up], box))
    height = max((each.y for each in boxes), default=0.0) + BOX_HEIGHT + MARGIN if boxes else 0.0
    width = tier_x(Tier.NODE) + BOX_WIDTH + MARGIN
    return Picture(tuple(boxes), tuple(edges), width if boxes else 0.0, height)


def tier_x(tier: Tier) -> float:
    return MARGIN + tier.value * (BOX_WIDTH + GAP)
