"""Where a ceremony stands: a pure function of its plan and records (our protocol §10.1–§10.4).

Records are followed one by one; each names the one before, so a crash is resumed by replay. What
the next step needs, and from whom, follows from the script, the plan and the roster alone: the
host, a custodian's program and an auditor come to the same answer.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from keyturn.base.encoding import Digest
from keyturn.ceremony.custody import CHANGES_PINS, UNLOCKS
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused, MalformedCeremony
from keyturn.ceremony.phrases import phrase_of
from keyturn.ceremony.plan import Plan, ShareGroup, ShareScheme, SignedPlan
from keyturn.ceremony.records import Event, Record
from keyturn.ceremony.script import (
    Action,
    Many,
    Part,
    Script,
    ScriptKind,
    ShareUse,
    Signers,
    Step,
)
from keyturn.ceremony.sharesets import ShareSet, check_sets
from keyturn.ceremony.steps import Place, StepSignature
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.roster import OfficerId, Roster

_SIGN = frozenset({Role.PROPOSER, Role.APPROVER})


class CourseState(Enum):
    RUNNING = "running"
    DONE = "done"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class Need:
    """One of the signatures, or set of signatures, that a step needs."""

    signers: Signers
    officers: tuple[OfficerId, ...]
    """Who may give it. For EACH, who must."""
    least: int
    """How many of them at least; where there are groups, the fewest that can be enough."""
    signed: tuple[OfficerId, ...]
    fulfilled: bool

    @property
    def part(self) -> Part:
        return self.signers.part


@dataclass(frozen=True, slots=True)
class Course:
    """A ceremony so far. `open_course` begins one, `follow` takes it on.

    `roster` is the founding one, or the one in force. `custody`: the schemes of the shares that
    stood when the ceremony was opened; those that it makes are the plan's.
    """

    signed_plan: SignedPlan
    script: Script
    roster: Roster
    custody: Mapping[ShareUse, ShareScheme]
    records: tuple[Record, ...]

    @property
    def plan(self) -> Plan:
        return self.signed_plan.plan

    @property
    def last(self) -> Record:
        return self.records[-1]

    @property
    def done(self) -> tuple[Record, ...]:
        """The records of steps that were done, in the script's order."""
        return tuple(each for each in self.records if each.event is Event.DONE)

    @property
    def state(self) -> CourseState:
        if self.last.event is Event.ABORTED:
            return CourseState.ABORTED
        whole = len(self.done) == len(self.script.steps)
        return CourseState.DONE if whole else CourseState.RUNNING

    @property
    def over(self) -> bool:
        return self.state is not CourseState.RUNNING

    @property
    def step(self) -> Step | None:
        """The one that comes next, or None when the ceremony is over."""
        return None if self.over else self.script.steps[len(self.done)]

    @property
    def next(self) -> Place:
        """Where the next record will stand."""
        return self._behind(self.last)

    @property
    def turning(self) -> Record:
        """The newest record that is no note: a note voids nobody's signature (§10.3). The last
        step is signed over the whole, notes and all."""
        step = self.step
        if step is None or step.action is Action.CLOSE:
            return self.last
        return next(each for each in reversed(self.records) if each.event is not Event.NOTE)

    @property
    def place(self) -> Place:
        """What signatures for the next step are made for."""
        return self._behind(self.turning)

    def _behind(self, record: Record) -> Place:
        return Place(self.plan.ceremony, self.plan.rehearsal, record.seq + 1, record.digest)

    @property
    def last_digest(self) -> Digest:
        return self.last.digest

    @property
    def phrase(self) -> str:
        """What is read back at the next step."""
        return phrase_of(self.turning.digest)

    def follow(self, record: Record) -> "Course":
        """The course with one more record. Raises CeremonyRefused where it cannot stand here.

        Who signed it is not looked at: `transcript` does that.
        """
        _check_chain(self, record)
        if record.event in (Event.DONE, Event.FAILED):
            _check_next_step(self, record)
        return replace(self, records=(*self.records, record))

    # ---- who ----

    def scheme(self, use: ShareUse, action: Action) -> ShareScheme | None:
        """By which scheme custodians act in a step: old shares unlock, new ones are handed out."""
        old, new = self.custody.get(use), self.plan.shares.get(use)
        return (old or new) if action in UNLOCKS else (new or old)

    def opening_scheme(self, use: ShareUse) -> ShareScheme | None:
        """By which scheme custodians open what a host has locked (our protocol §10.7)."""
        old = self.custody.get(use)
        steps = zip(self.done, self.script.steps, strict=False)
        dealt = any(step.action is Action.MAKE_TOKEN for _, step in steps)
        if self.plan.kind in CHANGES_PINS or not dealt:
            return old
        return self.plan.shares.get(use) or old

    def held(self, officer: str, signers: Signers, action: Action) -> tuple[ShareUse, ...]:
        """Of the uses that `signers` name, those that the officer holds a share of."""
        schemes = ((use, self.scheme(use, action)) for use in signers.shares)
        return tuple(use for use, scheme in schemes if scheme and officer in scheme.officers)

    def officers_of(self, signers: Signers, action: Action) -> tuple[OfficerId, ...]:
        """Who may sign as this part, in a fixed order."""
        plan = self.plan
        if signers.part is Part.ADMINISTRATOR:
            return (plan.administrator,)
        if signers.part is Part.WITNESS:
            return (plan.witness,)
        if signers.part is Part.SCRIBE:
            return (plan.scribe,) if plan.scribe else ()
        if signers.part is Part.OFFICER:
            return tuple(each.id for each in self.roster.officers.values() if each.roles & _SIGN)
        schemes = (self.scheme(use, action) for use in signers.shares)
        holders = (officer for scheme in schemes if scheme for officer in scheme.officers)
        return tuple(dict.fromkeys(holders))

    def has_part(self, officer: str, part: Part) -> bool:
        """Whether somebody has a part in this ceremony at all; any custodian is one."""
        signing = any(each.part is part for step in self.script.steps for each in step.signers)
        if part is Part.OFFICER and not signing:
            return False
        every = Signers(part, Many.ONE, tuple(ShareUse) if part is Part.CUSTODIAN else ())
        actions = (Action.UNLOCK, Action.ATTEND)
        return any(officer in self.officers_of(every, action) for action in actions)

    def needs(self, signed: Sequence[StepSignature] = ()) -> tuple[Need, ...]:
        """What the next step needs, by what was signed for it so far; () when it is over."""
        step = self.step
        if step is None:
            return ()
        found = (_need(self, step, signers, signed) for signers in step.signers)
        return tuple(each for each in found if each.officers)

    def complete(self, signed: Sequence[StepSignature]) -> bool:
        """Whether every signature is there that the next step needs."""
        return not self.over and all(each.fulfilled for each in self.needs(signed))


