"""One server, as an officer hears it: a talking and a listening thread, and one mailbox.

No Qt in here, and no waiting: every method returns at once, but for `join`. See
docs/decisions/0015 for why there are two threads.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from keyturn.base.errors import KeyturnError
from keyturn.client.client import KeyturnClient
from keyturn.client.memory import Memory
from keyturn.client.profile import Places, Profile
from keyturn.client.signing import Unlocked, unlock
from keyturn.client.transport import Transport
from keyturn.officerkeys.signer import Signer
from keyturn_app.desk import Locked, Topic
from keyturn_app.facts import STALE_SECONDS, Connection, Facts, Link
from keyturn_app.i18n import _
from keyturn_app.live.listening import Listener
from keyturn_app.live.lockedkey import LockedKey
from keyturn_app.live.mailbox import Delivery, Mailbox
from keyturn_app.live.pulse import Pulse
from keyturn_app.live.talking import Talker
from keyturn_app.tasks import fault_of

T = TypeVar("T")
Clock = Callable[[], datetime]
OpenKey = Callable[[bytearray], Unlocked]
"""From a passphrase or PIN to the officer's signer; wipes it, whatever happens."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """How the server is reached and the key opened; a recording and tests have ways of their own.

    `listen` None: no events are followed, the clock alone says when to ask again.
    """

    connect: Callable[[Signer], KeyturnClient]
    listen: Callable[[], Transport] | None
    open_key: OpenKey
    cosigns: bool = True
    """Whether the app cosigns the log where it is a witness."""


def wiring_of(profile: Profile, places: Places, now: Clock) -> Wiring:
    """The pinned server, and the key where the profile says."""
    return Wiring(
        lambda signer: KeyturnClient.open(profile, places, now=now, signer=lambda: signer),
        lambda: Transport.pinned(profile.server, profile.pin),
        lambda secret: unlock(profile.key, profile.officer, secret),
    )


class Line:
    """Starts locked. Close it, then join it."""

    def __init__(self, profile: Profile, places: Places, *, wiring: Wiring, now: Clock) -> None:
        self._profile = profile
        self._places = places
        self._now = now
        self._wiring = wiring
        self._guard = threading.Lock()
        self._resting = False
        self._epoch = 0  # one more with each lock: what was begun before it must not undo it
        self._key = LockedKey(profile.officer)
        self._mailbox = Mailbox()
        self._pulse = Pulse()
        self._talker = Talker(
            lambda: wiring.connect(self._key),
            self._forget_session,
            self._mailbox,
            places.state,
            now,
            self._trust,
            cosigns=wiring.cosigns,
        )
        self._listener = None
        if wiring.listen is not None:
            self._listener = Listener(
                wiring.listen,
                profile.pin,
                self._key,
                self._mailbox,
                self._pulse,
                now,
                self._talker.touch,
                self._talker.caught,
            )

    def start(self) -> None:
        self._talker.start()
        if self._listener is not None:
            self._listener.start()

    @property
    def locked(self) -> bool:
        return self._key.locked

    @property
    def signer(self) -> Signer:
        """For any thread; raises Locked while locked."""
        return self._key

    # ---- the lock ----

    def unlock(
        self,
        passphrase: bytearray,
        done: Callable[[], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        """Opens the key on the talking thread: its derivation is slow. Wipes `passphrase`."""

        epoch = self._epoch

        def errand() -> None:
            try:
                self._open_unless_locked(passphrase, epoch)
            except KeyturnError as error:
                caught = error
            except Exception as error:  # noqa: BLE001 - a keyring's own faults end here
                caught = fault_of(error)
            else:
                self._mailbox.answer(done)
                return
            self._mailbox.answer(lambda: failed(caught))

        self._talker.errand(errand)

    def borrow(self, signer: Signer) -> None:
        """Unlocked with a signer whose keys somebody else owns."""
        with self._guard:
            self._key.open(Unlocked(signer, lambda: None))
            self._begin()

    def lock(self) -> None:
        """Keys overwritten, both connections ended, the session forgotten. Facts stay as known."""
        with self._guard:
            self._epoch += 1
            try:
                self._key.lock()
            finally:  # a card's reader that faults keeps nothing open
                self._end()

    def rest(self) -> None:
        """As locked, but the key stays open: another officer has the window."""
        with self._guard:
            self._resting = True
            self._end()

    def wake(self) -> None:
        with self._guard:
            self._resting = False
            if not self._key.locked:
                self._begin()

    # ---- asking ----

    def ask(
        self,
        work: Callable[[KeyturnClient], T],
        done: Callable[[T], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        """In order, with the verified client; `done` or `failed` comes with a delivery."""
        self._talker.ask(work, done, failed)

    def refresh(self, topics: Iterable[Topic] | None = None) -> None:
        """Ask it again now. Without topics everything, and that ends distrust, if it verifies."""
        self._talker.refresh(topics)

    def take(self) -> Delivery:
        """What came since the last time. The connection in it is of now."""
        delivery = self._mailbox.take()
        rate, behind = self._pulse.read()
        connection = replace(
            aged(delivery.facts.connection, self._now()),
            events_per_second=rate,
            behind_ms=behind,
        )
        return replace(delivery, facts=replace(delivery.facts, connection=connection))

    # ---- the end ----

    def close(self) -> None:
        """Locked, and both threads end; nothing is delivered any more."""
        with self._guard:
            self._epoch += 1
            try:
                self._key.lock()
            finally:
                self._talker.close()
                if self._listener is not None:
                    self._listener.close()

    def join(self, seconds: float) -> None:
        """Wait for the threads. A connection that is just being made may take longer: they are
        daemons, and hold no key."""
        self._talker.join(seconds)
        if self._listener is not None:
            self._listener.join(seconds)

    # ---- inside ----

    def _open_unless_locked(self, passphrase: bytearray, epoch: int) -> None:
        """Raises Locked when the officer locked while the key was being opened."""
        if epoch == self._epoch:
            unlocked = self._wiring.open_key(passphrase)
            with self._guard:
                if epoch == self._epoch:
                    self._key.open(unlocked)
                    self._begin()
                    return
            unlocked.close()
        passphrase[:] = bytes(len(passphrase))
        raise Locked(_("locked again before the key was open"))

    def _trust(self, trusted: bool) -> None:
        if self._listener is not None:
            with self._guard:
                self._listener.want(trusted and not self._key.locked and not self._resting)

    def _begin(self) -> None:
        if not self._resting:
            self._talker.open()

    def _end(self) -> None:
        self._talker.shut()
        if self._listener is not None:
            self._listener.want(False)
        self._mailbox.edit(_offline, [Topic.CONNECTION])

    def _forget_session(self) -> None:
        memory = Memory(self._profile.fingerprint, self._places.state)
        if memory.recall().session is not None:
            memory.keep_session(None)


def aged(connection: Connection, now: datetime) -> Connection:
    """Live is only what was heard of lately (I10); a clock put back makes nothing newer."""
    heard = connection.heard
    if connection.link is not Link.LIVE or heard is None:
        return connection
    silent = abs((now - heard).total_seconds())
    return replace(connection, link=Link.STALE) if silent > STALE_SECONDS else connection


def _offline(facts: Facts) -> Facts:
    if facts.connection.link is Link.DISTRUSTED:
        return facts
    offline = replace(facts.connection, link=Link.OFFLINE, error="", reading=None)
    return replace(facts, connection=offline)
