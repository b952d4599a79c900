"""When which topic is asked again. Knows no clock: every time is given, in seconds.

Asking never takes more than a fifth of the time, however slow the server or large the fleet.
"""

from collections.abc import Iterable

from keyturn_app.desk import Topic
from keyturn_app.live.gathering import GATHERED

PERIODS = {
    Topic.CONNECTION: 2.0,  # the newest checkpoint alone: is it still there, and one history
    Topic.NODES: 2.0,
    Topic.SEEN: 30.0,
    Topic.PROPOSALS: 60.0,  # events tell sooner; they may lapse without one
    Topic.MODELS: 60.0,
    Topic.WITNESSES: 10.0,
}
REST = 4.0
"""Rest so many times as long as asking took: at most 1 / (1 + 4) of the time."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0


def pause_after(failures: int, draw: float) -> float:
    """Seconds until the next try; `draw` in 0..1 spreads many apps over half of the pause."""
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (min(failures, 16) - 1))
    return pause * (0.5 + 0.5 * draw)


class Schedule:
    """Everything is due at first."""

    def __init__(self) -> None:
        self._due = {topic: float("-inf") for topic in GATHERED}
        self._earliest = dict.fromkeys(Topic, float("-inf"))
        self._forced: set[Topic] = set()
        self._retry = float("-inf")
        self._halted = False
        self._periods = dict(PERIODS)

    def every(self, topic: Topic, seconds: float) -> None:
        """From its next asking on, at least that often."""
        self._periods[topic] = min(PERIODS[topic], seconds)

    def touch(self, topics: Iterable[Topic]) -> None:
        """Something changed: due as soon as the rest after the last asking is over."""
        for topic in topics:
            self._due[topic] = float("-inf")

    def force(self, topics: Iterable[Topic]) -> None:
        """The officer asks: due at once, whatever happened before."""
        self._forced.update(topics)

    def due(self, at: float) -> frozenset[Topic]:
        """What to ask now."""
        if self._forced:
            return frozenset(self._forced)
        if self._halted or at < self._retry:
            return frozenset()
        return frozenset(topic for topic in self._due if self._when(topic) <= at)

    def wait(self, at: float) -> float | None:
        """Seconds until something is due; None: nothing will be by itself."""
        if self._forced:
            return 0.0
        if self._halted or not self._due:
            return None
        first = min(self._when(topic) for topic in self._due)
        return max(0.0, max(first, self._retry) - at)

    def begin(self, topics: frozenset[Topic]) -> None:
        """They are asked now. What the officer asks from now on is another time."""
        self._forced -= topics

    def asked(self, topics: frozenset[Topic], began: float, ended: float) -> None:
        """They were answered, and it verified."""
        self._halted, self._retry = False, float("-inf")
        self._due[Topic.CONNECTION] = ended + self._periods[Topic.CONNECTION]
        for topic in topics:
            self._earliest[topic] = ended + REST * (ended - began)
            self._due[topic] = began + self._periods[topic]

    def failed(self, ended: float, pause: float) -> None:
        """Nothing is asked before `pause` is over; then everything."""
        self._retry = ended + pause
        self.touch(GATHERED)

    def halt(self) -> None:
        """Nothing is asked until the officer says so."""
        self._halted = True
        self.touch(GATHERED)

    def _when(self, topic: Topic) -> float:
        return max(self._due[topic], self._earliest[topic])
