"""What libraries leave behind in memory: probes and measures (I4, measured limits)."""

import ctypes
import mmap
import sys

_MLOCK_ONFAULT = 1  # linux/mman.h
_M_PERTURB = -6  # malloc.h, mallopt(3)
_PERTURB = 0xA5


def can_lock(size: int) -> bool:
    """Whether the kernel would lock `size` more bytes for this process. Touches no page."""
    if sys.platform != "linux" or size <= 0:
        return size <= 0
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        area = mmap.mmap(-1, size)
    except (OSError, OverflowError):
        return False
    with area:
        start = ctypes.c_char.from_buffer(area)
        try:
            result: int = libc.mlock2(
                ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(size), _MLOCK_ONFAULT
            )
        finally:
            del start  # the mapping cannot be closed while it is exported
        return result == 0


def overwrite_freed_memory() -> None:
    """Let glibc overwrite heap blocks when they are freed (mallopt(3), M_PERTURB).

    Rows that an engine looked up and keys that a library handed out as `bytes` lie there.
    Small blocks in a thread's own cache are not covered. Nothing on other C libraries.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_PERTURB, _PERTURB)
