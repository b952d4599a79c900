"""`LiveDesk`: an officer at one server, for presenters. All of it lives on the window's thread.

A timer empties the mailbox thirty times a second and tells whoever subscribed, once a time.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from PySide6.QtCore import QObject, Qt, QTimer

from keyturn.base.errors import KeyturnError
from keyturn.client.client import KeyturnClient
from keyturn.client.profile import Places
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.roster import OfficerId
from keyturn_app.desk import Identity, Locked, Topic
from keyturn_app.facts import Facts
from keyturn_app.i18n import _
from keyturn_app.live.line import Line, Wiring, wiring_of
from keyturn_app.live.listeners import Listener, TopicListeners

T = TypeVar("T")

DRAIN_MS = 33
TICK_MS = 1000
JOIN_SECONDS = 5.0


def utc_now() -> datetime:
    """The machine's clock, whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


class LiveDesk(QObject):
    """Implements `Desk`. Starts locked; `lock`, `unlock` and `close` are the shell's."""

    def __init__(
        self,
        identity: Identity,
        places: Places,
        *,
        now: Callable[[], datetime] = utc_now,
        wiring: Wiring | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._now = now
        self._identity = replace(identity, locked=True)
        profile = identity.profile
        chosen = wiring_of(profile, places, now) if wiring is None else wiring
        self._line = Line(profile, places, wiring=chosen, now=now)
        self._facts = self._line.take().facts
        self._listeners = TopicListeners()
        self._locks = 0
        self._closed = False
        self._drained = self._timer(DRAIN_MS, self._drain, Qt.TimerType.PreciseTimer)
        self._ticked = self._timer(TICK_MS, self._tick, Qt.TimerType.CoarseTimer)
        self._line.start()

    # ---- Desk ----

    @property
    def identity(self) -> Identity:
        return self._identity

    @property
    def facts(self) -> Facts:
        return self._facts

    @property
    def signer(self) -> Signer | None:
        return self._line.signer

    def now(self) -> datetime:
        return self._now()

    def subscribe(self, listener: Listener, *topics: Topic) -> Callable[[], None]:
        return self._listeners.add(listener, *topics)

    def ask(
        self,
        work: Callable[[KeyturnClient], T],
        *,
        done: Callable[[T], None],
        failed: Callable[[KeyturnError], None],
    ) -> Callable[[], None]:
        dropped: list[bool] = []

        def finish(found: T) -> None:
            if not dropped:
                done(found)

        def fail(error: KeyturnError) -> None:
            if not dropped:
                failed(error)

        self._line.ask(work, finish, fail)
        return lambda: dropped.append(True)

    def refresh(self, *topics: Topic) -> None:
        self._line.refresh(topics or None)

    # ---- the lock ----

    def unlock(
        self,
        passphrase: bytearray,
        *,
        done: Callable[[], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        """Takes a few hundred milliseconds, elsewhere. Wipes `passphrase`."""
        before = self._locks

        def finish() -> None:
            if before != self._locks:
                failed(Locked(_("locked again before the key was open")))
                return
            self._unlocked()
            done()

        self._line.unlock(passphrase, finish, failed)

    def borrow(self, signer: Signer) -> None:
        """Unlocked with a signer that is somebody else's: a recording's."""
        self._line.borrow(signer)
        self._unlocked()

    def lock(self) -> None:
        """At once: keys overwritten, connections ended. The facts stay, and are not refreshed."""
        self._locks += 1
        try:
            self._line.lock()
        finally:
            if not self._identity.locked:
                self._identity = replace(self._identity, locked=True)
                self._listeners.tell(frozenset({Topic.IDENTITY}))

    def rest(self) -> None:
        """Another seat has the window: the key stays open, nothing is asked. `wake` ends it."""
        self._line.rest()

    def wake(self) -> None:
        self._line.wake()

    def close(self) -> None:
        """No thread, timer or connection is left. Harmless when repeated."""
        if self._closed:
            return
        self._closed = True
        self._drained.stop()
        self._ticked.stop()
        self._listeners.clear()
        self._line.close()
        self._line.join(JOIN_SECONDS)

    # ---- inside ----

    def _timer(self, interval: int, call: Callable[[], None], kind: Qt.TimerType) -> QTimer:
        timer = QTimer(self)
        timer.setTimerType(kind)
        timer.setInterval(interval)
        timer.timeout.connect(call)
        timer.start()
        return timer

    def _unlocked(self) -> None:
        self._identity = replace(self._identity, locked=False)
        self._listeners.tell(frozenset({Topic.IDENTITY}))

    def _drain(self) -> None:
        self._deliver(frozenset())

    def _tick(self) -> None:
        """Ages grow without news."""
        self._deliver(frozenset({Topic.CONNECTION}))

    def _deliver(self, topics: frozenset[Topic]) -> None:
        delivery = self._line.take()
        told = delivery.topics | topics
        try:
            if told:
                self._facts = delivery.facts
                told |= self._named()
                self._listeners.tell(told)
        finally:  # a page's fault must not cost another one its answer
            for answer in delivery.answers:
                answer()

    def _named(self) -> frozenset[Topic]:
        """The officer's name as the roster in force has it."""
        seen = self._facts.seen
        mine = OfficerId(self._identity.officer)
        officer = None if seen is None else seen.roster.officers.get(mine)
        if officer is None or officer.name == self._identity.name:
            return frozenset()
        self._identity = replace(self._identity, name=officer.name)
        return frozenset({Topic.IDENTITY})
