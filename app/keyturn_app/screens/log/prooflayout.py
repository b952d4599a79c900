"""Where an inclusion proof's nodes stand on paper: numbers only, no Qt.

The path runs up the middle, the leaf below and the root on top; each sibling stands beside the
node that it joins, on the side where the tree has it.
"""

from dataclasses import dataclass
from enum import Enum

from keyturn_app.screens.log.proofsteps import Path

NODE_WIDTH, NODE_HEIGHT = 84, 34
GAP, RISE, MARGIN = 10, 18, 2


class Role(Enum):
    LEAF = "leaf"
    SIBLING = "sibling"
    JOINED = "joined"
    ROOT = "root"


@dataclass(frozen=True, slots=True)
class Box:
    """A node: `hash` short, `span` the leaves under it; `on_path` is drawn strong, and checked."""

    role: Role
    x: float
    y: float
    hash: str
    span: str

    @property
    def on_path(self) -> bool:
        return self.role is not Role.SIBLING

    @property
    def top(self) -> tuple[float, float]:
        return self.x + NODE_WIDTH / 2, self.y

    @property
    def bottom(self) -> tuple[float, float]:
        return self.x + NODE_WIDTH / 2, self.y + NODE_HEIGHT


@dataclass(frozen=True, slots=True)
class Edge:
    """From a node's top to the bottom of the node above it."""

    start: tuple[float, float]
    end: tuple[float, float]
    on_path: bool


@dataclass(frozen=True, slots=True)
class Layout:
    width: float
    height: float
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]


def layout(path: Path) -> Layout:
    """Three columns wide, one row a level."""
    middle = MARGIN + NODE_WIDTH + GAP
    rows = len(path.steps)
    pitch = NODE_HEIGHT + RISE

    def row_y(level: int) -> float:
        return MARGIN + (rows - level) * pitch

    leaf_role = Role.LEAF if path.steps else Role.ROOT
    below = Box(leaf_role, middle, row_y(0), short(path.leaf), f"{path.index:,}")
    boxes, edges = [below], []
    for level, step in enumerate(path.steps):
        x = MARGIN if step.left else MARGIN + 2 * (NODE_WIDTH + GAP)
        sibling = Box(Role.SIBLING, x, row_y(level), short(step.sibling), step.sibling_span.text)
        role = Role.ROOT if level == rows - 1 else Role.JOINED
        above = Box(role, middle, row_y(level + 1), short(step.result), step.span.text)
        edges.append(Edge(sibling.top, above.bottom, on_path=False))
        edges.append(Edge(below.top, above.bottom, on_path=True))
        boxes += [sibling, above]
        below = above
    width = 2 * MARGIN + 3 * NODE_WIDTH + 2 * GAP
    return Layout(width, 2 * MARGIN + rows * pitch + NODE_HEIGHT, tuple(boxes), tuple(edges))


def short(value: bytes) -> str:
    """First and last digits, like `3f2a…c9`."""
    digits = value.hex()
    return f"{digits[:4]}…{digits[-4:]}"
