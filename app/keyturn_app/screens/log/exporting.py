"""The whole log as a directory, and a directory as a log: written and verified in the background.

The objects come from the server, a few at a time on the network thread, into a directory beside
the target; the rest is local work. What is unfinished never has the name that was chosen.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.base.times import format_time
from keyturn.client.client import KeyturnClient
from keyturn.client.errors import FileUnusable
from keyturn.client.logexport import (
    VerifiedExport,
    Written,
    object_path,
    objects_named,
    read_export,
    write_export,
)
from keyturn.client.seen import first_at_hand
from keyturn.tlog.bundles import bundle_bytes, parse_bundle
from keyturn_app.desk import Desk
from keyturn_app.facts import Seen
from keyturn_app.i18n import _, n_
from keyturn_app.questions import Asker, Notice, OpenDirectory, SaveFile, failure
from keyturn_app.screens.log.columns import KINDS
from keyturn_app.screens.log.words import kinds_word
from keyturn_app.tasks import Cancelled, Door, Job, Progress, Work

T = TypeVar("T")

ENTRIES = 2560
"""Entries fetched at once."""
BATCH = 16
"""Objects asked for at once: whatever else is asked of the server waits no longer than these."""


@dataclass(frozen=True, slots=True)
class Running:
    """Work under way, as it is shown."""

    label: str
    progress: Progress


@dataclass(slots=True)
class _Export:
    """One export: `part` is where it grows."""

    seen: Seen
    target: Path
    entries: int = 0  # that were fetched beside the target
    digests: Sequence[Digest] = ()
    fetched: int = 0
    stopped: bool = False

    @property
    def part(self) -> Path:
        return self.target.with_name(f".{self.target.name}.part")

    def leaves(self) -> Iterator[bytes]:
        """All entries: as they were fetched, or from this machine."""
        if not self.entries:
            yield from self.seen.leaves
        for start in range(0, self.entries, ENTRIES):
            try:
                raw = _entries_of(self.part, start).read_bytes()
            except OSError as error:
                raise FileUnusable(f"cannot read {self.part}: {error.strerror}") from error
            yield from parse_bundle(raw, min(ENTRIES, self.entries - start))


class Exporting:
    """One piece of work at a time. `changed` is called on the window's thread."""

    def __init__(self, desk: Desk, door: Door, asker: Asker, changed: Callable[[], None]) -> None:
        self._desk = desk
        self._door = door
        self._asker = asker
        self._changed = changed
        self._job: Job | None = None
        self._export: _Export | None = None
        self._leave: Callable[[], None] = lambda: None
        self.running: Running | None = None

    # ---- what the officer asks for ----

    def export(self, seen: Seen) -> None:
        """Ask where to, and write the log as it is seen now."""
        name = f"keyturn-log-{self._desk.now():%Y-%m-%d}"
        question = SaveFile(_("Export the whole log to a new directory"), name)
        self._asker.path(question, lambda path: self._begin(seen, path) if path else None)

    def verify(self) -> None:
        """Ask which, and prove it by the pinned fingerprint alone."""
        question = OpenDirectory(_("Verify an exported log"))
        self._asker.path(question, lambda path: self._prove(path) if path else None)

    def cancel(self) -> None:
        if self._job is not None:
            self._job.cancel()
        if self._export is not None:
            self._export.stopped = True

    def close(self) -> None:
        self._leave()
        export = self._export
        if self._job is not None:
            self._job.drop()
        if export is not None:
            export.stopped = True
            shutil.rmtree(export.part, ignore_errors=True)
        self._job = self._export = self.running = None

    # ---- exporting ----

    def _begin(self, seen: Seen, target: Path) -> None:
        if self.running is not None:
            return
        export = self._export = _Export(seen, target)
        if first_at_hand(seen.leaves) == 0:
            self._list(export)
        else:
            self._fetch_entries(export)

    def _fetch_entries(self, export: _Export) -> None:
        """The next entries of a log that is not all on this machine, on the network thread."""
        if export.stopped:
            self._failed(Cancelled("stopped"))
            return
        total, start = len(export.seen.leaves), export.entries
        end = min(start + ENTRIES, total)
        if start == end:
            self._list(export)
            return
        self._say(_("Exporting the log"), Progress(start, total, _("fetching entries")))

        def work(client: KeyturnClient) -> int:
            if not export.stopped:
                found = tuple(client.entries(start, end))
                _spool(_entries_of(export.part, start), bundle_bytes(found))
            return end

        def done(end: int) -> None:
            export.entries = end
            self._fetch_entries(export)

        self._leave = self._desk.ask(work, done=done, failed=self._failed)

    def _list(self, export: _Export) -> None:
        total = len(export.seen.leaves)

        def work(job: Job, tell: Callable[[Progress], None]) -> list[Digest]:
            if export.target.exists():
                raise FileUnusable(f"{export.target} is there already", expected="a new name")
            found: dict[Digest, None] = {}
            for place, leaf in enumerate(export.leaves()):
                if place % 1000 == 0:
                    job.check()
                    tell(Progress(place, total, _("listing what entries name")))
                found.update(dict.fromkeys(each for each, _needed in objects_named(leaf)))
            return list(found)

        def done(digests: list[Digest]) -> None:
            export.digests = digests
            self._fetch(export)

        self._run(_("Exporting the log"), work, done)

    def _fetch(self, export: _Export) -> None:
        """The next few objects, on the network thread."""
        if export.stopped:
            self._failed(Cancelled("stopped"))
            return
        batch = export.digests[export.fetched : export.fetched + BATCH]
        if not batch:
            self._write(export)
            return
        text = _("fetching objects")
        self._say(_("Exporting the log"), Progress(export.fetched, len(export.digests), text))

        def work(client: KeyturnClient) -> int:
            for digest in () if export.stopped else batch:
                data = client.read_object(digest)
                if data is not None:
                    _spool(export.part / "objects-of" / object_path(digest), data)
            return len(batch)

        def done(count: int) -> None:
            export.fetched += count
            self._fetch(export)

        self._leave = self._desk.ask(work, done=done, failed=self._failed)

    def _write(self, export: _Export) -> None:
        part, seen = export.part, export.seen

        def read(digest: Digest) -> bytes | None:
            try:
                return (part / "objects-of" / object_path(digest)).read_bytes()
            except FileNotFoundError:
                return None

        def work(job: Job, tell: Callable[[Progress], None]) -> Written:
            def step(at: int, total: int) -> None:
                job.check()
                if at % 256 == 0:
                    tell(Progress(at, total, _("writing entries")))

            written = write_export(part / "log", seen.checkpoint, export.leaves(), read, step)
            if export.target.exists():
                raise FileUnusable(f"{export.target} is there already", expected="a new name")
            (part / "log").rename(export.target)
            shutil.rmtree(part, ignore_errors=True)
            return written

        self._run(_("Exporting the log"), work, lambda written: self._written(export, written))

    def _written(self, export: _Export, written: Written) -> None:
        self._end()
        details = [
            n_("{count} entry", "{count} entries", written.entries),
            n_("{count} object", "{count} objects", written.objects),
        ]
        if written.missing:
            details.append(
                n_(
                    "{count} object that no proof needs was not there",
                    "{count} objects that no proof needs were not there",
                    len(written.missing),
                )
            )
        self._asker.tell(
            Notice(
                _("The log is exported"),
                str(export.target),
                hint=_("Anybody can check it: keyturn log verify DIRECTORY --fingerprint …"),
                details=tuple(details),
            )
        )

    # ---- verifying ----

    def _prove(self, path: Path) -> None:
        if self.running is not None:
            return
        fingerprint = self._desk.identity.profile.fingerprint

        def work(job: Job, tell: Callable[[Progress], None]) -> VerifiedExport:
            def step(at: int, total: int) -> None:
                job.check()
                if at % 64 == 0:
                    tell(Progress(at, total, _("verifying entries")))

            return read_export(path, fingerprint, step)

        self._run(_("Verifying an export"), work, lambda found: self._proved(path, found))

    def _proved(self, path: Path, found: VerifiedExport) -> None:
        self._end()
        at, audited = found.log.checkpoint.checkpoint, found.audited
        counts = (
            f"{kinds_word(kind)}: {audited.counts[kind.value]:,}"
            for kind in KINDS
            if audited.counts.get(kind.value)
        )
        times = [
            format_time(each) for each in (audited.first_time, audited.state.last_time) if each
        ]
        self._asker.tell(
            Notice(
                _("The log holds"),
                _("Every entry, quorum, grant and lease in {path} verifies.").format(path=path),
                details=(
                    n_("{count} entry", "{count} entries", at.size),
                    *counts,
                    _("root {root}").format(root=at.root.hex()),
                    _("origin {origin}").format(origin=at.origin),
                    " – ".join(times),
                ),
            )
        )

    # ---- both ----

    def _run(self, label: str, work: Work[T], done: Callable[[T], None]) -> None:
        self._say(label, Progress(0, 0))
        finished: list[bool] = []

        def ended(result: T) -> None:
            finished.append(True)
            self._job = None
            done(result)

        def failed(error: KeyturnError) -> None:
            finished.append(True)
            self._job = None
            self._failed(error)

        job = self._door.run(
            label, work, done=ended, failed=failed, progress=lambda p: self._say(label, p)
        )
        if not finished:
            self._job = job

    def _say(self, label: str, progress: Progress) -> None:
        self.running = Running(label, progress)
        self._changed()

    def _failed(self, error: KeyturnError) -> None:
        label = self.running.label if self.running else ""
        export = self._export
        self._end()
        if export is not None:
            self._clean(export.part)
        if isinstance(error, Cancelled):
            self._asker.toast(_("Stopped: {label}").format(label=label))
            return
        self._asker.tell(failure(_("Not done: {label}").format(label=label), error))

    def _clean(self, part: Path) -> None:
        def work(_job: Job, _tell: Callable[[Progress], None]) -> None:
            shutil.rmtree(part, ignore_errors=True)

        self._door.run(_("tidying up"), work, done=lambda _: None, failed=lambda _: None)

    def _end(self) -> None:
        self._job = self._export = self.running = None
        self._changed()


def _entries_of(part: Path, start: int) -> Path:
    return part / "entries-of" / f"{start:012d}"


def _spool(path: Path, data: bytes) -> None:
    """Raises FileUnusable."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise FileUnusable(f"cannot write {path}: {error.strerror}") from error
