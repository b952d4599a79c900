"""A desk whose nodes change many times a second: a thread speaks for them, a timer drains.

The thread and the mailbox stand where the live desk has its own, so that they take the window's
thread as much time as they would there.
"""

import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from PySide6.QtCore import QObject, Qt, QTimer

from keyturn_app.bench.invented import Fleet, spoken
from keyturn_app.bench.loop import LoopWatch
from keyturn_app.desk import Topic
from keyturn_app.facts import Connection, Facts, Link, Nodes
from keyturn_app.live.desk import DRAIN_MS, TICK_MS
from keyturn_app.live.mailbox import Mailbox
from keyturn_app.live.replaying import ReplayDesk
from keyturn_app.recording import Moment, Recording

_BATCHES = 60
"""A second: twice as often as the mailbox is emptied."""


class StreamDesk(ReplayDesk):
    """As the live desk, but nothing is verified: what the thread invents is delivered."""

    def __init__(self, recording: Recording, moment: Moment) -> None:
        self._began = time.monotonic()
        super().__init__(recording, moment, "bench")
        self.mailbox = Mailbox()
        self.delivered = 0

    def now(self) -> datetime:
        """The recording's time, which goes on here."""
        return super().now() + timedelta(seconds=int(time.monotonic() - self._began))

    def drain(self) -> None:
        delivery = self.mailbox.take()
        if delivery.topics:
            nodes = delivery.facts.nodes
            changed = None if nodes is None else nodes.changed
            self.delivered += 0 if changed is None else len(changed)
            self.know(delivery.facts, *delivery.topics)

    def tick(self) -> None:
        """Ages grow; the server was heard just now."""
        live = Connection(Link.LIVE, heard=self.now(), behind_ms=0)
        self.mailbox.edit(lambda facts: replace(facts, connection=live), [Topic.CONNECTION])
        self.drain()


class Source(threading.Thread):
    """Lets `rate` nodes of a fleet speak a second, until it is stopped."""

    def __init__(self, desk: StreamDesk, facts: Facts, fleet: Fleet, rate: int) -> None:
        super().__init__(name="keyturn-bench", daemon=True)
        self._desk, self._rate = desk, rate
        self._nodes = list(fleet.nodes)
        self._random = Random(rate)  # noqa: S311 - the same stream in every run, and no secret
        self._over = threading.Event()
        desk.mailbox.edit(lambda _: facts, tuple(Topic))
        self._owed = 0.0

    def run(self) -> None:
        due = time.monotonic()
        while not self._over.is_set():
            due += 1 / _BATCHES
            self._owed += self._rate / _BATCHES
            count, self._owed = int(self._owed), self._owed % 1
            self._speak(count)
            self._over.wait(max(0.0, due - time.monotonic()))

    def stop(self) -> None:
        self._over.set()
        self.join()

    def _speak(self, count: int) -> None:
        now = self._desk.now()
        changed = set()
        for place in self._random.sample(range(len(self._nodes)), min(count, len(self._nodes))):
            self._nodes[place] = node = spoken(self._nodes[place], self._random, now)
            changed.add(node.name)
        nodes = Nodes(tuple(self._nodes), now, frozenset(changed))
        self._desk.mailbox.edit(lambda facts: replace(facts, nodes=nodes), [Topic.NODES])


class Pace(QObject):
    """The two timers of the live desk, around a desk that has none."""

    def __init__(self, desk: StreamDesk, watch: LoopWatch) -> None:
        super().__init__(watch)
        self._desk, self._watch = desk, watch
        self._drained = self._timer(DRAIN_MS, self._drain)
        self._ticked = self._timer(TICK_MS, desk.tick)
        watch.watch(self._drained, self._ticked)

    def stop(self) -> None:
        self._drained.stop()
        self._ticked.stop()

    def _drain(self) -> None:
        self._watch.drain()
        self._desk.drain()

    def _timer(self, milliseconds: int, work: object) -> QTimer:
        timer = QTimer(self)
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.setInterval(milliseconds)
        timer.timeout.connect(work)
        timer.start()
        return timer
