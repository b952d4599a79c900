"""Work in threads that stops as a whole: on the first error, on cancel, on Ctrl-C.

The cryptographic library, `hashlib` and file reads release the interpreter's lock, so
threads are enough (notes: two threads reach 1.97 CPUs).
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Final

from keyturn.vault.errors import SealCancelled

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all, from any thread, one call at a time."""

Cancel = Callable[[], bool]
"""Asked between segments; true stops the work."""

MAX_THREADS: Final = 16
"""More do not help: memory is the limit by then."""


def thread_count(wanted: int | None, jobs: int) -> int:
    """Threads to start: what was asked for, else one per usable CPU; never more than jobs."""
    if wanted is not None and wanted < 1:
        raise ValueError(f"{wanted} threads")
    return max(1, min(wanted or min(MAX_THREADS, _usable_cpus()), jobs))


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Stop:
    """Set once, never cleared: every worker returns at its next step."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    def __bool__(self) -> bool:
        return self._event.is_set()


def in_parallel(work: Callable[[Stop], None], threads: int) -> None:
    """Run `work` in `threads` threads until each returns; raise the first error of any.

    On an error, or an interrupt of the calling thread, the others are told to stop and
    waited for: when this returns or raises, no worker runs any more.
    """
    stop = Stop()
    with ThreadPoolExecutor(threads, thread_name_prefix="keyturn-vault") as pool:
        try:
            futures = [pool.submit(work, stop) for _ in range(threads)]
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()
    for future in sorted(done, key=futures.index):
        future.result()


class Meter:
    """Adds up what threads did and passes it on to a person's progress bar."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total = total
        self._progress = progress
        self._done = 0
        self._lock = threading.Lock()
        self.add(0)

    def add(self, amount: int) -> None:
        """`amount` more bytes are done."""
        if self._progress is None:
            return
        with self._lock:
            self._done += amount
            self._progress(self._done, self._total)


def raise_if_cancelled(cancel: Cancel | None) -> None:
    """Raises SealCancelled when `cancel` says so."""
    if cancel is not None and cancel():
        raise SealCancelled("stopped on request")


class InOrder:
    """Lets steps run in the order of their numbers, whichever threads bring them."""

    def __init__(self) -> None:
        self._next = 0
        self._turn = threading.Condition()

    def run(self, number: int, step: Callable[[], None], stop: Stop) -> None:
        """Wait for all lower numbers, then run `step`; return at once when stopped."""
        with self._turn:
            while not self._turn.wait_for(lambda: self._next == number, timeout=0.05):
                if stop:
                    return
            step()
            self._next += 1
            self._turn.notify_all()
