"""May this signature or word be taken here and now? (our protocol §10.3, §10.9).

A signature is proved before anything else is said about it, so that a stranger learns nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from keyturn.base.dsse import Envelope, verified_signers
from keyturn.base.encoding import digest_of
from keyturn.base.errors import UntrustedError
from keyturn.base.times import format_time
from keyturn.ceremony.course import Course, Need, statement_kinds
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.hostphrase import HOST_ENTRY, check_host_entry, may_enter_host
from keyturn.ceremony.plan import SignedPlan
from keyturn.ceremony.records import Record
from keyturn.ceremony.script import Attaches, Entered, EnteredKind, Part, Step
from keyturn.ceremony.steps import Place, Said, StepSignature, Word
from keyturn.quorum.roster import Officer, OfficerId, Roster

TOLERANCE = timedelta(seconds=120)
"""Between a signer's clock and the host's."""
CONFIRMED = "yes"
MAX_BAG = 200
_DECIDES = frozenset({Part.ADMINISTRATOR, Part.WITNESS})


def check_plan_signature(signed: SignedPlan, roster: Roster) -> None:
    """Whether the administrator, and nobody else, signed the plan. Raises CeremonyRefused."""
    check_envelope(signed.envelope, signed.plan.administrator, roster)


def check_step_signature(
    course: Course,
    signature: StepSignature,
    now: datetime,
    *,
    signed: Sequence[StepSignature] = (),
    attached: Sequence[bytes] | None = None,
) -> None:
    """Whether a signature may be taken for the next step. Raises CeremonyRefused.

    `signed`: those that were taken for it before. `attached`: what came with it; None where only
    its digests are known, as in a transcript.
    """
    step = _proved(course, signature.envelope, signature.officer, signature.place, course.place)
    if signature.step != step.id:
        raise CeremonyRefused(
            CeremonyReason.WRONG_STEP,
            "signed for another step",
            found=signature.step,
            expected=step.id,
        )
    check_time(signature.time, now)
    check_content(course, step, signature, signed=signed, attached=attached)


def check_recorded(
    course: Course, signature: StepSignature, record: Record, signed: Sequence[StepSignature]
) -> None:
    """As `check_step_signature`, for one that stands in a record. Raises CeremonyRefused."""
    step = _proved(course, signature.envelope, signature.officer, signature.place, course.place)
    if signature.step != record.step:
        raise CeremonyRefused(
            CeremonyReason.WRONG_STEP,
            "signed for another step",
            found=signature.step,
            expected=str(record.step),
        )
    check_between(signature.time, course.turning, record)
    check_content(course, step, signature, signed=signed)


def check_recorded_word(course: Course, said: Said, record: Record) -> None:
    """As `check_said`, for a word that stands in a record. Raises CeremonyRefused."""
    _proved(course, said.envelope, said.officer, said.place, course.next)
    check_between(said.time, course.last, record)
    check_speaker(course, said)


def check_content(
    course: Course,
    step: Step,
    signature: StepSignature,
    *,
    signed: Sequence[StepSignature] = (),
    attached: Sequence[bytes] | None = None,
) -> None:
    """Part, what was entered and what is attached. Raises CeremonyRefused."""
    _check_part(course, step, signature, signed)
    _check_entered(course, step, signature)
    _check_attached(course, step, signature, attached)


def check_said(course: Course, said: Said, now: datetime) -> None:
    """Whether a word may be taken now. Raises CeremonyRefused."""
    _proved(course, said.envelope, said.officer, said.place, course.next)
    check_time(said.time, now)
    check_speaker(course, said)


def check_speaker(course: Course, said: Said) -> None:
    """Whether it is this one's to say (§10.3). Raises CeremonyRefused."""
    if not course.has_part(said.officer, said.part):
        raise CeremonyRefused(
            CeremonyReason.WRONG_PART,
            f"{said.officer} does not take part as {said.part.value}",
            found=said.officer,
            expected="somebody who takes part",
        )
    if said.word is not Word.NOTE and said.part not in _DECIDES:
        raise CeremonyRefused(
            CeremonyReason.WRONG_PART,
            f"a {said.part.value} cannot say '{said.word.value}'",
            found=said.part.value,
            expected="the administrator or the witness",
        )


