"""How Python's runtime serves a window: garbage in its own thread alone, a lock handed over soon.

What Qt's objects leave in cycles must not be destroyed in another thread: that ends the process
with a fault. Python collects in whatever thread happens to allocate; so here it does not collect
by itself, and the window's thread does, young garbage each second. With ten thousand nodes a full
collection takes a fifth of a second. What the app allocates by the thousand holds no cycles; so
old ones can wait until nobody is looking.
"""

import gc
import sys
import time
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer

YOUNG, MIDDLE = 4_000, 20
"""Objects since the last collection; collections of the youngest since one of the next."""
YOUNG_MILLISECONDS = 1_000
SWITCH_SECONDS = 0.001
"""The window's thread waits as long for a thread that computes, each time it comes back from Qt."""
IDLE_SECONDS, PAUSE_SECONDS = 30.0, 300.0


def collect_here(app: QObject) -> None:
    """Before any thread starts: from now on garbage goes by `collect_young` and `Collecting`."""
    gc.disable()
    each = QTimer(app)
    each.setInterval(YOUNG_MILLISECONDS)
    each.timeout.connect(collect_young)
    each.start()


def collect_young() -> bool:
    """In the window's thread, between two events. Gives whether there was enough to be done."""
    youngest, younger, _old = gc.get_count()
    if youngest < YOUNG:
        return False
    gc.collect(1 if younger >= MIDDLE else 0)
    return True


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
    sys.setswitchinterval(SWITCH_SECONDS)
