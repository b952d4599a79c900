"""Keep a process's memory out of dumps, debuggers and swap (I4, I8); say what could not be done.

For the processes that hold a data key or plaintext: sealing, the node agent.
"""

import ctypes
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

UNLOCKED_MEMORY = "unlocked-memory"
"""Caveat (I11): plaintext may reach a swap device or a dump."""

_PR_SET_DUMPABLE = 4  # linux/prctl.h
_SWAPS = Path("/proc/swaps")


@dataclass(frozen=True, slots=True)
class Hygiene:
    """What was found wanting. `caveats` are names of I11; `notes` explain them to people."""

    caveats: frozenset[str]
    notes: tuple[str, ...]


def harden_process(*, swaps: Path = _SWAPS) -> Hygiene:
    """No core dumps, no debugger of the same user, and a look at swap. For the whole process.

    A core pattern that pipes ignores the size limit, so both measures are needed (core(5)).
    """
    notes = []
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError) as error:
        notes.append(f"core dumps could not be switched off: {error}")
    if not _set_undumpable():
        notes.append("the process could not be closed to debuggers (PR_SET_DUMPABLE)")
    notes.extend(_swap_notes(swaps))
    return Hygiene(frozenset({UNLOCKED_MEMORY} if notes else ()), tuple(notes))


def _set_undumpable() -> bool:
    if sys.platform != "linux":
        return False
    return bool(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)


def _swap_notes(swaps: Path) -> list[str]:
    """The file has a heading and a line per device (proc_swaps(5))."""
    try:
        devices = swaps.read_text(encoding="utf-8", errors="replace").splitlines()[1:]
    except OSError as error:
        return [f"whether swap is in use is unknown: {error.strerror}"]
    names = [line.split()[0] for line in devices if line.split()]
    return [f"swap is in use: {', '.join(names)}"] if names else []
