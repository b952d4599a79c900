"""What filters need of every entry, in columns: kind, time, node, subject. A million rows fit.

Read without the strict parser, for it is an index only: what is shown is parsed strictly, row by
row, and every leaf was parsed strictly when the log was replayed.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from keyturn.quorum.entries import EntryKind

KINDS = tuple(EntryKind)
_PLACE = {kind.value: place for place, kind in enumerate(KINDS)}
UNREADABLE = 255
_FIRST = 4096

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int32]
Times = NDArray[np.int64]
A = TypeVar("A", Bytes, Ints, Times)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Columns of a run of entries. Times are POSIX seconds."""

    kinds: Bytes
    times: Times
    nodes: tuple[str, ...]
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The columns of `size` entries from `first` on, safe to read on any thread."""

    first: int
    size: int
    kinds: Bytes
    times: Times
    nodes: Ints
    subjects: Ints


def read_chunk(leaves: Sequence[bytes]) -> Chunk:
    kinds = np.full(len(leaves), UNREADABLE, dtype=np.uint8)
    times = np.zeros(len(leaves), dtype=np.int64)
    nodes, subjects = [], []
    for place, leaf in enumerate(leaves):
        kind, time, node, subject = _read(leaf)
        kinds[place], times[place] = kind, time
        nodes.append(node)
        subjects.append(subject)
    return Chunk(kinds, times, tuple(nodes), tuple(subjects))


class Columns:
    """Of entries from `first` on; grows by chunks. Texts are kept once, and named by number."""

    def __init__(self, first: int = 0) -> None:
        self.first = first
        self.size = 0
        self.counts = dict.fromkeys(KINDS, 0)
        self.node_names: list[str] = []
        self.subject_names: list[str] = []
        self._node_of: dict[str, int] = {}
        self._subject_of: dict[str, int] = {}
        self._kinds: Bytes = np.empty(_FIRST, dtype=np.uint8)
        self._times: Times = np.empty(_FIRST, dtype=np.int64)
        self._nodes: Ints = np.empty(_FIRST, dtype=np.int32)
        self._subjects: Ints = np.empty(_FIRST, dtype=np.int32)

    def append(self, chunk: Chunk) -> None:
        end = self.size + len(chunk.kinds)
        self._make_room(end)
        part = slice(self.size, end)
        self._kinds[part], self._times[part] = chunk.kinds, chunk.times
        self._nodes[part] = [_number(self._node_of, self.node_names, n) for n in chunk.nodes]
        self._subjects[part] = [
            _number(self._subject_of, self.subject_names, s) for s in chunk.subjects
        ]
        for place, count in enumerate(np.bincount(chunk.kinds, minlength=len(KINDS))[: len(KINDS)]):
            self.counts[KINDS[place]] += int(count)
        self.size = end

    @property
    def end(self) -> int:
        """The entry behind the last."""
        return self.first + self.size

    def prepend(self, chunk: Chunk) -> None:
        """Take the entries before the first."""
        after = self.snapshot()
        self._kinds, self._times = after.kinds[:0], after.times[:0]
        self._nodes, self._subjects = after.nodes[:0], after.subjects[:0]
        self.first, self.size = self.first - len(chunk.kinds), 0
        self._make_room(len(chunk.kinds) + after.size)
        self.append(chunk)
        part = slice(self.size, self.size + after.size)
        self._kinds[part], self._times[part] = after.kinds, after.times
        self._nodes[part], self._subjects[part] = after.nodes, after.subjects
        self.size += after.size

    def drop(self, count: int) -> None:
        """Forget the oldest entries."""
        gone = np.bincount(self._kinds[:count], minlength=len(KINDS))[: len(KINDS)]
        for place, each in enumerate(gone):
            self.counts[KINDS[place]] -= int(each)
        self._kinds, self._times = self._kinds[count:].copy(), self._times[count:].copy()
        self._nodes, self._subjects = self._nodes[count:].copy(), self._subjects[count:].copy()
        self.first, self.size = self.first + count, self.size - count

    def snapshot(self) -> Snapshot:
        """Views, no copy: what is in them never changes again."""
        end = self.size
        return Snapshot(
            self.first,
            end,
            self._kinds[:end],
            self._times[:end],
            self._nodes[:end],
            self._subjects[:end],
        )

    def _make_room(self, size: int) -> None:
        room = max(1, len(self._kinds))
        if size <= len(self._kinds):
            return
        while room < size:
            room *= 2
        self._kinds = _grown(self._kinds, room, self.size)
        self._times = _grown(self._times, room, self.size)
        self._nodes = _grown(self._nodes, room, self.size)
        self._subjects = _grown(self._subjects, room, self.size)


def _read(leaf: bytes) -> tuple[int, int, str, str]:
    try:
        entry = json.loads(leaf)
        kind = _PLACE[entry["kind"]]
        time = int(datetime.fromisoformat(entry["time"]).timestamp())
    except (ValueError, KeyError, TypeError):
        return UNREADABLE, 0, "", ""
    node = str(entry.get("node", ""))
    names = ("subject", "model", "statement", "officer", "program")
    subject = next((entry[name] for name in names if entry.get(name)), "")
    return kind, time, node, str(subject)


def _number(known: dict[str, int], names: list[str], text: str) -> int:
    number = known.get(text)
    if number is None:
        number = known[text] = len(names)
        names.append(text)
    return number


def _grown(old: A, room: int, size: int) -> A:
    new = np.empty(room, dtype=old.dtype)
    new[:size] = old[:size]
    return new
