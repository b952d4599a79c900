"""How benches measure: interleaved rounds, medians and spread, wall clock and CPU time.

Rounds are interleaved so that a neighbour's load meets every case alike. Each case runs once
before, unmeasured: it warms caches and touches memory for the first time.
"""

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to measure: `run` handles `size` bytes each time. `before` is not measured."""

    name: str
    size: int
    run: Callable[[], object]
    before: Callable[[], object] = lambda: None


@dataclass(frozen=True, slots=True)
class Series:
    """What was measured of one case: GB (1e9 bytes) per second of wall clock and of CPU time."""

    wall: tuple[float, ...]
    cpu: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.wall)

    @property
    def cpu_median(self) -> float:
        return statistics.median(self.cpu)

    def document(self) -> dict[str, float]:
        return {
            "median_gb_s": round(self.median, 3),
            "min_gb_s": round(min(self.wall), 3),
            "max_gb_s": round(max(self.wall), 3),
            "median_gb_cpu_s": round(self.cpu_median, 3),
        }


@dataclass(frozen=True, slots=True)
class Goal:
    """A promise of DESIGN §11: median of `case` ≥ `least` × median of `yardstick`."""

    case: str
    yardstick: str
    least: float

    def document(self, found: Mapping[str, Series]) -> dict[str, object]:
        ratio = found[self.case].median / found[self.yardstick].median
        cpu = found[self.case].cpu_median / found[self.yardstick].cpu_median
        return {
            "case": self.case,
            "yardstick": self.yardstick,
            "goal": self.least,
            "ratio": round(ratio, 3),
            "ratio_by_cpu_time": round(cpu, 3),
            "met": ratio >= self.least,
        }


def interleaved(cases: list[Case], rounds: int) -> dict[str, Series]:
    """Run each case once unmeasured, then `rounds` times in turn."""
    wall: dict[str, list[float]] = {each.name: [] for each in cases}
    cpu: dict[str, list[float]] = {each.name: [] for each in cases}
    for number in range(rounds + 1):
        gc.collect(0)
        for case in cases:
            case.before()
            started, used = time.perf_counter(), time.process_time()
            case.run()
            seconds, busy = time.perf_counter() - started, time.process_time() - used
            if number:
                wall[case.name].append(case.size / seconds / 1e9)
                cpu[case.name].append(case.size / max(busy, 1e-9) / 1e9)
    return {name: Series(tuple(wall[name]), tuple(cpu[name])) for name in wall}


def machine() -> dict[str, object]:
    """What the figures were measured on. Names no host."""
    cpu = "unknown"
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                cpu = line.partition(":")[2].strip()
                break
    except OSError:
        cpu = platform.processor() or cpu
    return {
        "cpu": cpu,
        "usable_cpus": len(os.sched_getaffinity(0)),
        "load_before": round(os.getloadavg()[0], 2),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }
