"""The log of a sealed keyholder: read from its disk, proved by itself, never written.

Nothing is believed of it: every statement's quorum is verified from the pinned fingerprint on, and
the checkpoint on the disk must be signed by the log key of the `keys` statement that the entries
lead to. What lies beyond that checkpoint (a crash left it) is not looked at: whoever writes the log
next recovers it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.signatures import VerifyKey, load_verify_key
from keyturn.keyholder.errors import WrongToken
from keyturn.keyholder.logdisk_errors import (
    LogDamaged,
    LogInUse,
    LogMissing,
    LogUnwritable,
)
from keyturn.keyholder.logdisk_io import AtomicFiles, DiskIo
from keyturn.keyholder.logdisk_objects import ObjectFiles
from keyturn.keyholder.logdisk_tail import Tail, parse_tail
from keyturn.keyholder.logdisk_tiles import TileFiles, read_existing
from keyturn.keyholder.logdisk_view import LogView
from keyturn.keyholder.replaying import Replay
from keyturn.keyrelease.continuation import previous_check
from keyturn.quorum.bodies import Purpose
from keyturn.quorum.state import AuthorityState
from keyturn.tlog.checkpoints import (
    Checkpoint,
    SignedCheckpoint,
    parse_checkpoint,
    verify_checkpoint,
)
from keyturn.tlog.merkle import frontier_of, leaf_hash
from keyturn.tlog.notes import SignedNote, parse_note
from keyturn.tlog.proofs import Proof
from keyturn.tlog.receipts import Receipt
from keyturn.tlog.tiles import CHECKPOINT_PATH, TILE_WIDTH, nodes_from


@dataclass(slots=True)
class ReadLog:
    """One log under its newest checkpoint, all of it verified. Holds the log's lock until closed:
    nobody writes meanwhile."""

    view: LogView
    replay: Replay
    log_key: VerifyKey
    _objects: ObjectFiles
    _io: DiskIo
    _lock: int | None = field(repr=False)

    @property
    def state(self) -> AuthorityState:
        return self.replay.state

    @property
    def checkpoint(self) -> SignedCheckpoint:
        return self.view.checkpoint

    @property
    def size(self) -> int:
        return self.view.size

    def object(self, digest: Digest) -> bytes:
        """Raises LogMissing, or LogDamaged when the bytes do not hash to it."""
        return self._objects.get(digest)

    def leaves(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Entries [start, end), each verified as it is read. Raises OutsideTree, LogDamaged."""
        return self.view.leaves(start, self.size if end is None else end)

    def consistency(self, old: int, new: int) -> Proof:
        """The proof that one tree extends another. Raises OutsideTree, LogDamaged."""
        return self.view.consistency(old, new)

    def receipt(self, index: int, note: SignedNote | None = None) -> Receipt:
        """As `LogDisk.receipt`."""
        if note is None:
            return self.view.receipt(index, self.view.checkpoint)
        origin = self.checkpoint.checkpoint.origin
        signed = verify_checkpoint(note.to_bytes(), self.log_key, origin)
        self.check_extends(signed.checkpoint)
        return self.view.receipt(index, signed)

    def check_extends(self, seen: Checkpoint) -> None:
        """Raises LogRolledBack unless this log goes on from a checkpoint that somebody saw."""
        self.view.check_extends(seen)

    def close(self) -> None:
        """Let the log's writer in. Reading still works."""
        lock, self._lock = self._lock, None
        if lock is not None:
            self._io.close(lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def read_log(directory: Path, origin: str, fingerprint: Digest) -> ReadLog:
    """Read, replay and prove the log below `directory`.

    Raises LogMissing, LogInUse, LogDamaged, LogInconsistent, and WrongToken where it is another
    log than the settings name.
    """
    if not (directory / CHECKPOINT_PATH).is_file():
        raise LogMissing("there is no log here", found=str(directory))
    io = DiskIo()
    files = AtomicFiles(directory, io)
    objects, tiles = ObjectFiles(directory, files), TileFiles(directory, files)
    lock = _take_lock(io, directory)
    try:
        raw = read_existing(directory / CHECKPOINT_PATH)
        view = _view(directory, tiles, _unproved(raw))
        replay, check_previous = Replay(AuthorityState(fingerprint)), previous_check(view.root)
        for leaf in view.leaves(0, view.size):
            replay.apply(leaf, objects.get, check_previous)
        key = _check_signed(raw, origin, replay.state)
    except BaseException:
        io.close(lock)
        raise
    return ReadLog(view, replay, key, objects, io, lock)


def _take_lock(io: DiskIo, directory: Path) -> int:
    try:
        return io.lock(directory / "lock")
    except BlockingIOError as error:
        raise LogInUse("another process has this log", found=str(directory)) from error
    except OSError as error:
        raise LogUnwritable(f"the log cannot be locked: {error.strerror}") from error


def _unproved(raw: bytes) -> SignedCheckpoint:
    """What the checkpoint's file says; `_check_signed` proves it, once the key is known."""
    try:
        note = parse_note(raw)
        return SignedCheckpoint(parse_checkpoint(note.text), note)
    except MalformedError as error:
        raise LogDamaged(f"the log's own checkpoint cannot be read: {error.message}") from error


def _view(directory: Path, tiles: TileFiles, signed: SignedCheckpoint) -> LogView:
    """Of exactly the entries under the checkpoint. Raises LogDamaged where they lead elsewhere."""
    at = signed.checkpoint
    tail = _cut(parse_tail(read_existing(directory / "tail")), tiles, at)
    edge = tiles.load_edge(tail)
    nodes = nodes_from(tail.start, lambda tile: tiles.pyramid(edge, tile))
    frontier = frontier_of(tail.start, nodes).extended(tail.hashes)
    if frontier.root() != at.root:
        raise LogDamaged(
            "the log's entries lead to another root than its checkpoint",
            found=frontier.root().hex(),
            expected=at.root.hex(),
        )
    return LogView(signed, tiles, tail, edge, frontier)


def _cut(tail: Tail, tiles: TileFiles, at: Checkpoint) -> Tail:
    """The entries behind the last full bundle of the checkpoint's tree, and none beyond it."""
    if tail.end < at.size:
        raise LogDamaged(
            "the log has lost entries under its own checkpoint",
            found=f"{tail.end} whole entries",
            expected=f"{at.size} entries",
        )
    start = at.size - at.size % TILE_WIDTH
    if tail.start > start:  # the last bundle was stored, and the checkpoint not written any more
        entries = tiles.bundle(start // TILE_WIDTH)[: at.size - start]
        return Tail(start, entries, tuple(map(leaf_hash, entries)), 0)
    kept = at.size - tail.start
    return Tail(tail.start, tail.entries[:kept], tail.hashes[:kept], 0)


def _check_signed(raw: bytes, origin: str, state: AuthorityState) -> VerifyKey:
    keys = state.newest_keys
    if keys is None:
        raise WrongToken("the log names no keys: genesis was not completed")
    if keys.origin != origin:
        raise WrongToken("the keys statement names another log", found=keys.origin, expected=origin)
    key = load_verify_key(keys.keys[Purpose.LOG].spki)
    try:
        verify_checkpoint(raw, key, keys.origin)
    except (MalformedError, UntrustedError) as error:
        raise LogDamaged(
            f"the log's own checkpoint does not verify: {error.message}",
            found=error.found,
            expected=error.expected,
        ) from error
    return key
