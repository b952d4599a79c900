"""Full tiles and bundles on the disk, and the hashes of those not yet full in memory.

Files are C2SP paths below the log's directory. Only full ones are stored: the growing edge
lives in the tail, and the hashes of unfinished upper tiles are the roots of full tiles below,
computed again at each opening (at most 255 tiles a level).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from keyturn.keyholder.logdisk_errors import LogDamaged
from keyturn.keyholder.logdisk_io import AtomicFiles
from keyturn.keyholder.logdisk_tail import Tail
from keyturn.tlog.bundles import bundle_bytes, parse_bundle
from keyturn.tlog.errors import MalformedTile
from keyturn.tlog.merkle import HASH_SIZE, Hash
from keyturn.tlog.tiles import (
    EMPTY_PYRAMID,
    MAX_LEVEL,
    TILE_HEIGHT,
    TILE_WIDTH,
    Bundle,
    Pyramid,
    Tile,
    pyramid_of,
)

_CACHED_TILES = 512  # 16 KiB each: 8 MiB
_CACHED_BUNDLES = 8


@dataclass(frozen=True, slots=True)
class Edge:
    """The hashes of the unfinished tile of each level, joined; level 0 is the tail's."""

    size: int  # leaves of the tree
    start: int  # leaves in full level-0 tiles
    levels: tuple[bytes, ...]  # MAX_LEVEL + 1 of them

    def full_tiles(self, level: int) -> int:
        """How many full tiles of this level are on the disk."""
        return self.start >> (TILE_HEIGHT * (level + 1))

    def with_tail(self, tail: Tail) -> "Edge":
        return Edge(tail.end, tail.start, (b"".join(tail.hashes), *self.levels[1:]))


class TileFiles:
    """Reads and writes full tiles and bundles; safe for many readers beside one writer."""

    def __init__(self, root: Path, files: AtomicFiles) -> None:
        self._root = root
        self._files = files
        self._full = lru_cache(maxsize=_CACHED_TILES)(self._load_pyramid)
        self._growing = [EMPTY_PYRAMID] * (MAX_LEVEL + 1)
        self.bundle = lru_cache(maxsize=_CACHED_BUNDLES)(self._load_bundle)

    def forget(self) -> None:
        """Drop what was read, to see the disk again."""
        self._growing = [EMPTY_PYRAMID] * (MAX_LEVEL + 1)
        self._full.cache_clear()
        self.bundle.cache_clear()

    def pyramid(self, edge: Edge, tile: Tile) -> Pyramid:
        """The tile's nodes, perhaps of a wider tile than asked for: its nodes are the same."""
        if tile.index < edge.full_tiles(tile.level):
            return self._full(Tile(tile.level, tile.index))
        raw, known = edge.levels[tile.level], self._growing[tile.level]
        if not known.levels[0].startswith(raw):
            known = pyramid_of(raw, len(raw) // HASH_SIZE, known)
            self._growing[tile.level] = known  # whichever thread is last: each is right
        return known

    def load_edge(self, tail: Tail) -> Edge:
        """Compute the upper levels' unfinished hashes from the full tiles below them.

        Raises LogDamaged when one of those is missing or misshapen.
        """
        levels = [b""]
        for level in range(1, MAX_LEVEL + 1):
            full_below = tail.start >> (TILE_HEIGHT * level)
            first = full_below - full_below % TILE_WIDTH
            below = (Tile(level - 1, index) for index in range(first, full_below))
            levels.append(b"".join(_top(self._full(tile)) for tile in below))
        return Edge(tail.start, tail.start, tuple(levels)).with_tail(tail)

    def store_full(self, edge: Edge, tail: Tail) -> Edge:
        """Make every full bundle of `tail` durable with its tiles; the edge that is left.

        Writing the same again is harmless. Raises OSError.
        """
        levels = [b"", *edge.levels[1:]]
        paths: list[Path] = []
        full = len(tail.entries) // TILE_WIDTH
        for place in range(0, full * TILE_WIDTH, TILE_WIDTH):
            index = (tail.start + place) // TILE_WIDTH
            entries = tail.entries[place : place + TILE_WIDTH]
            paths.append(self._write(Bundle(index).path, bundle_bytes(entries)))
            hashes = b"".join(tail.hashes[place : place + TILE_WIDTH])
            paths.extend(self._climb(levels, index, hashes))
        self._files.sync_names(paths)
        rest = tail.after(tail.start + full * TILE_WIDTH)
        return Edge(rest.start, rest.start, tuple(levels)).with_tail(rest)

    def _climb(self, levels: list[bytes], index: int, hashes: bytes) -> Iterable[Path]:
        for level in range(MAX_LEVEL):
            pyramid = pyramid_of(hashes, TILE_WIDTH)
            yield self._write(Tile(level, index).path, hashes)
            hashes = levels[level + 1] + _top(pyramid)
            index //= TILE_WIDTH
            if len(hashes) < TILE_WIDTH * 32:
                levels[level + 1] = hashes
                return
            levels[level + 1] = b""

    def _write(self, path: str, data: bytes) -> Path:
        target = self._root / path
        self._files.write(target, data)
        return target

    def _load_pyramid(self, tile: Tile) -> Pyramid:
        try:
            return pyramid_of(read_existing(self._root / tile.path), TILE_WIDTH)
        except MalformedTile as error:
            raise LogDamaged(f"{tile.path}: {error}") from error

    def _load_bundle(self, index: int) -> tuple[bytes, ...]:
        path = Bundle(index).path
        try:
            return parse_bundle(read_existing(self._root / path), TILE_WIDTH)
        except MalformedTile as error:
            raise LogDamaged(f"{path}: {error}") from error


def read_existing(path: Path) -> bytes:
    """The bytes of a file that the log must have. Raises LogDamaged when they cannot be had."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise LogDamaged(
            f"the log's file {path.name} cannot be read", found=error.strerror or "an error"
        ) from error


def _top(pyramid: Pyramid) -> Hash:
    return pyramid.node(TILE_HEIGHT, 0)