def check_envelope(envelope: Envelope, officer_id: OfficerId, roster: Roster) -> Officer:
    """One signature, by a key of this officer. Raises CeremonyRefused."""
    officer = roster.officers.get(officer_id)
    if officer is None:
        raise CeremonyRefused(
            CeremonyReason.UNKNOWN_OFFICER,
            "signed by somebody who is not in the roster",
            found=officer_id,
            expected="an officer of the roster",
        )
    if len(envelope.signatures) != 1:
        raise CeremonyRefused(
            CeremonyReason.BAD_SIGNATURE,
            "one signature is needed, and no other beside it",
            found=str(len(envelope.signatures)),
            expected="1",
        )
    try:
        verified_signers(envelope, {each.key_id: each for each in officer.keys})
    except UntrustedError as error:
        raise CeremonyRefused(
            CeremonyReason.BAD_SIGNATURE,
            f"this is not {officer_id}'s signature",
            found=error.message,
            expected="a signature by a key that the roster gives that officer",
        ) from error
    return officer


def check_time(said: datetime, now: datetime) -> None:
    """Raises CeremonyRefused where two clocks are further apart than is allowed."""
    if abs(said - now) > TOLERANCE:
        raise CeremonyRefused(
            CeremonyReason.WRONG_TIME,
            "signed at another time than it is here",
            found=format_time(said),
            expected=f"{format_time(now)}, give or take {int(TOLERANCE.total_seconds())} seconds",
            hint="set the clock of the machine that is wrong, and sign again",
        )


def check_between(said: datetime, previous: Record, record: Record) -> None:
    """A signature's time, seen from its record. Raises CeremonyRefused."""
    if not previous.time - TOLERANCE <= said <= record.time + TOLERANCE:
        raise CeremonyRefused(
            CeremonyReason.WRONG_TIME,
            "signed at a time that does not fit the record",
            found=format_time(said),
            expected=f"{format_time(previous.time)} to {format_time(record.time)}",
        )


def check_closing(signed: Sequence[StepSignature], record: Record) -> None:
    """No record follows that would be signed over the last one's time, so the signatures in it
    fix it. Raises CeremonyRefused."""
    latest = max(each.time for each in signed)
    if record.time - latest > TOLERANCE:
        raise CeremonyRefused(
            CeremonyReason.WRONG_TIME,
            "the ceremony was closed long after it was signed",
            found=format_time(record.time),
            expected=f"{format_time(latest)}, give or take {int(TOLERANCE.total_seconds())} s",
        )


def _proved(
    course: Course, envelope: Envelope, officer: OfficerId, place: Place, ours: Place
) -> Step:
    """The next step, where the signature is that officer's and made for this very place."""
    check_envelope(envelope, officer, course.roster)
    if (place.ceremony, place.rehearsal) != (ours.ceremony, ours.rehearsal):
        raise CeremonyRefused(
            CeremonyReason.WRONG_CEREMONY,
            "signed for another ceremony",
            found=place.ceremony + (" (rehearsal)" if place.rehearsal else ""),
            expected=ours.ceremony + (" (rehearsal)" if ours.rehearsal else ""),
        )
    step = course.step
    if step is None:
        raise CeremonyRefused(
            CeremonyReason.OVER,
            "the ceremony is over",
            found=course.state.value,
            expected="a ceremony with a step that waits",
        )
    if place != ours:
        raise CeremonyRefused(
            CeremonyReason.WRONG_PLACE,
            "signed for another place in the ceremony",
            found=f"record {place.seq} after {place.previous}",
            expected=f"record {ours.seq} after {ours.previous}",
            hint="something was recorded meanwhile: look at it, and sign again",
        )
    return step


def _left(needs: Sequence[Need]) -> str:
    """Whose signatures are there yet to come."""
    waiting = [
        f"{each.part.value} {officer}"
        for each in needs
        if not each.fulfilled
        for officer in each.officers
        if officer not in each.signed
    ]
    return ", ".join(waiting) or "nobody's: the step is being done"


