"""The checkpoints that this profile has seen, each proved to be of the log that is seen now.

The root of each is computed again from the proved leaves; where those are not on this machine any
more, the server gives the proof. A checkpoint with a good signature that the log does not lead to
is proof of a rewritten history (I5).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.base.errors import KeyturnError, MalformedError, UntrustedError
from keyturn.base.signatures import VerifyKey
from keyturn.client.checkpointlog import SeenCheckpoint
from keyturn.client.client import KeyturnClient
from keyturn.client.errors import HistoryRewritten, NotAtHand
from keyturn.client.seen import nodes_of
from keyturn.tlog.checkpoints import verify_checkpoint
from keyturn.tlog.merkle import frontier_of
from keyturn_app.desk import Desk
from keyturn_app.facts import Seen
from keyturn_app.i18n import _
from keyturn_app.tasks import Door, Job, Progress

BATCH = 16
"""Proofs asked for at once: whatever else is asked of the server waits no longer than these."""


class Verdict(Enum):
    """What was found of one checkpoint."""

    WAITING = "waiting"
    CONSISTENT = "consistent"
    UNSIGNED = "unsigned"  # not by this log's key: the file was changed, it proves nothing
    NEWER = "newer"  # of more entries than are seen here
    CONTRADICTED = "contradicted"


@dataclass(frozen=True, slots=True)
class Kept:
    seen: SeenCheckpoint
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Consistency:
    """`checked`: when the last check ended."""

    kept: tuple[Kept, ...] = ()
    checked: datetime | None = None
    busy: bool = False
    error: str = ""

    @property
    def consistent(self) -> int:
        return sum(each.verdict is Verdict.CONSISTENT for each in self.kept)

    @property
    def since(self) -> datetime | None:
        return next((e.seen.time for e in self.kept if e.verdict is Verdict.CONSISTENT), None)

    @property
    def contradicted(self) -> Kept | None:
        return next((e for e in self.kept if e.verdict is Verdict.CONTRADICTED), None)


Known = dict[bytes, Verdict]


class Keeping:
    """Asks for what was kept, and checks it. `changed` is called on the window's thread."""

    def __init__(self, desk: Desk, door: Door, changed: Callable[[], None]) -> None:
        self._desk = desk
        self._door = door
        self._changed = changed
        self._leave: Callable[[], None] = lambda: None
        self._job: Job | None = None
        self._verdicts: Known = {}
        self._log: tuple[str, bytes] | None = None
        self._next: tuple[Seen, bool] | None = None
        self._busy = False
        self.consistency = Consistency()

    def look(self, seen: Seen | None, *, anew: bool = False) -> None:
        """Check whatever is not checked yet; with `anew`, everything again."""
        if seen is None:
            return
        if self._busy:  # one after the other: what came meanwhile is looked at next
            self._next = (seen, anew)
            return
        self._leave()
        log = (seen.authority.origin, seen.authority.log_key().spki)
        if anew or log != self._log:
            self._verdicts, self._log = {}, log

        def done(kept: tuple[SeenCheckpoint, ...]) -> None:
            self._check(kept, seen)

        self._leave = self._desk.ask(KeyturnClient.checkpoints_seen, done=done, failed=self._failed)

    def close(self) -> None:
        self._leave()
        if self._job is not None:
            self._job.drop()
            self._job = None

    def _check(self, kept: tuple[SeenCheckpoint, ...], seen: Seen) -> None:
        """Those that need no server, away from the window's thread."""
        fresh = [each for each in kept if self._verdicts.get(each.note) in (None, Verdict.NEWER)]
        key, origin, leaves = seen.authority.log_key(), seen.authority.origin, seen.leaves
        self._busy = True

        def work(job: Job, tell: Callable[[Progress], None]) -> Known:
            found = {}
            for place, each in enumerate(fresh):
                job.check()
                tell(Progress(place, len(fresh), _("checking consistency")))
                found[each.note] = judged(each, key, origin, leaves)
            return found

        finished: list[bool] = []

        def done(found: Known) -> None:
            finished.append(True)
            self._job = None
            self._verdicts.update(found)
            self._ask(kept, seen)

        def failed(error: KeyturnError) -> None:
            finished.append(True)
            self._failed(error)

        job = self._door.run(_("checking consistency"), work, done=done, failed=failed)
        if not finished:
            self._job = job

    def _ask(self, kept: tuple[SeenCheckpoint, ...], seen: Seen) -> None:
        """Those of which no leaves are here, a few at a time."""
        some = [each for each in kept if self._verdicts.get(each.note) is Verdict.WAITING][:BATCH]
        if not some:
            self._busy = False
            self._show(kept, self._desk.now())
            self._go_on()
            return
        key, origin = seen.authority.log_key(), seen.authority.origin

        def work(client: KeyturnClient) -> Known:
            return {each.note: _compared(client, each, key, origin) for each in some}

        def done(found: Known) -> None:
            self._verdicts.update(found)
            self._ask(kept, seen)

        self._show(kept, None)
        self._leave = self._desk.ask(work, done=done, failed=self._failed)

    def _failed(self, error: KeyturnError) -> None:
        self._job, self._busy = None, False
        now = self.consistency
        self.consistency = Consistency(now.kept, now.checked, False, str(error))
        self._changed()

    def _go_on(self) -> None:
        waiting, self._next = self._next, None
        if waiting is not None:
            self.look(waiting[0], anew=waiting[1])

    def _show(self, kept: Sequence[SeenCheckpoint], checked: datetime | None) -> None:
        judged_now = tuple(
            Kept(each, self._verdicts.get(each.note, Verdict.WAITING)) for each in kept
        )
        before = self.consistency.checked
        self.consistency = Consistency(judged_now, checked or before, busy=checked is None)
        self._changed()


def judged(each: SeenCheckpoint, key: VerifyKey, origin: str, leaves: Sequence[bytes]) -> Verdict:
    """Signature first: what the log's key did not sign accuses nobody. WAITING: leaves that it
    takes are not on this machine."""
    try:
        at = verify_checkpoint(each.note, key, origin).checkpoint
    except (MalformedError, UntrustedError):
        return Verdict.UNSIGNED
    if at.size > len(leaves):
        return Verdict.NEWER
    try:
        same = frontier_of(at.size, nodes_of(leaves)).root() == at.root
    except NotAtHand:
        return Verdict.WAITING
    return Verdict.CONSISTENT if same else Verdict.CONTRADICTED


def _compared(client: KeyturnClient, each: SeenCheckpoint, key: VerifyKey, origin: str) -> Verdict:
    try:
        client.extends(verify_checkpoint(each.note, key, origin))
    except HistoryRewritten:
        return Verdict.CONTRADICTED
    return Verdict.CONSISTENT
