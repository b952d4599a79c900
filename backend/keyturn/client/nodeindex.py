"""What the log says last of each node: an index over its proved leaves, extended as they grow."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from keyturn.base.errors import MalformedError
from keyturn.keyrelease.entries import GrantEntry, RefusalEntry, read_grant, read_refusal
from keyturn.keyrelease.observing import Logged
from keyturn.quorum.entries import EntryKind, parse_entry
from keyturn.quorum.errors import LogInconsistent

Granted = tuple[int, GrantEntry]
Refused = tuple[int, RefusalEntry]

MOST_NODES = 50_000
"""Beyond it the nodes that the log has not named for longest are forgotten. The log says nothing
good of a node that is forgotten: it is *unknown*."""


@dataclass(frozen=True, slots=True)
class Newest:
    """A node's newest grant or renewal and its newest refusal, each with its log index."""

    granted: Granted | None = None
    refused: Refused | None = None

    @property
    def last(self) -> Granted | Refused | None:
        """The newer of the two."""
        if self.granted is None or (self.refused is not None and self.granted[0] < self.refused[0]):
            return self.refused
        return self.granted


_NOTHING = Newest()


@dataclass(frozen=True, slots=True)
class KeptNode:
    """A node's newest leaf of one kind, as it is kept between two runs."""

    node: str
    kind: EntryKind
    index: int
    leaf: bytes


class NodeIndex:
    """Of one log, which only grows; another log needs another index.

    Not thread-safe while it is extended; whoever only reads may do so at any time.
    """

    def __init__(self, leaves: Sequence[bytes] = (), most: int = MOST_NODES) -> None:
        self._newest: dict[str, Newest] = {}
        self._leaves: dict[str, dict[EntryKind, tuple[int, bytes]]] = {}
        self._counts = Counter[str]()
        self._size = 0
        self._most = most
        self.extend(leaves)

    @classmethod
    def restored(
        cls, size: int, counts: Mapping[str, int], kept: Iterable[KeptNode]
    ) -> "NodeIndex":
        """As it was after `size` leaves. A leaf is parsed when somebody asks for its node."""
        index = cls()
        index._size, index._counts = size, Counter(counts)
        for each in kept:
            index._leaves.setdefault(each.node, {})[each.kind] = (each.index, each.leaf)
        return index

    def __len__(self) -> int:
        """How many leaves it knows."""
        return self._size

    @property
    def counts(self) -> Mapping[str, int]:
        """How many leaves of each kind there are."""
        return dict(self._counts)

    def kept(self) -> Iterable[KeptNode]:
        """What `restored` needs."""
        for node, leaves in self._leaves.items():
            for kind, (index, leaf) in leaves.items():
                yield KeptNode(node, kind, index, leaf)

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Read what is new in a longer prefix of the same log; each leaf is parsed once.

        Raises LogInconsistent at a leaf that no honest keyholder would have written.
        """
        if len(leaves) > self._size:
            self.append(leaves[self._size :], self._size)

    def append(self, leaves: Sequence[bytes], first: int) -> None:
        """As `extend`, with the leaves from `first` on; those known already are passed over."""
        for leaf in leaves[self._size - first :]:
            try:
                self._enter(self._size, leaf)
            except MalformedError as error:
                raise LogInconsistent(
                    f"entry {self._size}: {error.message}",
                    found=error.found,
                    expected=error.expected,
                ) from error
            self._size += 1

    def newest(self, node: str) -> Newest:
        """Empty for a node that the log does not know. Raises LogInconsistent."""
        found = self._newest.get(node)
        if found is None and node in self._leaves:
            found = self._newest[node] = self._read(self._leaves[node])
        return _NOTHING if found is None else found

    def names(self) -> Collection[str]:
        """Every node that it knows."""
        return tuple(self._leaves)

    def logged(self, node: str) -> Logged | None:
        """A node's newest grant or refusal with its time. Raises LogInconsistent."""
        last = self.newest(node).last
        if last is None:
            return None
        index, entry = last
        kind = EntryKind.GRANT if isinstance(entry, GrantEntry) else EntryKind.REFUSAL
        _, leaf = self._leaves[node][kind]
        return Logged(index, parse_entry(leaf).time, entry)

    def _enter(self, index: int, leaf: bytes) -> None:
        entry = parse_entry(leaf)
        self._counts[entry.kind.value] += 1
        if entry.kind is EntryKind.GRANT:
            grant = read_grant(entry)
            newest = replace(self.newest(grant.node), granted=(index, grant))
            self._take(grant.node, newest, entry.kind, index, leaf)
        elif entry.kind is EntryKind.REFUSAL:
            refusal = read_refusal(entry)
            newest = replace(self.newest(refusal.node), refused=(index, refusal))
            self._take(refusal.node, newest, entry.kind, index, leaf)

    def _take(self, node: str, newest: Newest, kind: EntryKind, index: int, leaf: bytes) -> None:
        self._newest[node] = newest
        self._leaves.setdefault(node, {})[kind] = (index, leaf)
        if len(self._leaves) > self._most:
            self._forget()

    def _forget(self) -> None:
        """A tenth at once: it is not done for every leaf."""
        oldest = sorted(self._leaves, key=lambda each: max(self._leaves[each].values())[0])
        for node in oldest[: max(1, self._most // 10)]:
            del self._leaves[node]
            self._newest.pop(node, None)

    def _read(self, leaves: Mapping[EntryKind, tuple[int, bytes]]) -> Newest:
        granted: Granted | None = None
        refused: Refused | None = None
        for kind, (index, leaf) in leaves.items():
            try:
                entry = parse_entry(leaf)
                if kind is EntryKind.GRANT:
                    granted = (index, read_grant(entry))
                else:
                    refused = (index, read_refusal(entry))
            except MalformedError as error:
                raise LogInconsistent(f"entry {index}: {error.message}") from error
        return Newest(granted, refused)
