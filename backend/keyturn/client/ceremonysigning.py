"""What an officer signs in a ceremony, made from what was verified, never from what a host says.

Source: our protocol §10.3. Each envelope is judged here by the rules that the host judges it by,
so that a refusal comes before anything has left this machine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from keyturn.base.dsse import Envelope
from keyturn.base.encoding import Digest, digest_of
from keyturn.ceremony.checks import CONFIRMED, check_content
from keyturn.ceremony.course import Course, statement_kinds
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.plan import PLAN_TYPE, Plan, check_plan
from keyturn.ceremony.script import EnteredKind, Part, ScriptKind, Step
from keyturn.ceremony.steps import (
    STEP_TYPE,
    WORD_TYPE,
    Word,
    parse_step_signature,
    step_payload,
    word_payload,
)
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.approvals import APPROVAL_TYPE, Decision, approval_payload
from keyturn.quorum.bodies import REHEARSED, Keys
from keyturn.quorum.kinds import Kind, payload_type
from keyturn.quorum.roster import Roster
from keyturn.quorum.statements import Statement, parse_statement
from keyturn.wire.ceremonies import OpenCeremony, SayInCeremony, SignStep, StatementToSign, Waiting

PROPOSE, APPROVE = "propose", "approve"


@dataclass(frozen=True, slots=True)
class StatementShown:
    """A statement that a step asks to sign, read as the keyholder will read it."""

    statement: Statement
    role: str
    payload: bytes
    payload_type: str


def open_request(plan: Plan, signer: Signer) -> OpenCeremony:
    """Sign a plan as its administrator. Raises MalformedCeremony, CeremonyRefused."""
    check_plan(plan)
    if plan.administrator != signer.officer:
        raise CeremonyRefused(
            CeremonyReason.WRONG_PART,
            "a plan is signed by its administrator",
            found=signer.officer,
            expected=plan.administrator,
        )
    return OpenCeremony(signer.sign(PLAN_TYPE, plan.to_payload()).to_bytes())


def parts_to_sign(course: Course, waiting: Waiting, officer: str) -> tuple[Part, ...]:
    """As what this officer signs the step that waits, and has not yet by the host's word."""
    needs = [each for each in course.needs() if officer in each.officers]
    signed = {part for who, part in waiting.signed if who == officer}
    found = dict.fromkeys(each.part for each in needs)
    return tuple(each for each in found if each.value not in signed)


def sign_request(
    course: Course,
    part: Part,
    signer: Signer,
    now: datetime,
    *,
    entered: Mapping[str, str] | None = None,
    attached: Sequence[bytes] = (),
) -> SignStep:
    """Sign the step that waits. Raises CeremonyRefused where the host would refuse it."""
    step = step_of(course)
    payload = step_payload(
        course.place,
        step.id,
        signer.officer,
        part,
        now,
        entered=entered,
        attached=tuple(map(digest_of, attached)),
    )
    raw = signer.sign(STEP_TYPE, payload).to_bytes()
    _check_early(course, step, raw, attached)
    return SignStep(course.plan.ceremony, raw, tuple(attached))


def unlock_request(
    course: Course,
    signer: Signer,
    now: datetime,
    attached: Sequence[bytes],
    entered: Mapping[str, str] | None = None,
) -> SignStep:
    """Shares for a host whose token is locked: signed at this place by a custodian, and no
    signature of the step itself, which is signed when the token is open (our protocol §10.7)."""
    payload = step_payload(
        course.place,
        step_of(course).id,
        signer.officer,
        Part.CUSTODIAN,
        now,
        entered=entered,
        attached=tuple(map(digest_of, attached)),
    )
    raw = signer.sign(STEP_TYPE, payload).to_bytes()
    return SignStep(course.plan.ceremony, raw, tuple(attached))


def say_request(
    course: Course, part: Part, signer: Signer, now: datetime, word: Word, text: str
) -> SayInCeremony:
    """Sign a note, an exception, an abort or a resumption. Raises CeremonyRefused."""
    if not course.has_part(signer.officer, part):
        raise CeremonyRefused(
            CeremonyReason.WRONG_PART,
            f"{signer.officer} does not take part as {part.value}",
            found=signer.officer,
            expected=f"whom the plan names as {part.value}",
        )
    payload = word_payload(course.next, signer.officer, part, now, word, text)
    return SayInCeremony(course.plan.ceremony, signer.sign(WORD_TYPE, payload).to_bytes())


def part_to_say(course: Course, officer: str, word: Word) -> Part:
    """As what somebody says a word: exceptions, aborts and resumptions are two parts' alone.

    Raises CeremonyRefused.
    """
    parts = [Part.ADMINISTRATOR, Part.WITNESS]
    if word is Word.NOTE:
        parts += [Part.SCRIBE, Part.CUSTODIAN, Part.OFFICER]
    for part in parts:
        if course.has_part(officer, part):
            return part
    raise CeremonyRefused(
        CeremonyReason.WRONG_PART,
        f"it is not {officer}'s to say '{word.value}' in this ceremony",
        found=officer,
        expected=" or ".join(each.value for each in parts),
    )


def missing_entries(course: Course, part: Part, entered: Mapping[str, str]) -> tuple[str, ...]:
    """Names of what this part still has to enter in the step that waits."""
    fields = (each for each in step_of(course).entered if each.part is part and each.required)
    return tuple(each.name for each in fields if not entered.get(each.name, "").strip())


