"""`StationDesk`: an officer where there is no server. Nothing here, or below it, has a connection.

What it knows is the newest authority bundle that reached it. Files are read and signed on one
thread of its own, in order; everything else lives on the window's thread.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from keyturn.base.errors import KeyturnError
from keyturn.client.client import KeyturnClient
from keyturn.client.profile import Places
from keyturn.client.signing import Unlocked, unlock
from keyturn.client.station import StationClient
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.bundle import Authority
from keyturn.quorum.roster import OfficerId
from keyturn_app import wording
from keyturn_app.desk import Identity, Locked, Topic
from keyturn_app.facts import Bundle, Connection, Facts, Link
from keyturn_app.i18n import _
from keyturn_app.live.desk import utc_now
from keyturn_app.live.line import OpenKey
from keyturn_app.live.listeners import Listener, TopicListeners
from keyturn_app.live.lockedkey import LockedKey
from keyturn_app.qtkit.door import QtDoor
from keyturn_app.tasks import Job, Progress

T = TypeVar("T")


class StationDesk:
    """Implements `LockableDesk`. Starts locked; an officer station's rest is no other than that."""

    def __init__(
        self,
        identity: Identity,
        places: Places,
        *,
        now: Callable[[], datetime] = utc_now,
        open_key: OpenKey | None = None,
    ) -> None:
        profile = identity.profile
        self._now = now
        self._identity = replace(identity, locked=True)
        self._key = LockedKey(profile.officer)
        self._client = StationClient.open(profile, places, now=now, signer=lambda: self._key)
        self._open_key = open_key or (lambda secret: unlock(profile.key, profile.officer, secret))
        self._facts = Facts(Connection(Link.STATION))
        self._listeners = TopicListeners()
        self._locks = 0
        self._closed = False
        self._door = QtDoor(threads=1)

    # ---- Desk ----

    @property
    def identity(self) -> Identity:
        return self._identity

    @property
    def facts(self) -> Facts:
        return self._facts

    @property
    def signer(self) -> Signer | None:
        return self._key

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
        """As everywhere; what `work` asks of a server raises NoServer."""
        before = self._locks

        def errand(_job: Job, _tell: Callable[[Progress], None]) -> tuple[T, Authority | None]:
            if self._key.locked:
                raise _is_locked()
            return work(self._client), self._client.newest()

        def finish(found: tuple[T, Authority | None]) -> None:
            if before != self._locks:
                failed(_is_locked())
                return
            self._know(found[1])
            done(found[0])

        job = self._door.run(_("Reading a file"), errand, done=finish, failed=failed)
        return job.drop

    def refresh(self, *topics: Topic) -> None:  # noqa: ARG002 - there is one thing to look at
        """Look again at what lies here."""
        if not self._identity.locked:
            self._look()

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

        def work(job: Job, _tell: Callable[[Progress], None]) -> Unlocked:
            unlocked = self._open_key(passphrase)
            if job.cancelled:
                unlocked.close()
            job.check()
            return unlocked

        def finish(unlocked: Unlocked) -> None:
            if before != self._locks:
                unlocked.close()
                failed(Locked(_("locked again before the key was open")))
                return
            self._key.open(unlocked)
            self._identity = replace(self._identity, locked=False)
            self._listeners.tell(frozenset({Topic.IDENTITY}))
            self._look()
            done()

        self._door.run(_("Opening the key"), work, done=finish, failed=failed)

    def lock(self) -> None:
        """At once: keys overwritten. What is known of the authority stays."""
        self._locks += 1
        try:
            self._key.lock()
        finally:
            if not self._identity.locked:
                self._identity = replace(self._identity, locked=True)
                self._listeners.tell(frozenset({Topic.IDENTITY}))

    def rest(self) -> None:
        """Nothing is asked in anybody's name: there is nothing to end."""

    def wake(self) -> None:
        """As it was left."""

    def close(self) -> None:
        """No thread is left, and no key is open. Harmless when repeated."""
        if self._closed:
            return
        self._closed = True
        self._locks += 1
        self._listeners.clear()
        try:
            self._key.lock()
        finally:
            self._door.close()
            self._door.deleteLater()
            self._client.close()

    # ---- inside ----

    def _look(self) -> None:
        """Verify the bundle that lies here."""
        self._door.run(
            _("Verifying the authority bundle"),
            lambda _job, _tell: self._client.newest(),
            done=self._know,
            failed=self._unknown,
        )

    def _know(self, authority: Authority | None) -> None:
        if authority is None:
            self._show(None, _("No authority bundle has reached this station yet."))
            return
        known = self._facts.bundle
        if known is not None and known.authority == authority and not self._error:
            return
        officer = authority.roster.officers.get(OfficerId(self._identity.officer))
        if officer is not None and officer.name != self._identity.name:
            self._identity = replace(self._identity, name=officer.name)
        self._show(Bundle(authority, self._now()), "")

    def _unknown(self, error: KeyturnError) -> None:
        """What lies here does not verify, or has expired: nothing is known."""
        self._show(None, wording.error_text(error))

    @property
    def _error(self) -> str:
        return self._facts.connection.error

    def _show(self, bundle: Bundle | None, error: str) -> None:
        self._facts = Facts(Connection(Link.STATION, error=error), bundle=bundle)
        self._listeners.tell(frozenset({Topic.CONNECTION, Topic.SEEN, Topic.IDENTITY}))


def _is_locked() -> Locked:
    return Locked(_("the officer's key is locked away"))
