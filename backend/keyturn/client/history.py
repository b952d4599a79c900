"""The whole log, read once and proved, and the authority in force that follows from it.

What is in force is not asked of the server: it is replayed here from the log's entries, each
quorum verified again, under a checkpoint that the entries lead to (I3, I5, our protocol §6.6).
Kept between runs is what follows from them (`kept`), not the entries: of those only the newest
are at hand, and older ones are fetched and proved when somebody asks.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from functools import partial

from keyturn.base.encoding import Digest, digest_bytes, digest_of
from keyturn.base.errors import KeyturnError, MalformedError, UntrustedError
from keyturn.client.blocktree import BLOCK, BlockTree, block_root
from keyturn.client.errors import FileUnusable, MalformedAnswer, ServerLied
from keyturn.client.kept import (
    MAX_KEPT,
    Keeping,
    KeptHistory,
    KeptUnusable,
    kept_bytes,
    recalled,
)
from keyturn.client.nodeindex import NodeIndex
from keyturn.client.profile import write_atomically
from keyturn.client.seen import ProvedLeaves
from keyturn.client.shelf import KEPT, Shelf
from keyturn.keyrelease.continuation import believed_root, previous_check, root_of
from keyturn.quorum.continuation import CheckPrevious
from keyturn.quorum.entries import envelopes_of
from keyturn.quorum.errors import LogInconsistent
from keyturn.quorum.state import AuthorityState
from keyturn.tlog.checkpoints import Checkpoint, SignedCheckpoint
from keyturn.tlog.merkle import Frontier, leaf_hash
from keyturn.tlog.proofs import Proof, verify_consistency

PAGE = 1000
RUN = 10_000
"""Entries that are held in memory until their end is proved."""
KEEP_EVERY = 50_000
KEEP_AFTER = timedelta(minutes=5)
"""What is new is kept at the first look, and then after so many entries, or so long."""

FetchEntries = Callable[[int, int], list[bytes]]
FetchObject = Callable[[Digest], bytes]
AskConsistency = Callable[[int, int], Proof]
Step = Callable[[int, int], None]
"""Told of how many entries of how many are read; stops the work by raising."""

logger = logging.getLogger(__name__)


def _unwatched(_done: int, _total: int) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is asked of the server. None of it is believed."""

    entries: FetchEntries
    read_object: FetchObject
    consistency: AskConsistency


