"""The fleet as columns of numbers, with an order of its own: sorted and filtered by numpy.

`order` leads from a row on screen to a place in the columns, `inv` back (-1: filtered out). States
decay here as time passes, by the rules of `keyturn.client.inventory.standing`. No Qt in here.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from keyturn.client.inventory import FORGOTTEN_SECONDS, STALE_SECONDS, NodeState
from keyturn_app.screens.fleet.rows import Row

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]
Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

STATES = (
    NodeState.ATTESTED,
    NodeState.WIPED,
    NodeState.PENDING,
    NodeState.STALE,
    NodeState.UNKNOWN,
    NodeState.QUARANTINED,
    NodeState.REFUSED,
)
"""From harmless to worst; a state's code is its place here."""
CODE = {state: np.uint8(code) for code, state in enumerate(STATES)}
_UNKNOWN, _STALE = CODE[NodeState.UNKNOWN], CODE[NodeState.STALE]
_ATTESTED = CODE[NodeState.ATTESTED]
_HELD = (_ATTESTED, _STALE, _UNKNOWN)


class Texts:
    """A column of texts, each distinct one kept once."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._code: dict[str, int] = {}
        self.values: list[str] = []
        self.codes: Codes = np.fromiter((self._take(t) for t in texts), np.int32, len(texts))
        self._ranks: Codes | None = None

    def __getitem__(self, place: int) -> str:
        return self.values[int(self.codes[place])]

    def put(self, place: int, text: str) -> None:
        self.codes[place] = self._take(text)

    def ranks(self) -> Codes:
        """Of each row, so that they sort as the texts do."""
        if self._ranks is None or len(self._ranks) != len(self.values):
            self._ranks = ranks_of(self.values)
        return self._ranks[self.codes]

    def matching(self, fits: Callable[[str], bool]) -> Mask:
        """Asked once for each distinct text."""
        known = np.fromiter((fits(each) for each in self.values), np.bool_, len(self.values))
        return known[self.codes] if len(known) else np.zeros(len(self.codes), np.bool_)

    def _take(self, text: str) -> int:
        code = self._code.get(text)
        if code is None:
            code = self._code[text] = len(self.values)
            self.values.append(text)
        return code


def ranks_of(texts: Sequence[str]) -> Codes:
    """Each text's place among them all, sorted."""
    ranks = np.empty(len(texts), np.int32)
    ranks[sorted(range(len(texts)), key=texts.__getitem__)] = np.arange(len(texts))
    return ranks


