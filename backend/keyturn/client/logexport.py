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
from keyturn.client.history import envelopes_of
from keyturn.keyrelease.audit import Audited, audit_log
from keyturn.keyrelease.entries import read_grant, read_refusal
from keyturn.quorum.bodies import Keys, Purpose
from keyturn.quorum.entries import EntryKind, parse_entry
from keyturn.quorum.kinds import Kind
from keyturn.tlog.bundles import bundle_bytes, parse_bundle
from keyturn.tlog.checkpoints import SignedCheckpoint, parse_checkpoint
from keyturn.tlog.errors import MalformedTile
from keyturn.tlog.export import VerifiedLog, verify_export
from keyturn.tlog.merkle import leaf_hash, tree_root
from keyturn.tlog.notes import parse_note
from keyturn.tlog.tiles import CHECKPOINT_PATH, TILE_WIDTH, bundles_of, tiles_of

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
    leaves: tuple[bytes, ...]


def write_export(
    directory: Path,
    checkpoint: SignedCheckpoint,
    leaves: Sequence[bytes],
    read: ReadObject,
    step: Step = _unwatched,
) -> Written:
    """Write a verified log into a new directory, the checkpoint last. Raises FileUnusable."""
    if len(leaves) != checkpoint.checkpoint.size:
        raise ValueError("leaves of another checkpoint")
    try:
        directory.mkdir(parents=True, exist_ok=False)
        counted = _counted(leaves, step)
        written, missing = _write_objects(directory, counted, read)
        for path, data in _static_files(leaves):
            step(len(leaves), len(leaves))
            target = directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        (directory / CHECKPOINT_PATH).write_bytes(checkpoint.to_bytes())
    except OSError as error:
        raise FileUnusable(f"cannot write {directory}: {error.strerror}") from error
    return Written(len(leaves), written, missing)


def read_export(directory: Path, fingerprint: Digest, step: Step = _unwatched) -> VerifiedExport:
    """Prove an export: the log's key is the one that the log itself brings into force.

    Raises FileUnusable, MalformedError, or an UntrustedError: LogInconsistent for a broken quorum,
    AuditFailed for a release that was not allowed, the errors of `tlog` for a wrong tree.
    """
    read = resource_reader(directory)
    leaves = _unproved_leaves(read)
    audited = audit_log(_counted(leaves, step), fingerprint, object_reader(directory))
    keys = audited.state.newest.get((Kind.KEYS, "keys"))
    if keys is None or not isinstance(keys.statement.body, Keys):
        raise UntrustedError("the log brings no `keys` statement into force, so nothing signs it")
    body = keys.statement.body
    log = verify_export(read, load_verify_key(body.keys[Purpose.LOG].spki), body.origin)
    proved = tuple(log.leaves())
    if list(proved) != leaves:
        raise UntrustedError("the export changed while it was read")
    return VerifiedExport(log, audited, proved)


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
    if entry.kind in (EntryKind.STATEMENT, EntryKind.WITHDRAWAL, EntryKind.DECISION):
        return tuple((each, True) for each in envelopes_of(leaf))
    if entry.kind is EntryKind.GRANT:
        grant = read_grant(entry)
        return ((grant.grant, False), (grant.evidence, False))
    if entry.kind is EntryKind.REFUSAL:
        return ((read_refusal(entry).evidence, False),)
    return ()


def _unproved_leaves(read: Callable[[str], bytes | None]) -> list[bytes]:
    """The leaves as the files have them: they name the key under which they are proved next."""
    raw = read(CHECKPOINT_PATH)
    if raw is None:
        raise FileUnusable("the export has no checkpoint")
    leaves: list[bytes] = []
    for bundle in bundles_of(parse_checkpoint(parse_note(raw).text).size):
        data = read(bundle.path)
        if data is None:
            raise MalformedTile(f"the log has no file {bundle.path}")
        leaves.extend(parse_bundle(data, bundle.width))
    return leaves


def _counted(leaves: Sequence[bytes], step: Step) -> Iterator[bytes]:
    for place, leaf in enumerate(leaves):
        step(place, len(leaves))
        yield leaf


def _write_objects(
    directory: Path, leaves: Iterable[bytes], read: ReadObject
) -> tuple[int, tuple[Digest, ...]]:
    written: set[Digest] = set()
    missing: dict[Digest, None] = {}
    for leaf in leaves:
        for digest, needed in objects_named(leaf):
            if digest in written or digest in missing:
                continue
            data = read(digest)
            if data is None:
                if needed:
                    raise FileUnusable(f"the server has no object {digest}, which the log needs")
                missing[digest] = None
                continue
            target = directory / object_path(digest)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            written.add(digest)
    return len(written), tuple(missing)


def _static_files(leaves: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    """Every tile and entry bundle of a log, with its path (C2SP tlog-tiles)."""
    size = len(leaves)
    for bundle in bundles_of(size):
        start = bundle.index * TILE_WIDTH
        yield bundle.path, bundle_bytes(leaves[start : start + bundle.width])
    levels = [[leaf_hash(leaf) for leaf in leaves]]
    for tile in tiles_of(size):
        while len(levels) <= tile.level:
            below = levels[-1]
            full = range(0, len(below) - TILE_WIDTH + 1, TILE_WIDTH)
            levels.append([tree_root(below[start : start + TILE_WIDTH]) for start in full])
        start = tile.index * TILE_WIDTH
        yield tile.path, b"".join(levels[tile.level][start : start + tile.width])
