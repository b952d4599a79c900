"""The checkpoints that this profile has seen, each proved to be of the log that is seen now.

The server is not asked: the root of each is computed again from the proved leaves. A checkpoint
with a good signature that the log does not lead to is proof of a rewritten history (I5).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.base.errors import KeyturnError, MalformedError, UntrustedError
from keyturn.base.signatures import VerifyKey
from keyturn.client.checkpointlog import SeenCheckpoint
from keyturn.client.client import KeyturnClient
from keyturn.tlog.checkpoints import verify_checkpoint
from keyturn_app.desk import Desk
from keyturn_app.facts import Seen
from keyturn_app.i18n import _
from keyturn_app.screens.log.leaftree import LeafTree
from keyturn_app.tasks import Door, Job, Progress


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
        self._next: tuple[Seen, LeafTree, bool] | None = None
        self.consistency = Consistency()

    def look(self, seen: Seen | None, tree: LeafTree, *, anew: bool = False) -> None:
        """Check whatever is not checked yet; with `anew`, everything again."""
        if seen is None:
            return
        if self._job is not None:  # one after the other: what came meanwhile is looked at next
            self._next = (seen, tree, anew)
            return
        self._leave()
        log = (seen.authority.origin, seen.authority.log_key().spki)
        if anew or log != self._log:
            self._verdicts, self._log = {}, log

        def done(kept: tuple[SeenCheckpoint, ...]) -> None:
            self._check(kept, seen, tree)

        def failed(error: KeyturnError) -> None:
            self._say(busy=False, error=str(error))

        self._leave = self._desk.ask(KeyturnClient.checkpoints_seen, done=done, failed=failed)

    def close(self) -> None:
        self._leave()
        if self._job is not None:
            self._job.drop()
            self._job = None

    def _check(self, kept: tuple[SeenCheckpoint, ...], seen: Seen, tree: LeafTree) -> None:
        fresh = [each for each in kept if self._verdicts.get(each.note) in (None, Verdict.NEWER)]
        if not tree.covers(len(seen.leaves)):
            self._show(kept, None)
            return
        key, origin, leaves = seen.authority.log_key(), seen.authority.origin, seen.leaves
        finished: list[bool] = []

        def work(job: Job, tell: Callable[[Progress], None]) -> Known:
            found = {}
            for place, each in enumerate(fresh):
                job.check()
                tell(Progress(place, len(fresh), _("checking consistency")))
                found[each.note] = judged(each, key, origin, leaves, tree)
            return found

        def done(found: Known) -> None:
            finished.append(True)
            self._job = None
            self._verdicts.update(found)
            self._show(kept, self._desk.now())
            self._go_on()

        def failed(error: KeyturnError) -> None:
            finished.append(True)
            self._job = None
            self._say(busy=False, error=str(error))

        job = self._door.run(_("checking consistency"), work, done=done, failed=failed)
        if not finished:
            self._job = job

    def _go_on(self) -> None:
        waiting, self._next = self._next, None
        if waiting is not None:
            self.look(waiting[0], waiting[1], anew=waiting[2])

    def _show(self, kept: Sequence[SeenCheckpoint], checked: datetime | None) -> None:
        judged_now = tuple(
            Kept(each, self._verdicts.get(each.note, Verdict.WAITING)) for each in kept
        )
        before = self.consistency.checked
        self.consistency = Consistency(judged_now, checked or before, busy=checked is None)
        self._changed()

    def _say(self, *, busy: bool, error: str) -> None:
        now = self.consistency
        self.consistency = Consistency(now.kept, now.checked, busy, error)
        self._changed()


def judged(
    each: SeenCheckpoint, key: VerifyKey, origin: str, leaves: Sequence[bytes], tree: LeafTree
) -> Verdict:
    """Signature first: what the log's key did not sign accuses nobody."""
    try:
        at = verify_checkpoint(each.note, key, origin).checkpoint
    except (MalformedError, UntrustedError):
        return Verdict.UNSIGNED
    if at.size > len(leaves):
        return Verdict.NEWER
    same = tree.frontier(leaves, at.size).root() == at.root
    return Verdict.CONSISTENT if same else Verdict.CONTRADICTED