def _check_part(
    course: Course, step: Step, signature: StepSignature, signed: Sequence[StepSignature]
) -> None:
    officer, part = signature.officer, signature.part
    needs = course.needs(signed)
    if not any(each.part is part and officer in each.officers for each in needs):
        raise CeremonyRefused(
            CeremonyReason.WRONG_PART,
            f"{officer} does not sign this step as {part.value}",
            found=officer,
            expected=", ".join(dict.fromkeys(each.part.value for each in needs)),
        )
    if any(each.officer == officer and each.part is part for each in signed):
        raise CeremonyRefused(
            CeremonyReason.SIGNED_ALREADY,
            f"{officer} has signed this step as {part.value}",
            found="a second signature",
            expected=_left(needs),
        )
    waits = step.attaches is not Attaches.NONE and part is Part.WITNESS
    missing = [each for each in needs if not each.fulfilled and each.part is not Part.WITNESS]
    if waits and missing:
        raise CeremonyRefused(
            CeremonyReason.TOO_EARLY,
            "the witness signs last here",
            found=f"{len(missing[0].signed)} of {missing[0].least}",
            expected=f"every {missing[0].part.value} that the step needs",
        )


def _check_entered(course: Course, step: Step, signature: StepSignature) -> None:
    fields = {each.name: each for each in step.entered if each.part is signature.part}
    extra = sorted(set(signature.entered) - set(fields))
    if extra == [HOST_ENTRY] and may_enter_host(course.plan.kind, signature):
        check_host_entry(signature)
        extra = []
    if extra:
        raise CeremonyRefused(
            CeremonyReason.NOT_ENTERED,
            "something was entered that this step does not ask for",
            found=extra[0][:40],
            expected=", ".join(sorted(fields)) or "nothing",
        )
    phrase = course.phrase
    for name, field in fields.items():
        _check_field(field, signature.entered.get(name, ""), phrase)


def _check_field(field: Entered, value: str, phrase: str) -> None:
    if not value.strip():
        if field.required or value:
            raise CeremonyRefused(
                CeremonyReason.NOT_ENTERED,
                f"'{field.name}' was not entered",
                found="nothing",
                expected=field.label,
            )
        return
    if field.kind is EnteredKind.PHRASE and value != phrase:
        raise CeremonyRefused(
            CeremonyReason.WRONG_PHRASE,
            "the words that were entered are not those of this record",
            found=value[:120],
            expected="the words on everybody's screen",
            hint="compare the screens: somebody looks at another record",
        )
    if field.kind is EnteredKind.CONFIRM and value != CONFIRMED:
        raise CeremonyRefused(
            CeremonyReason.NOT_ENTERED,
            f"'{field.name}' is confirmed or it is not",
            found=value[:40],
            expected=CONFIRMED,
        )
    if field.kind is EnteredKind.BAG and len(value) > MAX_BAG:
        raise CeremonyRefused(
            CeremonyReason.NOT_ENTERED,
            f"'{field.name}' is too long for a bag's number",
            found=f"{len(value)} characters",
            expected=f"at most {MAX_BAG}",
        )


def _check_attached(
    course: Course, step: Step, signature: StepSignature, attached: Sequence[bytes] | None
) -> None:
    low, high = attachments(course, step, signature.officer, signature.part)
    many = len(signature.attached)
    if many < low:
        raise CeremonyRefused(
            CeremonyReason.NOT_ATTACHED,
            f"{signature.officer} attached too little",
            found=str(many),
            expected=str(low),
        )
    if many > high:
        raise CeremonyRefused(
            CeremonyReason.WRONG_ATTACHMENT,
            f"{signature.officer} attached more than the step asks for",
            found=str(many),
            expected=f"at most {high}",
        )
    if attached is not None and tuple(map(digest_of, attached)) != signature.attached:
        raise CeremonyRefused(
            CeremonyReason.WRONG_ATTACHMENT,
            "what is attached is not what was signed",
            found=f"{len(attached)} attached",
            expected="what the signature names, in its order",
        )


def attachments(course: Course, step: Step, officer: str, part: Part) -> tuple[int, int]:
    """How many things an officer attaches to a step: at least, at most."""
    if step.attaches is Attaches.SHARE and part is Part.CUSTODIAN:
        shares = {
            use
            for signers in step.signers
            if signers.part is Part.CUSTODIAN
            for use in course.held(officer, signers, step.action)
        }
        return len(shares), len(shares)
    if step.attaches is Attaches.STATEMENTS and part is Part.OFFICER:
        return 1, len(statement_kinds(course.plan.kind, step.action))
    return 0, 0
