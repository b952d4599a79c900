"""A log as files: written out for anybody to check, and checked with the fingerprint alone (§6.5).

The layout is C2SP tlog-tiles: `checkpoint`, `tile/…`, and beside them `objects/<2 hex>/<64 hex>`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from keyturn.base.encoding import Digest, digest_bytes
from keyturn.base.errors import UntrustedError
from keyturn.base.signatures import load_verify_key
from keyturn.client.errors import FileUnusable
from keyturn.keyrelease.audit import Audited, audit_log
from keyturn.keyrelease.continuation import check_named
from keyturn.keyrelease.entries import read_grant, read_refusal
from keyturn.quorum.bodies import Keys, Purpose
from keyturn.quorum.entries import EntryKind, envelopes_of, parse_entry
from keyturn.quorum.kinds import Kind
from keyturn.tlog.bundles import bundle_bytes
from keyturn.tlog.checkpoints import SignedCheckpoint, parse_checkpoint
from keyturn.tlog.export import VerifiedLog, read_bundle, verify_export
from keyturn.tlog.merkle import Frontier, Hash, leaf_hash, tree_root
from keyturn.tlog.notes import parse_note
from keyturn.tlog.tiles import (
    CHECKPOINT_PATH,
    MAX_LEVEL,
    TILE_WIDTH,
    Bundle,
    Tile,
    bundles_of,
    tiles_of,
)

ReadObject = Callable[[Digest], bytes | None]
Step = Callable[[int, int], None]
"""Told of how many entries of how many are done; stops the work by raising."""


def _unwatched(_done: int, _total: int) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Written:
    """What an export holds; `missing` objects the server did not have."""

    entries: int
    objects: int
    missing: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class VerifiedExport:
    """An export whose entries, tiles, checkpoint, quorums and grants all hold."""

    log: VerifiedLog
    audited: Audited


def write_export(
    directory: Path,
    checkpoint: SignedCheckpoint,
    leaves: Iterable[bytes],
    read: ReadObject,
    step: Step = _unwatched,
) -> Written:
    """Write a verified log into a new directory, the checkpoint last; a block at a time.

    Raises FileUnusable, and whatever getting the next of `leaves` raises.
    """
    at = checkpoint.checkpoint
    try:
        directory.mkdir(parents=True, exist_ok=False)
        writer = _Writer(directory, read)
        block: list[bytes] = []
        for place, leaf in enumerate(leaves):
            step(place, at.size)
            block.append(leaf)
            if len(block) == TILE_WIDTH:
                writer.take(block)
                block = []
        writer.take(block)
        step(writer.size, at.size)
        if (writer.size, writer.finish()) != (at.size, at.root):
            raise ValueError("leaves of another checkpoint")
        _write(directory / CHECKPOINT_PATH, checkpoint.to_bytes())
    except OSError as error:
        raise FileUnusable(f"cannot write {directory}: {error.strerror}") from error
    return Written(writer.size, len(writer.written), tuple(writer.missing))


class _Writer:
    """Bundles, tiles and objects below a directory (C2SP tlog-tiles)."""

    def __init__(self, directory: Path, read: ReadObject) -> None:
        self._directory = directory
        self._read = read
        self._levels: list[list[Hash]] = []  # hashes of tree levels 8, 16, …
        self._rest: list[Hash] = []
        self.size = 0
        self.written: set[Digest] = set()
        self.missing: dict[Digest, None] = {}

    def take(self, block: Sequence[bytes]) -> None:
        """The next entries: a whole block, but for the last one."""
        if not block:
            return
        index, self._rest = self.size // TILE_WIDTH, [leaf_hash(leaf) for leaf in block]
        _write(self._directory / Bundle(index, len(block)).path, bundle_bytes(block))
        _write(self._directory / Tile(0, index, len(block)).path, b"".join(self._rest))
        for leaf in block:
            self._take_objects(leaf)
        self.size += len(block)
        if len(block) == TILE_WIDTH:
            self._climb(tree_root(self._rest))
            self._rest = []

    def finish(self) -> Hash:
        """The upper tiles; gives the root."""
        for tile in tiles_of(self.size):
            if tile.level > 0:
                start = tile.index * TILE_WIDTH
                hashes = self._levels[tile.level - 1][start : start + tile.width]
                _write(self._directory / tile.path, b"".join(hashes))
        blocks = self._levels[0] if self._levels else []
        # The rest is the smallest part of the RFC's split: its root ends the tree over blocks.
        return tree_root([*blocks, *([tree_root(self._rest)] if self._rest else [])])

    def _climb(self, root: Hash) -> None:
        for level in range(MAX_LEVEL):
            if level == len(self._levels):
                self._levels.append([])
            self._levels[level].append(root)
            if len(self._levels[level]) % TILE_WIDTH:
                return
            root = tree_root(self._levels[level][-TILE_WIDTH:])

    def _take_objects(self, leaf: bytes) -> None:
        for digest, needed in objects_named(leaf):
            if digest in self.written or digest in self.missing:
                continue
            data = self._read(digest)
            if data is not None:
                _write(self._directory / object_path(digest), data)
                self.written.add(digest)
            elif needed:
                raise FileUnusable(f"the server has no object {digest}, which the log needs")
            else:
                self.missing[digest] = None


def _write(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)


def read_export(directory: Path, fingerprint: Digest, step: Step = _unwatched) -> VerifiedExport:
    """Prove an export: the log's key is the one that the log itself brings into force.

    Raises FileUnusable, MalformedError, or an UntrustedError: LogInconsistent for a broken quorum,
    AuditFailed for a release that was not allowed, the errors of `tlog` for a wrong tree.
    """
    read = resource_reader(directory)
    leaves = _Unproved(read, step)
    audited = audit_log(leaves, fingerprint, object_reader(directory))
    keys = audited.state.newest.get((Kind.KEYS, "keys"))
    if keys is None or not isinstance(keys.statement.body, Keys):
        raise UntrustedError("the log brings no `keys` statement into force, so nothing signs it")
    body = keys.statement.body
    log = verify_export(read, load_verify_key(body.keys[Purpose.LOG].spki), body.origin)
    check_named(log.checkpoint, audited.state)
    if leaves.frontier.root() != log.checkpoint.checkpoint.root:
        raise UntrustedError("the export changed while it was read")
    return VerifiedExport(log, audited)


class _Unproved:
    """The leaves as the files have them: they name the key under which they are proved next.

    `frontier`: of those that were read.
    """

    def __init__(self, read: Callable[[str], bytes | None], step: Step) -> None:
        raw = read(CHECKPOINT_PATH)
        if raw is None:
            raise FileUnusable("the export has no checkpoint")
        self._read, self._step = read, step
        self._size = parse_checkpoint(parse_note(raw).text).size
        self.frontier = Frontier()

    def __iter__(self) -> Iterator[bytes]:
        for bundle in bundles_of(self._size):
            entries = read_bundle(self._read, bundle)
            for place, leaf in enumerate(entries):
                self._step(self.frontier.size + place, self._size)
                yield leaf
            self.frontier = self.frontier.extended(map(leaf_hash, entries))


def resource_reader(directory: Path) -> Callable[[str], bytes | None]:
    """Reads a static file of the log; None when there is none."""

    def read(path: str) -> bytes | None:
        try:
            return (directory / path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FileUnusable(f"cannot read {path}: {error.strerror}") from error

    return read


def object_reader(directory: Path) -> Callable[[Digest], bytes]:
    """Reads an object by its digest, which whoever asks verifies. Raises FileUnusable."""

    def read(digest: Digest) -> bytes:
        try:
            return (directory / object_path(digest)).read_bytes()
        except OSError as error:
            raise FileUnusable(f"the export has no object {digest}: {error.strerror}") from error

    return read


def object_path(digest: Digest) -> str:
    name = digest_bytes(digest).hex()
    return f"objects/{name[:2]}/{name}"


def objects_named(leaf: bytes) -> tuple[tuple[Digest, bool], ...]:
    """The objects that an entry names, and whether a proof needs them. Raises MalformedError."""
    entry = parse_entry(leaf)
    if entry.kind in (
        EntryKind.STATEMENT,
        EntryKind.WITHDRAWAL,
        EntryKind.DECISION,
        EntryKind.CEREMONY,
    ):
        return tuple((each, True) for each in envelopes_of(leaf))
    if entry.kind is EntryKind.GRANT:
        grant = read_grant(entry)
        return ((grant.grant, False), (grant.evidence, False))
    if entry.kind is EntryKind.REFUSAL:
        return ((read_refusal(entry).evidence, False),)
    return ()
