"""Heartbeats: proved by the TLS key of a logged grant, counted against replay, answered with the
revocations since the lease began (our protocol §5.9).

Many arrive at once, so they are committed in groups: one transaction for all that wait.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from keyturn.base.dsse import verified_signers
from keyturn.base.encoding import Digest, b64, digest_of
from keyturn.base.errors import KeyturnError, UnreachableError
from keyturn.base.signatures import VerifyKey, load_verify_key
from keyturn.control.context import Context
from keyturn.control.errors import Conflict, NotAllowed, NotFound, TooMany
from keyturn.control.follower import Follower
from keyturn.control.mirror import LoggedRevocation
from keyturn.store import events, fleet, proposals
from keyturn.store.fleet import LeaseRow
from keyturn.wire.api import HeartbeatAnswer, JsonDocument, RevocationDocument
from keyturn.wire.heartbeat import Heartbeat, NodeReport, parse_heartbeat

MAX_WAITING = 20_000
MAX_GROUP = 500
MAX_KNOWN = 50_000
MAX_REVOCATIONS = 500
"""In one answer: some kilobytes each."""
SETTLE_TURNS = 2
TURN_SECONDS = 0.5
SETTLE_SECONDS = 2.0
PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class KnownLease:
    """What of a lease never changes, and the key that speaks for it."""

    row: LeaseRow
    key: VerifyKey


@dataclass(frozen=True, slots=True)
class _Beat:
    heartbeat: Heartbeat
    seen: datetime
    taken: "asyncio.Future[bool]"


class Heartbeats:
    """Takes heartbeats of one server in. `run` must be running."""

    def __init__(self, context: Context, follower: Follower) -> None:
        self._context = context
        self._follower = follower
        self._known: dict[str, KnownLease] = {}
        self._sent: dict[str, frozenset[int]] = {}  # by lease, while there is more than one page
        self._waiting: asyncio.Queue[_Beat] = asyncio.Queue(MAX_WAITING)

    async def take(self, raw: bytes) -> HeartbeatAnswer:
        """Record a heartbeat; the revocations its node must look at.

        Raises MalformedError, NotFound (no such lease), NotAllowed (not that node's word),
        Conflict (a replay), TooMany, UnreachableError.
        """
        heartbeat = parse_heartbeat(raw)
        lease = await self._lease(heartbeat.lease)
        _check(heartbeat, lease)
        beat = _Beat(heartbeat, self._context.clock(), asyncio.get_running_loop().create_future())
        try:
            self._waiting.put_nowait(beat)
        except asyncio.QueueFull:
            raise TooMany("too many heartbeats wait") from None
        if not await beat.taken:
            raise Conflict(
                "the heartbeat was sent before",
                found=f"counter {heartbeat.counter}",
                expected="a higher counter than the last",
            )
        return await self._answer(lease.row)

    async def run(self) -> None:
        """Commit groups until cancelled; whoever waits then is told that nothing is known."""
        while True:
            group = [await self._waiting.get()]
            while len(group) < MAX_GROUP and not self._waiting.empty():
                group.append(self._waiting.get_nowait())
            try:
                taken = await self._commit(group)
            except KeyturnError as error:
                _fail(group, error.message)
                continue
            except BaseException:  # whoever watches this task ends the server: nobody may hang
                while not self._waiting.empty():
                    group.append(self._waiting.get_nowait())
                _fail(group, "the server stops taking heartbeats")
                raise
            for beat, new in zip(group, taken, strict=True):
                if not beat.taken.done():
                    beat.taken.set_result(new)

    async def _commit(self, group: list[_Beat]) -> list[bool]:
        return await self._context.write(lambda c: [_record(c, each) for each in group])

    # ---- leases ----

    async def _lease(self, lease_id: str) -> KnownLease:
        known = self._known.get(lease_id)
        if known is not None:
            return known
        row = await self._context.read(lambda c: fleet.find_lease(c, lease_id))
        if row is None or row.tls_spki is None:
            row = await self._settled(lease_id)
        spki = row.tls_spki
        if spki is None:
            raise NotFound(
                "the node's TLS key is not known here",
                found=f"lease {row.lease}",
                hint="It is learned again at the next renewal.",
            )
        if digest_of(spki) != row.tls:
            raise NotAllowed("the lease's TLS key is not the logged one", expected=row.tls)
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[lease_id] = KnownLease(row, load_verify_key(spki))
        return self._known[lease_id]

    async def _settled(self, lease_id: str) -> LeaseRow:
        """The lease after the follower had a moment: the grant may be milliseconds old.

        The node's TLS key is written by the replica that forwarded the release, which may take
        a little longer than for the entry to be here.
        """
        row, turns = None, 0
        end = asyncio.get_running_loop().time() + SETTLE_SECONDS
        while turns < SETTLE_TURNS or row is not None:
            await self._follower.turn(TURN_SECONDS)
            turns += 1
            row = await self._context.read(lambda c: fleet.find_lease(c, lease_id))
            late = asyncio.get_running_loop().time() > end
            if row is not None and (row.tls_spki is not None or late):
                return row
            if row is not None:
                await asyncio.sleep(PAUSE_SECONDS)
        raise NotFound("no such lease", found=lease_id)

    # ---- answer ----

    async def _answer(self, lease: LeaseRow) -> HeartbeatAnswer:
        concerning = [
            each
            for each in self._context.mirror.revocations
            if each.index > lease.began
            and each.concerns(node=lease.node, platform=lease.platform, model=lease.model)
        ]
        page = self._page(lease.lease, concerning)
        digests = [each.digest for each in page]
        receipts = await self._context.read(lambda c: _receipts(c, digests))
        return HeartbeatAnswer(
            revocations=[
                RevocationDocument(
                    statement=b64(each.statement),
                    approvals=[b64(raw) for raw in each.approvals],
                    receipt=receipts[each.digest],
                )
                for each in page
                if each.digest in receipts
            ]
        )

    def _page(self, lease: str, concerning: list[LoggedRevocation]) -> list[LoggedRevocation]:
        """All; of more than fit into one answer the newest that were not sent, then again all.

        An answer may get lost: no revocation is ever held back for good because it was sent.
        """
        if len(concerning) <= MAX_REVOCATIONS:
            self._sent.pop(lease, None)
            return concerning
        sent = self._sent.get(lease, frozenset())
        newest_first = concerning[::-1]
        unsent = [each for each in newest_first if each.index not in sent]
        if not unsent:
            unsent, sent = newest_first, frozenset()
        page = unsent[:MAX_REVOCATIONS]
        if len(self._sent) >= MAX_KNOWN:
            self._sent.clear()
        self._sent[lease] = sent | {each.index for each in page}
        return page


def _receipts(connection: Connection, digests: list[Digest]) -> dict[Digest, JsonDocument]:
    """The receipts that are here."""
    rows = {each: proposals.find(connection, each) for each in digests}
    return {
        digest: row.receipt
        for digest, row in rows.items()
        if row is not None and row.receipt is not None
    }


def _fail(group: list[_Beat], message: str) -> None:
    for beat in group:
        if not beat.taken.done():
            beat.taken.set_exception(UnreachableError(message))


def _check(heartbeat: Heartbeat, lease: KnownLease) -> None:
    """Raises NotAllowed, UntrustedError unless the lease's own key says this of its own node."""
    verified_signers(heartbeat.envelope, {lease.key.key_id: lease.key})
    said = (heartbeat.node, heartbeat.model)
    if said != (lease.row.node, lease.row.model):
        raise NotAllowed(
            "the heartbeat is of another node or model than its lease",
            found=" ".join(said),
            expected=f"{lease.row.node} {lease.row.model}",
        )


def _record(connection: Connection, beat: _Beat) -> bool:
    """Whether the counter rose; only then does anything else change."""
    said = beat.heartbeat
    if not fleet.advance_counter(connection, said.lease, said.counter):
        return False
    node = fleet.find_node(connection, said.node)
    if node is not None and node.lease not in (None, said.lease):
        return True  # an older lease of the node: its word does not describe the node now
    fleet.update_node(
        connection,
        said.node,
        last_seen=beat.seen,
        reported=said.state.value,
        wiped_ms=said.wiped_after_ms,
        lost=False,
    )
    if said.state is NodeReport.WIPED and (node is None or node.reported != said.state.value):
        data = {"node": said.node, "lease": said.lease, "time_to_wipe_ms": said.wiped_after_ms}
        events.append(connection, "wiped", data, beat.seen)
    return True
