"""What the log says last of each node: an index over its proved leaves, extended as they grow."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from keyturn.base.errors import MalformedError
from keyturn.keyrelease.entries import GrantEntry, RefusalEntry, read_grant, read_refusal
from keyturn.quorum.entries import EntryKind, parse_entry
from keyturn.quorum.errors import LogInconsistent

Granted = tuple[int, GrantEntry]
Refused = tuple[int, RefusalEntry]


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


class NodeIndex:
    """Of one log, which only grows; another log needs another index.

    Not thread-safe while it is extended; whoever only reads may do so at any time.
    """

    def __init__(self, leaves: Sequence[bytes] = ()) -> None:
        self._newest: dict[str, Newest] = {}
        self._size = 0
        self.extend(leaves)

    def __len__(self) -> int:
        """How many leaves it knows."""
        return self._size

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Read what is new in a longer prefix of the same log; each leaf is parsed once.

        Raises LogInconsistent at a leaf that no honest keyholder would have written.
        """
        for leaf in leaves[self._size :]:
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
        """Empty for a node that the log does not know."""
        return self._newest.get(node, _NOTHING)

    def _enter(self, index: int, leaf: bytes) -> None:
        entry = parse_entry(leaf)
        if entry.kind is EntryKind.GRANT:
            grant = read_grant(entry)
            self._newest[grant.node] = replace(self.newest(grant.node), granted=(index, grant))
        elif entry.kind is EntryKind.REFUSAL:
            refusal = read_refusal(entry)
            self._newest[refusal.node] = replace(
                self.newest(refusal.node), refused=(index, refusal)
            )
