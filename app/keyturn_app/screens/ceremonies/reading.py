"""A ceremony as this app proved it: where it stands, and what does not fit. No Qt in here."""

from dataclasses import dataclass

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.ceremony.course import Course
from keyturn.ceremony.plan import Plan
from keyturn.ceremony.records import Event, Record
from keyturn.ceremony.script import Script, Step
from keyturn_app.i18n import _
from keyturn_app.screens.ceremonies.hosts import Awaiting, Told


@dataclass(frozen=True, slots=True)
class Reading:
    """`fault`: what does not fit, in words; what was proved before still stands here.

    `error`: how that was found out, where it was by an answer that could not be proved.
    """

    told: Told | None = None
    fault: str = ""
    error: KeyturnError | None = None

    @property
    def course(self) -> Course | None:
        return None if self.told is None else self.told.course

    @property
    def awaiting(self) -> Awaiting | None:
        return None if self.told is None or self.fault else self.told.awaiting

    @property
    def records(self) -> tuple[Record, ...]:
        return () if self.course is None else self.course.records

    @property
    def plan(self) -> Plan | None:
        return None if self.course is None else self.course.plan

    @property
    def script(self) -> Script | None:
        return None if self.course is None else self.course.script

    @property
    def head(self) -> Digest | None:
        return None if self.course is None else self.course.last_digest

    @property
    def done(self) -> tuple[str, ...]:
        """The steps that were done, in their order."""
        if self.course is None:
            return ()
        return tuple(each.step for each in self.course.done if each.step is not None)

    @property
    def current(self) -> Step | None:
        """The step that comes next; None where there is none, or nothing is known."""
        return None if self.course is None else self.course.step

    @property
    def over(self) -> bool:
        return self.course is not None and self.course.over

    @property
    def aborted(self) -> Record | None:
        last = self.records[-1] if self.records else None
        return last if last is not None and last.event is Event.ABORTED else None

    @property
    def failed(self) -> Record | None:
        """The newest attempt at the current step, where it failed."""
        for each in reversed(self.records):
            if each.event is Event.FAILED:
                return each
            if each.event is Event.DONE:
                return None
        return None

    def heard(self, told: Told) -> "Reading":
        """What was read anew, if it goes on from what was read before."""
        if self.fault:
            return self
        before, after = self.records, told.course.records
        if tuple(each.digest for each in after[: len(before)]) != tuple(e.digest for e in before):
            return Reading(self.told, _("The host shows another record than it showed before."))
        return Reading(told)

    def refused(self, error: KeyturnError) -> "Reading":
        """The newest answer could not be proved."""
        return self if self.fault else Reading(self.told, str(error), error)
