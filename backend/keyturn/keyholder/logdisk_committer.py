"""Group commit: many callers wait, one thread writes their entries with one fsync.

The order of entries is the order of `submit`. Bounded: beyond `max_waiting` entries nothing is
queued (LogOverloaded). LogFull fails everyone whose entry was in that append, and the writer
goes on. After any other error nobody knows what is in the log, and whoever waits was judged as
if it were known: the writer fails them all and stops for good.
"""

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from keyturn.keyholder.logdisk import MAX_BATCH, Appended
from keyturn.keyholder.logdisk_errors import LogFull, LogInUse, LogOverloaded
from keyturn.tlog.bundles import check_entry
from keyturn.tlog.checkpoints import SignedCheckpoint


class Appender(Protocol):
    def append_many(self, leaves: Sequence[bytes], *, reserved: bool = False) -> Appended: ...


@dataclass(frozen=True, slots=True)
class Committed:
    """One entry is durable at this index, under this checkpoint."""

    index: int
    checkpoint: SignedCheckpoint


@dataclass(frozen=True, slots=True)
class _Waiting:
    leaf: bytes
    reserved: bool
    answer: Future[Committed]


class GroupCommitter:
    """The one writer in front of a log. Use as a context manager, or `close` it."""

    def __init__(self, log: Appender, *, max_waiting: int = 8192, max_batch: int = 512) -> None:
        if not 1 <= max_batch <= MAX_BATCH:
            raise ValueError(f"batches of {max_batch}, expected 1 to {MAX_BATCH}")
        self._log = log
        self._max_waiting = max_waiting
        self._max_batch = max_batch
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._stopped_by: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def submit(self, leaf: bytes, *, reserved: bool = False) -> Future[Committed]:
        """Queue an entry. The future's result comes when it is durable; wait for it before
        acting. Raises MalformedTile, LogOverloaded, LogInUse after `close`.

        A reserved entry is accepted even when the queue is full.
        """
        check_entry(leaf)
        one = _Waiting(leaf, reserved, Future())
        one.answer.set_running_or_notify_cancel()  # an entry on its way cannot be taken back
        with self._changed:
            if self._stopped_by is not None:
                raise LogInUse(
                    "this log's writer stopped after an error",
                    found=type(self._stopped_by).__name__,
                    hint="Restart the keyholder: it finds out what is in the log.",
                )
            if self._closing:
                raise LogInUse("this log's writer was closed")
            if len(self._waiting) >= self._max_waiting and not reserved:
                raise LogOverloaded(
                    "too many entries wait for the log", found=f"{len(self._waiting)} waiting"
                )
            self._waiting.append(one)
            self._changed.notify()
        return one.answer

    def append(self, leaf: bytes, *, reserved: bool = False) -> Committed:
        """`submit`, and wait. Raises as `LogDisk.append_many` too."""
        return self.submit(leaf, reserved=reserved).result()

    def close(self) -> None:
        """Accept no more, write what waits, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self) -> None:
        while batch := self._next():
            try:
                done = self._log.append_many([b.leaf for b in batch], reserved=batch[0].reserved)
            except LogFull as error:
                _fail(batch, error)
            except BaseException as error:  # noqa: BLE001  outermost loop: callers get it
                _fail(batch + self._stop(error), error)
            else:
                for place, each in enumerate(batch):
                    each.answer.set_result(Committed(done.first_index + place, done.checkpoint))

    def _stop(self, error: BaseException) -> list[_Waiting]:
        with self._changed:
            self._stopped_by = error
            self._closing = True
            waiting = list(self._waiting)
            self._waiting.clear()
            return waiting

    def _next(self) -> list[_Waiting]:
        """The longest run of waiting entries of one kind; empty when closing and done."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            batch: list[_Waiting] = []
            while self._waiting and len(batch) < self._max_batch:
                if batch and self._waiting[0].reserved != batch[0].reserved:
                    break
                batch.append(self._waiting.popleft())
            return batch


def _fail(batch: list[_Waiting], error: BaseException) -> None:
    for each in batch:
        each.answer.set_exception(error)