def entries(course: Course, part: Part, given: Mapping[str, str]) -> dict[str, str]:
    """What was given in the spelling that is signed: a phrase in lower case, `yes` as `yes`."""
    kinds = {each.name: each.kind for each in step_of(course).entered if each.part is part}
    found = {}
    for name, value in given.items():
        kind = kinds.get(name)
        text = " ".join(value.split()) if kind is EnteredKind.PHRASE else value.strip()
        lower = kind in (EnteredKind.PHRASE, EnteredKind.CONFIRM)
        found[name] = text.lower() if lower else text
        if kind is EnteredKind.CONFIRM and found[name] in ("y", "true"):
            found[name] = CONFIRMED
    return found


def step_of(course: Course) -> Step:
    """The one that waits. Raises CeremonyRefused when the ceremony is over."""
    step = course.step
    if step is None:
        raise CeremonyRefused(
            CeremonyReason.OVER,
            "the ceremony is over",
            found=course.state.value,
            expected="a ceremony with a step that waits",
        )
    return step


# ---- statements ----


def shown_statements(course: Course, waiting: Waiting) -> tuple[StatementShown, ...]:
    """What the step asks officers to sign, read and held against the plan.

    Raises MalformedError, and CeremonyRefused where a statement is not what this ceremony is about:
    the host wrote it, and may have written another roster.
    """
    found = tuple(_read(each) for each in waiting.statements)
    rosters = [each.statement.digest for each in found if each.statement.kind is Kind.ROSTER]
    for each in found:
        _check_about(course, each.statement)
        _check_authority(course.plan, each.statement, rosters)
    return found


def sign_statements(
    shown: Sequence[StatementShown], signer: Signer, now: datetime
) -> tuple[bytes, ...]:
    """This officer's envelope for each: the statement itself as its proposer, else an approval."""
    found = []
    for each in shown:
        if each.role == PROPOSE and each.statement.proposer == signer.officer:
            found.append(signer.sign(each.payload_type, each.payload).to_bytes())
        elif each.role == APPROVE and each.statement.proposer != signer.officer:
            found.append(_approval(each, signer, now).to_bytes())
    return tuple(found)


def _approval(shown: StatementShown, signer: Signer, now: datetime) -> Envelope:
    payload = approval_payload(
        shown.statement.digest, Decision.APPROVE, officer=signer.officer, time=now
    )
    return signer.sign(APPROVAL_TYPE, payload)


def _read(said: StatementToSign) -> StatementShown:
    bare = Envelope(said.payload_type, said.payload, ())
    statement = parse_statement(bare.to_bytes())
    if said.role not in (PROPOSE, APPROVE) or said.payload_type != payload_type(
        statement.kind.value
    ):
        raise CeremonyRefused(
            CeremonyReason.WRONG_ATTACHMENT,
            "the host asks for a signature of no known kind",
            found=f"{said.role} {said.payload_type}"[:120],
            expected=f"{PROPOSE} or {APPROVE} {payload_type(statement.kind.value)}",
        )
    return StatementShown(statement, said.role, said.payload, said.payload_type)


def _check_about(course: Course, statement: Statement) -> None:
    founding = course.plan.founding
    kinds = statement_kinds(course.plan.kind, step_of(course).action)
    if statement.kind not in kinds:
        raise CeremonyRefused(
            CeremonyReason.WRONG_ATTACHMENT,
            "the host asks for a signature under a statement that this step is not about",
            found=statement.kind.value,
            expected=", ".join(each.value for each in kinds) or "none",
            hint="Sign nothing. Have the witness record it.",
        )
    body = statement.body
    if isinstance(body, Keys):
        _check_keys(course.plan, body)
        return
    if founding is None or not isinstance(body, Roster) or body != founding.roster:
        raise CeremonyRefused(
            CeremonyReason.WRONG_ATTACHMENT,
            "the host asks for signatures under another roster than the plan's",
            found=f"roster {statement.digest}",
            expected="the roster that the administrator signed in the plan",
            hint="Sign nothing. Have the witness record it.",
        )


def _check_authority(plan: Plan, statement: Statement, rosters: Sequence[Digest]) -> None:
    """It names the plan's authority, or the one that is founded by the roster beside it.

    Of a rehearsal's throw-away authority neither is known here: its keys say that they are that.
    """
    expected = plan.authority or next(iter(rosters), None)
    if statement.authority is None or expected in (None, statement.authority):
        return
    raise CeremonyRefused(
        CeremonyReason.WRONG_ATTACHMENT,
        "the host asks for a signature under a statement of another authority",
        found=statement.authority,
        expected=expected,
        hint="Sign nothing. Have the witness record it.",
    )


def _check_keys(plan: Plan, keys: Keys) -> None:
    """Keys of a rehearsal say so: the officers who sign them are the real ones."""
    named = plan.founding.origin if plan.kind is ScriptKind.GENESIS and plan.founding else None
    if keys.rehearsed is not plan.rehearsal or (named is not None and keys.origin != named):
        raise CeremonyRefused(
            CeremonyReason.WRONG_ATTACHMENT,
            "the host asks for signatures under keys of another log than the plan's",
            found=keys.origin,
            expected=named or (f"{REHEARSED}…" if plan.rehearsal else f"not {REHEARSED}…"),
            hint="Sign nothing. Have the witness record it.",
        )


def _check_early(course: Course, step: Step, raw: bytes, attached: Sequence[bytes]) -> None:
    """As the host will, but for the order of signatures, which it alone knows."""
    try:
        check_content(course, step, parse_step_signature(raw), attached=attached)
    except CeremonyRefused as error:
        if error.reason is not CeremonyReason.TOO_EARLY:
            raise
