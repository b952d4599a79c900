"""Watches how old the kept collateral is, and, where the settings say so, fetches it anew.

Replicas share a database: one of them holds the turn and asks the vendors, the others wait for
theirs. The package `collateral` paces what is asked, and what vendors gave is handed to the
keyholder, which judges it again. Nothing here is believed by anybody.
"""

import asyncio
import json
import logging
import secrets
from collections.abc import Callable, Container, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import httpx
from sqlalchemy import Connection

from keyturn.attest.anchors import HARDWARE_ANCHORS
from keyturn.base.collateral import APPRAISED
from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.base.times import format_time
from keyturn.collateral.cache import Cache, Kept
from keyturn.collateral.fetching import Fetcher, Trust
from keyturn.collateral.keeping import Collateral, Done, Outcome
from keyturn.collateral.scopes import Wanted
from keyturn.collateral.staleness import State
from keyturn.collateral.vendors import Services
from keyturn.control.collateral import Collaterals
from keyturn.control.collateralplan import Standing, changes, counts, read_standing, wanted_of
from keyturn.control.config import ControlConfig
from keyturn.control.context import Context
from keyturn.store import collateral as store
from keyturn.store import events, evidence, facts
from keyturn.store.collateral import Listed
from keyturn.wire.collateral import CollateralAnswer

log = logging.getLogger("keyturn.control")

LOOK_SECONDS = 60.0
"""How often ages are looked at."""
TURN = "collateral-turn"
TOLD = "collateral-told"
_MANY = 64
"""Requests that are read from the database at once."""
HANDED_IN = "handed in"
MakeCollateral = Callable[[ControlConfig, httpx.Client], Collateral]


def shipped(config: ControlConfig, client: httpx.Client) -> Collateral:
    """Believing hardware vendors' own roots alone. Raises CacheUnusable."""
    named, usual = dict(config.collateral.mirrors), Services()
    services = Services(
        amd=named.get("amd", usual.amd),
        intel=named.get("intel", usual.intel),
        intel_root_list=None if "intel" in named else usual.intel_root_list,
        nvidia_ocsp=named.get("nvidia-ocsp", usual.nvidia_ocsp),
    )
    trust = Trust(anchors=HARDWARE_ANCHORS)
    return Collateral(Cache(config.collateral_cache), Fetcher(client, trust, services=services))


