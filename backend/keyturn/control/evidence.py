"""The newest requests that the log names, for officers' clients that judge them again.

The log has only their digests. What is kept here is kept in memory, in this process, and proves
itself by its digest: what is lost with a restart is back with each node's next renewal.
"""

from collections import deque

from keyturn.base.encoding import Digest

LIMIT = 256 << 20
PER_NODE = 2
"""One more than the newest: whoever asks has read the log a moment ago."""


class RecentEvidence:
    """Exact bytes of requests by digest; the oldest go where there are more than `limit` bytes.

    Not thread-safe: it belongs to the event loop.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._requests: dict[Digest, tuple[str, bytes]] = {}
        self._of_node: dict[str, deque[Digest]] = {}
        self.size = 0  # bytes

    def keep(self, node: str, digest: Digest, request: bytes) -> None:
        """A request that a log entry names."""
        if digest in self._requests:
            return
        self._requests[digest] = (node, request)
        self.size += len(request)
        own = self._of_node.setdefault(node, deque())
        own.append(digest)
        if len(own) > PER_NODE:
            self._drop(own[0])
        while self.size > self._limit:
            self._drop(next(iter(self._requests)))

    def find(self, digest: Digest) -> bytes | None:
        found = self._requests.get(digest)
        return None if found is None else found[1]

    def _drop(self, digest: Digest) -> None:
        node, request = self._requests.pop(digest)
        self.size -= len(request)
        self._of_node[node].remove(digest)
        if not self._of_node[node]:
            del self._of_node[node]
