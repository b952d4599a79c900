"""How long the fuzz targets run (`python tests/run_suites.py fuzz --long` asks for much more), and
what one call costs.
"""

import os
import re
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

MEBIBYTE = 1 << 20


def _times() -> int:
    return max(1, min(int(os.environ.get("KEYTURN_FUZZ_TIMES", "1")), 1000))


def examples(usual: int) -> int:
    """How many examples a target draws; KEYTURN_FUZZ_TIMES multiplies it (1 to 1,000)."""
    return usual * _times()


def flipped(raw: bytes, places: Iterable[int], *, usual: int = 1) -> Iterator[bytes]:
    """`raw` with one bit flipped, for bits of the bytes at `places`: of each byte every one when
    asked to run long, else `usual` of them, others in every byte."""
    bits = 8 if _times() > 1 else usual
    for at in places:
        for bit in range(bits):
            changed = bytearray(raw)
            changed[at] ^= 1 << (at + bit) % 8
            yield bytes(changed)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one call: seconds of CPU, bytes at the most: Python's own, and the process's growth."""

    seconds: float
    allocated: int
    resident: int


def cost(work: Callable[[], object]) -> Cost:
    """Three calls at most: the time is the least of two where one seems slow; memory apart."""
    seconds, resident = _grown(work)
    if seconds > 0.3:
        seconds = min(seconds, _grown(work)[0])
    tracemalloc.start()
    try:
        work()
        allocated = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return Cost(seconds, allocated, resident)


def _grown(work: Callable[[], object]) -> tuple[float, int]:
    Path("/proc/self/clear_refs").write_text("5")  # the most that was resident begins anew
    before, begin = _most_resident(), time.process_time()
    work()
    return time.process_time() - begin, _most_resident() - before


def _most_resident() -> int:
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) << 10
