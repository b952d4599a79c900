"""The log as the keyholder's memory: state in force, live leases, and the order of entries.

One lock orders everything that gets an index: an entry is judged against the very state that
the entries before it make, then queued; a grant waits for the disk outside the lock. A failed
append stops the keyholder for good: what is on the disk is found out by a restart.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.keyholder.errors import ClockRefused, KeyholderStopped
from keyturn.keyholder.logdisk import LogDisk
from keyturn.keyholder.logdisk_committer import Committed, GroupCommitter
from keyturn.keyholder.logdisk_errors import LogFull
from keyturn.keyholder.replaying import FEW_LEASES, Replay, configure, pruned
from keyturn.keyrelease.continuation import previous_check
from keyturn.keyrelease.entries import GrantEntry
from keyturn.keyrelease.leases import Lease
from keyturn.quorum.entries import CeremonyEntry, Entry, ceremony_entry, parse_entry
from keyturn.quorum.reports import (
    ConfigurationEntry,
    Program,
    configuration_entry,
)
from keyturn.quorum.state import AuthorityState
from keyturn.tlog.receipts import Receipt

Clock = Callable[[], datetime]
Seconds = Callable[[], float]

MAX_FORWARD = 60
"""Seconds by which the wall clock may advance beyond the time that has passed."""

REFUSAL_RESERVES = 2
"""Refusals are logged only beside so many times the disk's reserve."""


@dataclass(frozen=True, slots=True)
class Queued:
    """An entry that has its place; `wait` returns when it is durable."""

    leaf: bytes
    future: Future[Committed]


