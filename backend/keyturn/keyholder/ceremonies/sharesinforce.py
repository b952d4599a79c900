"""Whose shares open what now: as the records of ceremonies that were held here say.

Share sets take effect when every share of them was proved by entering it again.
"""

from collections.abc import Iterable

from keyturn.ceremony.course import Course, CourseState
from keyturn.ceremony.factreading import read_facts
from keyturn.ceremony.facts import LogStands, PinsReplaced, SharesProved, TokenMade
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.ceremony.sharesets import ShareSet
from keyturn.keyholder.ceremonies.running import Running

_NEW_TOKEN = (ScriptKind.RESTORE, ScriptKind.HSM_REPLACEMENT)


def sets_in_force(ceremonies: Iterable[Running]) -> tuple[ShareSet, ...]:
    """Of each use the newest."""
    found: dict[ShareUse, ShareSet] = {}
    for each in sorted(ceremonies, key=lambda each: each.course.records[0].time):
        if _took_effect(each.course):
            found.update({share_set.use: share_set for share_set in sets_proved(each.course)})
    return tuple(found.values())


def _took_effect(course: Course) -> bool:
    """An abort destroys what a genesis made. A token that follows another is in use once the log
    goes on under its keys, and then stays so."""
    if course.plan.kind is ScriptKind.GENESIS:
        return course.state is not CourseState.ABORTED
    return course.plan.kind not in _NEW_TOKEN or _stands(course)


def _stands(course: Course) -> bool:
    steps = zip(course.done, course.script.steps, strict=False)
    facts = (read_facts(step.action, record.facts) for record, step in steps)
    return any(isinstance(each, LogStands) for each in facts)


def sets_proved(course: Course) -> tuple[ShareSet, ...]:
    """Those of one ceremony that took effect. Raises MalformedError."""
    dealt: tuple[ShareSet, ...] = ()
    proved: tuple[ShareSet, ...] = ()
    for record, step in zip(course.done, course.script.steps, strict=False):
        facts = read_facts(step.action, record.facts)
        if isinstance(facts, TokenMade | PinsReplaced):
            dealt = facts.share_sets
        if isinstance(facts, SharesProved):
            proved = dealt
    return proved
