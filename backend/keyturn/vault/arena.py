"""Memory for plaintext: anonymous, out of dumps and children, locked if possible, wiped (I4).

Best effort, with its limits: the kernel may refuse to lock (`locked` says so), and what an
engine copies elsewhere is not wiped here. Zeroises on `wipe`, when the last view is gone,
and at interpreter exit; a killed process leaves zeroing to the kernel, which clears pages
before anyone gets them again.
"""

import atexit
import ctypes
import mmap
import sys
import weakref
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Final

from keyturn.vault.parallel import Stop, in_parallel, thread_count

HUGE_PAGE: Final = 2 << 20
"""Bytes. Fewer page faults; with 4 KiB pages O_DIRECT reads drop to half (measured)."""

_MEMINFO = Path("/proc/meminfo")
_SMALL: Final = HUGE_PAGE // 4
_WIPE_CHUNK: Final = 64 << 20
_MLOCK_ONFAULT: Final = 1  # linux/mman.h: lock pages as they are touched, by many threads


class _Mapping(mmap.mmap):
    """An anonymous mapping that is zeroised before it is unmapped.

    Every view keeps it alive, so nothing in use is ever wiped by garbage collection.
    """

    used = range(0)
    """The bytes that may hold plaintext; emptied once they are zero."""

    def zeroise(self) -> None:
        if self.used and not self.closed:
            ctypes.memset(self.address + self.used.start, 0, len(self.used))
            self.used = range(0)

    @property
    def address(self) -> int:
        return ctypes.addressof(ctypes.c_char.from_buffer(self))

    def __del__(self) -> None:
        self.zeroise()


_alive: "weakref.WeakSet[_Mapping]" = weakref.WeakSet()


class Arena:
    """`size` bytes of anonymous memory, zero at first; aligned to huge pages unless small.

    `secret=False` is for buffers of ciphertext: neither locked nor wiped.
    """

    def __init__(self, size: int, *, secret: bool = True) -> None:
        self._size = size
        self._mapping = _Mapping(-1, max(1, size if size <= _SMALL else _with_slack(size)))
        _alive.add(self._mapping)
        self._start = 0 if size <= _SMALL else -self._mapping.address % HUGE_PAGE
        _advise(self._mapping)
        if secret:
            self._mapping.used = range(self._start, self._start + size)
        self.locked: Final = secret and _lock(self._mapping.address + self._start, size)
        self.view: Final = memoryview(self._mapping)[self._start : self._start + size]
        """Writable, until `wipe`."""

    def wipe(self) -> None:
        """Zeroise, for good. Views stay readable, and read zeroes."""
        self._mapping.zeroise()

    def release(self) -> None:
        """Wipe, and give the pages back to the kernel although views may still exist."""
        self.wipe()
        if sys.platform == "linux":
            libc = ctypes.CDLL(None)
            start = self._mapping.address + self._start
            libc.munlock(ctypes.c_void_p(start), ctypes.c_size_t(self._size))
            self._mapping.madvise(mmap.MADV_DONTNEED)

    def _mark_clean(self) -> None:
        self._mapping.used = range(0)


def wipe_all(arenas: Sequence[Arena], threads: int | None = None) -> None:
    """Zeroise many arenas with all CPUs: a revoked node must not take its time."""
    chunks = [
        arena.view[at : at + _WIPE_CHUNK]
        for arena in arenas
        for at in range(0, len(arena.view), _WIPE_CHUNK)
    ]
    numbers = count()

    def work(stop: Stop) -> None:
        while not stop and (number := next(numbers)) < len(chunks):
            wipe_range(chunks[number])

    in_parallel(work, thread_count(threads, len(chunks)))
    for arena in arenas:
        arena._mark_clean()


def wipe_range(view: memoryview) -> None:
    """Zeroise one writable, contiguous view. Lets other threads run meanwhile."""
    if view.nbytes:
        ctypes.memset(ctypes.addressof(ctypes.c_char.from_buffer(view)), 0, view.nbytes)


def available_memory() -> int | None:
    """Bytes that could be used now (proc_meminfo(5), MemAvailable); None where unknown."""
    try:
        lines = _MEMINFO.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            return int(rest.split()[0]) * 1024
    return None


def _with_slack(size: int) -> int:
    """Room to begin and end on a huge page."""
    return (-(-size // HUGE_PAGE) + 1) * HUGE_PAGE


def _advise(mapping: mmap.mmap) -> None:
    for name in ("MADV_DONTDUMP", "MADV_DONTFORK", "MADV_HUGEPAGE"):
        advice = getattr(mmap, name, None)
        if advice is None:
            continue
        try:
            mapping.madvise(advice)
        except OSError as error:
            if name != "MADV_HUGEPAGE":  # a kernel without huge pages is only slower
                raise MemoryError(f"the kernel refuses {name}: {error.strerror}") from error


def _lock(address: int, size: int) -> bool:
    """mlock2 on fault: `mlock` would touch every page from this one thread first."""
    if size == 0:
        return True
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    result: int = libc.mlock2(ctypes.c_void_p(address), ctypes.c_size_t(size), _MLOCK_ONFAULT)
    return result == 0


def _zeroise_all() -> None:
    for mapping in list(_alive):
        mapping.zeroise()


atexit.register(_zeroise_all)
