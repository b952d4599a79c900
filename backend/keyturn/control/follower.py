"""Follows the keyholder's log: leaves into the mirror, rows and events into the database.

One task a process. Leaves that the copy has already are compared byte by byte; where they differ
the database is rebuilt from the log, and that is told. A log that is shorter than it was, or that
serves another leaf than it served, is not believed: what was seen stays, and that is told too. The
task also does what needs no request: missing receipts, nodes that fell silent, expired sessions.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection

from keyturn.base.encoding import Digest, digest_of, sha256
from keyturn.base.errors import KeyturnError, UnreachableError, UntrustedError
from keyturn.control import rebuild, recovery
from keyturn.control.context import Context
from keyturn.control.evidence import keep as keep_evidence
from keyturn.control.nodestate import MISSED
from keyturn.control.projection import project
from keyturn.control.rebuild import LogContent
from keyturn.control.recovery import Rebuilt
from keyturn.keyrelease.continuation import previous_check, root_of
from keyturn.quorum.entries import envelopes_of
from keyturn.quorum.state import AuthorityState
from keyturn.store import events, fleet, logcopy, proposals, sessions
from keyturn.store.errors import StoreConflict, StoreEmptied
from keyturn.tlog.merkle import Frontier, leaf_hash
from keyturn.wire.keyholder import AskEntries, AskHello, AskObject, AskReceipt, Hello
from keyturn.wire.keyholder_client import KeyholderClient

log = logging.getLogger("keyturn.control")

PAGE = 64
"""Leaves asked for at once: 64 of the largest still fit into one frame."""
HOUSEKEEPING_SECONDS = 1.0
MOST_WAITING = 64 << 20
"""Bytes of requests that wait for the database, or for their log entries to arrive."""
MISTRUST_SECONDS = 5.0
"""Between two looks at a log that was rewritten: each may read it from its beginning."""


class CopyDiffers(UntrustedError):
    """The database's copy of the log is not the keyholder's log."""


class HistoryRewritten(UntrustedError):
    """The keyholder's log is not an extension of the log that it served before."""


@dataclass(frozen=True, slots=True)
class Detail:
    """What only the release request and its answer say: itself, the TLS key, found and expected."""

    index: int
    node: str
    tls_digest: Digest
    tls_spki: bytes
    granted: bool
    model: Digest
    request: bytes = field(repr=False)
    reasons: list[dict[str, Any]]