class FleetStore:
    """All nodes. `judge` must be called before the states are read, and whenever time passed."""

    def __init__(self) -> None:
        self.load(())

    def __len__(self) -> int:
        return len(self.names)

    def load(self, rows: Sequence[Row]) -> None:
        """Begin anew. What is shown is all of it, in the order given."""
        count = len(rows)
        self.names = [each.name for each in rows]
        self.place = {name: at for at, name in enumerate(self.names)}
        self.name_ranks = ranks_of(self.names)
        self.site = Texts([each.site for each in rows])
        self.rack = Texts([each.rack for each in rows])
        self.model = Texts([each.model for each in rows])
        self.policy = Texts([each.policy for each in rows])
        self.platform = Texts([each.platform for each in rows])
        self.caveats = Texts([_joined(each.caveats) for each in rows])
        self.caveat_count = np.fromiter((len(each.caveats) for each in rows), np.int32, count)
        self.simulated = np.fromiter((each.simulated for each in rows), np.bool_, count)
        self._said = np.fromiter((CODE[each.state] for each in rows), np.uint8, count)
        self._age_said = _floats(each.age for each in rows)
        self.heard = _floats(each.heard for each in rows)
        self.until = _floats(each.until for each in rows)
        self.attested = _floats(each.attested for each in rows)
        self.state = np.full(count, _UNKNOWN, np.uint8)
        self.age = np.full(count, np.nan)
        self.now, self._known = 0.0, False
        self.order: Places = np.arange(count)
        self.inv: Places = np.arange(count)

    def update(self, rows: Iterable[Row]) -> Places:
        """Put newer values in place; of one name the last wins. Gives the places that changed.

        Raises KeyError on a name that was not loaded, before anything is changed.
        """
        newest = {self.place[each.name]: each for each in rows}
        for place, row in newest.items():
            self._put(place, row)
        return np.fromiter(newest, np.int64, len(newest))

    def hear(
        self,
        places: Sequence[int],
        states: Sequence[NodeState],
        ages: Sequence[int | None],
        heard: Sequence[float | None],
    ) -> None:
        """The shorter way for nodes that have only spoken."""
        at = np.asarray(places, np.int64)
        self._said[at] = [CODE[each] for each in states]
        self._age_said[at] = _floats(ages)
        self.heard[at] = _floats(heard)

    def judge(self, now: float, *, known: bool) -> None:
        """Let states and ages be of `now`; not `known`: the server is out of reach (I10)."""
        self.now, self._known = now, known
        self._judge(np.arange(len(self)))

    def judge_only(self, places: Places, now: float, *, known: bool) -> bool:
        """The same for some; the others' ages are left as they were judged last.

        Gives whether it had to be done for all, because `known` has changed.
        """
        if known is not self._known:
            self.judge(now, known=known)
            return True
        self.now = now
        self._judge(places)
        return False

    def _judge(self, places: Places) -> None:
        age = np.maximum(np.floor(self.now - self.heard[places]), 0)
        age = np.fmax(self._age_said[places], age)
        said = self._said[places]
        decaying = (said == _ATTESTED) | (said == _STALE)
        # not-a-number is lost too
        lost = ~(self.until[places] > self.now) | ~(age <= FORGOTTEN_SECONDS)
        state = np.where(decaying & (age > STALE_SECONDS), _STALE, said)
        state = np.where(decaying & lost, _UNKNOWN, state)
        self.age[places] = age
        self.state[places] = state if self._known else _UNKNOWN

    # ---- derived ----

    def lease_left(self) -> Floats:
        """Seconds until the lease ends; not a number where the node holds none."""
        left = self.until - self.now
        return np.where(np.isin(self.state, _HELD) & (left > 0), left, np.nan)

    def lease_of(self, place: int) -> float:
        """The same of one node."""
        left = float(self.until[place]) - self.now
        return left if left > 0 and self.state[place] in _HELD else np.nan

    def evidence_age(self) -> Floats:
        """Seconds since the log granted the node; not a number where it never did."""
        return np.maximum(self.now - self.attested, 0)

    def counts(self) -> dict[NodeState, int]:
        found = np.bincount(self.state, minlength=len(STATES))
        return {state: int(found[code]) for code, state in enumerate(STATES)}

    # ---- arranging ----

    def arranged(self, mask: Mask | None, key: npt.NDArray[Any], descending: bool) -> Places:
        """An order of what `mask` lets through by `key`; ties by name, not-a-number last."""
        places: Places = np.arange(len(self)) if mask is None else np.flatnonzero(mask)
        keys = key[places].astype(np.float64)
        if descending:
            keys = -keys
        order: Places = places[np.lexsort((self.name_ranks[places], keys))]
        return order

    def show(self, order: Places) -> None:
        self.order = order
        self.inv = np.full(len(self), -1, np.int64)
        self.inv[order] = np.arange(len(order))

    def _put(self, place: int, row: Row) -> None:
        for column, text in (
            (self.site, row.site),
            (self.rack, row.rack),
            (self.model, row.model),
            (self.policy, row.policy),
            (self.platform, row.platform),
            (self.caveats, _joined(row.caveats)),
        ):
            column.put(place, text)
        self.caveat_count[place] = len(row.caveats)
        self.simulated[place] = row.simulated
        self._said[place] = CODE[row.state]
        for numbers, value in (
            (self._age_said, row.age),
            (self.heard, row.heard),
            (self.until, row.until),
            (self.attested, row.attested),
        ):
            numbers[place] = np.nan if value is None else value


def _joined(caveats: Sequence[str]) -> str:
    return ", ".join(caveats)


def _floats(values: Iterable[float | None]) -> Floats:
    return np.array([np.nan if each is None else each for each in values], np.float64)
