"""A ceremony's transcript: read, and proved from end to end (our protocol §10.4).

What is proved: that these records follow each other, follow the script that the plan names, and
were signed by those who had to, with the keys that the roster gives them. What the host says of
the token stays its word; what was not looked at is said.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from keyturn.base.encoding import Digest, b64, unb64
from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.base.strictjson import Fields, dump, load_object
from keyturn.ceremony.anchoring import open_bundle, roster_at
from keyturn.ceremony.checks import (
    check_closing,
    check_plan_signature,
    check_recorded,
    check_recorded_word,
)
from keyturn.ceremony.course import Course, open_course
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused, MalformedCeremony
from keyturn.ceremony.factchecks import check_facts
from keyturn.ceremony.factreading import read_facts, read_failed, read_opened
from keyturn.ceremony.facts import Facts, Failed, LogStands, Opened
from keyturn.ceremony.logged import LoggedAs, LogLooked, look_in_log
from keyturn.ceremony.people import check_people
from keyturn.ceremony.plan import Plan, SignedPlan, parse_plan
from keyturn.ceremony.records import MAX_TRANSCRIPT, Event, Record, parse_record
from keyturn.ceremony.script import Action, Script, Step, parse_script
from keyturn.ceremony.steps import Said, StepSignature, Word, parse_said, parse_step_signature
from keyturn.quorum.bundle import MAX_BUNDLE, Authority
from keyturn.quorum.roster import Roster

MAX_RECORDS = 2000
_WORDS = {
    Event.NOTE: Word.NOTE,
    Event.EXCEPTION: Word.EXCEPTION,
    Event.RESUMED: Word.RESUME,
    Event.ABORTED: Word.ABORT,
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Transcript:
    """As it was received; nothing is proved."""

    records: tuple[Record, ...]
    bundle: bytes | None
    receipts: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class StepDone:
    step: Step
    record: Record
    facts: Facts
    signatures: tuple[StepSignature, ...]


@dataclass(frozen=True, slots=True)
class StepFailed:
    step: Step
    record: Record
    failed: Failed
    signatures: tuple[StepSignature, ...]


@dataclass(frozen=True, slots=True)
class WordSaid:
    """A note, an exception, a resumption or an abort. `step`: before which one it was said."""

    record: Record
    said: Said
    step: Step | None


Happened = StepDone | StepFailed | WordSaid


@dataclass(frozen=True, slots=True)
class LookedAt:
    """What else was proved, beside the transcript itself."""

    pinned: bool
    """The authority is the one that the reader named."""
    bundle: bool
    """The roster chains to the authority's fingerprint."""
    log: LogLooked | None
    """Every record is in the log; None: this was not looked at."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A transcript of which everything holds that §10.4 asks for."""

    course: Course
    opened: Opened
    happened: tuple[Happened, ...]
    authority: Digest | None
    """None where a genesis ended before an authority was founded."""
    looked_at: LookedAt

    @property
    def plan(self) -> Plan:
        return self.course.plan

    @property
    def rehearsal(self) -> bool:
        return self.plan.rehearsal

    @property
    def digest(self) -> Digest:
        """Of the last record: it names the one before, so it stands for all of them."""
        return self.course.last_digest

    @property
    def done(self) -> tuple[StepDone, ...]:
        return tuple(each for each in self.happened if isinstance(each, StepDone))

    @property
    def failures(self) -> tuple[StepFailed, ...]:
        return tuple(each for each in self.happened if isinstance(each, StepFailed))

    @property
    def words(self) -> tuple[WordSaid, ...]:
        return tuple(each for each in self.happened if isinstance(each, WordSaid))

    @property
    def exceptions(self) -> tuple[WordSaid, ...]:
        return tuple(each for each in self.words if each.said.word is Word.EXCEPTION)


