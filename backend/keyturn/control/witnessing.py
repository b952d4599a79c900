"""Has the log's checkpoints cosigned: to each witness, and with its lines to the keyholder.

A courier and no more: witness and keyholder each check for themselves. Each witness has a task of
its own, so that one that is slow or gone keeps no other waiting.
"""

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from keyturn.base.encoding import b64
from keyturn.base.errors import KeyturnError, UnreachableError
from keyturn.base.strictjson import Fields
from keyturn.base.times import format_time
from keyturn.control.context import Context
from keyturn.control.witnesspeer import Known, Owed, WitnessPeer
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.entries import EntryKind, parse_entry, read_withdrawal
from keyturn.quorum.kinds import Kind
from keyturn.tlog.checkpoints import Checkpoint, parse_checkpoint
from keyturn.tlog.merkle import Hash
from keyturn.tlog.notes import MAX_NOTE, parse_note
from keyturn.tlog.proofs import Proof
from keyturn.wire.errors import PeerRefused
from keyturn.wire.keyholder import (
    AskCheckpoint,
    AskConsistency,
    AskEntries,
    AskReceipt,
    HandCosigned,
    Under,
)
from keyturn.wire.witness import AUTHORITY, RECEIPTS, REVOCATIONS, AddCheckpoint, with_lines

log = logging.getLogger("keyturn.control")

LONGEST = timedelta(seconds=60)
"""Between two cosignatures of one checkpoint; a quarter of T where that is shorter."""
TRIES = 3
PAGE = 64
"""Leaves asked for at once: 64 of the largest still fit into one frame."""
MAX_HANDED = 1000
UNKNOWN_LOG = "UnknownLog"
"""As a witness says that it knows no log of that origin."""


@dataclass(slots=True)
class _Round:
    """One witness: the peer, what it has been told, and what it cosigned last."""

    peer: WitnessPeer
    poked: asyncio.Event = field(default_factory=asyncio.Event)
    handed: set[str] = field(default_factory=set)
    size: int = -1
    at: datetime | None = None
    told: str = ""  # the last failure that was logged


