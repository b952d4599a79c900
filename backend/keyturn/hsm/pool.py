"""Several HSM workers behind one `Hsm`: more throughput, and a lost worker is replaced.

A replacement is started when the lost one's turn comes. After a refused PIN none is ever
started again: the next try could lock the token, so a person has to look first.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from keyturn.base.errors import KeyturnError
from keyturn.base.signatures import KeyId
from keyturn.hsm.client import HsmWorker, StartingWorker, WorkerConfig
from keyturn.hsm.errors import HsmUnreachable, PinRefused, TokenError
from keyturn.hsm.kekwork import (
    CeremonyOrder,
    KekProfile,
    KekReport,
    RewrapItem,
    Rewrapped,
    TokenReport,
    WrappedKek,
)
from keyturn.hsm.messages import Hello
from keyturn.hsm.protocol import (
    Admission,
    Assurance,
    KekWrapped,
    PublicKey,
    Purpose,
    ReleaseOrder,
    Wrapped,
)

R = TypeVar("R")


class HsmPool:
    """An `Hsm` of N worker processes. Any thread may ask; each gets a worker of its own.

    Signatures and releases take any free worker. The mark is stored by one thread at a time.
    """

    def __init__(self, config: WorkerConfig, pin_fd: int, size: int) -> None:
        """Start `size` workers, at the same time. `pin_fd` must be seekable (`pin_file`) when
        there is to be more than one start; it is duplicated and stays open until `close`.

        Raises PinRefused, TokenError, HsmError, HsmUnreachable; then no worker is left.
        """
        if size < 1:
            raise ValueError("a pool of at least one worker")
        self._config = config
        self._pin_fd = os.dup(pin_fd)
        self._mark_lock = threading.Lock()
        self._draining = threading.Lock()
        self._closed = False
        self._pin_refused = False
        self._free: list[HsmWorker | None] = []
        """The one that was used last is the next: its memory is warm."""
        self._freed = threading.Condition(threading.Lock())
        try:
            workers = self._start(size)
        except BaseException:
            os.close(self._pin_fd)
            raise
        self._hello = workers[0].hello
        self._size = size
        self._free += workers

    @property
    def hello(self) -> Hello:
        """What the first worker said; later ones must say the same but for the KEKs."""
        return self._hello

    @property
    def assurance(self) -> Assurance:
        return self._hello.assurance

    def public_keys(self) -> Mapping[Purpose, PublicKey]:
        return dict(self._hello.keys)

    def rewrap_admission(self, admission: Admission) -> KekWrapped:
        with self.checkout() as worker:
            return worker.rewrap_admission(admission)

    def release(self, kek_wrapped: bytes, order: ReleaseOrder) -> Wrapped:
        with self.checkout() as worker:
            return worker.release(kek_wrapped, order)

    def sign_log(self, message: bytes) -> bytes:
        with self.checkout() as worker:
            return worker.sign_log(message)

    def sign_result(self, message: bytes) -> bytes:
        with self.checkout() as worker:
            return worker.sign_result(message)

    def store_mark(self, mark: bytes) -> None:
        with self._mark_lock, self.checkout() as worker:
            worker.store_mark(mark)

    def load_mark(self) -> bytes | None:
        with self._mark_lock, self.checkout() as worker:
            return worker.load_mark()

    def keks(self) -> tuple[KekReport, ...]:
        return self._hello.keks

    def describe_keys(self) -> TokenReport:
        return self._changing(lambda worker: worker.describe_keys())

    def make_kek(self, order: CeremonyOrder, profile: KekProfile) -> KekReport:
        return self._changing(lambda worker: worker.make_kek(order, profile))

    def activate_kek(self, order: CeremonyOrder, kek: KeyId) -> KekReport:
        return self._changing(lambda worker: worker.activate_kek(order, kek))

    def retire_kek(self, order: CeremonyOrder, kek: KeyId) -> KekReport:
        return self._changing(lambda worker: worker.retire_kek(order, kek))

    def destroy_kek(self, order: CeremonyOrder, kek: KeyId) -> KekReport:
        return self._changing(lambda worker: worker.destroy_kek(order, kek))

    def rewrap(
        self, order: CeremonyOrder, to: KeyId, batch: Sequence[RewrapItem]
    ) -> tuple[Rewrapped, ...]:
        with self.checkout() as worker:
            return worker.rewrap(order, to, batch)

    def backup_kek(self, order: CeremonyOrder, kek: KeyId, spki: bytes) -> WrappedKek:
        with self.checkout() as worker:
            return worker.backup_kek(order, kek, spki)

    def _changing(self, act: Callable[[HsmWorker], R]) -> R:
        """What changes the token's KEKs is done while no worker does anything else, and each
        reads them again afterwards: none wraps under one that is not the active one any more."""
        with self._all_workers() as workers:
            lead = workers[0]
            if lead is None or not lead.is_alive:
                lead = workers[0] = self._replace(lead)
            try:
                result = act(lead)
            except KeyturnError:
                self._read_again(workers)  # perhaps the token has done it
                raise
            self._hello = lead.hello
            self._read_again(workers[1:])
            return result

    def _read_again(self, workers: Sequence[HsmWorker | None]) -> None:
        for each in workers:
            if each is not None and each.is_alive:
                try:
                    each.describe_keys()
                    self._hello = each.hello
                except KeyturnError:
                    each.close()  # one is started in its place when its turn comes

    @contextlib.contextmanager
    def _all_workers(self) -> Iterator[list[HsmWorker | None]]:
        held: list[HsmWorker | None] = []
        with self._draining:
            try:
                for _ in range(self._size):
                    held.append(self._taken())
                yield held
            finally:
                for each in held:
                    self._give_back(each)

    def _taken(self) -> HsmWorker | None:
        with self._freed:
            if not self._free:
                self._wait_for_one(self._config.answer_seconds + self._config.start_seconds)
            return self._free.pop()

    def _taken_at_last(self) -> HsmWorker | None:
        with self._freed:
            while not self._free:
                self._freed.wait()
            return self._free.pop()

    def _wait_for_one(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._free:
            left = deadline - time.monotonic()
            if left <= 0:
                raise HsmUnreachable("all HSM workers are busy")
            self._freed.wait(left)

    def _give_back(self, worker: HsmWorker | None) -> None:
        with self._freed:
            self._free.append(worker)
            self._freed.notify()

    @contextlib.contextmanager
    def checkout(self) -> Iterator[HsmWorker]:
        """A live worker for this thread alone. Waits at most one answer's and one start's time.

        Raises HsmUnreachable when all are busy for so long, or the lost one cannot be replaced.
        """
        worker = self._taken()
        try:
            if worker is None or not worker.is_alive:
                worker = self._replace(worker)
            yield worker
        finally:
            self._give_back(worker)

    @contextlib.contextmanager
    def pin(self) -> Iterator[int]:
        """The PIN's descriptor for a process of another kind, a copy of its own.

        Raises HsmUnreachable where the PIN came by a pipe, and is gone.
        """
        descriptor = os.dup(self._pin_fd)
        try:
            os.lseek(descriptor, 0, os.SEEK_SET)
            yield descriptor
        except OSError as error:
            raise HsmUnreachable("the PIN came by a pipe: no other process can read it") from error
        finally:
            os.close(descriptor)

    def pin_changed(self, pin: bytearray) -> None:
        """Workers that are started from now on log in with this PIN, of the length of the one
        before. Raises HsmUnreachable where the PIN came by a pipe: a restart needs it anew."""
        try:
            os.pwrite(self._pin_fd, bytes(pin), 0)
        except OSError as error:
            raise HsmUnreachable(
                "the new PIN cannot be kept for workers that are started later",
                hint="the token has it; start the keyholder anew with it",
            ) from error

    def close(self) -> None:
        """End all workers, once they have answered what they were asked."""
        if self._closed:
            return
        self._closed = True
        for worker in [self._taken_at_last() for _ in range(self._size)]:
            if worker is not None:
                worker.close()
            self._give_back(None)  # whoever still waits for one is told that the pool is closed
        os.close(self._pin_fd)

    def __enter__(self) -> "HsmPool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _replace(self, dead: HsmWorker | None) -> HsmWorker:
        if self._closed:
            raise HsmUnreachable("the HSM pool is closed")
        if self._pin_refused:
            raise HsmUnreachable(
                "no HSM worker is started again after a refused PIN",
                hint="unseal again; check that the token was not replaced",
            )
        if dead is not None:
            dead.close()
        (worker,) = self._start(1)
        if replace(worker.hello, keks=()) != replace(self._hello, keks=()):
            worker.close()
            raise TokenError(
                "the token is not the one that was opened before",
                found=f"{worker.hello.label} {worker.hello.serial}",
                expected=f"{self._hello.label} {self._hello.serial}",
            )
        self._hello = worker.hello  # a ceremony may have changed the KEKs
        return worker

    def _start(self, count: int) -> list[HsmWorker]:
        """Start processes side by side; one failure ends them all."""
        starting: list[StartingWorker] = []
        workers: list[HsmWorker] = []
        try:
            for _ in range(count):
                starting.append(StartingWorker(self._config, self._pin_fd))
            for each in starting:
                workers.append(HsmWorker.from_started(self._config, each))
        except KeyturnError as error:
            self._pin_refused = self._pin_refused or isinstance(error, PinRefused)
            for worker in workers:
                worker.close()
            for each in starting[len(workers) :]:
                each.abandon()
            raise
        return workers