def make_transcript(
    records: Sequence[bytes], bundle: bytes | None = None, receipts: Sequence[bytes] = ()
) -> bytes:
    """A transcript file. `receipts`: the exact bytes of each (our protocol §6.4)."""
    return dump(
        {
            "type": "ceremony-transcript",
            "format": 1,
            "records": [b64(each) for each in records],
            "bundle": b64(bundle) if bundle is not None else None,
            "receipts": [load_object(each, limit=1 << 20, what="receipt") for each in receipts],
        }
    )


def parse_transcript(raw: bytes) -> Transcript:
    """Raises MalformedError. Nothing is proved."""
    fields = Fields(load_object(raw, limit=MAX_TRANSCRIPT, what="transcript"), "transcript")
    fields.literal("type", "ceremony-transcript")
    fields.literal("format", 1)
    records = tuple(
        _at(place, lambda text=each: parse_record(unb64(text, what="record")))  # type: ignore[misc]
        for place, each in enumerate(fields.texts("records", limit=MAX_RECORDS))
    )
    bundle = fields.nullable("bundle", lambda name: fields.b64(name, limit=MAX_BUNDLE))
    receipts = tuple(_receipts(fields))
    fields.done()
    if not records:
        raise MalformedCeremony("transcript: no record", expected="at least one")
    return Transcript(records, bundle, receipts)


def verify_transcript(transcript: Transcript, fingerprint: Digest | None = None) -> Verified:
    """Prove all of it, from the first record to the last.

    `fingerprint`: the authority that the reader knows; None: whichever the transcript names.
    Raises CeremonyRefused or MalformedError, each naming the record.
    """
    first = transcript.records[0]
    signed_plan, script, opened = _at(0, lambda: _read_first(first))
    authority = _authority(transcript, signed_plan.plan, fingerprint)
    roster = _roster(signed_plan.plan, authority, first)
    course = _at(0, lambda: _open(signed_plan, script, roster, first, opened))
    happened: list[Happened] = []
    for record in transcript.records[1:]:
        found = _at(record.seq, lambda so_far=course, each=record: _verify(so_far, each))  # type: ignore[misc]
        course = course.follow(record)
        happened.append(found)
    named = signed_plan.plan.authority or _founded(happened)
    _check_founded(course.plan, authority, named, fingerprint)
    rehearsal = course.plan.rehearsal
    of = LoggedAs(course.plan.ceremony, course.plan.kind, course.records)
    log = None if rehearsal else look_in_log(of, authority, transcript.receipts)
    looked_at = LookedAt(fingerprint is not None, authority is not None, log)
    return Verified(course, opened, tuple(happened), named, looked_at)


def _receipts(fields: Fields) -> list[bytes]:
    found = []
    for each in fields.items("receipts", limit=MAX_RECORDS):
        if not isinstance(each, dict):
            raise MalformedCeremony("transcript: a receipt is not an object")
        found.append(dump(each))
    return found


def _read_first(first: Record) -> tuple[SignedPlan, Script, Opened]:
    if first.event is not Event.OPENED or len(first.signed) != 1:
        raise MalformedCeremony("the first record of a ceremony opens it, with its plan")
    opened = read_opened(first.facts)
    return parse_plan(first.signed[0]), parse_script(opened.script), opened


def _open(
    signed_plan: SignedPlan, script: Script, roster: Roster, first: Record, opened: Opened
) -> Course:
    check_plan_signature(signed_plan, roster)
    check_people(signed_plan.plan, roster)
    return open_course(signed_plan, script, roster, first, opened.custody)


def _authority(transcript: Transcript, plan: Plan, fingerprint: Digest | None) -> Authority | None:
    """The bundle's, proved from the plan's authority or, for a genesis, from the reader's."""
    named = plan.authority or fingerprint or _claimed(transcript.records)
    if transcript.bundle is None or named is None:
        return None
    time = transcript.records[0].time
    return open_bundle(transcript.bundle, named, time, rehearsal=plan.rehearsal)


