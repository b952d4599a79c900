"""Following a ceremony from outside its host: every record verified, the host's word kept apart.

A reader takes records as they come and proves the whole from the first to the last (our protocol
§10.4). What a ceremony *waits for* is the host's word: it says what to do next, and whoever signs
signs a place in the chain that this reader has proved itself.
"""

from dataclasses import dataclass

from keyturn.base.encoding import Digest
from keyturn.ceremony.course import Course
from keyturn.ceremony.custody import UNLOCKS, opening_sets, step_sets
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused, MalformedCeremony
from keyturn.ceremony.facts import PinsReplaced, TokenMade
from keyturn.ceremony.kinds import SCRIPTS, is_known
from keyturn.ceremony.plan import Plan, parse_plan
from keyturn.ceremony.records import Record, parse_record
from keyturn.ceremony.script import ScriptKind
from keyturn.ceremony.sharesets import ShareSet
from keyturn.ceremony.transcript import Transcript, Verified, verify_transcript
from keyturn.client.ceremonydoor import CeremonyDoor
from keyturn.quorum.bundle import Authority, make_bundle
from keyturn.wire.ceremonies import AskCeremonies, AskCeremony, CeremonyList, Waiting

MOST_ANSWERS = 64
"""Of 4 MiB each: a transcript is at most 64 MiB, and an answer has one record at least."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A ceremony as far as it was verified, and what it waits for by the host's word.

    `verified.looked_at` says whether the roster is a pinned authority's. At a genesis there is none
    yet: then it is proved that the officers of the plan's roster act, and each compares that roster
    themselves.
    """

    verified: Verified
    waiting: Waiting | None

    @property
    def course(self) -> Course:
        return self.verified.course

    @property
    def plan(self) -> Plan:
        return self.verified.plan

    @property
    def ceremony(self) -> str:
        return self.plan.ceremony

    @property
    def share_sets(self) -> tuple[ShareSet, ...]:
        """Those that stood when it was opened, then those that it made, oldest first."""
        return (*self.verified.opened.custody, *self._dealt)

    @property
    def asked_sets(self) -> tuple[ShareSet, ...]:
        """Those of which shares are entered now: for what the host says is unmet, else for the
        step that waits (our protocol §10.7)."""
        kind, custody, step = self.plan.kind, self.verified.opened.custody, self.course.step
        if step is None or (self.waiting is not None and self.waiting.unmet):
            action = step.action if step is not None else None
            return opening_sets(kind, custody, self._dealt, action)
        return step_sets(kind, step.action, custody, self._dealt)

    @property
    def boxed_sets(self) -> tuple[ShareSet, ...]:
        """All, with those last whose boxes a host shows now: what the ceremony dealt; where a
        rehearsal opens something, those that stood before, which nobody has on paper."""
        step = self.course.step
        if self.plan.rehearsal and step is not None and step.action in UNLOCKS:
            return (*self._dealt, *self.verified.opened.custody)
        return self.share_sets

    @property
    def _dealt(self) -> tuple[ShareSet, ...]:
        """A ceremony deals once at most."""
        sets: tuple[ShareSet, ...] = ()
        for each in self.verified.done:
            if isinstance(each.facts, (TokenMade, PinsReplaced)):
                sets = each.facts.share_sets
        return sets


