"""Figures of one case as plain values: what a child process prints, and its parent reads."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

FRAME_MS = 33.0
"""A frame that takes longer is seen."""


def quantile(values: Sequence[float], share: float) -> float:
    """What this share of the values does not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def spread(values: Sequence[float], digits: int = 1) -> dict[str, float]:
    """Median, least and most."""
    return {
        "median": round(statistics.median(values), digits),
        "min": round(min(values), digits),
        "max": round(max(values), digits),
    }


@dataclass(frozen=True, slots=True)
class Frame:
    """Milliseconds of the window's thread from one drain to the next: wall clock, and CPU."""

    wall: float
    cpu: float


def frames_document(frames: Iterable[Frame]) -> dict[str, object]:
    """Quantiles of both clocks, and how many frames took longer than FRAME_MS."""
    every = tuple(frames)
    return {
        "frames": len(every),
        "wall": _clock([each.wall for each in every]),
        "cpu": _clock([each.cpu for each in every]),
    }


def _clock(values: Sequence[float]) -> dict[str, float]:
    return {
        "p50_ms": round(quantile(values, 0.5), 2),
        "p95_ms": round(quantile(values, 0.95), 2),
        "p99_ms": round(quantile(values, 0.99), 2),
        "max_ms": round(max(values, default=0.0), 2),
        "over_33_ms": sum(1 for each in values if each > FRAME_MS),
    }


def memory(status: str) -> dict[str, float]:
    """MiB of a process now and at most, from the text of /proc/PID/status."""
    found = {}
    for line in status.splitlines():
        name, _colon, rest = line.partition(":")
        if name in ("VmRSS", "VmHWM", "RssAnon", "RssFile"):
            found[name] = round(int(rest.split()[0]) / 1024, 1)
    return {
        "rss_mib": found.get("VmRSS", 0.0),
        "peak_mib": found.get("VmHWM", 0.0),
        "anonymous_mib": found.get("RssAnon", 0.0),
        "files_mib": found.get("RssFile", 0.0),
    }
