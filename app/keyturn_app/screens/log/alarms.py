"""The alarms of this desk as the page holds them: which one is in front, and its checkpoints."""

from collections.abc import Callable

from keyturn.base.errors import KeyturnError
from keyturn_app.desk import Desk
from keyturn_app.facts import Alarm, AlarmKind, Seen
from keyturn_app.i18n import _
from keyturn_app.questions import Asker, SaveFile, failure
from keyturn_app.screens.log.alarming import Contradiction, export, read_saved, side
from keyturn_app.screens.log.composing import alarm as composed
from keyturn_app.screens.log.keeping import Consistency
from keyturn_app.screens.log.viewmodel import AlarmView
from keyturn_app.tasks import Door, Job, Progress


class Alarms:
    """`changed` is called on the window's thread."""

    def __init__(self, desk: Desk, door: Door, asker: Asker, changed: Callable[[], None]) -> None:
        self._desk = desk
        self._door = door
        self._asker = asker
        self._changed = changed
        self._all: tuple[Alarm, ...] = ()
        self._own: tuple[Alarm, Contradiction] | None = None
        self._read: dict[Alarm, Contradiction] = {}
        self._jobs: list[Job] = []
        self._place = 0

    @property
    def count(self) -> int:
        return len(self._known())

    def take(self) -> bool:
        """Take the desk's alarms; whether there is one more than before."""
        before, self._all = self.count, self._desk.facts.alarms
        for each in self._all:
            if each.saved and each not in self._read:
                self._load(each)
        grown = self.count > before
        if grown:
            self._place = self.count - 1
        return grown

    def contradicted(self, seen: Seen, consistency: Consistency) -> bool:
        """What this page found by itself among the kept checkpoints; whether that is new."""
        against = consistency.contradicted
        if against is None or self._own is not None:
            return False
        key, origin = seen.authority.log_key(), seen.authority.origin
        both = Contradiction(
            side(against.seen.note, key, origin, against.seen.time),
            side(seen.checkpoint.to_bytes(), key, origin, seen.as_of),
        )
        found = Alarm(
            AlarmKind.REWRITTEN,
            _("A checkpoint that was seen before is not of the log that is shown now."),
            _("{size} entries without it").format(size=f"{both.shown.checkpoint.size:,}"),
            _("a log that extends the one of {size} entries").format(
                size=f"{both.kept.checkpoint.size:,}"
            ),
            "",
            seen.as_of,
        )
        self._own = (found, both)
        self._place = self.count - 1
        return True

    def next(self) -> None:
        if self.count:
            self._place = (self._place + 1) % self.count

    def view(self, consistency: Consistency) -> AlarmView | None:
        known = self._known()
        if not known:
            return None
        place = min(self._place, len(known) - 1)
        each = known[place]
        return composed(each, self._both(each), consistency, place + 1, len(known))

    def export(self) -> None:
        """Both checkpoints of the alarm in front, as one file."""
        known = self._known()
        both = self._both(known[self._place]) if known else None
        if both is None:
            return
        name = f"keyturn-contradiction-{both.shown.checkpoint.root.hex()[:8]}.json"
        question = SaveFile(_("Export both checkpoints"), name, ("JSON (*.json)",))

        def chosen(path: object) -> None:
            if path is None:
                return

            def work(_job: Job, _tell: Callable[[Progress], None]) -> None:
                export(both, path)  # type: ignore[arg-type]

            self._run(
                _("exporting both checkpoints"),
                work,
                lambda: self._asker.toast(_("Both checkpoints are in {path}").format(path=path)),
            )

        self._asker.path(question, chosen)

    def close(self) -> None:
        for job in self._jobs:
            job.drop()

    def _known(self) -> tuple[Alarm, ...]:
        return self._all if self._own is None else (*self._all, self._own[0])

    def _both(self, each: Alarm) -> Contradiction | None:
        if self._own is not None and each is self._own[0]:
            return self._own[1]
        return self._read.get(each)

    def _load(self, each: Alarm) -> None:
        seen = self._desk.facts.seen
        key = None if seen is None else seen.authority.log_key()
        origin = None if seen is None else seen.authority.origin
        names = () if seen is None else seen.state.log_names

        def work(_job: Job, _tell: Callable[[Progress], None]) -> None:
            found = read_saved(each.saved, key, origin, names)
            if found is not None:
                self._read[each] = found

        self._run(_("reading both checkpoints"), work, self._changed)

    def _run(
        self,
        label: str,
        work: Callable[[Job, Callable[[Progress], None]], None],
        done: Callable[[], None],
    ) -> None:
        def failed(error: KeyturnError) -> None:
            self._asker.tell(failure(_("Not done: {label}").format(label=label), error))

        job = self._door.run(label, work, done=lambda _none: done(), failed=failed)
        self._jobs.append(job)
