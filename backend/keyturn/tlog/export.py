"""Checking a whole log from its static files: every entry, every tile, one signed root.

Source: c2sp.org/tlog-tiles. Reads through a function, so it works on a directory, an archive
or a server alike; the files may be hostile. Entries are given out only after all were proved,
and each bundle is proved again as it is read, in case it changed in between.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from keyturn.base.signatures import VerifyKey
from keyturn.tlog.bundles import parse_bundle
from keyturn.tlog.checkpoints import SignedCheckpoint, verify_checkpoint
from keyturn.tlog.errors import MalformedTile, UntrustedProof
from keyturn.tlog.merkle import HASH_SIZE, Hash, leaf_hash, tree_root
from keyturn.tlog.tiles import (
    CHECKPOINT_PATH,
    MAX_LEVEL,
    TILE_WIDTH,
    Bundle,
    Tile,
    bundles_of,
)

ResourceReader = Callable[[str], bytes | None]
"""Gives the bytes at a path relative to the log, or None when there is nothing."""


@dataclass(frozen=True, slots=True)
class VerifiedLog:
    """A log all of whose entries lead to its signed checkpoint."""

    checkpoint: SignedCheckpoint
    _read: ResourceReader = field(repr=False)
    _bundle_roots: tuple[Hash, ...] = field(repr=False)

    @property
    def size(self) -> int:
        return self.checkpoint.checkpoint.size

    def leaves(self) -> Iterator[bytes]:
        """All entries in order. Raises UntrustedProof when a file changed since the check."""
        for bundle in bundles_of(self.size):
            entries = read_bundle(self._read, bundle)
            if tree_root(map(leaf_hash, entries)) != self._bundle_roots[bundle.index]:
                raise UntrustedProof(f"{bundle.path} changed after it was verified")
            yield from entries


def verify_export(read: ResourceReader, log_key: VerifyKey, origin: str) -> VerifiedLog:
    """Check every entry and every tile against the signed checkpoint.

    Raises MalformedNote or UntrustedCheckpoint for the checkpoint, MalformedTile for a missing
    or misshapen file, UntrustedProof for contents that do not hash to it. Memory: 32 bytes for
    every 256 entries.
    """
    signed = verify_checkpoint(_get(read, CHECKPOINT_PATH), log_key, origin)
    at = signed.checkpoint
    roots: list[Hash] = []
    upper: list[list[Hash]] = [[] for _ in range(MAX_LEVEL + 1)]  # hashes of unfinished tiles
    for bundle in bundles_of(at.size):
        hashes = [leaf_hash(entry) for entry in read_bundle(read, bundle)]
        _check_tile(read, Tile(0, bundle.index, bundle.width), hashes)
        roots.append(tree_root(hashes))
        if bundle.width == TILE_WIDTH:
            _climb(read, upper, bundle.index, roots[-1])
    for level in range(1, MAX_LEVEL + 1):
        if upper[level]:
            index = (at.size >> (8 * level)) // TILE_WIDTH
            _check_tile(read, Tile(level, index, len(upper[level])), upper[level])
    # A last partial bundle is the rightmost and smallest part of the RFC's split, so the tree
    # over bundle roots has the shape of the upper part of the tree over leaves.
    found = tree_root(roots)
    if found != at.root:
        raise UntrustedProof(
            "the entries lead to another root", found=found.hex(), expected=at.root.hex()
        )
    return VerifiedLog(signed, read, tuple(roots))


def _climb(read: ResourceReader, upper: list[list[Hash]], index: int, root: Hash) -> None:
    """Put a full tile's root into the tile above; check and close each that becomes full."""
    for level in range(1, MAX_LEVEL + 1):
        upper[level].append(root)
        if len(upper[level]) < TILE_WIDTH:
            return
        index //= TILE_WIDTH
        _check_tile(read, Tile(level, index), upper[level])
        root = tree_root(upper[level])
        upper[level].clear()


def _check_tile(read: ResourceReader, tile: Tile, expected: list[Hash]) -> None:
    raw = _get(read, tile.path)
    if len(raw) != tile.width * HASH_SIZE:
        raise MalformedTile(
            f"{tile.path} has the wrong size",
            found=f"{len(raw)} bytes",
            expected=f"{tile.width * HASH_SIZE} bytes",
        )
    if raw != b"".join(expected):
        raise UntrustedProof(
            f"{_below(tile, raw, expected)}: {tile.path} does not match the entries below it"
        )


def _below(tile: Tile, raw: bytes, expected: list[Hash]) -> str:
    """The entries whose hash is the first that differs."""
    parts = (raw[start : start + HASH_SIZE] for start in range(0, len(raw), HASH_SIZE))
    place = next(place for place, part in enumerate(parts) if part != expected[place])
    each = TILE_WIDTH**tile.level
    first = (tile.index * TILE_WIDTH + place) * each
    return f"entry {first}" if each == 1 else f"entries {first} to {first + each - 1}"


def read_bundle(read: ResourceReader, bundle: Bundle) -> tuple[bytes, ...]:
    """The entries of one bundle, not proved. Raises MalformedTile."""
    try:
        return parse_bundle(_get(read, bundle.path), bundle.width, bundle.index * TILE_WIDTH)
    except MalformedTile as error:
        raise MalformedTile(
            f"{bundle.path}: {error.message}", found=error.found, expected=error.expected
        ) from error


def _get(read: ResourceReader, path: str) -> bytes:
    raw = read(path)
    if raw is None:
        raise MalformedTile(f"the log has no file {path}")
    return raw
