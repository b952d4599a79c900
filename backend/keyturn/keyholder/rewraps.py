"""Wrapping every DEK under a new KEK, fed by whoever has the inventory (our protocol §10.14).

The inventory's owner says which wrapped DEK is which model's; nothing of it is believed. Tags are
those of the admissions in the log, and the HSM verifies them. What has been seen under the new KEK
is remembered by this process: only when that is every model that the log ever admitted may the
old KEK go.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from keyturn.base.encoding import Digest, digest_bytes
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import KeyId
from keyturn.hsm.kekwork import (
    MAX_BATCH,
    CeremonyOrder,
    HsmCeremonies,
    RewrapItem,
    RewrapOutcome,
)
from keyturn.quorum.bodies import Admission
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from keyturn.wire.rewrapping import (
    ItemOutcome,
    ItemToRewrap,
    RewrappedItem,
    pack_answer,
    unpack_items,
)

_OUTCOMES = {
    RewrapOutcome.REWRAPPED: ItemOutcome.REWRAPPED,
    RewrapOutcome.ALREADY: ItemOutcome.ALREADY,
    RewrapOutcome.DOES_NOT_OPEN: ItemOutcome.DOES_NOT_OPEN,
    RewrapOutcome.OTHER_MODEL: ItemOutcome.OTHER_MODEL,
}


@dataclass(frozen=True, slots=True)
class RewrapCounts:
    """How far it is: `total` models, of which `rewrapped` and `already` lie under the new KEK."""

    total: int
    rewrapped: int
    already: int

    @property
    def left(self) -> int:
        return self.total - self.rewrapped - self.already


class Rewraps:
    """One rotation's rewrapping in one keyholder process. Safe for many threads."""

    def __init__(
        self,
        keks: HsmCeremonies,
        to: KeyId,
        order: CeremonyOrder,
        state: Callable[[], AuthorityState],
    ) -> None:
        """`to`: the active KEK. `order`: the step; its parts are numbered here, rising also over
        several objects of one process, since a worker may have answered an earlier one's."""
        self.keks = keks
        self._to = to
        self._order = order
        self._state = state
        self._parts = itertools.count(time.monotonic_ns() // 1000)
        self._lock = threading.Lock()
        self._rewrapped: set[Digest] = set()
        self._already: set[Digest] = set()

    def follow(self, order: CeremonyOrder) -> None:
        """The step that it goes on in: a worker that has answered a later one takes no older."""
        self._order = order

    def next_order(self) -> CeremonyOrder:
        """For what else is done in the step that it goes on in: behind what was wrapped in it."""
        return replace(self._order, part=next(self._parts))

    def rewrap(self, raw: bytes) -> bytes:
        """Answer a batch of the wire, item by item. Raises MalformedError, and what the HSM raises;
        then whoever asked does not know which were done, and asks again."""
        items = unpack_items(raw)
        state = self._state()
        answers: list[RewrappedItem | None] = [None] * len(items)
        asked: list[tuple[int, RewrapItem]] = []
        for place, each in enumerate(items):
            tag = self._tag(state, each)
            if isinstance(tag, ItemOutcome):
                answers[place] = RewrappedItem(tag, None)
            else:
                model = digest_bytes(each.model)
                asked.append((place, RewrapItem(model, tag, each.kek_wrapped)))
        for place, answer in self._asked(asked):
            answers[place] = answer
            self._count(items[place].model, answer.outcome)
        if any(each is None for each in answers):
            raise MalformedError("the HSM answered for fewer items than it was asked")
        return pack_answer([each for each in answers if each is not None])

    def counts(self) -> RewrapCounts:
        """Of the models that the log ever admitted, destroyed ones left out."""
        models = admitted_models(self._state())
        with self._lock:
            rewrapped = len(models & self._rewrapped)
            return RewrapCounts(len(models), rewrapped, len(models & self._already))

    def missing(self, limit: int | None = None) -> tuple[Digest, ...]:
        """Those that have not been seen under the new KEK; some of them, with a limit."""
        with self._lock:
            seen = self._rewrapped | self._already
        return tuple(sorted(admitted_models(self._state()) - seen)[:limit])

    def _tag(self, state: AuthorityState, item: ItemToRewrap) -> bytes | ItemOutcome:
        if item.model in state.destroyed:
            return ItemOutcome.DESTROYED
        found = state.newest.get((Kind.MODEL, item.model))
        body = found.statement.body if found is not None else None
        return body.tag if isinstance(body, Admission) else ItemOutcome.NOT_ADMITTED

    def _asked(self, asked: list[tuple[int, RewrapItem]]) -> Iterator[tuple[int, RewrappedItem]]:
        for start in range(0, len(asked), MAX_BATCH):
            part = asked[start : start + MAX_BATCH]
            done = self.keks.rewrap(self.next_order(), self._to, [item for _, item in part])
            for (place, _), each in zip(part, done, strict=True):
                yield place, RewrappedItem(_OUTCOMES[each.outcome], each.kek_wrapped)

    def _count(self, model: Digest, outcome: ItemOutcome) -> None:
        with self._lock:
            if outcome is ItemOutcome.REWRAPPED:
                self._rewrapped.add(model)
                self._already.discard(model)
            elif outcome is ItemOutcome.ALREADY and model not in self._rewrapped:
                self._already.add(model)


def admitted_models(state: AuthorityState) -> frozenset[Digest]:
    """Every model that ever came into force, expired and revoked ones too: they may return."""
    found = (subject for kind, subject in state.newest if kind is Kind.MODEL)
    return frozenset(Digest(each) for each in found) - state.destroyed