class Witnessing:
    """Serves all witnesses of the settings while `run` runs."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._revocations: dict[str, tuple[bytes, tuple[bytes, ...]]] = {}
        self._rounds: list[_Round] = []

    def hand(self, digest: str, statement: bytes, approvals: tuple[bytes, ...]) -> None:
        """A revocation that has its quorum: to every witness, whatever the keyholder says."""
        if digest in self._revocations or not self._context.config.witnesses:
            return
        self._revocations[digest] = (statement, approvals)
        while len(self._revocations) > MAX_HANDED:
            del self._revocations[next(iter(self._revocations))]
        for each in self._rounds:
            each.poked.set()

    def told(self) -> list[dict[str, object]]:
        """Of each witness what it cosigned last, and why no more: for people to look at."""
        return [
            {
                "url": each.peer.url,
                "size": max(each.size, 0),
                "cosigned": None if each.at is None else format_time(each.at),
                "reason": each.told or None,
            }
            for each in self._rounds
        ]

    async def run(self) -> None:
        """Until cancelled."""
        async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
            for place in self._context.config.witnesses:
                peer = await stack.enter_async_context(WitnessPeer(place))
                self._rounds.append(_Round(peer))
            for each in self._rounds:
                tasks.create_task(self._serve(each))

    async def _serve(self, each: _Round) -> None:
        while True:
            each.poked.clear()
            try:
                await self._round(each)
                each.told = ""
            except KeyturnError as error:
                if str(error) != each.told:
                    each.told = str(error)
                    reason = {"reason": f"{each.peer.url}: {error}"}
                    log.warning("a witness does not cosign", extra=reason)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._context.config.witness_seconds):
                    await each.poked.wait()

    async def _round(self, each: _Round) -> None:
        origin, roster = self._context.mirror.origin, self._context.mirror.roster
        if not origin or roster is None:
            return  # the log was not read yet
        now = self._context.clock()
        every = min(LONGEST, timedelta(seconds=roster.witnesses.t_seconds) / 4)
        news = set(self._revocations) - each.handed
        same = each.size == self._context.mirror.size
        if not news and same and each.at is not None and now - each.at < every:
            return
        known = await self._renewed(each, origin)
        await self._hand_revocations(each, origin)
        if news:
            known = await each.peer.log(origin)
        for owed in known.pending:
            known = await self._settle(each, origin, owed, known)
        each.size = await self._cosigned(each, known.size)
        each.at = now

    async def _renewed(self, each: _Round, origin: str) -> Known:
        """What the witness knows, after it was given a newer roster if it lacks one, or the keys
        under which the log goes on."""
        state = self._context.mirror.state
        bundle = {"origin": origin, "bundle": b64(make_bundle(state))}
        try:
            known = await each.peer.log(origin)
        except PeerRefused as error:
            if error.kind != UNKNOWN_LOG:
                raise
            return await each.peer.hand(AUTHORITY, bundle)
        newest = state.newest.get((Kind.ROSTER, "roster"))
        if newest is None or newest.statement.version <= known.roster:
            return known
        return await each.peer.hand(AUTHORITY, bundle)

    async def _hand_revocations(self, each: _Round, origin: str) -> None:
        for digest, (statement, approvals) in list(self._revocations.items()):
            if digest in each.handed:
                continue
            document = {
                "origin": origin,
                "statement": b64(statement),
                "approvals": [b64(raw) for raw in approvals],
            }
            try:
                await each.peer.hand(REVOCATIONS, document)
            except PeerRefused as error:
                log.warning("a witness refuses a revocation", extra={"reason": str(error)})
            each.handed.add(digest)
        each.handed &= set(self._revocations)

    async def _settle(self, each: _Round, origin: str, owed: Owed, known: Known) -> Known:
        """Prove that the log has it. Raises UnreachableError while this server has not seen it."""
        # Under the newest checkpoint: it has to extend what the witness knows already.
        asked = AskReceipt(await self._settling(owed), Under.NEWEST)
        receipt = await self._context.urgent.ask(asked)
        note = Fields(receipt, "receipt").text("checkpoint", limit=MAX_NOTE)
        proof = await self._proof(known.size, _checkpoint(note).size)
        document = {
            "origin": origin,
            "receipt": receipt,
            "proof": [hash_.hex() for hash_ in proof],
        }
        return await each.peer.hand(RECEIPTS, document)

    async def _settling(self, owed: Owed) -> int:
        """The entry that settles it. Raises UnreachableError while this server has seen none."""
        state = self._context.mirror.state
        newest = state.newest.get((Kind.REVOCATION, owed.subject))
        if newest is not None:
            later = newest.index >= owed.size and newest.since.timestamp() >= owed.time
            if later or newest.statement.version >= owed.version:
                return newest.index
        if owed.statement in state.withdrawn:
            for start in range(0, state.size, PAGE):
                page = await self._context.urgent.ask(AskEntries(start, start + PAGE))
                for place, leaf in enumerate(page.leaves):
                    if _withdraws(leaf, owed.statement):
                        return start + place
        raise UnreachableError("a revocation is not in the log yet", found=owed.subject)

    async def _cosigned(self, each: _Round, old: int) -> int:
        """Ask for a cosignature over the newest checkpoint; its size, once the keyholder has it."""
        for _ in range(TRIES):
            note = await self._context.urgent.ask(AskCheckpoint())
            size = _checkpoint(note).size
            proof = await self._proof(old, size)
            answer = await each.peer.cosign(AddCheckpoint(old, proof, note.encode()))
            if isinstance(answer, int):
                old = answer
                continue
            cosigned = with_lines(parse_note(note.encode()), [answer])
            await self._context.urgent.ask(HandCosigned(cosigned.to_bytes().decode()))
            return size
        raise UnreachableError("the witness knows another size each time", found=str(old))

    async def _proof(self, old: int, new: int) -> Proof:
        if old > new:
            raise UnreachableError(
                "the witness has seen a longer log than the keyholder shows",
                found=f"{new} entries",
                expected=f"at least {old}",
            )
        if old in (0, new):
            return ()
        found = await self._context.urgent.ask(AskConsistency(old, new))
        return tuple(Hash(bytes.fromhex(each)) for each in found)


def _withdraws(leaf: bytes, statement: str) -> bool:
    entry = parse_entry(leaf)
    return entry.kind is EntryKind.WITHDRAWAL and read_withdrawal(entry).statement == statement


def _checkpoint(note: str) -> Checkpoint:
    return parse_checkpoint(parse_note(note.encode()).text)
