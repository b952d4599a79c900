"""What a process that holds keys does first: no core dump, no debugger of its own user, no swap.

Linux only: elsewhere it refuses to run. Source: prctl(2), setrlimit(2), mlockall(2).
"""

import ctypes
import os
import resource
import signal
import sys
from dataclasses import dataclass

from keyturn.hsm.errors import TokenError

_PR_SET_PDEATHSIG = 1
_PR_GET_DUMPABLE = 3
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_MCL_CURRENT_FUTURE_ONFAULT = 1 | 2 | 4


@dataclass(frozen=True, slots=True)
class Hardened:
    """What was reached. Core dumps are off, or there is no value of this type."""

    memory_locked: bool
    """False: the process may be swapped (caveat *unlocked-memory*)."""


def harden() -> Hardened:
    """Apply to this process, and read back. Raises TokenError where dumps cannot be turned off."""
    if sys.platform != "linux":
        raise TokenError("keys are held on Linux only", found=sys.platform)
    libc = ctypes.CDLL(None, use_errno=True)
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    dumpable = libc.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0)
    if dumpable != 0 or resource.getrlimit(resource.RLIMIT_CORE) != (0, 0):
        raise TokenError("core dumps cannot be turned off", found=f"dumpable {dumpable}")
    return Hardened(_locked(libc))


def die_with_parent(parent: int) -> None:
    """End at once when the thread that started this process is gone, as by a kill (prctl(2)):
    what is half-made is then its successor's to remove, and nobody goes on making it.

    `parent` is the process that started this one. Exits where it is gone already.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def _locked(libc: ctypes.CDLL) -> bool:
    """Lock all pages, but only without a limit: a limited lock makes later allocations fail."""
    soft, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if soft != resource.RLIM_INFINITY:
        try:
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY,) * 2)
        except (ValueError, OSError):
            if hard != resource.RLIM_INFINITY:
                return False
    return bool(libc.mlockall(_MCL_CURRENT_FUTURE_ONFAULT) == 0)
