"""The keyholder's log on its own disk: an entry is durable before anyone acts on it (I2, I5).

Layout, C2SP tlog-tiles below the log's directory: `checkpoint`, `tile/<level>/…`,
`tile/entries/…` (full ones), beside `tail` (entries since the last full bundle), `objects/`,
`torn/` (what recovery cut off), `tmp/` and `lock`; `continuing` while the log changes its key.

Order of one append: tail written and fsynced; full bundles and tiles made durable, then the
tail replaced; checkpoint signed, verified, made durable; then the caller learns of it. So at
any instant of a crash every entry of the last signed checkpoint is there. An entry that is
whole in the tail but under no checkpoint is kept at the next opening (its action may have been
about to happen); a torn one is cut off and saved aside. Anything else is LogDamaged.

Not known here: what entries say, time, witnesses. Whether the whole disk was exchanged for an
older one is for `check_extends`, given a checkpoint from elsewhere.
"""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from keyturn.base.encoding import Digest, sha256
from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.signatures import VerifyKey
from keyturn.keyholder.logdisk_cut import CONTINUING, cut_back, marked_size, marker_bytes
from keyturn.keyholder.logdisk_errors import (
    LogDamaged,
    LogFull,
    LogInUse,
    LogMissing,
    LogUnwritable,
    disk_error,
    disk_errors,
    unsure_errors,
)
from keyturn.keyholder.logdisk_io import AtomicFiles, DiskIo, write_all
from keyturn.keyholder.logdisk_objects import ObjectFiles
from keyturn.keyholder.logdisk_tail import EMPTY_TAIL, MAX_RECORD, Tail, parse_tail
from keyturn.keyholder.logdisk_tiles import Edge, TileFiles, read_existing
from keyturn.keyholder.logdisk_view import LogView
from keyturn.tlog.bundles import check_entry
from keyturn.tlog.checkpoints import (
    Checkpoint,
    SignedCheckpoint,
    sign_checkpoint,
    verify_checkpoint,
)
from keyturn.tlog.merkle import Frontier, Hash, frontier_of
from keyturn.tlog.notes import Sign, SignedNote
from keyturn.tlog.proofs import Proof
from keyturn.tlog.receipts import Receipt
from keyturn.tlog.tiles import CHECKPOINT_PATH, TILE_WIDTH, nodes_from

MAX_BATCH = 4096
DEFAULT_RESERVE = 256 << 20
"""Bytes of free space kept for statements and revocations."""

_OVERHEAD = 1 << 20  # checkpoint, tiles and directories of one append, generously


@dataclass(frozen=True, slots=True)
class Appended:
    """Entries first_index.. are durable, under this checkpoint."""

    first_index: int
    checkpoint: SignedCheckpoint


@dataclass(frozen=True, slots=True)
class Recovery:
    """What opening found beyond the last checkpoint."""

    kept: int = 0  # whole entries, now under the new checkpoint
    torn_bytes: int = 0
    torn_path: Path | None = None  # where the torn bytes were saved


@dataclass(frozen=True, slots=True)
class _State:
    """What was read from the disk, or comes after an append."""

    tail: Tail
    edge: Edge
    frontier: Frontier