@dataclass(slots=True)
class CollateralJob:
    """One server's part. `run` is a task; `told` and `documents` are for people to look at."""

    context: Context
    collaterals: Collaterals
    make: MakeCollateral = shipped
    standings: dict[str, Standing] = field(default_factory=dict)
    problems: list[dict[str, object]] = field(default_factory=list)
    fetched: datetime | None = None
    due: datetime | None = None
    name: str = field(default_factory=lambda: secrets.token_hex(8))
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    # ---- what is told ----

    def health(self) -> dict[str, object]:
        now = self.context.clock()
        return {
            "fetching": self.context.config.collateral.fetch,
            "states": counts(tuple(self.standings.values()), now),
            "failed": len(self.problems),
        }

    def status(self) -> dict[str, object]:
        """See `GET /v1/collateral/status`."""
        now, held = self.context.clock(), self.collaterals.holds
        order = sorted(self.standings.values(), key=lambda each: (each.kind.value, each.scope))
        return {
            "fetching": self.context.config.collateral.fetch,
            "fetched": None if self.fetched is None else _time(self.fetched),
            "next": None if self.due is None else _time(self.due),
            "documents": [each.to_data(now, held=held(each.digest)) for each in order],
            "failed": list(self.problems),
        }

    # ---- the task ----

    async def run(self) -> None:
        """Until cancelled."""
        settings = self.context.config.collateral
        wait = secrets.randbelow(1000) / 1000 * min(5.0, settings.seconds)  # not all at once
        with httpx.Client(trust_env=True) if settings.fetch else nullcontext() as client:
            while True:
                await self._sleep(wait)
                wait = min(LOOK_SECONDS, settings.seconds)
                try:
                    await self.step(client)
                except KeyturnError as error:
                    log.warning("collateral cannot be looked after", extra={"reason": str(error)})

    def wake(self) -> None:
        """Something was handed in: look again."""
        self._woken.set()

    async def _sleep(self, seconds: float) -> None:
        self._woken.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return

    async def step(self, client: httpx.Client | None) -> None:
        """Look at the ages; where it is this server's turn, tell of them and fetch what is due.

        Without a client nothing is fetched: to make one, all roots of the system are read.
        """
        await self.look()
        if not await self.context.write(self._take_turn):
            return
        await self.context.write(self._tell)
        now, settings = self.context.clock(), self.context.config.collateral
        if client and settings.fetch and (self.due is None or now >= self.due):
            self.due = now + timedelta(seconds=settings.seconds)
            await self.fetch(client)
            await self.look()
        self.context.hub.tell(await self.context.read(events.last))

    async def look(self) -> None:
        """Read of each kept document how old it is; what is known already is not read again."""
        listed = await self.context.read(store.listed)
        fresh = [each for each in listed if not self._known(each)]
        for start in range(0, len(fresh), _MANY):
            places = [each.place for each in fresh[start : start + _MANY]]
            rows = await self.context.read(partial(store.several, places=places))
            received = {each.place: each.received for each in fresh}
            for row in rows:
                found = read_standing(row.document, received[row.place], HANDED_IN)
                if found is not None:
                    self.standings[row.place] = found
        there = {each.place for each in listed}
        for place in [each for each in self.standings if each not in there]:
            del self.standings[place]

    def _known(self, row: Listed) -> bool:
        known = self.standings.get(row.place)
        return known is not None and (known.digest, known.fetched) == (row.digest, row.received)

    async def fetch(self, client: httpx.Client) -> None:
        """Everything that the fleet's newest evidence calls for and that is not fresh."""
        wanted = await self._wanted()
        loop = asyncio.get_running_loop()
        work = self._refresh
        outcomes = await loop.run_in_executor(None, lambda: work(client, wanted))
        self.fetched = self.context.clock()
        self.problems = [_problem(each) for each in outcomes if each.error is not None]
        known = {each.digest for each in self.standings.values()}
        new = [each.kept for each in outcomes if each.kept is not None and _is_new(each, known)]
        answer = await self.collaterals.hand_in([each.document for each in new])
        kept = {each.document.digest: each for each in new}
        again = [e.kept.document.digest for e in outcomes if e.kept and e.done is Done.SAME]
        await self.context.write(partial(store.renew, digests=again, now=self.fetched))
        await self.context.write(lambda c: self._told_kept(c, outcomes, answer))
        await self.look()
        for place, each in self.standings.items():
            if each.digest in kept:
                source = kept[each.digest].source
                fetched = self.standings[place].fetched
                self.standings[place] = Standing(
                    each.kind, each.scope, each.digest, each.age, fetched, source
                )

    async def _wanted(self) -> tuple[Wanted, ...]:
        named = await self.context.read(evidence.named)
        digests = sorted(set(named.values()))
        found: dict[tuple[object, str], Wanted] = {}
        for start in range(0, len(digests), _MANY):
            some = digests[start : start + _MANY]
            raw = await self.context.read(partial(evidence.several, digests=some))
            for each in wanted_of(raw.values()):
                found[each.key] = each
        return tuple(found.values())

    def _refresh(self, client: httpx.Client, wanted: Sequence[Wanted]) -> tuple[Outcome, ...]:
        """On a thread of its own. Raises CacheUnusable."""
        collateral = self.make(self.context.config, client)
        return collateral.refresh(wanted, self.context.clock())

    # ---- shared with the other replicas ----

    def _take_turn(self, connection: Connection) -> bool:
        """Whether this server looks after collateral until its turn ends."""
        now = self.context.clock()
        until = now + timedelta(seconds=3 * LOOK_SECONDS)
        value = f"{self.name} {format_time(until.replace(microsecond=0))}"
        known = facts.read_fact(connection, TURN)
        if known is not None:
            owner, _, end = known.partition(" ")
            if owner != self.name and end > format_time(now.replace(microsecond=0)):
                return False
        return facts.replace_fact(connection, TURN, known, value)

    def _tell(self, connection: Connection) -> None:
        """Events of what became due, stale or expired; told once for all replicas."""
        now = self.context.clock()
        known = facts.read_fact(connection, TOLD)
        bad, news = changes(self.standings, {} if known is None else json.loads(known), now)
        for standing, state in news:
            data = {**standing.to_data(now, held=False), "what": _WORDS[state]}
            del data["held"]
            events.append(connection, "collateral", data, now)
        if news or (known is not None and json.loads(known) != bad):
            facts.write_fact(connection, TOLD, json.dumps(bad))

    def _told_kept(
        self, connection: Connection, outcomes: Sequence[Outcome], answer: CollateralAnswer
    ) -> None:
        now = self.context.clock()
        for each in outcomes:
            if each.kept is not None and each.done is Done.NEWER:
                kept = each.kept.document.digest in answer.kept
                what = "kept" if kept or each.kind not in APPRAISED else "refused"
                events.append(connection, "collateral", _of_kept(each.kept, what), now)


_WORDS = {State.DUE: "due", State.STALE: "stale", State.EXPIRED: "expired"}


def _of_kept(kept: Kept, what: str) -> dict[str, object]:
    document = kept.document
    return {
        "what": what,
        "kind": document.kind.value,
        "scope": document.scope,
        "digest": document.digest,
        "source": kept.source,
    }


def _is_new(outcome: Outcome, known: Container[Digest]) -> bool:
    """Whether the keyholder has to hear of it."""
    kept = outcome.kept
    if kept is None or kept.document.kind not in APPRAISED:
        return False
    return outcome.done is Done.NEWER or kept.document.digest not in known


def _problem(outcome: Outcome) -> dict[str, object]:
    error = outcome.error
    return {
        "kind": outcome.kind.value,
        "scope": outcome.scope,
        "reason": "" if error is None else error.message[:300],
        "hint": "" if error is None else error.hint[:300],
    }


def _time(moment: datetime) -> str:
    return format_time(moment.replace(microsecond=0))
