"""One ceremony in the host's memory: its course, and what waits for the next record.

What officers signed for the step that waits is in memory only: it is about this very place in the
chain, and a host that was stopped asks for it again.
"""

from dataclasses import dataclass, field

from keyturn.base.errors import MalformedError
from keyturn.ceremony.course import Course, open_course
from keyturn.ceremony.factreading import read_opened
from keyturn.ceremony.plan import Plan, parse_plan
from keyturn.ceremony.records import Event, Record
from keyturn.ceremony.script import ShareUse, parse_script
from keyturn.ceremony.sharesets import ShareSet
from keyturn.ceremony.steps import StepSignature
from keyturn.keyholder.ceremonies.records import CeremonyFiles
from keyturn.keyholder.ceremonies.sharing import Entered
from keyturn.quorum.roster import Roster
from keyturn.wire.ceremonies import Progress


@dataclass
class Running:
    """One ceremony, over or not. The host's lock guards it."""

    files: CeremonyFiles
    course: Course
    custody: tuple[ShareSet, ...]
    interrupted: bool = False
    signatures: list[StepSignature] = field(default_factory=list)
    attached: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    shares: Entered | None = None
    reopening: Entered | None = None
    """Shares for what this host has locked since it was started."""
    unlocked: dict[ShareUse, Entered] = field(default_factory=dict)
    progress: Progress | None = None

    @property
    def id(self) -> str:
        return self.course.plan.ceremony

    def follow(self, record: Record) -> None:
        """A record is durable: what was signed for another place than the next step's is void."""
        before = self.course.place
        self.course = self.course.follow(record)
        if self.course.place != before:
            self.void()

    def void(self) -> None:
        """Forget what was signed and entered for the step that waits."""
        self.signatures.clear()
        self.attached.clear()
        self.progress = None
        for each in (self.shares, self.reopening):
            if each is not None:
                each.wipe()
        self.shares = self.reopening = None

    def lock(self) -> None:
        """Forget every share, those that opened something too."""
        self.void()
        for each in self.unlocked.values():
            each.wipe()
        self.unlocked.clear()


def resume(files: CeremonyFiles, records: tuple[Record, ...], roster: Roster) -> Running:
    """A ceremony as its records say; interrupted, unless it is over.

    Raises MalformedError, CeremonyRefused.
    """
    opened = records[0]
    if opened.event is not Event.OPENED or len(opened.signed) != 1:
        raise MalformedError("a ceremony's first record opens it, with its plan")
    facts = read_opened(opened.facts)
    script = parse_script(facts.script)
    signed_plan = parse_plan(opened.signed[0])
    course = open_course(signed_plan, script, roster, opened, facts.custody)
    for each in records[1:]:
        course = course.follow(each)
    return Running(files, course, facts.custody, interrupted=not course.over)


def plan_of(opened: Record) -> Plan:
    """Raises MalformedError."""
    if len(opened.signed) != 1:
        raise MalformedError("a ceremony's first record opens it, with its plan")
    return parse_plan(opened.signed[0]).plan
