"""Beats, one a second or so, and what comes back with them: revocations that name this node."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from keyturn.agent.authority import PinnedAuthority
from keyturn.agent.control import Control, RevocationDocument
from keyturn.agent.errors import ControlUnreachable
from keyturn.agent.heartbeat import Heartbeats
from keyturn.agent.leaseparts import Event, LeaseId, RenewalWanted, RevocationReceived
from keyturn.agent.revocation import (
    Concern,
    Self,
    VerifiedRevocation,
    concern,
    verify_revocation,
)
from keyturn.base.encoding import digest_of
from keyturn.base.errors import KeyturnError
from keyturn.wire.heartbeat import NodeReport

LAST_TRIES = 3
LAST_PAUSE = 0.5

log = logging.getLogger("keyturn.agent")


class Beater:
    """Sends heartbeats by `control` and posts what they bring. `us`: None before the lease."""

    def __init__(
        self,
        control: Control,
        beats: Heartbeats,
        authority: PinnedAuthority,
        now: Callable[[], datetime],
        post: Callable[[Event], None],
    ) -> None:
        self._control = control
        self._beats = beats
        self._authority = authority
        self._now = now
        self._post = post
        self._seen: set[str] = set()
        self._silent = False
        self.us: Self | None = None
        self.lease: LeaseId | None = None
        self.state = NodeReport.STARTING
        self.named_by: VerifiedRevocation | None = None

    def run(self, interval: float, ended: threading.Event) -> None:
        """Beat every `interval` seconds, once there is a lease, until `ended`."""
        while not ended.wait(interval):
            self.beat_once()

    def beat_once(self) -> None:
        """One heartbeat. Never raises a KeyturnError: silence is the lease's business."""
        if self.lease is None:
            return  # nobody could verify it
        try:
            found = self._control.heartbeat(self._beats.beat(self.state, self.lease, self._now()))
        except KeyturnError as error:
            if not self._silent:
                log.warning("heartbeat not taken: %s", error)
            self._silent = True
            return
        if self._silent:
            log.info("heartbeats are taken again")
        self._silent = False
        for each in found:
            self._look_at(each)

    def report_wiped(self, milliseconds: int | None) -> None:
        """The last beat. Tried a few times; a control plane that is gone sees the silence."""
        if self.lease is None:
            return
        for left in reversed(range(LAST_TRIES)):
            envelope = self._beats.beat(
                NodeReport.WIPED, self.lease, self._now(), wiped_after_ms=milliseconds
            )
            try:
                self._control.heartbeat(envelope)
            except ControlUnreachable:
                if left:
                    time.sleep(LAST_PAUSE)
            except KeyturnError as error:
                log.warning("the last heartbeat was not taken: %s", error)
                return
            else:
                return
        log.warning("the wipe could not be reported: the control plane does not answer")

    def _look_at(self, document: RevocationDocument) -> None:
        """Each revocation once. One that is not proved is named in the log and changes nothing."""
        digest = digest_of(document.statement)
        if digest in self._seen or self.us is None:
            return
        try:
            revocation = self._verify(document)
        except KeyturnError as error:
            log.warning("a revocation that came down is not proved: %s", error)
            return
        self._seen.add(digest)
        found = concern(revocation, self.us)
        if found is Concern.OURS:
            self.named_by = revocation
            self._post(RevocationReceived())
        elif found is Concern.UNKNOWN:
            self._post(RenewalWanted())

    def _verify(self, document: RevocationDocument) -> VerifiedRevocation:
        """With the bundle we have, else with the server's newest (officers may have changed)."""
        try:
            return verify_revocation(document, self._authority.current)
        except KeyturnError:
            if not self._authority.refresh(self._control.authority()):
                raise
            return verify_revocation(document, self._authority.current)
