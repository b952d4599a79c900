"""The index over the log, built away from the window's thread, chunk by chunk, as the log grows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.tlog.merkle import Hash
from keyturn_app.facts import Seen
from keyturn_app.i18n import _
from keyturn_app.screens.log.columns import Chunk, Columns, read_chunk
from keyturn_app.screens.log.filtering import Filter, Places, look_up, matching
from keyturn_app.screens.log.leaftree import BLOCK, LeafTree, block_roots
from keyturn_app.screens.log.words import model_name
from keyturn_app.tasks import Door, Job, Progress

CHUNK = 16_384
"""Entries in one piece of work; a multiple of a block. About a tenth of a second."""

NONE: Places = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class _Piece:
    chunk: Chunk
    blocks: list[Hash]


class Indexing:
    """Columns, tree and the filtered places of one log. `changed` is called on the window's thread.

    `places` are the entries that the filter lets through, ascending; None when it lets all. They
    only grow within one `era`. What an older filter let through stays until the new one answers.
    """

    def __init__(self, door: Door, changed: Callable[[], None]) -> None:
        self._door = door
        self._changed = changed
        self._seen: Seen | None = None
        self._reading: Job | None = None
        self._matching: Job | None = None
        self._filter = Filter()
        self._covered = 0
        self.columns = Columns()
        self.tree = LeafTree()
        self.places: Places | None = None
        self.era = 0
        self.fault = ""

    @property
    def done(self) -> int:
        return self.columns.size

    @property
    def total(self) -> int:
        return 0 if self._seen is None else len(self._seen.leaves)

    @property
    def ready(self) -> bool:
        """Whether every entry that is seen is indexed."""
        return self._seen is not None and self.done == self.total

    @property
    def busy(self) -> bool:
        return self._reading is not None or self._matching is not None

    @property
    def filtered(self) -> bool:
        """Whether not everything is let through."""
        return self.places is not None or not self._filter.everything

    def feed(self, seen: Seen | None) -> None:
        """Take a newer look at the log; another log starts anew."""
        if seen is None or self._is_another(seen):
            self._start_over()
        self._seen = seen
        self._read_on()

    def filter(self, asked: Filter) -> None:
        """Let only these through from now on."""
        if asked == self._filter:
            return
        self._filter, self._covered = asked, 0
        self._drop_matching()
        if asked.everything:
            self.places, self.era = None, self.era + 1
        self._match_on()

    def close(self) -> None:
        self._drop_matching()
        if self._reading is not None:
            self._reading.drop()
            self._reading = None

    def _is_another(self, seen: Seen) -> bool:
        before = self._seen
        return before is not None and (
            seen.checkpoint.checkpoint.origin != before.checkpoint.checkpoint.origin
            or len(seen.leaves) < self.done
            or (self.done > 0 and seen.leaves[self.done - 1] != before.leaves[self.done - 1])
        )

    def _start_over(self) -> None:
        self.close()
        self.columns, self.tree, self._covered, self.fault = Columns(), LeafTree(), 0, ""
        self.places = None if self._filter.everything else NONE
        self.era += 1

    def _read_on(self) -> None:
        if self._seen is None or self._reading is not None or self.ready:
            return
        leaves, start = self._seen.leaves, self.done
        end = min(start + CHUNK, len(leaves))
        first_block = self.tree.blocks

        def work(job: Job, _tell: Callable[[Progress], None]) -> _Piece:
            job.check()
            chunk = read_chunk(leaves[start:end])
            job.check()
            return _Piece(chunk, block_roots(leaves, first_block, end // BLOCK))

        self._start_reading(work)

    def _start_reading(self, work: "Callable[[Job, Callable[[Progress], None]], _Piece]") -> None:
        finished: list[bool] = []

        def done(piece: _Piece) -> None:
            finished.append(True)
            self._reading = None
            self.columns.append(piece.chunk)
            self.tree.extend(piece.blocks)
            self._match_on()
            self._changed()
            self._read_on()

        def failed(error: KeyturnError) -> None:
            finished.append(True)
            self._reading = None
            self.fault = str(error)
            self._changed()

        job = self._door.run(_("reading the log"), work, done=done, failed=failed)
        if not finished:
            self._reading = job

    def _match_on(self) -> None:
        if self._filter.everything or self._seen is None or self._matching is not None:
            return
        if self._covered >= self.done:
            return
        asked, first, columns = self._filter, self._covered, self.columns.snapshot()
        leaves: Sequence[bytes] = self._seen.leaves
        state = self._seen.state

        def called(subject: str) -> str:
            return model_name(Digest(subject), state) if subject.startswith("sha256:") else ""

        named = look_up(asked, self.columns.node_names, self.columns.subject_names, called)

        def work(job: Job, _tell: Callable[[Progress], None]) -> Places:
            return matching(asked, columns, leaves, named, first, job.check)

        self._start_matching(work, columns.size)

    def _start_matching(
        self, work: "Callable[[Job, Callable[[Progress], None]], Places]", covered: int
    ) -> None:
        finished: list[bool] = []

        def done(found: Places) -> None:
            finished.append(True)
            self._matching = None
            if self._covered == 0 or self.places is None:
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