def _claimed(records: Sequence[Record]) -> Digest | None:
    """The authority that a genesis says it founded; proved later, when its record is."""
    for each in records:
        if each.event is Event.DONE and "authority" in each.facts and "root" in each.facts:
            return Fields(each.facts, f"record {each.seq}").digest("authority")
    return None


def _roster(plan: Plan, authority: Authority | None, first: Record) -> Roster:
    """By which parts and keys are judged: the founding one, or the one in force at the opening."""
    if plan.founding is not None:
        return plan.founding.roster
    return roster_at(authority, first.time)


def _founded(happened: Sequence[Happened]) -> Digest | None:
    facts = [each.facts for each in happened if isinstance(each, StepDone)]
    return next((each.authority for each in facts if isinstance(each, LogStands)), None)


def _check_founded(
    plan: Plan, authority: Authority | None, named: Digest | None, fingerprint: Digest | None
) -> None:
    if fingerprint is not None and named != fingerprint:
        raise CeremonyRefused(
            CeremonyReason.NOT_AUTHORISED,
            "this is another authority's ceremony",
            found=named or "an authority that was never founded",
            expected=fingerprint,
        )
    if authority is None or plan.founding is None:
        return
    first = authority.state.by_digest[authority.fingerprint].statement.body
    if named != authority.fingerprint or first != plan.founding.roster:
        raise CeremonyRefused(
            CeremonyReason.NOT_AUTHORISED,
            "the bundle's first roster is not the one that this ceremony founded",
            found=authority.fingerprint,
            expected=named or "no authority",
        )


def _verify(course: Course, record: Record) -> Happened:
    course.follow(record)  # the chain first: what does not follow is not looked into
    step = course.step
    assert step is not None  # `follow` refuses a record after the end
    if record.event in _WORDS:
        return _verify_word(course, record, step)
    signed = _verify_signatures(course, record)
    if record.event is Event.FAILED:
        return StepFailed(step, record, read_failed(record.facts), signed)
    if not course.complete(signed):
        missing = [each for each in course.needs(signed) if not each.fulfilled]
        raise CeremonyRefused(
            CeremonyReason.BAD_SIGNATURE,
            f"step '{step.id}' was done without the signatures that it needs",
            found=f"{len(missing[0].signed)} of {missing[0].part.value}",
            expected=f"{missing[0].least} of: {', '.join(missing[0].officers)}",
        )
    facts = read_facts(step.action, record.facts)
    check_facts(course, step, facts, signed)
    if step.action is Action.CLOSE:
        check_closing(signed, record)
    return StepDone(step, record, facts, signed)


def _verify_signatures(course: Course, record: Record) -> tuple[StepSignature, ...]:
    signed: list[StepSignature] = []
    for raw in record.signed:
        signature = parse_step_signature(raw)
        check_recorded(course, signature, record, signed)
        signed.append(signature)
    return tuple(signed)


def _verify_word(course: Course, record: Record, step: Step) -> WordSaid:
    if len(record.signed) != 1 or record.facts:
        raise MalformedCeremony("a word's record holds one signature and no facts")
    said = parse_said(record.signed[0])
    if said.word is not _WORDS[record.event]:
        raise CeremonyRefused(
            CeremonyReason.WRONG_STEP,
            "the record says another word than was signed",
            found=record.event.value,
            expected=said.word.value,
        )
    check_recorded_word(course, said, record)
    return WordSaid(record, said, step)


def _at(seq: int, work: Callable[[], T]) -> T:
    """What `work` gives; what it raises names the record."""
    try:
        return work()
    except CeremonyRefused as error:
        raise CeremonyRefused(
            error.reason,
            f"record {seq}: {error.message}",
            found=error.found,
            expected=error.expected,
            hint=error.hint,
        ) from error
    except MalformedError as error:
        raise _named(MalformedCeremony, seq, error) from error


def _named(kind: type[MalformedCeremony], seq: int, error: KeyturnError) -> MalformedCeremony:
    return kind(f"record {seq}: {error.message}", found=error.found, expected=error.expected)
