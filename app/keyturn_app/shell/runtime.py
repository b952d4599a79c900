"""How Python's runtime serves a window: rare full collections, and a lock that is handed over soon.

With ten thousand nodes a full collection of garbage takes a fifth of a second, in whatever thread
it falls. What the app allocates by the thousand holds no cycles; so cycles can wait until nobody
is looking.
"""

import gc
import sys
import time
from collections.abc import Callable

YOUNG, MIDDLE, NEVER = 4_000, 20, 1_000_000
SWITCH_SECONDS = 0.001
"""The window's thread waits as long for a thread that computes, each time it comes back from Qt."""
IDLE_SECONDS, PAUSE_SECONDS = 30.0, 300.0


class Collecting:
    """Collects while the officer does nothing: `tick` with the seconds they have been idle."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._collected = clock()

    def tick(self, idle: float) -> bool:
        """Gives whether it was done."""
        now = self._clock()
        if idle < IDLE_SECONDS or now - self._collected < PAUSE_SECONDS:
            return False
        gc.collect()
        self._collected = now
        return True


def serve_window() -> None:
    """For the whole process, once everything is imported: it is never looked at again."""
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, NEVER)
    sys.setswitchinterval(SWITCH_SECONDS)
