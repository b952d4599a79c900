"""What the parts of a host share: its ceremonies, its key, its place, and one lock over them."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from keyturn.base.errors import KeyturnError, NotFoundError
from keyturn.base.strictjson import JsonObject
from keyturn.ceremony.custody import step_sets
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.facts import Nothing
from keyturn.ceremony.records import Event, make_record
from keyturn.ceremony.script import Action, Attaches, ScriptKind, ShareUse, Step
from keyturn.ceremony.sharesets import ShareSet
from keyturn.keyholder.ceremonies.doing import Act, At, Doing, Undo
from keyturn.keyholder.ceremonies.hostkey import HostKey
from keyturn.keyholder.ceremonies.needs import Need, needs_of, sets_that_open
from keyturn.keyholder.ceremonies.running import Running
from keyturn.keyholder.ceremonies.sharing import Entered, kept_sets
from keyturn.keyholder.ceremonies.site import Site
from keyturn.keyholder.errors import KeyholderStopped
from keyturn.wire.ceremonies import Progress

logger = logging.getLogger(__name__)

_PLAIN = Act(lambda _: Nothing())


@dataclass
class Hosting:
    """`lock` guards everything here but the site, which has locks of its own."""

    site: Site
    key: HostKey
    acts: Mapping[Action, Act]
    undos: Mapping[ScriptKind, Undo]
    random: Callable[[int], bytes]
    at: At
    lock: threading.RLock = field(default_factory=threading.RLock)
    ceremonies: dict[str, Running] = field(default_factory=dict)
    acting: str | None = None
    """The ceremony of which an action is being done."""
    fault: str | None = None
    """Why this host cannot go on."""

    def find(self, ceremony: str) -> Running:
        """Raises NotFoundError."""
        running = self.ceremonies.get(ceremony)
        if running is None:
            raise NotFoundError("no such ceremony is held here", found=ceremony[:64])
        return running

    def check_idle(self) -> None:
        """Raises CeremonyRefused while an action is being done."""
        if self.acting is not None:
            raise CeremonyRefused(
                CeremonyReason.WRONG_STEP,
                "the host is doing a step",
                found=self.acting,
                hint="wait until it is recorded",
            )

    def act(self, step: Step) -> Act:
        return self.acts.get(step.action, _PLAIN)

    def needs(self, running: Running) -> tuple[Need, ...]:
        """What the step that waits needs, and is not open here."""
        step = running.course.step
        return () if step is None else needs_of(self.site, self.act(step), step, running)

    def unmet(self, running: Running) -> tuple[ShareUse, ...]:
        """Of which secrets shares are needed before the step that waits."""
        return tuple(dict.fromkeys(each.use for each in self.needs(running)))

    def reentered(self, running: Running) -> tuple[tuple[str, str], ...]:
        """(use, officer) of those of whom no more shares of that use are needed: one who holds
        shares of both tokens enters both."""
        shares = running.reopening
        if shares is None:
            return ()
        needs = self.needs(running)
        return tuple(
            (use, officer)
            for use, officer in shares.entered
            if all(
                shares.holds(share_set, officer)
                for need in needs
                if need.use.value == use
                for share_set in need.sets
            )
        )

    def reopening(self, running: Running) -> Entered:
        """What came so far of what is needed; what was opened may be needed again."""
        if running.reopening is None:
            running.reopening = Entered(())
        sets = (share_set for each in self.needs(running) for share_set in each.sets)
        running.reopening.ask_for(tuple(dict.fromkeys(sets)))
        return running.reopening

    def entering(self, running: Running) -> Entered:
        if running.shares is None:
            running.shares = Entered(self._fitting(running))
        return running.shares

    def _fitting(self, running: Running) -> tuple[ShareSet, ...]:
        step, kind = running.course.step, running.course.plan.kind
        if step is None:
            return sets_that_open(running)
        return step_sets(kind, step.action, running.custody, kept_sets(running.files))

    def doing(self, running: Running) -> Doing:
        step = running.course.step
        assert step is not None

        def report(progress: Progress) -> None:
            running.progress = progress

        return Doing(
            site=self.site,
            files=running.files,
            course=running.course,
            step=step,
            signatures=tuple(running.signatures),
            attached=dict(running.attached),
            shares=running.shares,
            unlocked=dict(running.unlocked),
            report=report,
            random=self.random,
            at=self.at,
        )

    def record(
        self,
        running: Running,
        event: Event,
        *,
        step: str | None,
        signed: tuple[bytes, ...],
        facts: JsonObject,
    ) -> None:
        """Write the next record, durable, then enter it in the log where that can be.

        Raises LogFull, LogUnwritable, ClockRefused, CeremonyRefused; nothing was recorded then.
        What keeps it out of the log alone is only told: it is entered at the next occasion.
        """
        course = running.course
        place = course.next
        record = make_record(
            place.ceremony,
            rehearsal=place.rehearsal,
            seq=place.seq,
            previous=place.previous,
            event=event,
            step=step,
            time=self.site.now(),
            signed=signed,
            facts=facts,
        )
        course.follow(record)
        running.files.append(record)
        running.follow(record)
        self.at(f"recorded {event.value}")
        self.enter(running)

    def enter(self, running: Running) -> None:
        """Raises KeyholderStopped."""
        try:
            self.site.enter(running.course.plan.kind, running.course.records)
        except KeyholderStopped:
            raise
        except KeyturnError as error:
            logger.warning("records of %s wait for the log: %s", running.id, error)


def asks_for_shares(step: Step) -> bool:
    return step.attaches is Attaches.SHARE
