"""A ceremony's records as this app proves them: chain, plan, script, where it stands. No Qt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from keyturn.base.encoding import Digest, unb64
from keyturn.base.errors import KeyturnError
from keyturn.ceremony.checks import check_plan_signature
from keyturn.ceremony.course import Course, open_course
from keyturn.ceremony.errors import MalformedCeremony
from keyturn.ceremony.plan import Plan, ShareScheme, SignedPlan, parse_plan
from keyturn.ceremony.records import Event, Record, parse_record
from keyturn.ceremony.script import Script, ShareUse, Step, parse_script
from keyturn.quorum.roster import Roster


@dataclass(frozen=True, slots=True)
class Known:
    """What is known beside the records: the roster in force, and who keeps the shares."""

    roster: Roster | None = None
    custody: Mapping[ShareUse, ShareScheme] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """`fault`: what does not fit, in words; the records up to there still stand here."""

    course: Course | None = None
    fault: str = ""

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
    def roster(self) -> Roster | None:
        """By which everybody's part and key is judged here."""
        return None if self.course is None else self.course.roster

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

    def with_records(self, raw: Sequence[bytes], known: Known) -> "Reading":
        """With more records behind; those that are there already are compared, not replaced."""
        reading = self
        for each in raw:
            if reading.fault:
                break
            reading = reading._with(each, known)
        return reading

    def _with(self, raw: bytes, known: Known) -> "Reading":
        try:
            record = parse_record(raw)
            if self.course is None:
                return Reading(_opened(record, known))
            if record.seq < len(self.records):
                return self._same(record)
            return Reading(self.course.follow(record))
        except KeyturnError as error:
            return replace(self, fault=str(error))

    def _same(self, record: Record) -> "Reading":
        before = self.records[record.seq]
        if before.raw == record.raw:
            return self
        raise MalformedCeremony(
            f"record {record.seq} is another one than before",
            found=record.digest,
            expected=before.digest,
        )


def _opened(record: Record, known: Known) -> Course:
    """The first record. Raises MalformedError, CeremonyRefused."""
    if record.event is not Event.OPENED or len(record.signed) != 1:
        raise MalformedCeremony(
            "the first record opens the ceremony, with its plan", found=f"record {record.seq}"
        )
    plan = parse_plan(record.signed[0])
    text = record.facts.get("script")
    if not isinstance(text, str):
        raise MalformedCeremony("the first record holds no script")
    roster = _roster(plan, known)
    check_plan_signature(plan, roster)
    return open_course(
        plan, parse_script(unb64(text, what="script")), roster, record, known.custody
    )


def _roster(plan: SignedPlan, known: Known) -> Roster:
    if plan.plan.founding is not None:
        return plan.plan.founding.roster
    if known.roster is None:
        raise MalformedCeremony(
            "no roster is known here by which this ceremony could be judged",
            hint="Connect to the server of its authority first.",
        )
    return known.roster