@dataclass(slots=True)
class Follower:
    """Drives `context.mirror`. `hello` is the keyholder's last word about itself."""

    context: Context
    hello: Hello | None = None
    failure: KeyturnError | None = None
    rebuilds: int = 0
    rebuilt: Rebuilt | None = None
    """The last time that the database was written anew, of this process."""
    _details: list[Detail] = field(default_factory=list)
    _waiting: int = 0  # bytes of requests in `_details`
    _poked: asyncio.Event = field(default_factory=asyncio.Event)
    _moved: asyncio.Event = field(default_factory=asyncio.Event)
    _turned: asyncio.Event = field(default_factory=asyncio.Event)
    _seen: bytearray = field(default_factory=bytearray)  # SHA-256 of each leaf of the mirror
    _tree: Frontier = field(default_factory=Frontier)  # over the leaves of the mirror
    _boot: str | None = None  # of the keyholder whose leaves were compared with `_seen`
    _checked: bool = False
    _receipts_due: bool = True
    _renamed_due: bool = True  # receipts under an origin of before may be kept
    _housekept: datetime | None = None

    @property
    def ready(self) -> bool:
        """Whether the log was read, and the database compared with it."""
        return self._checked and self.failure is None

    @property
    def sealed(self) -> bool | None:
        """Whether the keyholder is; None while it is out of reach."""
        if self.hello is None or isinstance(self.failure, UnreachableError):
            return None
        return self.hello.sealed

    def poke(self) -> None:
        """There is news: do not wait for the next poll."""
        self._poked.set()

    def note(self, detail: Detail) -> None:
        """Keep a detail of entry `index` for when that entry has arrived.

        Of very many that wait only the newest are kept: the others come with the next renewals.
        """
        self._details.append(detail)
        self._waiting += len(detail.request)
        while self._waiting > MOST_WAITING:
            self._waiting -= len(self._details.pop(0).request)
        self.poke()

    async def reach(self, index: int, seconds: float = 5.0) -> bool:
        """Whether entry `index` is in the mirror and the database, waiting at most `seconds`."""
        self.poke()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.context.mirror.size <= index:
                    await self._moved.wait()
        return self.context.mirror.size > index

    async def turn(self, seconds: float) -> None:
        """Wait until a whole step has ended, at most `seconds`."""
        self.poke()
        turned = self._turned
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await turned.wait()

    async def run(self) -> None:
        """Until cancelled. An error is told once and tried again; it never ends the task."""
        while True:
            self._poked.clear()
            try:
                await self.step()
                self._recovered()
                self._turn()
            except KeyturnError as error:
                await self._failed(error)
                if isinstance(error, StoreEmptied):
                    await self._make_tables()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._poked.wait()

    async def step(self) -> None:
        """Take over what is new. Raises UnreachableError, UntrustedError, MalformedError."""
        hello = await self.context.urgent.ask(AskHello())
        if hello.fingerprint != self.context.config.fingerprint:
            raise UntrustedError(
                "the keyholder serves another authority",
                found=hello.fingerprint,
                expected=self.context.config.fingerprint,
            )
        self.hello = hello
        self.context.mirror.origin = hello.origin
        await self._check_history(hello)
        try:
            await self._catch_up(hello.size)
        except CopyDiffers as error:
            await self._rebuild(error)
        if not self._checked:
            await self._compare()
            await self._tell_empty()
        await self._record_details()
        if self._receipts_due or self._renamed_due:
            await self._fetch_receipts(hello.origin)
        await self._housekeep()
        self.context.hub.tell(await self.context.read(events.last))

    # ---- leaves ----

    async def _catch_up(self, size: int) -> None:
        mirror = self.context.mirror
        while mirror.size < size:
            start = mirror.size
            page = await self.context.urgent.ask(AskEntries(start, min(size, start + PAGE)))
            if not page.leaves:
                raise UnreachableError("the keyholder gave no entries", expected=f"from {start}")
            objects = await fetch_objects(self.context.urgent, page.leaves)
            state = _after(mirror.state, self._tree, page.leaves, objects)
            await self._enter(start, page.leaves, objects)
            self._take(state)
            self._grow(page.leaves)
            self._receipts_due = self._receipts_due or bool(objects)
            self._move()

    async def _check_history(self, hello: Hello) -> None:
        """Raises HistoryRewritten unless the log still begins with all leaves of the mirror.

        All are read again after each start of the keyholder; otherwise the last one stands for
        those before it, when there are more.
        """
        size = self.context.mirror.size
        _check_length(hello.size, size)
        restarted = hello.boot != self._boot
        start = 0 if restarted else max(0, size - 1)
        if restarted or hello.size > size:
            while start < size:
                page = await self.context.urgent.ask(AskEntries(start, min(size, start + PAGE)))
                if not page.leaves:
                    raise UnreachableError(
                        "the keyholder gave no entries", expected=f"from {start}"
                    )
                self._check_leaves(start, page.leaves)
                start += len(page.leaves)
        self._renamed_due = self._renamed_due or restarted
        self._boot = hello.boot

    def _check_leaves(self, start: int, leaves: Sequence[bytes]) -> None:
        """Raises HistoryRewritten where leaves from `start` on are not those of the mirror."""
        for place, leaf in enumerate(leaves):
            seen = bytes(self._seen[32 * (start + place) :][:32])
            if seen and seen != _hashes([leaf]):
                raise HistoryRewritten(
                    "the keyholder's log has another entry than it had",
                    found=f"another entry {start + place}",
                    hint=REWRITTEN_HINT,
                )

    async def _enter(
        self, start: int, leaves: tuple[bytes, ...], objects: dict[Digest, bytes]
    ) -> None:
        """Write a page, or find it there. Another replica may write it first: then look again."""

        def work(connection: Connection) -> None:
            copied = logcopy.size(connection)
            known = logcopy.read_leaves(connection, start, start + len(leaves))
            if copied < start or list(leaves[: len(known)]) != known:
                raise CopyDiffers(
                    "the database's copy of the log is not the keyholder's",
                    found=f"{copied} entries that differ from entry {start} on",
                )
            if copied == 0:
                recovery.note_empty(connection)
            for index in range(start + len(known), start + len(leaves)):
                project(connection, index, leaves[index - start], objects)

        for attempt in range(3):
            try:
                await self.context.write(work)
            except StoreConflict as error:
                if attempt == 2:  # no other replica: rows stand where this entry's should
                    raise CopyDiffers(f"rows of entries from {start} on: {error}") from error
            else:
                return

    def _grow(self, leaves: Sequence[bytes]) -> None:
        self._seen += _hashes(leaves)
        self._tree = self._tree.extended(leaf_hash(each) for each in leaves)

    def _take(self, state: AuthorityState) -> None:
        """Go on to a state; whose roles it changes must not read on as before."""
        before = self.context.mirror.newest_roster
        self.context.mirror.take(state)
        if self.context.mirror.newest_roster is not before:
            self.context.hub.look_again()

    # ---- truth and copy ----

    async def _compare(self) -> None:
        content = await fetch_log(self.context.urgent, self.context.mirror.size)
        found = await self.context.read(lambda c: rebuild.differences(c, content))
        if found:
            await self._rebuild(
                CopyDiffers(
                    "the database differs from the log",
                    found="; ".join(found[:5]) + (f"; {len(found)} in all" if found[5:] else ""),
                )
            )
        self._checked = True

    async def _rebuild(self, reason: CopyDiffers) -> None:
        copied = await self.context.read(logcopy.size)  # first: another replica may go on
        hello = await self.context.urgent.ask(AskHello())
        _check_length(hello.size, max(copied, self.context.mirror.size))
        content = await fetch_log(self.context.urgent, hello.size)
        self._check_leaves(0, content.leaves)
        state = state_after(self.context.mirror.state.fingerprint, content)
        now = self.context.clock()

        def work(connection: Connection) -> Rebuilt:
            empty = logcopy.size(connection) == 0
            rebuild.rebuild(connection, content)
            return recovery.tell(connection, str(reason), state, now, empty=empty)

        self._rebuilt(await self.context.write(work))
        self.context.mirror.restart()
        self._take(state)
        self._seen, self._tree = bytearray(), Frontier()
        self._grow(content.leaves)
        self._checked = True
        self._receipts_due = True
        self._move()

    async def _tell_empty(self) -> None:
        state, now = self.context.mirror.state, self.context.clock()
        told = await self.context.write(lambda c: recovery.tell_empty(c, state, now))
        if told is not None:
            self._rebuilt(told)

    def _rebuilt(self, what: Rebuilt) -> None:
        self.rebuilds += 1
        self.rebuilt = what
        log.warning(
            "the database was written anew from the log",
            extra={"reason": what.reason, "lost": what.to_data()["lost"]},
        )
        for digest in what.without_key:
            log.warning(
                "the key of an admitted model is not here: hand its keyturn.key in again",
                extra={"model": digest},
            )

    async def _make_tables(self) -> None:
        """The database was deleted under us: start it again, and compare it with the log."""
        self._checked = False
        try:
            await self.context.mend_tables()
        except KeyturnError as error:
            log.error("the tables could not be made", extra={"reason": str(error)})

    # ---- what needs no request ----

    async def _record_details(self) -> None:
        ready = [each for each in self._details if each.index < self.context.mirror.size]
        if not ready:
            return
        await self.context.write(lambda c: _record(c, ready))
        indexes = {each.index for each in ready}
        self._details = [each for each in self._details if each.index not in indexes]
        self._waiting = sum(len(each.request) for each in self._details)

    async def _housekeep(self) -> None:
        now = self.context.clock()
        if self._housekept and now - self._housekept < timedelta(seconds=HOUSEKEEPING_SECONDS):
            return
        self._housekept = now
        silent = now - MISSED * timedelta(seconds=self.context.config.heartbeat_seconds)
        if await self.context.read(lambda c: fleet.silent_since(c, silent)):
            await self.context.write(lambda c: _tell_silent(c, silent, now))
        await self.context.write(lambda c: sessions.sweep(c, now))

    async def _fetch_receipts(self, origin: str) -> None:
        """Those that are missing; and, after the log's key was replaced, those by the older key:
        the officers' programs look for the one that counts."""
        due = await self.context.read(proposals.without_receipt)
        if self._renamed_due:
            due += await self.context.read(lambda c: proposals.receipts_not_under(c, origin))
        for digest, index in due:
            receipt = await self.context.urgent.ask(AskReceipt(index))
            await self.context.write(partial(_keep_receipt, digest=digest, receipt=receipt))
        self._receipts_due = self._renamed_due = False

    # ---- state of the task ----

    def _move(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    def _turn(self) -> None:
        self._turned.set()
        self._turned = asyncio.Event()

    def _pause(self) -> float:
        """Seconds until the next step, when nobody pokes."""
        seconds = self.context.config.poll_seconds
        rewritten = isinstance(self.failure, HistoryRewritten)
        return max(seconds, MISTRUST_SECONDS) if rewritten else seconds

    async def _failed(self, error: KeyturnError) -> None:
        news = self.failure is None or str(self.failure) != str(error)
        self.failure = error
        if not news:
            return
        log.error("following the keyholder's log failed", extra={"reason": str(error)})
        if isinstance(error, HistoryRewritten):
            data = {"message": error.message, "found": error.found, "expected": error.expected}
            now = self.context.clock()
            try:
                await self.context.write(lambda c: _tell_rewritten(c, data, now))
            except KeyturnError as failure:
                log.error("an event could not be written", extra={"reason": str(failure)})

    def _recovered(self) -> None:
        if self.failure is not None:
            log.info("following the keyholder's log again")
        self.failure = None


REWRITTEN_HINT = (
    "Somebody may have rolled the keyholder back. Compare it with the auditors' checkpoints."
)


def _check_length(found: int, expected: int) -> None:
    """Raises HistoryRewritten for a log of fewer entries than were seen."""
    if found < expected:
        raise HistoryRewritten(
            "the keyholder's log is shorter than it was",
            found=f"{found} entries",
            expected=f"at least {expected}",
            hint=REWRITTEN_HINT,
        )


def _hashes(leaves: Sequence[bytes]) -> bytes:
    return b"".join(sha256(each) for each in leaves)


async def fetch_objects(
    keyholder: KeyholderClient, leaves: tuple[bytes, ...]
) -> dict[Digest, bytes]:
    """The objects that these leaves name, each checked against its digest."""
    objects: dict[Digest, bytes] = {}
    for leaf in leaves:
        for digest in envelopes_of(leaf):
            if digest in objects:
                continue
            data = await keyholder.ask(AskObject(digest))
            if digest_of(data) != digest:
                raise UntrustedError("an object does not have its digest", expected=digest)
            objects[digest] = data
    return objects


async def fetch_log(keyholder: KeyholderClient, size: int) -> LogContent:
    """The whole log. Raises UnreachableError, UntrustedError."""
    leaves: list[bytes] = []
    objects: dict[Digest, bytes] = {}
    while len(leaves) < size:
        page = await keyholder.ask(AskEntries(len(leaves), min(size, len(leaves) + PAGE)))
        if not page.leaves:
            raise UnreachableError("the keyholder gave no entries", expected=f"from {len(leaves)}")
        leaves.extend(page.leaves)
        objects |= await fetch_objects(keyholder, page.leaves)
    return LogContent(leaves, objects)


def _after(
    state: AuthorityState,
    tree: Frontier,
    leaves: Sequence[bytes],
    objects: Mapping[Digest, bytes],
) -> AuthorityState:
    """The state after all leaves behind a tree, every quorum verified. Raises LogInconsistent."""
    check = previous_check(root_of(tree, leaves))
    for leaf in leaves:
        state = state.apply(leaf, objects.__getitem__, check)
    return state


def state_after(fingerprint: Digest, content: LogContent) -> AuthorityState:
    """The authority's state after a whole log. Raises LogInconsistent."""
    return _after(AuthorityState(fingerprint), Frontier(), content.leaves, content.objects)


def _keep_receipt(connection: Connection, *, digest: str, receipt: Any) -> None:
    proposals.set_receipt(connection, digest, receipt)


def _record(connection: Connection, details: list[Detail]) -> None:
    for each in details:
        keep_evidence(connection, each.index, each.granted, each.model, each.request)
        node = fleet.find_node(connection, each.node)
        if each.granted:
            lease = logcopy.lease_at(connection, each.index)
            if lease is not None:
                fleet.learn_tls_key(connection, lease, each.tls_digest, each.tls_spki)
        elif node is not None and node.last_index == each.index:
            fleet.update_node(connection, each.node, reasons=each.reasons)


def _tell_silent(connection: Connection, silent: datetime, now: datetime) -> None:
    for name in fleet.silent_since(connection, silent):
        if fleet.mark_lost(connection, name, silent):
            events.append(connection, "heartbeat-lost", {"node": name}, now)


def _tell_rewritten(connection: Connection, data: dict[str, Any], now: datetime) -> None:
    events.append(connection, "history-rewritten", data, now)
