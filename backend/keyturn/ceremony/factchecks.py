"""Do the host's facts agree with what people signed? (our protocol §10.4)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from keyturn.ceremony.course import Course, fulfils, schemes_of, statement_kinds
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.facts import (
    BackupProved,
    Facts,
    KekMade,
    LogStands,
    ModelKeyDestroyed,
    PinsReplaced,
    SharesProved,
    StatementsSigned,
    TokenMade,
    Unlocked,
)
from keyturn.ceremony.keyfacts import KeyFacts, KeyPurpose
from keyturn.ceremony.people import shares_made
from keyturn.ceremony.script import Action, Part, ShareUse, Step
from keyturn.ceremony.sharesets import ShareSet, check_sets, check_sort
from keyturn.ceremony.steps import StepSignature

_USE = {
    Action.UNLOCK: ShareUse.USER,
    Action.UNLOCK_SO: ShareUse.SO,
    Action.UNLOCK_BACKUP: ShareUse.BACKUP,
}


@dataclass(frozen=True, slots=True)
class _Case:
    course: Course
    step: Step
    signed: Sequence[StepSignature]


def check_facts(course: Course, step: Step, facts: Facts, signed: Sequence[StepSignature]) -> None:
    """Raises CeremonyRefused where a `done` record's facts are not those of this plan, or name
    others than signed. What no signature speaks of stays the host's word."""
    check = _CHECKS.get(type(facts))
    if check is not None:
        check(_Case(course, step, signed), facts)


def _token_made(case: _Case, facts: Facts) -> None:
    assert isinstance(facts, TokenMade)
    _same("token's label", facts.token.label, case.course.plan.token)
    _share_sets(case.course, facts.share_sets)
    for each in facts.keys:
        _profile(case.course, each)


def _pins_replaced(case: _Case, facts: Facts) -> None:
    assert isinstance(facts, PinsReplaced)
    _share_sets(case.course, facts.share_sets)


def _share_sets(course: Course, share_sets: Sequence[ShareSet]) -> None:
    plan = course.plan
    check_sets(share_sets, rehearsal=plan.rehearsal)
    _same("share sets", schemes_of(share_sets), dict(plan.shares))
    _same("share sets", {each.use for each in share_sets}, shares_made(plan.kind, plan.kek_profile))


def _shares_proved(case: _Case, facts: Facts) -> None:
    assert isinstance(facts, SharesProved)
    custodians = [each for each in case.step.signers if each.part is Part.CUSTODIAN]
    wanted = {
        (use, officer)
        for signers in custodians
        for officer in case.course.officers_of(signers, case.step.action)
        for use in case.course.held(officer, signers, case.step.action)
    }
    _same("shares that were proved", set(facts.proved), wanted)


def _unlocked(case: _Case, facts: Facts) -> None:
    assert isinstance(facts, Unlocked)
    _same("use of shares", facts.use, _USE[case.step.action])
    rehearsal = case.course.plan.rehearsal
    check_sort(facts.identifier, rehearsal=rehearsal, what="share set")
    custodians = {each.officer for each in case.signed if each.part is Part.CUSTODIAN}
    scheme = case.course.scheme(facts.use, case.step.action)
    if scheme is None or not fulfils(scheme, facts.officers) or set(facts.officers) - custodians:
        raise CeremonyRefused(
            CeremonyReason.WRONG_SHARE,
            "what was unlocked was not unlocked by those who signed",
            found=", ".join(facts.officers),
            expected="a quorum of: " + ", ".join(sorted(custodians)),
        )


def _statements(case: _Case, facts: Facts) -> None:
    assert isinstance(facts, StatementsSigned)
    kinds = [each.kind for each in facts.statements]
    _same("statements", kinds, list(statement_kinds(case.course.plan.kind, case.step.action)))


def _log_stands(case: _Case, facts: Facts) -> None:
    assert isinstance(facts, LogStands)
    founding = case.course.plan.founding
    if founding is not None and case.step.action is Action.FOUND:
        _same("log's name", facts.origin, founding.origin)
    if case.course.plan.authority is not None:
        _same("authority", facts.authority, case.course.plan.authority)


def _kek_made(case: _Case, facts: Facts) -> None:
    assert isinstance(facts, KekMade)
    _profile(case.course, facts.key)


def _backup_proved(case: _Case, facts: Facts) -> None:
    """The one that this ceremony made, where it made one."""
    assert isinstance(facts, BackupProved)
    steps = {each.id for each in case.course.script.steps if each.action is Action.BACK_UP}
    for each in case.course.done:
        if each.step in steps:
            _same("backup that was proved", facts.backup, each.facts.get("backup"))


def _model_key(case: _Case, facts: Facts) -> None:
    assert isinstance(facts, ModelKeyDestroyed)
    if facts.model not in case.course.plan.concerns:
        _same("model", facts.model, ", ".join(case.course.plan.concerns))


def _profile(course: Course, key: KeyFacts) -> None:
    chosen = course.plan.kek_profile
    if key.purpose is KeyPurpose.KEK and chosen is not None:
        _same("profile of the KEK", key.profile, chosen)


def _same(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise CeremonyRefused(
            CeremonyReason.FAILED,
            f"the {what} in the record is not the plan's",
            found=_text(found),
            expected=_text(expected),
        )


def _text(value: object) -> str:
    if isinstance(value, (set, frozenset)):
        return ", ".join(sorted(map(_text, value))) or "none"
    if isinstance(value, (list, tuple)):
        return " ".join(map(_text, value))
    if isinstance(value, Mapping):
        return ", ".join(sorted(_text(each) for each in value)) or "none"
    return str(getattr(value, "value", value))


_Check = Callable[[_Case, Facts], None]
_CHECKS: Mapping[type, _Check] = {
    TokenMade: _token_made,
    PinsReplaced: _pins_replaced,
    SharesProved: _shares_proved,
    Unlocked: _unlocked,
    StatementsSigned: _statements,
    LogStands: _log_stands,
    KekMade: _kek_made,
    ModelKeyDestroyed: _model_key,
    BackupProved: _backup_proved,
}
