"""The index over the entries at hand, built away from the window's thread, chunk by chunk.

Of a long log the newest entries are at hand; older ones are fetched and proved by the client when
the officer asks for them, and then indexed too.
"""

from collections.abc import Callable, Sequence

import numpy as np

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.client.errors import NotAtHand
from keyturn.client.seen import first_at_hand, leaf_at_hand
from keyturn_app.desk import Desk
from keyturn_app.facts import Seen
from keyturn_app.i18n import _
from keyturn_app.screens.log.columns import Chunk, Columns, read_chunk
from keyturn_app.screens.log.filtering import Filter, Places, look_up, matching
from keyturn_app.screens.log.words import model_name
from keyturn_app.tasks import Door, Job, Progress

CHUNK = 16_384
"""Entries in one piece of work. About a tenth of a second."""
OLDER = 10_240
"""Entries that are fetched when older ones are asked for: forty blocks."""

NONE: Places = np.empty(0, dtype=np.int64)


class Indexing:
    """Columns and the filtered places of one log. `changed` is called on the window's thread.

    `places` are the entries that the filter lets through, ascending; None when it lets all. They
    only grow within one `era`. What an older filter let through stays until the new one answers.
    """

    def __init__(self, desk: Desk, door: Door, changed: Callable[[], None]) -> None:
        self._desk = desk
        self._door = door
        self._changed = changed
        self._seen: Seen | None = None
        self._reading: Job | None = None
        self._matching: Job | None = None
        self._leave: Callable[[], None] | None = None
        self._back: tuple[int, int] | None = None
        self._filter = Filter()
        self._covered = 0
        self.columns = Columns()
        self.places: Places | None = None
        self.era = 0
        self.fault = ""

    @property
    def first(self) -> int:
        """The oldest entry that is looked at."""
        return self.columns.first

    @property
    def done(self) -> int:
        return self.columns.size

    @property
    def total(self) -> int:
        """Entries that are looked at, once all of them are read."""
        return 0 if self._seen is None else len(self._seen.leaves) - self.columns.first

    @property
    def next_older(self) -> int:
        """How many entries `older` would fetch."""
        return min(OLDER, self.columns.first)

    @property
    def ready(self) -> bool:
        """Whether every entry that is looked at is indexed."""
        return self._seen is not None and self.done == self.total

    @property
    def busy(self) -> bool:
        return self._reading is not None or self._matching is not None

    @property
    def fetching(self) -> bool:
        """Whether older entries are on their way."""
        return self._leave is not None

    @property
    def filtered(self) -> bool:
        """Whether not everything is let through."""
        return self.places is not None or not self._filter.everything

    def feed(self, seen: Seen | None) -> None:
        """Take a newer look at the log; another log starts anew."""
        if seen is None or self._is_another(seen):
            self._start_over(0 if seen is None else first_at_hand(seen.leaves))
        elif self._reading is None:
            self._let_go(first_at_hand(seen.leaves))
        self._seen = seen
        self._read_on()

    def older(self) -> None:
        """Have older entries fetched and proved, and look at them too."""
        if self._leave is not None or self._seen is None or self.columns.first == 0:
            return
        end = self.columns.first
        start = end - self.next_older
        asked = True

        def done(_none: None) -> None:
            nonlocal asked
            asked, self._leave = False, None
            self._read_back(start, end)

        def failed(error: KeyturnError) -> None:
            nonlocal asked
            asked, self._leave = False, None
            self.fault = str(error)
            self._changed()

        self.fault = ""
        leave = self._desk.ask(lambda client: client.load(start, end), done=done, failed=failed)
        if asked:
            self._leave = leave
            self._changed()

    def filter(self, asked: Filter) -> None:
        """Let only these through from now on."""
        if asked == self._filter:
            return
        self._filter = asked
        self._match_anew()

    def close(self) -> None:
        self._drop_matching()
        self._back = None
        if self._leave is not None:
            self._leave()
            self._leave = None
        if self._reading is not None:
            self._reading.drop()
            self._reading = None

    def _is_another(self, seen: Seen) -> bool:
        before, end = self._seen, self.columns.end
        if before is None:
            return first_at_hand(seen.leaves) > end or self.done == 0
        return (
            seen.checkpoint.checkpoint.origin != before.checkpoint.checkpoint.origin
            or len(seen.leaves) < end
            or first_at_hand(seen.leaves) > end  # so much is new that a gap would remain
            or (
                self.done > 0
                and leaf_at_hand(seen.leaves, end - 1) != leaf_at_hand(before.leaves, end - 1)
            )
        )

    def _start_over(self, first: int) -> None:
        self.close()
        self.columns, self._covered, self.fault = Columns(first), first, ""
        self.places = None if self._filter.everything else NONE
        self.era += 1

    def _let_go(self, first: int) -> None:
        """Of entries that are not at hand any more, in large pieces: rows move then."""
        if first - self.columns.first < CHUNK or self._matching is not None:
            return
        self.columns.drop(min(first - self.columns.first, self.columns.size))
        if self.places is not None:
            self.places = self.places[np.searchsorted(self.places, self.columns.first) :]
        self._covered = max(self._covered, self.columns.first)
        self.era += 1

    def _match_anew(self) -> None:
        self._covered = self.columns.first
        self._drop_matching()
        if self._filter.everything:
            self.places, self.era = None, self.era + 1
        self._match_on()

    def _read_on(self) -> None:
        if self._seen is None or self._reading is not None or self.ready:
            return
        start = self.columns.end
        end = min(start + CHUNK, len(self._seen.leaves))

        def done(chunk: Chunk) -> None:
            self.columns.append(chunk)
            self._match_on()

        self._read(start, end, done)

    def _read_back(self, start: int, end: int) -> None:
        if self._reading is not None:
            self._back = (start, end)
            return
        if end != self.columns.first:  # the log is another one by now
            self._changed()
            return

        def done(chunk: Chunk) -> None:
            self.columns.prepend(chunk)
            self.era += 1
            self._match_anew()

        self._read(start, end, done)

    def _read(self, start: int, end: int, take: Callable[[Chunk], None]) -> None:
        assert self._seen is not None
        leaves = self._seen.leaves
        finished: list[bool] = []

        def work(job: Job, _tell: Callable[[Progress], None]) -> Chunk:
            job.check()
            return read_chunk(leaves[start:end])

        def done(chunk: Chunk) -> None:
            finished.append(True)
            self._reading = None
            take(chunk)
            self._changed()
            self._read_on()
            back, self._back = self._back, None
            if back is not None:
                self._read_back(*back)

        def failed(error: KeyturnError) -> None:
            finished.append(True)
            self._reading = None
            if isinstance(error, NotAtHand):  # given up meanwhile: the next look begins later
                self._seen = None
            self.fault = "" if isinstance(error, NotAtHand) else str(error)
            self._changed()

        job = self._door.run(_("reading the log"), work, done=done, failed=failed)
        if not finished:
            self._reading = job

    def _match_on(self) -> None:
        if self._filter.everything or self._seen is None or self._matching is not None:
            return
        if self._covered >= self.columns.end:
            return
        asked, first, columns = self._filter, self._covered, self.columns.snapshot()
        leaves: Sequence[bytes] = self._seen.leaves
        state = self._seen.state

        def called(subject: str) -> str:
            return model_name(Digest(subject), state) if subject.startswith("sha256:") else ""

        named = look_up(asked, self.columns.node_names, self.columns.subject_names, called)

        def work(job: Job, _tell: Callable[[Progress], None]) -> Places:
            return matching(asked, columns, leaves, named, first, job.check)

        self._start_matching(work, columns.first, columns.first + columns.size)

    def _start_matching(
        self,
        work: "Callable[[Job, Callable[[Progress], None]], Places]",
        began: int,
        covered: int,
    ) -> None:
        finished: list[bool] = []

        def done(found: Places) -> None:
            finished.append(True)
            self._matching = None
            if self._covered == began or self.places is None:
                self.places, self.era = found, self.era + 1
            else:
                self.places = np.concatenate((self.places, found))
            self._covered = covered
            self._changed()
            self._match_on()

        def failed(error: KeyturnError) -> None:
            finished.append(True)
            self._matching = None
            self.fault = str(error)
            self._changed()

        job = self._door.run(_("filtering the log"), work, done=done, failed=failed)
        if not finished:
            self._matching = job

    def _drop_matching(self) -> None:
        if self._matching is not None:
            self._matching.drop()
            self._matching = None
