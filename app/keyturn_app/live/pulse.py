"""How many events come, and how far behind the newest is: numbers for the header, no proof."""

import threading
import time
from collections import deque
from collections.abc import Callable

SECONDS = 5.0


class Pulse:
    """Beaten by the listening thread, read by the window's."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._beats: deque[float] = deque(maxlen=100_000)
        self._behind_ms: int | None = None

    def beat(self, behind_ms: int | None) -> None:
        with self._lock:
            self._beats.append(self._clock())
            self._behind_ms = behind_ms

    def read(self) -> tuple[float, int | None]:
        """Events a second over the last five, and milliseconds behind; None: none came yet."""
        since = self._clock() - SECONDS
        with self._lock:
            while self._beats and self._beats[0] < since:
                self._beats.popleft()
            return len(self._beats) / SECONDS, self._behind_ms
