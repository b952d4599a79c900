"""C2SP tlog-tiles: the tree as static files, and reading nodes back out of them.

Source: c2sp.org/tlog-tiles. Tile (level, index) holds up to 256 consecutive hashes of tree
level 8 * level; a tile that is not full is named by its width. Paths are relative to the log.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from keyturn.tlog.errors import MalformedTile, OutsideTree
from keyturn.tlog.merkle import HASH_SIZE, Hash, Nodes

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
MAX_LEVEL = 6  # 256^7 leaves exceed MAX_TREE_SIZE
CHECKPOINT_PATH = "checkpoint"

_TILE_PATH = re.compile(
    r"tile/(entries|[0-6])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile: `level` in tiles (0 holds leaf hashes), `width` 1 to 256 hashes."""

    level: int
    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        in_range = 0 <= self.level <= MAX_LEVEL and 0 <= self.index < 1 << 45
        if not in_range or not 1 <= self.width <= TILE_WIDTH:
            raise MalformedTile(
                "no such tile", found=f"level {self.level}, {self.index}, width {self.width}"
            )

    @property
    def path(self) -> str:
        return f"tile/{self.level}/{_index_path(self.index)}{_partial(self.width)}"


@dataclass(frozen=True, slots=True)
class Bundle:
    """The entries whose leaf hashes are the level-0 tile `index` of this `width`."""

    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        if not 0 <= self.index < 1 << 45 or not 1 <= self.width <= TILE_WIDTH:
            raise MalformedTile("no such bundle", found=f"{self.index}, width {self.width}")

    @property
    def path(self) -> str:
        return f"tile/entries/{_index_path(self.index)}{_partial(self.width)}"


TileReader = Callable[[Tile], bytes]
"""Gives the tile's bytes: `width` * 32. Whoever calls checks the size."""


def parse_path(path: str) -> Tile | Bundle:
    """Read a tile's or bundle's path; only the one canonical spelling. Raises MalformedTile."""
    match = _TILE_PATH.fullmatch(path)
    if not match or len(path) > 80:
        raise MalformedTile("not a tile's path", found=repr(path[:80]))
    index = int(match[2].replace("/", "").replace("x", ""))
    width = int(match[3] or TILE_WIDTH)
    tile = Bundle(index, width) if match[1] == "entries" else Tile(int(match[1]), index, width)
    if tile.path != path:
        raise MalformedTile("tile path in another spelling", found=path, expected=tile.path)
    return tile


def tiles_of(size: int) -> Iterator[Tile]:
    """All tiles that the tree of `size` leaves has, level by level, left to right."""
    for level in range(MAX_LEVEL + 1):
        hashes = size >> (TILE_HEIGHT * level)
        for index in range(hashes >> TILE_HEIGHT):
            yield Tile(level, index)
        if hashes & (TILE_WIDTH - 1):
            yield Tile(level, hashes >> TILE_HEIGHT, hashes & (TILE_WIDTH - 1))


def bundles_of(size: int) -> Iterator[Bundle]:
    """All entry bundles of a log of `size` entries, left to right."""
    for index in range(size >> TILE_HEIGHT):
        yield Bundle(index)
    if size & (TILE_WIDTH - 1):
        yield Bundle(size >> TILE_HEIGHT, size & (TILE_WIDTH - 1))


def tile_in(size: int, level: int, index: int) -> Tile:
    """The tile (level, index) as wide as it is in the tree of `size` leaves.

    Raises OutsideTree when that tree does not have it.
    """
    width = min(TILE_WIDTH, (size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH)
    if width <= 0:
        raise OutsideTree(f"a tree of {size} leaves has no tile {level}/{index}")
    return Tile(level, index, width)


@dataclass(frozen=True, slots=True)
class Pyramid:
    """A tile's hashes and all complete nodes above them within the tile.

    `levels[k]` is the concatenation of the nodes 2^k hashes wide.
    """

    levels: tuple[bytes, ...]

    def node(self, level: int, index: int) -> Hash:
        """The node `level` (0 to 8) above the tile's own hashes."""
        start = index * HASH_SIZE
        found = self.levels[level][start : start + HASH_SIZE]
        if len(found) != HASH_SIZE:
            raise OutsideTree(f"the tile has no node {index} at level {level}")
        return Hash(found)


EMPTY_PYRAMID = Pyramid((b"",) * (TILE_HEIGHT + 1))


def pyramid_of(raw: bytes, width: int, grown: Pyramid = EMPTY_PYRAMID) -> Pyramid:
    """Hash a tile's bytes upwards. Raises MalformedTile unless there are `width` hashes.

    `grown`: the pyramid of this tile when it was narrower, of which only what is new is hashed.
    """
    if len(raw) != width * HASH_SIZE:
        raise MalformedTile(
            "tile has the wrong size",
            found=f"{len(raw)} bytes",
            expected=f"{width * HASH_SIZE} bytes",
        )
    sha256, pair = hashlib.sha256, 2 * HASH_SIZE
    known = grown.levels if raw.startswith(grown.levels[0]) else EMPTY_PYRAMID.levels
    levels = [bytes(raw)]
    for level in range(1, TILE_HEIGHT + 1):
        below, first = levels[-1], known[level]
        pairs = range(2 * len(first), len(below) - pair + 1, pair)
        rest = [sha256(b"\x01" + below[i : i + pair]).digest() for i in pairs]
        levels.append(b"".join((first, *rest)))
    return Pyramid(tuple(levels))


def nodes_from(size: int, pyramid: Callable[[Tile], Pyramid]) -> Nodes:
    """A node reader over the tiles of the tree of `size` leaves."""

    def node(level: int, index: int) -> Hash:
        if (index + 1) << level > size:
            raise OutsideTree(f"a tree of {size} leaves has no complete node {level}/{index}")
        tile_level, above = divmod(level, TILE_HEIGHT)
        first = index << above  # among the tile level's hashes
        tile = tile_in(size, tile_level, first >> TILE_HEIGHT)
        return pyramid(tile).node(above, (first & (TILE_WIDTH - 1)) >> above)

    return node


def nodes_from_tiles(size: int, read: TileReader) -> Nodes:
    """As `nodes_from`, reading each tile once from `read`, which may be hostile storage:
    proofs made from it prove nothing until they are verified."""
    known: dict[Tile, Pyramid] = {}

    def pyramid(tile: Tile) -> Pyramid:
        if tile not in known:
            known[tile] = pyramid_of(read(tile), tile.width)
        return known[tile]

    return nodes_from(size, pyramid)


def _index_path(index: int) -> str:
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    return "/".join(["x" + group for group in groups[:-1]] + groups[-1:])


def _partial(width: int) -> str:
    return "" if width == TILE_WIDTH else f".p/{width}"
