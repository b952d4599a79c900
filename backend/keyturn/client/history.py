"""The whole log, copied and proved, and the authority in force that follows from it.

What is in force is not asked of the server: it is replayed here from the log's entries, each
quorum verified again, under a checkpoint whose root the entries lead to (I3, I5). The copy is
kept on disk, so that only what is new is fetched; it is proved again whenever it is read, and
thrown away when it is not what was written.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from keyturn.base.encoding import Digest, digest_bytes, digest_of
from keyturn.client.errors import MalformedAnswer, ServerLied
from keyturn.client.profile import write_atomically
from keyturn.client.seen import Leaves
from keyturn.quorum.entries import (
    EntryKind,
    parse_entry,
    read_decision,
    read_statement,
    read_withdrawal,
)
from keyturn.quorum.state import AuthorityState
from keyturn.tlog.bundles import bundle_bytes, parse_bundle
from keyturn.tlog.checkpoints import Checkpoint
from keyturn.tlog.errors import MalformedTile
from keyturn.tlog.merkle import Frontier, leaf_hash

PAGE = 1000
_PER_FILE = 10_000  # entries in one file of the copy

FetchEntries = Callable[[int, int], list[bytes]]
FetchObject = Callable[[Digest], bytes]


class History:
    """A log's verified prefix. `directory` keeps it between runs; without one it is not kept."""

    def __init__(
        self,
        fingerprint: Digest,
        entries: FetchEntries,
        read_object: FetchObject,
        directory: Path | None,
    ) -> None:
        self._entries = entries
        self._fetch_object = read_object
        self._directory = directory
        self._leaves = _load(directory)
        self._frontier = Frontier()
        self._state = AuthorityState(fingerprint)

    @property
    def leaves(self) -> Leaves:
        """The entries proved by the last `sync`: a view, which stays as long as it is."""
        return Leaves(self._leaves, self._state.size)

    def sync(self, checkpoint: Checkpoint) -> AuthorityState:
        """The state in force after a verified checkpoint's last entry.

        Raises ServerLied when the entries do not lead to the checkpoint, LogInconsistent when
        they do but no honest keyholder would have written them.
        """
        if checkpoint.size < self._state.size:
            raise ValueError("a checkpoint older than the state")
        if not self._leads_to(checkpoint):
            self._forget_copy()
            if not self._leads_to(checkpoint):
                raise ServerLied(
                    "the server's log entries do not lead to its signed checkpoint",
                    found=self._extended(checkpoint.size).root().hex(),
                    expected=checkpoint.root.hex(),
                )
        state = self._state
        for leaf in self._leaves[state.size : checkpoint.size]:
            # Fetched beforehand: what fails in here is the network, in there the log.
            named = envelopes_of(leaf) if b'"envelopes"' in leaf else ()
            objects = {each: self.read_object(each) for each in named}
            state = state.apply(leaf, partial(_either, objects, self.read_object))
        known = self._state.size
        self._frontier, self._state = self._extended(checkpoint.size), state
        if known < checkpoint.size:
            self._keep(known)
        return state

    def read_object(self, digest: Digest) -> bytes:
        """An object, from the copy or the server. Raises ServerLied when it is not that object."""
        kept = self._directory / "objects" / digest_bytes(digest).hex() if self._directory else None
        if kept is not None:
            with suppress(OSError):
                data = kept.read_bytes()
                if digest_of(data) == digest:
                    return data
        data = self._fetch_object(digest)
        if digest_of(data) != digest:
            raise ServerLied(
                "the server gave another object than the one asked for",
                found=digest_of(data),
                expected=digest,
            )
        if kept is not None:
            write_atomically(kept, data)
        return data

    def _leads_to(self, checkpoint: Checkpoint) -> bool:
        while len(self._leaves) < checkpoint.size:
            start = len(self._leaves)
            page = self._entries(start, min(start + PAGE, checkpoint.size))
            if not page or start + len(page) > checkpoint.size:
                raise MalformedAnswer("log entries", found=f"{len(page)} from {start}")
            self._leaves.extend(page)
        return self._extended(checkpoint.size).root() == checkpoint.root

    def _forget_copy(self) -> None:
        """Drop what is not proved: the copy on disk was not what we wrote, or the server lied."""
        del self._leaves[self._state.size :]
        if self._directory is not None and self._state.size == 0:
            for path in self._directory.glob("[0-9]*-*"):
                path.unlink(missing_ok=True)

    def _extended(self, size: int) -> Frontier:
        fresh = self._leaves[self._frontier.size : size]
        return self._frontier.extended(leaf_hash(leaf) for leaf in fresh)

    def _keep(self, known: int) -> None:
        """Write the files of the copy that have more than the first `known` entries."""
        if self._directory is None:
            return
        for number in range(known // _PER_FILE * _PER_FILE, self._state.size, _PER_FILE):
            part = self._leaves[number : min(number + _PER_FILE, self._state.size)]
            path = self._directory / f"{number:012d}-{len(part)}"
            if not path.exists():
                write_atomically(path, bundle_bytes(part))
                for older in self._directory.glob(f"{number:012d}-*"):
                    if older != path:
                        older.unlink(missing_ok=True)


def _either(known: Mapping[Digest, bytes], fetch: FetchObject, digest: Digest) -> bytes:
    found = known.get(digest)
    return fetch(digest) if found is None else found


def envelopes_of(leaf: bytes) -> tuple[Digest, ...]:
    """The objects without which an entry cannot be judged. Raises MalformedError."""
    entry = parse_entry(leaf)
    if entry.kind is EntryKind.STATEMENT:
        return read_statement(entry).envelopes
    if entry.kind is EntryKind.WITHDRAWAL:
        return read_withdrawal(entry).envelopes
    if entry.kind is EntryKind.DECISION:
        return read_decision(entry).envelopes
    return ()


def _load(directory: Path | None) -> list[bytes]:
    """What the copy holds, up to the first hole. Whether it is true is for `sync` to find out."""
    leaves: list[bytes] = []
    if directory is None:
        return leaves
    for path in sorted(directory.glob("[0-9]*-*")):
        number, _, count = path.name.partition("-")
        if int(number) != len(leaves):
            break
        try:
            leaves.extend(parse_bundle(path.read_bytes(), int(count)))
        except (OSError, ValueError, MalformedTile):
            break
    return leaves