def open_course(
    signed_plan: SignedPlan,
    script: Script,
    roster: Roster,
    opened: Record,
    custody: Sequence[ShareSet] = (),
) -> Course:
    """A course with its first record; `custody`: the share sets that it names.

    Raises CeremonyRefused, MalformedCeremony.
    """
    plan = signed_plan.plan
    if script.digest != plan.script or script.kind is not plan.kind:
        raise CeremonyRefused(
            CeremonyReason.WRONG_SCRIPT,
            "the script is another one than the plan names",
            found=f"{script.kind.value} {script.digest}",
            expected=f"{plan.kind.value} {plan.script}",
        )
    if opened.event is not Event.OPENED or opened.signed != (signed_plan.raw,):
        raise MalformedCeremony("the first record of a ceremony opens it, with its plan")
    _check_ceremony(plan, opened)
    _check_custody(plan, custody)
    return Course(signed_plan, script, roster, schemes_of(custody), (opened,))


def schemes_of(share_sets: Iterable[ShareSet]) -> dict[ShareUse, ShareScheme]:
    """By which schemes the shares stand."""
    return {
        each.use: ShareScheme(
            each.group_threshold,
            tuple(
                ShareGroup(group.threshold, tuple(member.officer for member in group.members))
                for group in each.groups
            ),
        )
        for each in share_sets
    }


