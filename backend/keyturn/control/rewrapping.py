"""Feeding a KEK rotation from the inventory: every DEK under the new KEK (our protocol §10.14).

The keyholder opens and wraps; here is only which model's DEK lies where. A new one takes the old
one's place in one transaction, after the keyholder answered with it: at every moment the row opens
under one of the token's KEKs. Killed anywhere, it goes on from the rows that are left.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from keyturn.base.encoding import Digest
from keyturn.store import models
from keyturn.store.database import Database
from keyturn.store.models import Rewrapping, WrappedRow
from keyturn.wire.ceremonies import MAX_REWRAP, RewrapKeys, Rewrapped
from keyturn.wire.rewrapping import (
    ItemOutcome,
    ItemToRewrap,
    RewrappedItem,
    pack_items,
    unpack_answer,
)

T = TypeVar("T")
Ask = Callable[[RewrapKeys], Awaitable[Rewrapped]]
SHOWN = 20  # models that are named as not rewrapped


class Inventory(Protocol):
    """Reading and writing transactions of the control plane's database."""

    async def read(self, work: Callable[[Connection], T]) -> T: ...

    async def write(self, work: Callable[[Connection], T]) -> T: ...


@dataclass(frozen=True, slots=True)
class Direct:
    """An inventory for a command that has the database to itself."""

    database: Database

    async def read(self, work: Callable[[Connection], T]) -> T:
        with self.database.read() as connection:
            return work(connection)

    async def write(self, work: Callable[[Connection], T]) -> T:
        with self.database.write() as connection:
            return work(connection)


@dataclass(slots=True)
class Feeding:
    """How far it is. `left` is the keyholder's count of models not seen under `kek` yet."""

    ceremony: str
    kek: str = ""
    total: int = 0
    """DEKs in the inventory."""
    under: int = 0
    """Of them, how many lie under the new KEK."""
    rewrapped: int = 0
    """By this run."""
    left: int = -1
    outcomes: Counter[ItemOutcome] = field(default_factory=Counter)
    failed: list[tuple[str, ItemOutcome]] = field(default_factory=list)
    """At most SHOWN models whose DEK did not come under the new KEK, and why."""

    @property
    def done(self) -> bool:
        return self.left == 0

    def to_data(self) -> dict[str, object]:
        return {
            "ceremony": self.ceremony,
            "kek": self.kek,
            "total": self.total,
            "under_new_kek": self.under,
            "rewrapped": self.rewrapped,
            "left": self.left,
            "failed": [
                {"model": model, "reason": outcome.name.lower().replace("_", "-")}
                for model, outcome in self.failed
            ],
        }


Report = Callable[[Feeding], None]


async def feed(
    inventory: Inventory, ask: Ask, ceremony: str, report: Report, *, batch: int = 2048
) -> Feeding:
    """Hand in every DEK that does not lie under the new KEK; then, where the keyholder has not
    seen all, those that do: it was started anew, or they were admitted meanwhile.

    Raises PeerRefused (no such step now), PeerUnreachable, MalformedError. What was done stays.
    """
    if not 0 < batch <= MAX_REWRAP:
        raise ValueError(f"a batch of 1 to {MAX_REWRAP}")
    feeding = Feeding(ceremony)
    await look(inventory, ask, feeding)
    report(feeding)
    for under in (False, True):
        if feeding.done:
            break
        await _pass(inventory, ask, feeding, report, under=under, batch=batch)
    return feeding


async def look(inventory: Inventory, ask: Ask, feeding: Feeding) -> None:
    """Only ask and count."""
    answer = await ask(RewrapKeys(feeding.ceremony, b""))
    counts = await inventory.read(models.wrapped_by_kek)
    feeding.kek, feeding.left = answer.kek, answer.left
    feeding.total, feeding.under = sum(counts.values()), counts.get(answer.kek, 0)


async def _pass(
    inventory: Inventory, ask: Ask, feeding: Feeding, report: Report, *, under: bool, batch: int
) -> None:
    after, kek = "", feeding.kek
    while True:
        select = partial(models.wrapped_rows, kek=kek, under=under, after=after, limit=batch)
        rows = await inventory.read(select)
        if not rows:
            return
        after = rows[-1].model
        await _hand_in(inventory, ask, feeding, rows)
        report(feeding)


async def _hand_in(
    inventory: Inventory, ask: Ask, feeding: Feeding, rows: Sequence[WrappedRow]
) -> None:
    items = [ItemToRewrap(Digest(each.model), each.wrapped) for each in rows]
    answer = await ask(RewrapKeys(feeding.ceremony, pack_items(items)))
    done = unpack_answer(answer.items, len(rows))
    changes = [_change(row, each, answer.kek) for row, each in zip(rows, done, strict=True)]
    destroyed = [
        row.model
        for row, each in zip(rows, done, strict=True)
        if each.outcome is ItemOutcome.DESTROYED
    ]

    def work(connection: Connection) -> int:
        for model in destroyed:
            models.forget_keys(connection, model)
        models.replace_wrapped(connection, [each for each in changes if each is not None])
        return models.wrapped_by_kek(connection).get(answer.kek, 0)

    feeding.under = await inventory.write(work)
    feeding.left = answer.left
    for row, each in zip(rows, done, strict=True):
        _count(feeding, row, each)


def _change(row: WrappedRow, item: RewrappedItem, kek: str) -> Rewrapping | None:
    if item.kek_wrapped is None or (item.kek_wrapped == row.wrapped and row.kek == kek):
        return None
    return Rewrapping(row.model, row.wrapped, item.kek_wrapped, kek)


def _count(feeding: Feeding, row: WrappedRow, item: RewrappedItem) -> None:
    feeding.outcomes[item.outcome] += 1
    if item.outcome is ItemOutcome.REWRAPPED:
        feeding.rewrapped += 1
    elif not item.outcome.is_kept and len(feeding.failed) < SHOWN:
        feeding.failed.append((row.model, item.outcome))
