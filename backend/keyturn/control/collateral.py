"""Collateral that is handed in: to the keyholder, which judges it, and kept as far as it keeps it.

A keyholder that was started anew is handed all of it again: what it still has costs it nothing.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from keyturn.attest.errors import REFUSALS
from keyturn.base.collateral import CollateralDocument
from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.control.context import Context
from keyturn.control.follower import Follower
from keyturn.keyrelease.collateral import place_of
from keyturn.store import collateral as store
from keyturn.store.collateral import CollateralRow
from keyturn.wire.collateral import (
    MAX_COLLATERAL,
    CollateralAnswer,
    CollateralRefused,
    batches,
)
from keyturn.wire.keyholder import HandCollateral

log = logging.getLogger("keyturn.control")

LOOK_SECONDS = 1.0


@dataclass(slots=True)
class Page:
    """`following`: the place to go on behind, None at the end."""

    documents: list[CollateralDocument]
    following: str | None


@dataclass(slots=True)
class Collaterals:
    """One server's part. `run` is a task."""

    context: Context
    follower: Follower
    handed_to: str | None = field(default=None)
    """The boot of the keyholder that was handed everything."""
    put_off: set[Digest] = field(default_factory=set)
    """What that keyholder does not keep."""
    handed: Callable[[], None] = lambda: None
    """Told when something was handed in."""

    def holds(self, digest: Digest) -> bool:
        """Whether the keyholder of now has said that it keeps this."""
        hello = self.follower.hello
        return hello is not None and hello.boot == self.handed_to and digest not in self.put_off

    async def hand_in(self, documents: Sequence[CollateralDocument]) -> CollateralAnswer:
        """The keyholder's word on each. Raises PeerUnreachable, PeerRefused."""
        kept: list[Digest] = []
        refused: list[CollateralRefused] = []
        for batch in batches(documents):
            answer = await self.context.keyholder.ask(HandCollateral(batch))
            kept += answer.kept
            refused += answer.refused
            rows = _rows([each for each in batch if each.digest in answer.kept])
            await self.context.write(partial(store.keep, rows=rows, now=self.context.clock()))
        self.put_off.difference_update(kept)
        self.handed()
        return CollateralAnswer(tuple(dict.fromkeys(kept)), tuple(refused))

    async def page(self, after: str) -> Page:
        """Some of what is kept, in the order of places: as much as fits into one answer."""
        rows = await self.context.read(lambda c: store.page(c, after, MAX_COLLATERAL))
        fitting = batches([each.document for each in rows])[:1]
        documents = list(fitting[0]) if fitting else []
        whole = len(documents) == len(rows) < MAX_COLLATERAL
        return Page(documents, None if whole else rows[len(documents) - 1].place)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.step()
            except KeyturnError as error:
                log.warning("collateral waits for the keyholder", extra={"reason": str(error)})
            await asyncio.sleep(LOOK_SECONDS)

    async def step(self) -> None:
        """Hand in what there is if the keyholder is another process than before."""
        hello = self.follower.hello
        if not self.follower.ready or hello is None or hello.boot == self.handed_to:
            return
        put_off: set[Digest] = set()
        after: str | None = ""
        while after is not None:
            found = await self.page(after)
            for batch in batches(found.documents):
                answer = await self.context.keyholder.ask(HandCollateral(batch))
                put_off |= {each.digest for each in batch} - set(answer.kept)
                for each in answer.refused:
                    log.info(
                        "the keyholder does not keep what it kept",
                        extra={"reason": f"{each.kind} {each.scope}: {each.reason}"},
                    )
            after = found.following
        self.handed_to, self.put_off = hello.boot, put_off


def _rows(documents: Sequence[CollateralDocument]) -> list[CollateralRow]:
    """The last of each place."""
    found: dict[str, CollateralRow] = {}
    for each in documents:
        try:
            place = place_of(each)
        except REFUSALS:  # a keyholder that keeps such a thing is none of ours
            continue
        text = f"{place.kind.value} {place.scope} {place.issuer}"
        name = hashlib.sha256(text.encode()).hexdigest()
        found[name] = CollateralRow(name, each)
    return list(found.values())
