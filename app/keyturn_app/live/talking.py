"""The talking thread: owns the verified client, asks one thing after the other.

What verified goes into the mailbox; nothing here touches a window. What an officer asked for
comes before what is asked by the clock.
"""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from keyturn.base.errors import KeyturnError, UntrustedError
from keyturn.client.client import KeyturnClient
from keyturn.client.errors import NoLongerOfficer, ServerUnreachable
from keyturn_app.desk import Locked, Topic
from keyturn_app.facts import AlarmKind, Connection, Facts, Link, Reading
from keyturn_app.i18n import _
from keyturn_app.live.alarms import alarm_of, kind_of, on_record
from keyturn_app.live.gathering import GATHERED, cosigned_every, gather
from keyturn_app.live.mailbox import Mailbox
from keyturn_app.live.schedule import Schedule, pause_after
from keyturn_app.tasks import fault_of

T = TypeVar("T")

QUICKLY = 10_000
"""So many entries are read before anybody would see how far it is."""


class Distrusted(UntrustedError):
    """The server was caught; nothing is asked of it before it verifies again."""


class Talker:
    """`open` and `shut` are the officer's lock; while it is shut nothing is asked.

    `trusted` is told, on this thread, whether what the server says may be followed: False when it
    was caught, True after each gathering that verified behind a failure. `cosigns`: this app is a
    witness of the log, where the roster names it.
    """

    def __init__(
        self,
        connect: Callable[[], KeyturnClient],
        forget_session: Callable[[], None],
        mailbox: Mailbox,
        state: Path,
        now: Callable[[], datetime],
        trusted: Callable[[bool], None],
        *,
        cosigns: bool = False,
    ) -> None:
        self._cosigns = cosigns
        self._connect = connect
        self._forget_session = forget_session
        self._mailbox = mailbox
        self._state = state
        self._now = now
        self._trusted = trusted
        self._changed = threading.Condition()
        self._errands: deque[Callable[[], None]] = deque()
        self._schedule = Schedule()
        self._open = self._closing = False
        self._failures = 0
        self._client: KeyturnClient | None = None
        self._thread = threading.Thread(target=self._run, name="keyturn-talking", daemon=True)

    # ---- from any thread ----

    def start(self) -> None:
        self._thread.start()

    def open(self) -> None:
        """The key is there: everything is asked."""
        with self._changed:
            self._open = True
            if not self._distrusted:
                self._schedule.touch(GATHERED)
            self._changed.notify()

    def shut(self) -> None:
        """What is being asked is ended, what waits fails with Locked, the session is forgotten."""
        with self._changed:
            self._open = False
            client = self._client
            self._errands.appendleft(self._forget)
            self._changed.notify()
        if client is not None:
            client.hang_up()

    def close(self) -> None:
        """As `shut`, and the thread ends. `join` waits for it."""
        self.shut()
        with self._changed:
            self._closing = True
            self._changed.notify()

    def join(self, seconds: float) -> None:
        if self._thread.is_alive():
            self._thread.join(seconds)

    def touch(self, topics: Iterable[Topic]) -> None:
        with self._changed:
            self._schedule.touch(topics)
            self._changed.notify()

    def refresh(self, topics: Iterable[Topic] | None) -> None:
        """At once. None: the officer says so, and wants everything checked.

        Nothing less is asked of a server that was caught: a page that wants something anew is
        not the officer.
        """
        with self._changed:
            if topics is not None and self._distrusted:
                return
            self._schedule.force(GATHERED if topics is None else topics)
            self._changed.notify()

    def errand(self, errand: Callable[[], None]) -> None:
        """Something for this thread, locked or not; it raises nothing."""
        with self._changed:
            self._errands.append(errand)
            self._changed.notify()

    def ask(
        self,
        work: Callable[[KeyturnClient], T],
        done: Callable[[T], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        """`done` or `failed` goes into the mailbox; nothing does once the thread has ended."""

        def errand() -> None:
            try:
                found = work(self._client_to_ask())
            except KeyturnError as error:
                caught = error
                if self._open:
                    self._learn_on_an_errand(error)
                else:
                    caught = Locked(_("the officer's key is locked away"))
            except Exception as error:  # noqa: BLE001 - the work is not ours; the thread goes on
                caught = fault_of(error)
            else:
                self._mailbox.answer(lambda: done(found))
                return
            self._mailbox.answer(lambda: failed(caught))

        self.errand(errand)

    def caught(self, error: KeyturnError) -> None:
        """Somebody else was told a lie by the same server."""
        self.errand(lambda: self._learn(error))

    # ---- on the thread ----

    def _run(self) -> None:
        self._forget()  # a session that a killed app left
        while (step := self._next()) is not None:
            step()
        self._forget()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while True:
                if self._errands:
                    return self._errands.popleft()
                if self._closing:
                    return None
                wait = None
                if self._open:
                    due = self._schedule.due(time.monotonic())
                    if due:
                        self._schedule.begin(due)
                        return lambda: self._gather(due)
                    wait = self._schedule.wait(time.monotonic())
                self._changed.wait(wait)

    def _gather(self, topics: frozenset[Topic]) -> None:
        began, now, known = time.monotonic(), self._now(), self._mailbox.facts
        try:
            client = self._the_client()
            if topics <= {Topic.CONNECTION}:
                client.checkpoint()
            found = gather(client, known, topics, now, cosigns=self._cosigns)
        except KeyturnError as error:
            self._learn(error)
        except Exception as error:  # noqa: BLE001 - the thread's outermost frame: it goes on
            self._learn(fault_of(error))
        else:
            self._verified(found, topics, began)

    def _verified(self, found: Facts, topics: frozenset[Topic], began: float) -> None:
        heard = self._now()

        def change(facts: Facts) -> Facts:
            return replace(
                facts,
                connection=Connection(Link.LIVE, heard=heard),
                seen=found.seen,
                proposals=found.proposals,
                models=found.models,
                nodes=found.nodes,
                witnesses=found.witnesses,
                denied=found.denied,
            )

        with self._changed:
            if not self._open:
                return
            self._schedule.every(Topic.WITNESSES, cosigned_every(found.witnesses).total_seconds())
            self._schedule.asked(topics, began, time.monotonic())
            again = self._mailbox.facts.connection.link is not Link.LIVE
            self._failures = 0
            self._mailbox.edit(change, topics | {Topic.CONNECTION})
        if again:
            self._trusted(True)

    def _learn(self, error: KeyturnError) -> None:
        """What a failure says of the connection."""
        if not self._open or isinstance(error, Locked | Distrusted):
            return
        kind = kind_of(error)
        if kind is not None:
            self._distrust(error, kind)
        elif not self._distrusted:
            self._lost(error)
        else:  # asked to check again, and it was not there: not trusted for that
            with self._changed:
                self._schedule.halt()
            self._say(Link.DISTRUSTED, error)

    def _learn_on_an_errand(self, error: KeyturnError) -> None:
        """A refusal, a file or a card is no word on the connection; only, something may be newer
        than what is known here."""
        if kind_of(error) is not None or isinstance(error, ServerUnreachable | NoLongerOfficer):
            self._learn(error)
        elif not self._distrusted:
            self.touch(GATHERED)

    def _lost(self, error: KeyturnError) -> None:
        self._failures += 1
        pause = pause_after(self._failures, random.random())  # noqa: S311 - spreads load
        with self._changed:
            self._schedule.failed(time.monotonic(), pause)
        removed = isinstance(error, NoLongerOfficer)
        self._say(Link.REMOVED if removed else Link.RECONNECTING, error)

    def _distrust(self, error: KeyturnError, kind: AlarmKind) -> None:
        alarm = alarm_of(error, kind, self._state, self._now())
        with self._changed:
            self._schedule.halt()
        self._trusted(False)
        self._drop_client()  # what it kept in memory came from a liar; what is on disk was proved
        self._mailbox.edit(
            lambda facts: replace(facts, alarms=on_record(facts.alarms, alarm)), [Topic.ALARMS]
        )
        self._say(Link.DISTRUSTED, error)

    def _say(self, link: Link, error: KeyturnError) -> None:
        text = f"{error} {error.hint}".strip()

        def change(facts: Facts) -> Facts:
            return replace(
                facts,
                connection=replace(
                    facts.connection,
                    link=link,
                    failures=self._failures,
                    error=text,
                    reading=None,
                ),
            )

        with self._changed:
            if self._open:
                self._mailbox.edit(change, [Topic.CONNECTION])

    @property
    def _distrusted(self) -> bool:
        return self._mailbox.facts.connection.link is Link.DISTRUSTED

    def _client_to_ask(self) -> KeyturnClient:
        if self._distrusted:
            raise Distrusted(
                _("the server was caught contradicting its own proofs: it is not asked"),
                hint=_("Have it checked again; if that verifies, ask again."),
            )
        return self._the_client()

    def _the_client(self) -> KeyturnClient:
        with self._changed:
            if not self._open:
                raise Locked(_("the officer's key is locked away"))
            if self._client is None:
                self._client = self._connect()
                self._client.reading = self._read_so_far
            return self._client

    def _read_so_far(self, done: int, total: int) -> None:
        """A long log is read page by page: the officer sees how far, and a lock ends it."""
        if not self._open:
            raise Locked(_("the officer's key is locked away"))
        if total - done > QUICKLY or self._mailbox.facts.connection.reading is not None:
            reading = Reading(done, total)
            self._mailbox.edit(
                lambda facts: replace(facts, connection=replace(facts.connection, reading=reading)),
                [Topic.CONNECTION],
            )

    def _drop_client(self) -> None:
        with self._changed:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _forget(self) -> None:
        """The bearer token too: a locked desk leaves nothing that could ask."""
        self._drop_client()
        with suppress(KeyturnError):  # a disk that says no; the server ends the session in time
            self._forget_session()
