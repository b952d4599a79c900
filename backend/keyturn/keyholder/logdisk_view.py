"""The log at one checkpoint: entries, proofs and static resources, unmoved by later appends.

Everything that is given out is verified first against the frontier in memory, which was itself
checked against the signed checkpoint: a changed file is LogDamaged, never a wrong answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from keyturn.base.errors import UntrustedError
from keyturn.keyholder.logdisk_errors import LogDamaged, LogRolledBack
from keyturn.keyholder.logdisk_tail import Tail
from keyturn.keyholder.logdisk_tiles import Edge, TileFiles
from keyturn.tlog.bundles import bundle_bytes
from keyturn.tlog.checkpoints import Checkpoint, SignedCheckpoint
from keyturn.tlog.errors import MalformedTile, OutsideTree
from keyturn.tlog.merkle import (
    HASH_SIZE,
    Frontier,
    Hash,
    Nodes,
    complete_subtrees,
    frontier_of,
    leaf_hash,
)
from keyturn.tlog.proofs import (
    Proof,
    consistency_proof,
    inclusion_proof,
    verify_consistency,
    verify_inclusion,
)
from keyturn.tlog.receipts import Receipt
from keyturn.tlog.tiles import (
    CHECKPOINT_PATH,
    TILE_HEIGHT,
    TILE_WIDTH,
    Bundle,
    Pyramid,
    Tile,
    nodes_from,
    parse_path,
    tile_in,
)


@dataclass(frozen=True, slots=True)
class LogView:
    """A checkpoint and all that lies under it."""

    checkpoint: SignedCheckpoint
    _tiles: TileFiles
    _tail: Tail
    _edge: Edge
    _frontier: Frontier

    @property
    def size(self) -> int:
        return self._frontier.size

    def leaves(self, start: int, end: int) -> Iterator[bytes]:
        """Entries [start, end), each bundle verified as it is read."""
        if not 0 <= start <= end <= self.size:
            raise OutsideTree(
                "no such entries", found=f"{start} to {end}", expected=f"at most {self.size}"
            )
        return self._leaves(start, end)

    def inclusion(self, index: int, size: int) -> Proof:
        self._require(size)
        proof = inclusion_proof(index, size, self._nodes())
        leaf = self._nodes()(0, index)
        with_root = self._root(size)
        try:
            verify_inclusion(leaf, index, size, proof, with_root)
        except UntrustedError as error:
            raise LogDamaged(f"the log's tiles contradict each other: {error}") from error
        return proof

    def consistency(self, old: int, new: int) -> Proof:
        self._require(new)
        proof = consistency_proof(old, new, self._nodes())
        try:
            verify_consistency(old, new, proof, self._root(old), self._root(new))
        except UntrustedError as error:
            raise LogDamaged(f"the log's tiles contradict each other: {error}") from error
        return proof

    def root(self, size: int) -> Hash:
        """Over the first entries. Raises OutsideTree, LogDamaged."""
        self._require(size)
        return self._root(size)

    def receipt(self, index: int, signed: SignedCheckpoint) -> Receipt:
        """A receipt under a checkpoint of this log, already found to be one."""
        size = signed.checkpoint.size
        proof = self.inclusion(index, size)
        return Receipt(index, next(self.leaves(index, index + 1)), proof, signed.to_bytes())

    def check_extends(self, seen: Checkpoint, *, renamed: bool = False) -> None:
        """Raises LogRolledBack unless this log continues what `seen` says. `renamed`: also what it
        says under an origin that this log had before."""
        mine = self.checkpoint.checkpoint
        if seen.origin != mine.origin and not renamed:
            raise LogRolledBack(
                "checkpoint of another log", found=mine.origin, expected=seen.origin
            )
        if seen.size > mine.size:
            raise LogRolledBack(
                "the log is shorter than it was seen to be",
                found=f"{mine.size} entries",
                expected=f"at least {seen.size}",
            )
        if self._root(seen.size) != seen.root:
            raise LogRolledBack(
                f"the log's first {seen.size} entries are not those that were seen",
                found=self._root(seen.size).hex(),
                expected=seen.root.hex(),
            )

    def resource(self, path: str) -> bytes | None:
        """The C2SP resource at `path`, or None when this tree has none by that name."""
        if path == CHECKPOINT_PATH:
            return self.checkpoint.to_bytes()
        try:
            wanted = parse_path(path)
            level = wanted.level if isinstance(wanted, Tile) else 0
            if tile_in(self.size, level, wanted.index).width < wanted.width:
                return None
        except (MalformedTile, OutsideTree):
            return None
        if isinstance(wanted, Tile):
            return self._pyramid(wanted).levels[0][: wanted.width * HASH_SIZE]
        return bundle_bytes(self._bundle(wanted)[: wanted.width])

    def _leaves(self, start: int, end: int) -> Iterator[bytes]:
        while start < end:
            index, place = divmod(start, TILE_WIDTH)
            stop = min(TILE_WIDTH, end - index * TILE_WIDTH)
            yield from self._bundle(Bundle(index))[place:stop]
            start = index * TILE_WIDTH + stop

    def _bundle(self, bundle: Bundle) -> tuple[bytes, ...]:
        first = bundle.index * TILE_WIDTH
        if first >= self._tail.start:
            cut = first - self._tail.start
            return self._tail.entries[cut : cut + TILE_WIDTH]
        entries = self._tiles.bundle(bundle.index)
        tile = self._pyramid(Tile(0, bundle.index))
        if b"".join(map(leaf_hash, entries)) != tile.levels[0]:
            raise LogDamaged(f"{bundle.path} does not match the log's tree")
        self._check_tile(bundle.index, tile.node(TILE_HEIGHT, 0))
        return entries

    def _check_tile(self, index: int, root: Hash) -> None:
        """Prove a full tile's root up to the complete subtree of the frontier that holds it."""
        nodes = self._nodes()
        for (level, place), peak in zip(
            complete_subtrees(0, self.size), self._frontier.peaks, strict=True
        ):
            above = level - TILE_HEIGHT
            if above >= 0 and index >> above == place:
                inside = index & ((1 << above) - 1)
                path = [nodes(TILE_HEIGHT + up, (index >> up) ^ 1) for up in range(above)]
                try:
                    verify_inclusion(root, inside, 1 << above, path, peak)
                except UntrustedError as error:
                    name = Tile(0, index).path
                    raise LogDamaged(f"{name} does not match the log's tree") from error
                return
        raise OutsideTree(f"no full bundle {index} in a tree of {self.size} leaves")

    def _require(self, size: int) -> None:
        if not 0 <= size <= self.size:
            raise OutsideTree(
                "the log has no such tree", found=f"size {size}", expected=f"at most {self.size}"
            )

    def _root(self, size: int) -> Hash:
        if size == self.size:
            return self._frontier.root()
        return frontier_of(size, self._nodes()).root()

    def _nodes(self) -> Nodes:
        return nodes_from(self.size, self._pyramid)

    def _pyramid(self, tile: Tile) -> Pyramid:
        return self._tiles.pyramid(self._edge, tile)
