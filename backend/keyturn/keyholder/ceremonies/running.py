"""One ceremony in the host's memory: its course, and what waits for the next record.

What officers signed for the step that waits is in memory only: it is about this very place in the
chain, and a host that was stopped asks for it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from keyturn.base.errors import MalformedError
from keyturn.ceremony.course import Course, open_course
from keyturn.ceremony.plan import ShareGroup, ShareScheme, SignedPlan, parse_plan
from keyturn.ceremony.records import Event, Record
from keyturn.ceremony.script import Script, ShareUse, parse_script
from keyturn.ceremony.sharesets import ShareSet
from keyturn.ceremony.steps import StepSignature
from keyturn.base.encoding import unb64
from keyturn.base.strictjson import Fields
from keyturn.keyholder.ceremonies.records import CeremonyFiles
from keyturn.keyholder.ceremonies.sharing import Entered, read_sets
from keyturn.quorum.roster import Roster
from keyturn.wire.ceremonies import Progress

CUSTODY = "custody.json"
"""The share sets in force when it was opened."""


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
    unlocked: dict[ShareUse, Entered] = field(default_factory=dict)
    progress: Progress | None = None

    @property
    def id(self) -> str:
        return self.course.plan.ceremony

    def follow(self, record: Record) -> None:
        """A record is durable: what was signed for the place before it is void."""
        self.course = self.course.follow(record)
        self.void()

    def void(self) -> None:
        """Forget what was signed and entered for the step that waits."""
        self.signatures.clear()
        self.attached.clear()
        self.progress = None
        if self.shares is not None:
            self.shares.wipe()
            self.shares = None

    def lock(self) -> None:
        """Forget every share, those that opened something too."""
        self.void()
        for each in self.unlocked.values():
            each.wipe()
        self.unlocked.clear()


def schemes(sets: tuple[ShareSet, ...]) -> Mapping[ShareUse, ShareScheme]:
    """What the sets say of who holds what; of each use the last one."""
    return {
        each.use: ShareScheme(
            each.group_threshold,
            tuple(
                ShareGroup(group.threshold, tuple(member.officer for member in group.members))
                for group in each.groups
            ),
        )
        for each in sets
    }


def read_opened(record: Record) -> tuple[SignedPlan, Script]:
    """The plan and the script that a ceremony's first record names. Raises MalformedError."""
    if record.event is not Event.OPENED or len(record.signed) != 1:
        raise MalformedError("a ceremony's first record opens it, with its plan")
    facts = Fields(record.facts, "ceremony record: facts")
    raw = unb64(facts.text("script", limit=1 << 20), what="ceremony record: script")
    return parse_plan(record.signed[0]), parse_script(raw)


def resume(files: CeremonyFiles, records: tuple[Record, ...], roster: Roster) -> Running:
    """A ceremony as its records say; interrupted, unless it is over.

    Raises MalformedError, CeremonyRefused.
    """
    signed_plan, script = read_opened(records[0])
    raw = files.kept(CUSTODY)
    custody = read_sets(raw) if raw is not None else ()
    course = open_course(signed_plan, script, roster, records[0], schemes(custody))
    for each in records[1:]:
        course = course.follow(each)
    return Running(files, course, custody, interrupted=not course.over)
