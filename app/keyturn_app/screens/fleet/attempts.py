"""How many attestations and refusals there were, counted over the log's own entries and times.

Reads each leaf once, as the log grows. Nothing here is the server's figure. No Qt.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from keyturn.client.seen import at_hand, first_at_hand, leaf_at_hand
from keyturn.quorum.entries import EntryKind
from keyturn_app.screens.fleet.rows import frame_of

Times = npt.NDArray[np.float64]
WINDOW, INTERVAL = 900, 10
"""Seconds that are drawn, and how many make one point."""
KEPT = 3600
"""Seconds that are counted at all."""
_NODE = re.compile(rb'"node":"([^"\\]*)"')


@dataclass(frozen=True, slots=True)
class Series:
    """Counts per INTERVAL over WINDOW; `ends` in seconds before now, ascending, all <= 0."""

    ends: tuple[float, ...]
    granted: tuple[int, ...]
    refused: tuple[int, ...]

    @property
    def empty(self) -> bool:
        return not any(self.granted) and not any(self.refused)


NOTHING_COUNTED = Series((), (), ())


class Attempts:
    """Grants, renewals and refusals of the last hour."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._size = 0
        self._last = b""
        self._granted: list[float] = []
        self._refused: list[float] = []
        self._refused_nodes: list[str] = []
        self._arrays: tuple[Times, Times] | None = None

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Take what is new. Another log, which does not continue this one, begins anew."""
        if self._size and not self._continues(leaves):
            self._begin()
        last = leaf_at_hand(leaves, len(leaves) - 1)
        if last is None or len(leaves) == self._size:
            return
        newest = frame_of(last)[1]
        first = self._first_within(leaves, newest - KEPT)
        for _index, leaf in at_hand(leaves, max(self._size, first)):
            self._count(leaf)
        self._size, self._last = len(leaves), last
        self._arrays = None
        self._forget(newest - KEPT)

    def series(self, now: float) -> Series:
        edges = np.arange(0.0, WINDOW + INTERVAL, INTERVAL) + (now - WINDOW)
        if self._arrays is None:
            self._arrays = np.array(self._granted), np.array(self._refused)
        granted, refused = self._arrays
        ends = tuple((edges[1:] - now).tolist())
        return Series(ends, _counted(granted, edges), _counted(refused, edges))

    def refused_since(self, moment: float) -> frozenset[str]:
        """Nodes that were refused since then, as far back as KEPT."""
        return frozenset(self._refused_nodes[bisect_left(self._refused, moment) :])

    def _continues(self, leaves: Sequence[bytes]) -> bool:
        """Nor does one of which so much is new that some of it is not at hand."""
        return len(leaves) >= self._size and leaf_at_hand(leaves, self._size - 1) == self._last

    def _first_within(self, leaves: Sequence[bytes], oldest: float) -> int:
        """Times never run backwards in a log that was replayed."""
        return bisect_left(
            range(len(leaves)),
            oldest,
            max(self._size, first_at_hand(leaves)),
            key=lambda i: frame_of(leaves[i])[1],
        )

    def _count(self, leaf: bytes) -> None:
        kind, time = frame_of(leaf)
        if kind == EntryKind.GRANT.value:
            self._granted.append(time)
        elif kind == EntryKind.REFUSAL.value:
            self._refused.append(time)
            node = _NODE.search(leaf)
            self._refused_nodes.append(node[1].decode() if node else "")

    def _forget(self, oldest: float) -> None:
        del self._granted[: bisect_left(self._granted, oldest)]
        gone = bisect_left(self._refused, oldest)
        del self._refused[:gone], self._refused_nodes[:gone]


def _counted(times: Times, edges: npt.NDArray[np.floating]) -> tuple[int, ...]:
    """An entry counts in the interval that ends with it: so the newest second is drawn."""
    places = np.searchsorted(times, edges, side="right")
    return tuple(np.diff(places).tolist())