class LogDisk:
    """One log on one disk, with this process as its only writer; safe for many threads.

    Make with `create` or `open`; close it to let another process in.
    """

    def __init__(
        self,
        directory: Path,
        origin: str,
        sign: Sign,
        log_key: VerifyKey,
        *,
        reserve: int = DEFAULT_RESERVE,
        io: DiskIo | None = None,
    ) -> None:
        self._root = directory
        self._checkpoint_path = directory / CHECKPOINT_PATH
        self._origin = origin
        self._sign = sign
        self._log_key = log_key
        self._reserve = reserve
        self._io = io or DiskIo()
        self._files = AtomicFiles(directory, self._io)
        self._tiles = TileFiles(directory, self._files)
        self._objects = ObjectFiles(directory, self._files)
        self._writing = threading.RLock()
        self._unsure = False  # an append failed midway: read the disk again before the next
        self._tail_fd: int | None = None
        self._lock_fd: int | None = self._take_lock()
        self.recovery = Recovery()

    @classmethod
    def create(
        cls,
        directory: Path,
        origin: str,
        sign: Sign,
        log_key: VerifyKey,
        *,
        reserve: int = DEFAULT_RESERVE,
        io: DiskIo | None = None,
    ) -> Self:
        """Begin a log in an existing directory, with a signed checkpoint of size 0.

        Raises LogInUse where there is a log already, or what is left of one. A crash before
        the end leaves nothing that `open` accepts; creating again completes it.
        """
        log = cls(directory, origin, sign, log_key, reserve=reserve, io=io)
        with log._closed_on_failure(), disk_errors("creating the log"):
            log._refuse_to_overwrite()
            log._files.clean()
            log._files.write_durably(directory / "tail", EMPTY_TAIL.to_bytes())
            log._write_checkpoint(log._signed(Frontier()))
            log._load()
        return log

    @classmethod
    def open(
        cls,
        directory: Path,
        origin: str,
        sign: Sign,
        log_key: VerifyKey,
        *,
        reserve: int = DEFAULT_RESERVE,
        io: DiskIo | None = None,
    ) -> Self:
        """Open a log and recover what a crash left; `recovery` tells what that was.

        Raises LogMissing, LogInUse, LogDamaged (nothing is changed then), LogFull or
        LogUnwritable, and whatever `sign` raises when there are entries to bring under a
        new checkpoint.
        """
        if not (directory / CHECKPOINT_PATH).is_file():
            raise LogMissing("there is no log here", found=str(directory))
        log = cls(directory, origin, sign, log_key, reserve=reserve, io=io)
        with log._closed_on_failure(), disk_errors("opening the log"):
            log._load()
        return log

    @classmethod
    def reopen(
        cls,
        directory: Path,
        previous: SignedCheckpoint,
        origin: str,
        sign: Sign,
        log_key: VerifyKey,
        *,
        reserve: int = DEFAULT_RESERVE,
        io: DiskIo | None = None,
    ) -> Self:
        """Open a log whose key is gone, at its last checkpoint, to go on under another key (§6.2).

        `previous` must be what the disk has; whose signature that is, is for the caller, who can
        read the entries under it. What lies beyond is cut off and saved: no checkpoint had it, so
        nobody was told. Only `go_on` may append. Raises as `open`.
        """
        log = cls(directory, origin, sign, log_key, reserve=reserve, io=io)
        with log._closed_on_failure(), disk_errors("opening the log"):
            raw = read_existing(directory / CHECKPOINT_PATH)
            if raw != previous.to_bytes():
                raise LogDamaged("the log has another checkpoint by now")
            log._load(previous)
        return log

    def go_on(self, leaves: Sequence[bytes]) -> Appended:
        """After `reopen`: these entries, all or none, and the first checkpoint by the new key.

        A process that dies in here leaves the log at `previous`, or with all of them: a marker
        says that what lies beyond the older key's checkpoint is not to be kept, by whomever.
        """
        for leaf in leaves:
            check_entry(leaf)
        with self._writing:
            self._require_open()
            state, before = self._state, self._view.checkpoint.checkpoint
            if before.origin == self._origin:
                raise ValueError("a log that was not reopened under another name")
            with disk_errors("asking for space"):
                self._require_space(leaves, reserved=True)
            with unsure_errors("going on with the log"):
                self._files.write_durably(self._root / CONTINUING, marker_bytes(before.size))
                tail = state.tail.extended(leaves)
                self._unsure = True
                self._write_tail(state.tail, tail)
                frontier = state.frontier.extended(tail.hashes[len(state.tail.hashes) :])
                # The checkpoint first: no full tile holds what could still be cut off again.
                self._write_checkpoint(self._signed(frontier))
                self._end_continuing()
                self._publish(tail, state.edge, frontier)
                self._unsure = False
            return Appended(before.size, self._view.checkpoint)

    def _end_continuing(self) -> None:
        path = self._root / CONTINUING
        if path.exists():
            self._io.remove(path)
            self._io.sync_directory(self._root)

    @property
    def checkpoint(self) -> SignedCheckpoint:
        """The newest checkpoint; all its entries are durable."""
        return self._view.checkpoint

    @property
    def size(self) -> int:
        return self._view.size

    @property
    def log_key(self) -> VerifyKey:
        """The key under whose signature this log's checkpoints stand."""
        return self._log_key

    @property
    def directory(self) -> Path:
        """Where it lies."""
        return self._root

    def append_many(self, leaves: Sequence[bytes], *, reserved: bool = False) -> Appended:
        """Make entries durable, in this order and without a gap, and sign the new checkpoint.

        1 to 4096 entries of 1 to 65535 bytes. `reserved` is for statements and revocations,
        which may use the reserve. Raises MalformedTile, LogInUse when closed, LogFull, and then
        none of these entries is or will be in the log; LogUnwritable, or what `sign` raises,
        and then nobody knows: no checkpoint has them, but the next append or opening keeps
        those that it finds whole.
        """
        if not 1 <= len(leaves) <= MAX_BATCH:
            raise ValueError(f"{len(leaves)} entries in one append, expected 1 to {MAX_BATCH}")
        for leaf in leaves:
            check_entry(leaf)
        with self._writing:
            self._require_open()
            if self._view.checkpoint.checkpoint.origin != self._origin:
                raise ValueError("a log that is under another name is appended to by `go_on`")
            with disk_errors("recovering the log"):
                if self._unsure:
                    self._load()
                self._require_space(leaves, reserved=reserved)
            first = self._view.size
            with unsure_errors("appending to the log"):
                self._append(leaves)
            return Appended(first, self._view.checkpoint)

    def append(self, leaf: bytes, *, reserved: bool = False) -> Appended:
        """`append_many` of one."""
        return self.append_many((leaf,), reserved=reserved)

    def put_object(self, data: bytes, *, reserved: bool = False) -> Digest:
        """Store bytes beside the log, durable before this returns. Raises as `append_many`."""
        self._require_open()
        with disk_errors("storing an object"):
            self._require_space((data,), reserved=reserved)
        return self._objects.put(data)

    def has_room(self, leaf: bytes, *, reserves: int) -> bool:
        """Whether an entry fits beside so many times the reserve. Raises LogUnwritable."""
        with disk_errors("asking for space"):
            free = self._io.free_bytes(self._root)
        return free >= _needed((leaf,)) + reserves * self._reserve

    def object(self, digest: Digest) -> bytes:
        """Raises LogMissing, or LogDamaged when the bytes do not hash to it."""
        return self._objects.get(digest)

    def leaf(self, index: int) -> bytes:
        """One entry, verified against the tree in memory. Raises OutsideTree, LogDamaged."""
        return next(self._view.leaves(index, index + 1))

    def leaves(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Entries [start, end), every one verified against the tree in memory as it is read,
        so that a replay believes no file. Raises OutsideTree, LogDamaged."""
        view = self._view
        return view.leaves(start, view.size if end is None else end)

    def inclusion(self, index: int, size: int) -> Proof:
        """The proof of a leaf in the tree of `size` leaves. Raises OutsideTree, LogDamaged."""
        return self._view.inclusion(index, size)

    def consistency(self, old: int, new: int) -> Proof:
        """The proof that one tree extends another. Raises OutsideTree, LogDamaged."""
        return self._view.consistency(old, new)

    def receipt(self, index: int, note: SignedNote | None = None) -> Receipt:
        """A receipt under the newest checkpoint, or under `note`: one of ours, cosigned.

        Raises OutsideTree, LogDamaged, and as `verify_checkpoint` for a foreign note.
        """
        view = self._view
        if note is None:
            return view.receipt(index, view.checkpoint)
        raw = note.to_bytes()
        signed = verify_checkpoint(raw, self._log_key, self._origin)
        view.check_extends(signed.checkpoint)
        return view.receipt(index, signed)

    def check_extends(self, seen: Checkpoint, *, renamed: bool = False) -> None:
        """Refuse to be shorter than, or other than, a checkpoint that someone has seen; `renamed`:
        perhaps under an origin of before. Raises LogRolledBack.
        """
        self._view.check_extends(seen, renamed=renamed)

    def root(self, size: int) -> Hash:
        """Over the first entries. Raises OutsideTree, LogDamaged."""
        return self._view.root(size)

    def resource(self, path: str) -> bytes | None:
        """The C2SP resource at `path` (checkpoint, tile or bundle, partial ones too), or None
        when the newest checkpoint's tree has none. Raises LogDamaged."""
        return self._view.resource(path)

    def view(self) -> LogView:
        """The log as of now: one checkpoint and everything under it, unmoved by appends."""
        return self._view

    def close(self) -> None:
        """Let go of the disk. Reading what is in memory still works; appending does not."""
        with self._writing:
            for fd in (self._tail_fd, self._lock_fd):
                if fd is not None:
                    self._io.close(fd)
            self._tail_fd = self._lock_fd = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _append(self, leaves: Sequence[bytes]) -> None:
        state = self._state
        tail = state.tail.extended(leaves)
        self._unsure = True
        self._write_tail(state.tail, tail)
        frontier = state.frontier.extended(tail.hashes[len(state.tail.hashes) :])
        self._publish(tail, state.edge, frontier)
        self._unsure = False

    def _write_tail(self, old: Tail, new: Tail) -> None:
        """Make the new records durable, or leave the file as it was."""
        fd = self._tail_fd
        assert fd is not None
        try:
            write_all(self._io, fd, new.records(len(old.entries)), old.length)
        except OSError as error:
            self._io.truncate(fd, old.length)
            self._unsure = False
            raise disk_error(error, "appending to the log") from error
        self._io.sync(fd)  # when this fails, nobody knows what is on the disk

    def _publish(self, tail: Tail, edge: Edge, frontier: Frontier) -> None:
        """Bring everything in a durable tail under a new signed checkpoint."""
        if len(tail.entries) >= TILE_WIDTH:
            edge = self._tiles.store_full(edge, tail)
            tail = tail.after(edge.start)
            self._replace_tail(tail)
        else:
            edge = edge.with_tail(tail)
        signed = self._signed(frontier)
        self._write_checkpoint(signed)
        self._set(_State(tail, edge, frontier), signed)

    def _set(self, state: _State, signed: SignedCheckpoint) -> None:
        self._state = state
        self._view = LogView(signed, self._tiles, state.tail, state.edge, state.frontier)

    def _signed(self, frontier: Frontier) -> SignedCheckpoint:
        claim = Checkpoint(self._origin, frontier.size, frontier.root())
        return sign_checkpoint(claim, self._log_key, self._sign)

    def _write_checkpoint(self, signed: SignedCheckpoint) -> None:
        self._files.write_durably(self._checkpoint_path, signed.to_bytes())

    def _replace_tail(self, tail: Tail) -> None:
        path = self._root / "tail"
        self._files.write_durably(path, tail.to_bytes())
        self._open_tail()

    def _open_tail(self) -> None:
        if self._tail_fd is not None:
            self._io.close(self._tail_fd)
            self._tail_fd = None
        self._tail_fd = self._io.open(self._root / "tail")

    def _load(self, previous: SignedCheckpoint | None = None) -> None:
        """Read the disk, check it against its checkpoint, and recover what lies beyond: or cut it
        off, where the log was to go on under another key (`previous`, or the marker)."""
        self._tiles.forget()
        signed = previous or self._read_checkpoint()
        raw = read_existing(self._root / "tail")
        tail = parse_tail(raw)
        at = signed.checkpoint
        if tail.end < at.size:
            raise LogDamaged(
                "the log has lost entries under its own checkpoint",
                found=f"{tail.end} whole entries",
                expected=f"{at.size} entries",
            )
        edge = self._tiles.load_edge(tail)
        # A tail that was not yet stored may hold more than one tile's entries: no tile has them.
        nodes = nodes_from(tail.start, lambda tile: self._tiles.pyramid(edge, tile))
        stored = frontier_of(min(at.size, tail.start), nodes)
        root = stored.extended(tail.hashes[: max(at.size - tail.start, 0)]).root()
        if root != at.root:
            raise LogDamaged(
                "the log's entries lead to another root than its checkpoint",
                found=root.hex(),
                expected=at.root.hex(),
            )
        # Nothing was written up to here: a damaged disk stays as it was found.
        if self._tail_fd is None:  # later, other threads may be storing objects
            self._files.clean()
        self._io.sync_directory(self._root)
        torn = raw[tail.length :]
        if previous is not None or marked_size(self._root / CONTINUING) == at.size:
            tail, torn = cut_back(tail, raw, at.size, self._tiles)
        self.recovery = self._save_torn(tail, torn, kept=tail.end - at.size)
        if self.recovery != Recovery():
            # Written anew, because after a failed fsync the pages read may not be on the disk.
            self._replace_tail(tail)
        self._end_continuing()
        self._tiles.forget()  # of what was cut off nothing is to be found there
        self._resume(tail, signed)
        self._unsure = False

    def _resume(self, tail: Tail, signed: SignedCheckpoint) -> None:
        edge = self._tiles.load_edge(tail)
        nodes = nodes_from(tail.start, lambda tile: self._tiles.pyramid(edge, tile))
        frontier = frontier_of(tail.start, nodes).extended(tail.hashes)
        at = signed.checkpoint
        if frontier.size == at.size and frontier.root() != at.root:
            raise LogDamaged("the log's bundles do not match its tiles")
        self._open_tail()
        if self.recovery.kept or len(tail.entries) >= TILE_WIDTH:
            self._publish(tail, edge, frontier)
        else:
            self._set(_State(tail, edge, frontier), signed)

    def _read_checkpoint(self) -> SignedCheckpoint:
        raw = read_existing(self._root / CHECKPOINT_PATH)
        try:
            return verify_checkpoint(raw, self._log_key, self._origin)
        except (MalformedError, UntrustedError) as error:
            raise LogDamaged(
                f"the log's own checkpoint does not verify: {error.message}",
                found=error.found,
                expected=error.expected,
            ) from error

    def _save_torn(self, tail: Tail, torn: bytes, *, kept: int) -> Recovery:
        if not torn:
            return Recovery(kept)
        path = self._root / "torn" / f"{tail.end}-{sha256(torn).hex()[:16]}"
        self._files.write_durably(path, torn)
        return Recovery(kept, len(torn), path)

    def _refuse_to_overwrite(self) -> None:
        tail = self._root / "tail"
        begun = tail.exists() and tail.read_bytes() != EMPTY_TAIL.to_bytes()
        if begun or (self._root / CHECKPOINT_PATH).exists() or (self._root / "tile").exists():
            raise LogInUse("there is a log here already, or its remains", found=str(self._root))

    def _require_open(self) -> None:
        if self._lock_fd is None:
            raise LogInUse("this log was closed")

    def _require_space(self, leaves: Sequence[bytes], *, reserved: bool) -> None:
        needed = _needed(leaves)
        free = self._io.free_bytes(self._root)
        kept = 0 if reserved else self._reserve
        if free < needed + kept:
            raise LogFull(
                "the log's disk has no room" + ("" if reserved else " beside its reserve"),
                found=f"{free} bytes free",
                expected=f"{needed + kept} bytes",
                hint="Free space on the log's disk. Statements and revocations use the reserve.",
            )

    def _take_lock(self) -> int:
        try:
            return self._io.lock(self._root / "lock")
        except BlockingIOError as error:
            raise LogInUse("another process writes this log", found=str(self._root)) from error
        except OSError as error:
            raise LogUnwritable(f"the log cannot be locked: {error.strerror}") from error

    @contextlib.contextmanager
    def _closed_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise


def _needed(leaves: Sequence[bytes]) -> int:
    """Bytes. Twice: as records, and once more in a bundle or a replaced tail."""
    return 2 * sum(MAX_RECORD - 0xFFFF + len(each) for each in leaves) + _OVERHEAD