class Journal:
    """Owns the log. Everything that changes authority or grants a key goes through `ordered`."""

    def __init__(
        self,
        log: LogDisk,
        fingerprint: Digest,
        clock: Clock,
        boottime: Seconds | None = None,
        replayed: Replay | None = None,
    ) -> None:
        """Replay the whole log, every quorum verified again. Raises LogInconsistent, LogDamaged.

        `boottime` are seconds that nobody can set, suspended ones too (CLOCK_BOOTTIME); without
        it the clock cannot be seen to be set forward. `replayed`: what this process has replayed
        of this very log before; it goes on from there.
        """
        self._log = log
        self._clock = clock
        self._boottime = boottime
        self._ahead: float | None = None  # least of wall time less boot time, in seconds
        self._lock = threading.RLock()
        self._failed: str | None = None
        replay = replayed or Replay(AuthorityState(fingerprint))
        self._check_previous = previous_check(log.root)
        for leaf in log.leaves(replay.state.size):
            replay.apply(leaf, log.object, self._check_previous)
        self._leases, self._configured = replay.leases, replay.configured
        self._recorded = replay.recorded
        self._prune_beyond = max(FEW_LEASES, 2 * len(self._leases))
        self._state = state = replay.state
        self._clock_lock = threading.Lock()
        self._latest = state.last_time  # the latest time that was ever told here
        self._committer = GroupCommitter(log)

    @property
    def log(self) -> LogDisk:
        return self._log

    @property
    def origin(self) -> str:
        """The log's name."""
        return self._log.checkpoint.checkpoint.origin

    @property
    def state(self) -> AuthorityState:
        """The authority in force; its `size` is that of the last statement's entry."""
        return self._state

    def now(self) -> datetime:
        """The time in whole seconds, never before one that was told or logged earlier: what is
        spent or over would live again. Raises ClockRefused."""
        with self._clock_lock:
            now = self._clock().astimezone(UTC).replace(microsecond=0)
            if self._latest is not None and now < self._latest:
                raise self._clock_refused(now, self._latest)
            self._check_boottime(now)
            self._latest = now
        return now

    def _check_boottime(self, now: datetime) -> None:
        """A clock set forward ends every lease and statement, and what is logged then bars the
        keyholder until that time has come. Raises ClockRefused."""
        if self._boottime is None:
            return
        ahead = now.timestamp() - self._boottime()
        if self._ahead is None or ahead < self._ahead:
            self._ahead = ahead
        if ahead - self._ahead > MAX_FORWARD:
            raise ClockRefused(
                "the clock was set forward",
                found=f"{ahead - self._ahead:.0f} s more than have passed since the start",
                expected=f"at most {MAX_FORWARD} s",
                hint="set the keyholder's clock right; if it is right now, restart the keyholder",
            )

    def check_gap(self, limit: timedelta) -> None:
        """At a start, whether the last entry is longer ago than `limit`. Raises ClockRefused."""
        last, now = self._state.last_time, self.now()
        if last is not None and now - last > limit:
            raise ClockRefused(
                "the clock stands long after the log's last entry",
                found=now.isoformat(),
                expected=f"within {limit.total_seconds() / 3600:.0f} h of {last.isoformat()}",
                hint="if this time is right, start once with --accept-clock",
            )

    def _clock_refused(self, now: datetime, latest: datetime) -> ClockRefused:
        logged = self._state.last_time == latest
        return ClockRefused(
            "the clock stands before the log's last entry" if logged else "the clock went back",
            found=now.isoformat(),
            expected=f"at least {latest.isoformat()}",
            hint="set the keyholder's clock right, then ask again"
            + ("" if logged else "; if it had run ahead, restart the keyholder"),
        )

    def check_alive(self) -> None:
        """Raises KeyholderStopped after a failed append."""
        if self._failed is not None:
            raise KeyholderStopped(
                f"the keyholder has stopped: {self._failed}", hint="restart it; it replays its log"
            )

    @contextmanager
    def ordered(self) -> Iterator[None]:
        """Hold the order of entries: state cannot change between judging and queueing."""
        with self._lock:
            self.check_alive()
            yield

    def queue(self, leaf: bytes) -> Queued:
        """Give a grant or refusal its place in the order. Only inside `ordered`.

        Raises LogOverloaded; then nothing was queued.
        """
        future = self._committer.submit(leaf)
        self._state = replace(self._state, last_time=parse_entry(leaf).time)
        return Queued(leaf, future)

    def queue_grant(self, leaf: bytes, entry: GrantEntry) -> Queued:
        """As `queue`. A renewal that shortens its lease does so from here on: the next one is
        judged by what the log will say before it."""
        queued = self.queue(leaf)
        self._leases.announce(entry)
        return queued

    def retract_lease(self, entry: GrantEntry) -> None:
        """A queued grant did not come into the log."""
        with self._lock:
            self._leases.retract(entry)

    def refusals_fit(self, leaf: bytes) -> bool:
        """Refusals, decisions and reports are the first to stay out of a disk that fills up: grants
        need what is beside the reserve, and these no more than to be answered."""
        return self._log.has_room(leaf, reserves=REFUSAL_RESERVES)

    def wait(self, queued: Queued) -> Committed:
        """Until the entry is durable. Raises LogFull, or stops the keyholder for good."""
        return self._result(queued.future)

    def commit(self, leaf: bytes, *, reserved: bool = True) -> Committed:
        """Enter what may change the authority, durable before it returns. Only inside `ordered`.

        `reserved`: it may use the disk's reserve. Raises LogInconsistent (it was not judged
        before), LogFull.
        """
        self._state.apply(leaf, self._log.object, self._check_previous)
        committed = self._result(self._committer.submit(leaf, reserved=reserved))
        before = replace(self._state, size=committed.index)
        self._state = before.apply(leaf, self._log.object, self._check_previous)
        return committed

    def commit_ceremony(self, entry: CeremonyEntry, *, reserved: bool) -> Committed:
        """As `commit`, of a ceremony's record."""
        committed = self.commit(ceremony_entry(self.now(), entry), reserved=reserved)
        self._recorded[entry.record] = committed.index
        return committed

    def index_of(self, record: Digest) -> int | None:
        """Where a ceremony's record was entered, by this process or one before it."""
        return self._recorded.get(record)

    def configured(self, program: Program) -> tuple[int, ConfigurationEntry] | None:
        """The last `configuration` entry of a program, and its index."""
        return self._configured.get(program)

    def commit_configuration(self, entry: ConfigurationEntry, *, reserved: bool = True) -> int:
        """As `commit`; the index."""
        leaf = configuration_entry(self.now(), entry)
        index = self.commit(leaf, reserved=reserved).index
        self._configure(index, parse_entry(leaf))
        return index

    def _configure(self, index: int, entry: Entry) -> None:
        configure(self._configured, index, entry)

    def _result(self, future: Future[Committed]) -> Committed:
        try:
            return future.result()
        except LogFull:
            raise  # nothing was written, nobody was told
        except KeyturnError as error:
            self._failed = error.message
            raise
        except BaseException as error:
            self._failed = type(error).__name__
            raise

    def enter_lease(self, index: int, entry: GrantEntry) -> None:
        """A grant is durable: its lease lives. Threads may come in another order than the log's."""
        with self._lock:
            assert self._state.last_time is not None  # of this grant's entry, or later
            self._apply_lease(index, entry, self._state.last_time)

    def live_lease(self, lease_id: str | None, now: datetime) -> Lease | None:
        if lease_id is None:
            return None
        with self._lock:
            return self._leases.live(lease_id, now)

    def _apply_lease(self, index: int, entry: GrantEntry, time: datetime) -> None:
        self._leases.apply(index, entry)
        self._prune_beyond = pruned(self._leases, self._prune_beyond, time)

    def put_object(self, data: bytes, *, reserved: bool = True) -> Digest:
        """Durable before it returns; statements may use the reserve."""
        return self._log.put_object(data, reserved=reserved)

    def receipt(self, index: int) -> Receipt:
        return self._log.receipt(index)

    def close(self) -> None:
        self._committer.close()
        self._log.close()
