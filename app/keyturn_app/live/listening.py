"""The listening thread: follows the server's events with a connection and session of its own.

Events are display data; each also says which facts to ask again. After a break the stream is
resumed behind the last event, so that none is lost and none comes twice.
"""

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.base.strictjson import Json, JsonObject
from keyturn.base.times import parse_time
from keyturn.client.errors import ServerUnreachable
from keyturn.client.events import Event, follow, newest
from keyturn.client.session import sign_in
from keyturn.client.transport import Transport
from keyturn.officerkeys.signer import Signer
from keyturn.wire.tls import Pin
from keyturn_app.desk import Topic
from keyturn_app.facts import Happening
from keyturn_app.live.alarms import kind_of
from keyturn_app.live.mailbox import Mailbox
from keyturn_app.live.pulse import Pulse
from keyturn_app.live.schedule import pause_after
from keyturn_app.live.topics import touched_by
from keyturn_app.tasks import fault_of

BACKLOG = 200
"""How many of the events before its start it asks for: the newest page of the log's news."""
_FIELDS, _ITEMS, _LENGTH = 24, 8, 200
"""Of one event: fields, items of a list, characters of a text that are kept."""


class Listener:
    """Listens while it is told to. `touch` and `caught` are called on its thread."""

    def __init__(
        self,
        listen: Callable[[], Transport],
        pin: Pin,
        signer: Signer,
        mailbox: Mailbox,
        pulse: Pulse,
        now: Callable[[], datetime],
        touch: Callable[[frozenset[Topic]], None],
        caught: Callable[[KeyturnError], None],
    ) -> None:
        self._listen = listen
        self._pin = pin
        self._signer = signer
        self._mailbox = mailbox
        self._pulse = pulse
        self._now = now
        self._touch = touch
        self._caught = caught
        self._changed = threading.Condition()
        self._wanted = self._closing = self._hurry = False
        self._transport: Transport | None = None
        self._after: int | None = None
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="keyturn-listening", daemon=True)

    # ---- from any thread ----

    def start(self) -> None:
        self._thread.start()

    def want(self, wanted: bool) -> None:
        """Listen, now and not after a pause; or stop, and end the stream."""
        with self._changed:
            self._wanted, self._hurry = wanted, wanted
            transport = None if wanted else self._transport
            self._changed.notify()
        if transport is not None:
            transport.hang_up()

    def close(self) -> None:
        """Stop for good. `join` waits for the thread."""
        with self._changed:
            self._closing = True
        self.want(False)

    def join(self, seconds: float) -> None:
        if self._thread.is_alive():
            self._thread.join(seconds)

    # ---- on the thread ----

    def _run(self) -> None:
        while self._to_listen():
            try:
                self._follow()
            except KeyturnError as error:
                self._broken(error)
            except Exception as error:  # noqa: BLE001 - the thread's outermost frame: it goes on
                self._broken(fault_of(error))
            else:  # the server ended it in good order: the session is over, or it stops
                self._pause()

    def _to_listen(self) -> bool:
        with self._changed:
            while not self._wanted and not self._closing:
                self._changed.wait()
            return not self._closing

    def _follow(self) -> None:
        transport = self._listen()
        try:
            with self._changed:
                if not self._wanted:
                    return
                self._transport = transport
            transport.use_token(sign_in(transport, self._pin, self._signer, self._now()).token)
            last = newest(transport)
            if self._after is None or last < self._after:  # numbered anew: a server put back
                self._after = max(0, last - BACKLOG)
            for event in follow(transport, self._after, lambda _: False):
                self._after, self._failures = event.id, 0
                self._happened(event, fresh=event.id > last)
        finally:
            with self._changed:
                self._transport = None
            transport.close()

    def _happened(self, event: Event, *, fresh: bool) -> None:
        """One that is not `fresh` happened before we listened: it says nothing of the speed."""
        now, at = self._now(), None
        with suppress(MalformedError):
            at = parse_time(str(event.data.get("time", "")), what="event: time")
        if fresh:
            behind = None if at is None else max(0, int((now - at).total_seconds() * 1000))
            self._pulse.beat(behind)
        at = now if at is None else min(at, now)  # none is newer than what happens here
        self._mailbox.happened(Happening(event.id, event.kind, _kept(event.data), at))
        self._touch(touched_by(event.kind))

    def _broken(self, error: KeyturnError) -> None:
        if kind_of(error) is not None and self._wanted:
            self._caught(error)
        elif isinstance(error, ServerUnreachable):
            self._touch(frozenset({Topic.CONNECTION}))
        self._pause()

    def _pause(self) -> None:
        """Before the next try; none when the server is known to be back."""
        self._failures += 1
        seconds = pause_after(self._failures, random.random())  # noqa: S311 - spreads load
        with self._changed:
            self._hurry = False
            if self._wanted:
                self._changed.wait_for(
                    lambda: self._hurry or not self._wanted or self._closing, seconds
                )


def _kept(data: JsonObject) -> dict[str, object]:
    """What of an event a line can show: a server may send any, as large as it likes."""
    found: dict[str, object] = {}
    for name in list(data)[:_FIELDS]:
        value = data[name]
        if isinstance(value, list):
            found[name[:_LENGTH]] = [_short(each) for each in value[:_ITEMS]]
        else:
            found[name[:_LENGTH]] = _short(value)
    return found


def _short(value: Json) -> Json:
    if isinstance(value, str):
        return value[:_LENGTH]
    return None if isinstance(value, list | dict) else value
