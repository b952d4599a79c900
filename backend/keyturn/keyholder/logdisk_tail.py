"""The log's tail: the file that entries reach first, before any bundle or checkpoint.

Our own format. Header: 16 bytes of magic, u64 index of the first entry (a multiple of 256).
Then for every entry: u64 index ‖ u16 length ‖ 32-byte RFC 6962 leaf hash ‖ entry, big endian.
The hash tells a whole record from a torn one: reading stops at the first that is not whole,
and whoever reads decides whether that is a crash or damage.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from keyturn.keyholder.logdisk_errors import LogDamaged
from keyturn.tlog.bundles import MAX_ENTRY
from keyturn.tlog.merkle import HASH_SIZE, MAX_TREE_SIZE, Hash, leaf_hash
from keyturn.tlog.tiles import TILE_WIDTH

MAGIC = b"keyturn-tail-v1\n"
HEADER_SIZE = len(MAGIC) + 8
RECORD_OVERHEAD = 8 + 2 + HASH_SIZE
MAX_RECORD = RECORD_OVERHEAD + MAX_ENTRY


@dataclass(frozen=True, slots=True)
class Tail:
    """The whole records of a tail file, and how many bytes they and the header take."""

    start: int
    entries: tuple[bytes, ...]
    hashes: tuple[Hash, ...]
    length: int

    @property
    def end(self) -> int:
        """The index after the last entry."""
        return self.start + len(self.entries)

    def extended(self, entries: Sequence[bytes]) -> "Tail":
        """The tail with these entries after its own."""
        hashes = tuple(leaf_hash(each) for each in entries)
        length = self.length + sum(RECORD_OVERHEAD + len(each) for each in entries)
        return Tail(self.start, self.entries + tuple(entries), self.hashes + hashes, length)

    def after(self, start: int) -> "Tail":
        """The tail whose first entry is `start`, what comes before having gone into bundles."""
        cut = start - self.start
        entries = self.entries[cut:]
        length = HEADER_SIZE + sum(RECORD_OVERHEAD + len(each) for each in entries)
        return Tail(start, entries, self.hashes[cut:], length)

    def until(self, end: int) -> "Tail":
        """The tail without the entries from `end` on, which is not before its start."""
        count = end - self.start
        entries = self.entries[:count]
        length = HEADER_SIZE + sum(RECORD_OVERHEAD + len(each) for each in entries)
        return Tail(self.start, entries, self.hashes[:count], length)

    def to_bytes(self) -> bytes:
        return MAGIC + self.start.to_bytes(8, "big") + self.records(0)

    def records(self, first: int) -> bytes:
        """The records from the place `first` in this tail."""
        parts = []
        for place in range(first, len(self.entries)):
            entry = self.entries[place]
            parts.append((self.start + place).to_bytes(8, "big"))
            parts.append(len(entry).to_bytes(2, "big"))
            parts += [self.hashes[place], entry]
        return b"".join(parts)


EMPTY_TAIL = Tail(0, (), (), HEADER_SIZE)


def parse_tail(raw: bytes) -> Tail:
    """Read whole records until one is not. Raises LogDamaged on a header that is not one:
    headers only ever appear by rename, whole."""
    start = int.from_bytes(raw[len(MAGIC) : HEADER_SIZE], "big")
    headed = len(raw) >= HEADER_SIZE and raw.startswith(MAGIC)
    if not headed or start % TILE_WIDTH or start > MAX_TREE_SIZE:
        raise LogDamaged("the log's tail has no valid header", found=repr(raw[:HEADER_SIZE]))
    entries: list[bytes] = []
    hashes: list[Hash] = []
    at = HEADER_SIZE
    while record := _record(raw, at, start + len(entries)):
        entry, hashed = record
        entries.append(entry)
        hashes.append(hashed)
        at += RECORD_OVERHEAD + len(entry)
    return Tail(start, tuple(entries), tuple(hashes), at)


def _record(raw: bytes, at: int, index: int) -> tuple[bytes, Hash] | None:
    head, entry_at = raw[at : at + 10], at + RECORD_OVERHEAD
    length = int.from_bytes(head[8:], "big")
    entry = raw[entry_at : entry_at + length]
    hashed = Hash(raw[at + 10 : entry_at])
    if int.from_bytes(head[:8], "big") != index or length == 0 or len(entry) != length:
        return None
    return (entry, hashed) if leaf_hash(entry) == hashed else None