class History:
    """A log's verified prefix. `keeping` keeps it between runs; without it nothing is kept."""

    def __init__(self, fingerprint: Digest, source: Source, keeping: Keeping | None = None) -> None:
        self._fingerprint = fingerprint
        self._source = source
        self._keeping = keeping
        self._recalled = keeping is None
        self._kept_size = 0
        self._kept_at: datetime | None = None
        self._under: tuple[SignedCheckpoint, Proof] | None = None
        self.checkpoint: SignedCheckpoint | None = None
        self.told = ""
        self._begin()

    def _begin(self) -> None:
        self._state = AuthorityState(self._fingerprint)
        self._frontier = Frontier()
        self._tree = BlockTree()
        self._tail: tuple[bytes, ...] = ()
        self._changes: list[tuple[int, bytes]] = []
        self.index = NodeIndex()
        self._shelf = self._new_shelf()

    def _new_shelf(self) -> Shelf:
        place = self._keeping.directory / "entries" if self._keeping else None
        return Shelf(self._tree, place)

    @property
    def size(self) -> int:
        """Entries that are proved and replayed."""
        return self._state.size

    @property
    def leaves(self) -> ProvedLeaves:
        """The entries proved by the last `sync`: a view, which stays as it is."""
        return ProvedLeaves(self._tree, self._shelf, self._tree.blocks, self._tail, self._changes)

    def recall(self) -> SignedCheckpoint | None:
        """Take up what was kept; gives the checkpoint that it is under. Once; before `sync`.

        What cannot be believed is thrown away, and `told` says why. Raises ServerUnreachable or
        ServerLied when an object that it needs is gone and cannot be fetched.
        """
        keeping = self._keeping
        if self._recalled or keeping is None:
            return self.checkpoint
        try:
            self._recall(keeping)
        except (LogInconsistent, KeptUnusable) as error:
            self._begin()
            self.told = f"{error.message} ({error.found})" if error.found else error.message
            logger.warning("what was kept of the log is thrown away: %s", self.told)
            keeping.path.unlink(missing_ok=True)
        self._recalled = True
        return self.checkpoint

    def sync(self, signed: SignedCheckpoint, step: Step = _unwatched) -> AuthorityState:
        """The state in force after a verified checkpoint's last entry.

        What is proved stays proved when this raises: ServerLied when entries do not lead to the
        checkpoint, LogInconsistent when they do but no honest keyholder would have written them,
        and whatever `step` raises.
        """
        self.recall()
        at = signed.checkpoint
        if at.size < self.size:
            raise ValueError("a checkpoint older than the state")
        if at.size == self.size:
            _check_root(self._frontier, at)
        known = self.size
        while self.size < at.size:
            proof = self._read_run(at, min(self.size + RUN, at.size), step)
            self._under = (signed, proof)
            self._keep_if_due()
        if known < at.size:
            self.checkpoint, self._under = signed, (signed, ())
            self._shelf.trim(KEPT)
            self._keep_if_due()
        return self._state

    def load(self, start: int, end: int, step: Step = _unwatched) -> None:
        """Have the entries [start, end) at hand: fetched and proved where they are not.

        Raises ServerLied when the server gives others than those that were proved.
        """
        missing = [
            block
            for block in range(start // BLOCK, min(-(-end // BLOCK), self._tree.blocks))
            if self._shelf.get(block) is None
        ]
        for place, run in enumerate(_runs(missing, PAGE // BLOCK)):
            step(place * (PAGE // BLOCK), len(missing))
            self._load_run(run)

    def entries(self, start: int, end: int, step: Step = _unwatched) -> Iterator[bytes]:
        """The entries [start, end) of those proved, fetched as they are needed. As `load`.

        Those that are not at hand are not put there.
        """
        leaves = self.leaves
        while start < end:
            block = start // BLOCK
            stop = min(end, (block + 1) * BLOCK)
            step(start, end)
            if block < self._tree.blocks and self._shelf.get(block) is None:
                last = min((end - 1) // BLOCK, block + PAGE // BLOCK - 1, self._tree.blocks - 1)
                stop = min(end, (last + 1) * BLOCK)
                fetched = self._fetched_blocks(range(block, last + 1))
                joined = [each for entries in fetched for each in entries]
                yield from joined[start - block * BLOCK : stop - block * BLOCK]
            else:
                yield from leaves[start:stop]
            start = stop

    def keep(self) -> None:
        """Keep what is new, if the officer's key is open and the disk has room."""
        keeping = self._keeping
        if keeping is None or self._under is None or self.size <= self._kept_size:
            return
        if len(self.index) != self.size:  # an entry was malformed: nothing is kept beyond it
            return
        with suppress(FileUnusable):
            if self._write(keeping, *self._under):
                self._kept_size, self._kept_at = self.size, keeping.now()

    def read_object(self, digest: Digest) -> bytes:
        """An object, from the copy or the server. Raises ServerLied when it is not that object."""
        directory = self._keeping.directory if self._keeping else None
        kept = directory / "objects" / digest_bytes(digest).hex() if directory else None
        if kept is not None:
            with suppress(OSError):
                data = kept.read_bytes()
                if digest_of(data) == digest:
                    return data
        data = self._source.read_object(digest)
        if digest_of(data) != digest:
            raise ServerLied(
                "the server gave another object than the one asked for",
                found=digest_of(data),
                expected=digest,
            )
        if kept is not None:
            write_atomically(kept, data)
        return data

    # ---- reading on ----

    def _read_run(self, at: Checkpoint, end: int, step: Step) -> Proof:
        """The next entries, up to `end`: fetched, proved, replayed, and only then taken."""
        fresh: list[bytes] = []
        first = self.size
        while first + len(fresh) < end:
            start = first + len(fresh)
            step(start, at.size)
            page = self._source.entries(start, min(start + PAGE, end))
            if not page or start + len(page) > end:
                raise MalformedAnswer("log entries", found=f"{len(page)} from {start}")
            fresh.extend(page)
        grown = self._frontier.extended(leaf_hash(each) for each in fresh)
        proof = self._prove(grown, at)
        state, changes = self._replayed(fresh)
        self.index.append(fresh, first)
        self._take(fresh, grown, state, changes, newest=at.size // BLOCK)
        return proof

    def _prove(self, grown: Frontier, at: Checkpoint) -> Proof:
        if grown.size == at.size:
            _check_root(grown, at)
            return ()
        proof = self._source.consistency(grown.size, at.size)
        try:
            verify_consistency(grown.size, at.size, proof, grown.root(), at.root)
        except (MalformedError, UntrustedError) as error:
            raise ServerLied(
                "the server's log entries are not the beginning of its signed checkpoint",
                found=f"{error.message} ({grown.size} entries, {grown.root().hex()})",
                expected=at.root.hex(),
            ) from error
        return proof

    def _replayed(self, fresh: Sequence[bytes]) -> tuple[AuthorityState, list[tuple[int, bytes]]]:
        state, changes = self._state, list[tuple[int, bytes]]()
        check = previous_check(root_of(self._frontier, fresh))
        for leaf in fresh:
            after = self._applied(state, leaf, check)
            if state.size == 0 or _changed(state, after):
                changes.append((state.size, leaf))
            state = after
        return state, changes

    def _applied(self, state: AuthorityState, leaf: bytes, check: CheckPrevious) -> AuthorityState:
        # Fetched beforehand: what fails in here is the network, in there the log.
        named = envelopes_of(leaf) if b'"envelopes"' in leaf else ()
        objects = {each: self.read_object(each) for each in named}
        return state.apply(leaf, partial(_either, objects, self.read_object), check)

    def _take(
        self,
        fresh: Sequence[bytes],
        grown: Frontier,
        state: AuthorityState,
        changes: Sequence[tuple[int, bytes]],
        *,
        newest: int,
    ) -> None:
        pending = (*self._tail, *fresh)
        first = self._tree.blocks
        whole = [
            pending[start : start + BLOCK]
            for start in range(0, len(pending) // BLOCK * BLOCK, BLOCK)
        ]
        self._tree.extend(block_root(each) for each in whole)
        for block, entries in enumerate(whole, first):
            if block >= newest - KEPT:
                self._shelf.put(block, entries)
        self._tail = pending[len(whole) * BLOCK :]
        self._frontier, self._state = grown, state
        self._changes.extend(changes)

    # ---- older entries ----

    def _load_run(self, blocks: range) -> None:
        for block, entries in zip(blocks, self._fetched_blocks(blocks), strict=True):
            self._shelf.put(block, entries, asked=True)

    def _fetched_blocks(self, blocks: range) -> Iterator[tuple[bytes, ...]]:
        start, end = blocks.start * BLOCK, blocks.stop * BLOCK
        fetched: list[bytes] = []
        while start + len(fetched) < end:
            at = start + len(fetched)
            page = self._source.entries(at, end)
            if not page or at + len(page) > end:
                raise MalformedAnswer("log entries", found=f"{len(page)} from {at}")
            fetched.extend(page)
        for place, block in enumerate(blocks):
            entries = tuple(fetched[place * BLOCK : (place + 1) * BLOCK])
            found = block_root(entries)
            if found != self._tree.root(block):
                raise ServerLied(
                    f"the server's entries from {block * BLOCK} on are not those of its log",
                    found=found.hex(),
                    expected=self._tree.root(block).hex(),
                )
            yield entries

    # ---- between two runs ----

    def _keep_if_due(self) -> None:
        keeping = self._keeping
        if keeping is None:
            return
        now = keeping.now()
        waited = self._kept_at is None or not timedelta(0) <= now - self._kept_at < KEEP_AFTER
        if self.size - self._kept_size >= KEEP_EVERY or (self._caught_up and waited):
            self.keep()

    @property
    def _caught_up(self) -> bool:
        return self._under is not None and self._under[0].checkpoint.size == self.size

    def _write(self, keeping: Keeping, signed: SignedCheckpoint, proof: Proof) -> bool:
        sign, last = keeping.sign(), self._state.last_time
        if sign is None or last is None:
            return False
        kept = KeptHistory(
            self._fingerprint,
            keeping.origin,
            self.size,
            last,
            self.index.counts,
            signed.to_bytes(),
            proof,
            self._tree.roots,
            self._tail,
            self._changes,
            self.index.kept(),
        )
        try:
            raw = kept_bytes(kept, keeping.officer, sign)
        except KeyturnError as error:  # locked meanwhile, or the card is out: it costs time only
            logger.info("not kept: %s", error.message)
            return False
        if len(raw) <= MAX_KEPT:
            write_atomically(keeping.path, raw)
        return True

    def _recall(self, keeping: Keeping) -> None:
        """Raises KeptUnusable or LogInconsistent for what cannot be believed."""
        found = recalled(keeping, self._fingerprint)
        if found is None:
            return
        kept = found.kept
        state = AuthorityState(self._fingerprint)
        for index, leaf in kept.changes:
            state = self._applied(replace(state, size=index), leaf, believed_root)
        self._state = replace(state, size=kept.size, last_time=kept.last)
        self._frontier, self._tree, self._tail = found.frontier, found.tree, tuple(kept.tail)
        self._changes = list(kept.changes)
        self.index = NodeIndex.restored(kept.size, kept.counts, kept.newest)
        self._shelf = self._new_shelf()
        self.checkpoint, self._under = found.signed, (found.signed, kept.proof)
        self._kept_size = kept.size


def _check_root(found: Frontier, at: Checkpoint) -> None:
    if found.root() != at.root:
        raise ServerLied(
            "the server's log entries do not lead to its signed checkpoint",
            found=found.root().hex(),
            expected=at.root.hex(),
        )


def _changed(before: AuthorityState, after: AuthorityState) -> bool:
    """Whether an entry changed anything but how many there are. Values that did not change are
    the same objects."""
    return any(getattr(before, each) is not getattr(after, each) for each in _OF_AUTHORITY)


_OF_AUTHORITY = tuple(
    each.name for each in fields(AuthorityState) if each.name not in ("size", "last_time")
)


def _runs(blocks: Sequence[int], most: int) -> Iterator[range]:
    """Neighbours together, at most so many."""
    start = stop = -1
    for block in blocks:
        if block != stop or stop - start >= most:
            if start >= 0:
                yield range(start, stop)
            start = block
        stop = block + 1
    if start >= 0:
        yield range(start, stop)


def _either(known: Mapping[Digest, bytes], fetch: FetchObject, digest: Digest) -> bytes:
    found = known.get(digest)
    return fetch(digest) if found is None else found