class CeremonyReader:
    """Follows the ceremonies of one host. Not for many threads."""

    def __init__(self, door: CeremonyDoor, authority: Authority | None = None) -> None:
        """`authority`: the pinned one, verified; None where none is pinned yet."""
        self._door = door
        self._authority = authority
        self._bundle = make_bundle(authority.state) if authority is not None else None
        self._known: dict[str, Verified] = {}

    @property
    def door(self) -> CeremonyDoor:
        return self._door

    @property
    def authority(self) -> Authority | None:
        return self._authority

    def all(self) -> CeremonyList:
        """The host's list: its word, to look at."""
        return self._door.ask(AskCeremonies())

    def read(self, ceremony: str) -> Followed:
        """What is verified of a ceremony, brought up to date.

        Raises CeremonyRefused and MalformedError: the host showed what cannot be.
        """
        known = self._known.get(ceremony)
        records = list(known.course.records) if known is not None else []
        waiting, newest = self._fetch(ceremony, records)
        if known is None or len(records) > len(known.course.records):
            known = self._verify(ceremony, tuple(records))
            self._known[ceremony] = known
        if known.course.last.seq != newest:
            raise MalformedCeremony(
                "the host's number of records is not theirs",
                found=str(newest),
                expected=str(known.course.last.seq),
            )
        return Followed(known, _fitting(known.course, waiting))

    def _fetch(self, ceremony: str, records: list[Record]) -> tuple[Waiting | None, int]:
        """Add what is new; tell what the host says it waits for, and its newest record's number."""
        for _ in range(MOST_ANSWERS):
            news = self._door.ask(AskCeremony(ceremony, len(records)))
            records += map(parse_record, news.records)
            if len(records) > news.seq:
                return news.waiting, news.seq
            if not news.records:
                break
        raise MalformedCeremony(
            "the host does not show all records",
            found=f"{len(records)} records",
            expected=f"records 0 to {news.seq}",
        )

    def _verify(self, ceremony: str, records: tuple[Record, ...]) -> Verified:
        plan = _plan_of(records[0])
        if plan.ceremony != ceremony:
            raise CeremonyRefused(
                CeremonyReason.WRONG_CEREMONY,
                "the host shows another ceremony",
                found=plan.ceremony,
                expected=ceremony,
            )
        pinned = self._pinned(plan)
        bundle = self._bundle if plan.founding is None else None
        found = verify_transcript(Transcript(records, bundle, ()), pinned)
        self._check_meant(found)
        return found

    def _check_meant(self, found: Verified) -> None:
        """What goes on must be what its officers mean by it. Raises CeremonyRefused."""
        course, plan = found.course, found.plan
        if course.over:
            return
        if not is_known(course.script):
            raise CeremonyRefused(
                CeremonyReason.WRONG_SCRIPT,
                "this ceremony follows another script than this release has",
                found=course.script.digest,
                expected=SCRIPTS[plan.kind].digest,
                hint="Sign nothing. Use the same release of Keyturn as its host.",
            )
        if plan.kind is ScriptKind.GENESIS and not plan.rehearsal and self._authority is not None:
            raise CeremonyRefused(
                CeremonyReason.WRONG_CEREMONY,
                "a genesis is shown, and the authority that is pinned here was founded already",
                found=plan.ceremony,
                expected="no genesis where an authority is pinned",
                hint="Sign nothing: its keys would be taken for those of your authority. Another"
                " authority is founded without a profile.",
            )

    def _pinned(self, plan: Plan) -> Digest | None:
        """Raises CeremonyRefused where nobody told which authority this may be."""
        if plan.founding is not None:
            return None
        if self._authority is None or self._authority.fingerprint != plan.authority:
            raise CeremonyRefused(
                CeremonyReason.WRONG_CEREMONY,
                "this ceremony is of an authority that is not pinned here",
                found=plan.authority or "none",
                expected=self._authority.fingerprint if self._authority else "a pinned authority",
                hint="Name the authority's bundle and fingerprint, or a profile.",
            )
        return self._authority.fingerprint


def _plan_of(record: Record) -> Plan:
    if len(record.signed) != 1:
        raise MalformedCeremony("the first record of a ceremony opens it, with its plan")
    return parse_plan(record.signed[0]).plan


def _fitting(course: Course, said: Waiting | None) -> Waiting | None:
    """The host's word on what comes next, as far as it fits what was proved."""
    step = course.step
    if said is None and step is None:
        return None
    if said is None or step is None:
        raise MalformedCeremony(
            "the host and the records do not agree whether the ceremony is over",
            found="over" if said is None else "not over",
            expected=course.state.value,
        )
    place = course.place
    if (said.step, said.seq, said.previous) != (step.id, place.seq, place.previous):
        raise MalformedCeremony(
            "the host waits for another step than the records lead to",
            found=f"{said.step}, record {said.seq}",
            expected=f"{step.id}, record {place.seq}",
        )
    return said