def statement_kinds(_: ScriptKind, action: Action) -> tuple[Kind, ...]:
    """Which statements officers sign in a step."""
    if action is Action.SIGN_FOUNDING:
        return (Kind.ROSTER, Kind.KEYS)
    if action is Action.SIGN_KEYS:
        return (Kind.KEYS,)
    return ()


def fulfils(scheme: ShareScheme, officers: Sequence[str]) -> bool:
    """Whether these officers' shares are enough by the scheme."""
    full = sum(
        sum(member in officers for member in group.members) >= group.threshold
        for group in scheme.groups
    )
    return full >= scheme.group_threshold


def fewest(scheme: ShareScheme) -> int:
    """The fewest officers whose shares can be enough."""
    return sum(sorted(each.threshold for each in scheme.groups)[: scheme.group_threshold])


def _need(course: Course, step: Step, signers: Signers, signed: Sequence[StepSignature]) -> Need:
    officers = course.officers_of(signers, step.action)
    of_part = {each.officer for each in signed if each.part is signers.part}
    there = tuple(each for each in officers if each in of_part)
    if signers.many is Many.ONE:
        return Need(signers, officers, min(1, len(officers)), there, bool(there))
    if signers.many is Many.EACH:
        return Need(signers, officers, len(officers), there, len(there) == len(officers))
    if signers.part is Part.CUSTODIAN:
        found = (course.scheme(use, step.action) for use in signers.shares)
        schemes = [each for each in found if each]
        least = max((fewest(each) for each in schemes), default=0)
        enough = all(fulfils(each, there) for each in schemes)
        return Need(signers, officers, least, there, enough)
    least = _statement_quorum(course, step.action)
    return Need(signers, officers, least, there, len(there) >= least)


def _statement_quorum(course: Course, action: Action) -> int:
    """Approvers by the roster, and a proposer where that one does not count."""
    roster = course.roster
    kinds = statement_kinds(course.plan.kind, action)
    return max(
        (roster.thresholds[each] + (each not in roster.proposer_may_approve) for each in kinds),
        default=1,
    )


def _check_custody(plan: Plan, custody: Sequence[ShareSet]) -> None:
    """A rehearsal finds none but its own, and nothing else finds a rehearsal's (§10.6)."""
    check_sets(custody, rehearsal=plan.rehearsal)
    if custody and plan.kind is ScriptKind.GENESIS:
        raise MalformedCeremony(
            "a genesis names shares that stood before it",
            found=", ".join(each.use.value for each in custody),
            expected="none: no token was there",
        )


def _check_ceremony(plan: Plan, record: Record) -> None:
    if (record.ceremony, record.rehearsal) != (plan.ceremony, plan.rehearsal):
        raise CeremonyRefused(
            CeremonyReason.WRONG_CEREMONY,
            "the record is of another ceremony",
            found=record.ceremony,
            expected=plan.ceremony,
        )


def _check_chain(course: Course, record: Record) -> None:
    _check_ceremony(course.plan, record)
    if course.over:
        raise CeremonyRefused(
            CeremonyReason.OVER,
            "a record follows after the ceremony was over",
            found=f"record {record.seq}",
            expected=f"{course.last.seq} as the last one",
        )
    if record.seq != course.last.seq + 1 or record.previous != course.last_digest:
        raise CeremonyRefused(
            CeremonyReason.BROKEN_CHAIN,
            "a record does not follow from the one before",
            found=f"record {record.seq} after {record.previous}",
            expected=f"record {course.last.seq + 1} after {course.last_digest}",
        )
    if record.time < course.last.time:
        raise CeremonyRefused(
            CeremonyReason.WRONG_TIME,
            "a record is earlier than the one before",
            found=_clock(record.time),
            expected=f"{_clock(course.last.time)} or later",
        )


def _check_next_step(course: Course, record: Record) -> None:
    step = course.step
    if step is None or record.step != step.id:
        raise CeremonyRefused(
            CeremonyReason.WRONG_STEP,
            "a record is of another step than the next one of the script",
            found=str(record.step)[:40],
            expected=step.id if step else "no step",
        )


def _clock(time: datetime) -> str:
    return time.isoformat()
