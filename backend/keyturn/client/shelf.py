"""Whole blocks of proved entries: a few in memory, the newest on disk, each proved when it is read.

A cache, never a source: what a file holds counts only when it leads to the block's proved root.
What is not here can be fetched again.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from keyturn.client.blocktree import BLOCK, BlockTree, block_root
from keyturn.tlog.bundles import bundle_bytes, parse_bundle
from keyturn.tlog.errors import MalformedTile

KEPT = 400
"""Blocks of the newest entries that stay at hand: about a hundred thousand entries."""
MOST_ASKED = 2000
"""Older blocks that stay at hand besides, as long as the program runs."""
CACHED = 24
"""Blocks in memory, where there is a disk."""

Entries = tuple[bytes, ...]


class Shelf:
    """Of one tree. Safe for many threads; without a directory everything stays in memory."""

    def __init__(self, tree: BlockTree, directory: Path | None) -> None:
        self._tree = tree
        self._directory = directory
        self._lock = threading.Lock()
        self._cache: OrderedDict[int, Entries] = OrderedDict()
        self._there = set[int]()
        self._asked = 0
        for path in () if directory is None else directory.glob("[0-9]*"):
            with suppress(ValueError):
                self._there.add(int(path.name))

    def put(self, block: int, entries: Sequence[bytes], *, asked: bool = False) -> None:
        """Take a block whose root the tree has. `asked`: an older one, which somebody wants to see.

        A disk that says no costs nothing but room.
        """
        if asked and self.get(block) is None:
            self._asked = min(self._asked + 1, MOST_ASKED)
        if self._directory is not None:
            with suppress(OSError):
                self._write(self._directory, block, bundle_bytes(entries))
                with self._lock:
                    self._there.add(block)
        self._remember(block, tuple(entries))

    def get(self, block: int) -> Entries | None:
        """A block's entries, proved; None when they are not here, or not what they were."""
        with self._lock:
            found = self._cache.get(block)
            if found is not None:
                self._cache.move_to_end(block)
                return found
            if self._directory is None or block not in self._there:
                return None
        read = self._read(self._directory, block)
        if read is None:
            with self._lock:
                self._there.discard(block)
            return None
        self._remember(block, read)
        return read

    def first_of_run(self, blocks: int) -> int:
        """The first of the blocks up to `blocks` from which on every one is here."""
        with self._lock:
            here = self._there if self._directory is not None else self._cache.keys()
            first = blocks
            while first > 0 and first - 1 in here:
                first -= 1
            return first

    def trim(self, most: int) -> None:
        """Give up the oldest blocks over `most`; what was asked for in this run counts besides."""
        with self._lock:
            here = self._there if self._directory is not None else self._cache.keys()
            surplus = max(0, len(here) - most - self._asked)
            gone = sorted(here)[:surplus]
            self._there.difference_update(gone)
            for block in gone if self._directory is None else ():
                del self._cache[block]
        for block in gone if self._directory is not None else ():
            self._path(block).unlink(missing_ok=True)

    def _remember(self, block: int, entries: Entries) -> None:
        with self._lock:
            self._cache[block] = entries
            while self._directory is not None and len(self._cache) > CACHED:
                self._cache.popitem(last=False)

    def _read(self, directory: Path, block: int) -> Entries | None:
        try:
            entries = parse_bundle(_path(directory, block).read_bytes(), BLOCK)
        except (OSError, MalformedTile):
            return None
        return entries if block_root(entries) == self._tree.root(block) else None

    def _write(self, directory: Path, block: int, data: bytes) -> None:
        """Not flushed: what a crash leaves behind does not lead to the root."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = _path(directory, block)
        new = path.with_name(f".{path.name}.new")
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        new.replace(path)

    def _path(self, block: int) -> Path:
        assert self._directory is not None
        return _path(self._directory, block)


def _path(directory: Path, block: int) -> Path:
    return directory / f"{block:012d}"
