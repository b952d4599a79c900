"""Whose shares open what now: as the records of ceremonies that were held here say."""

from collections.abc import Iterable

from keyturn.base.strictjson import Fields
from keyturn.ceremony.course import Course, CourseState
from keyturn.ceremony.records import Event, Record
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.ceremony.sharesets import ShareSet, read_share_set
from keyturn.keyholder.ceremonies.running import Running

SHARES = "shares"
"""The field of a record's facts that names share sets from then on in force."""
_MAX_SETS = 8


def sets_in_force(ceremonies: Iterable[Running]) -> tuple[ShareSet, ...]:
    """Of each use the newest. A genesis that was aborted founded nothing."""
    found: dict[ShareUse, ShareSet] = {}
    records: list[Record] = []
    for each in ceremonies:
        if not _founded_nothing(each.course):
            records += [record for record in each.course.records if record.event is Event.DONE]
    for record in sorted(records, key=lambda record: record.time):
        found.update({share_set.use: share_set for share_set in sets_of(record)})
    return tuple(found.values())


def sets_of(record: Record) -> tuple[ShareSet, ...]:
    """The share sets that a record's facts name. Raises MalformedError."""
    if not isinstance(record.facts.get(SHARES), list):
        return ()
    fields = Fields(record.facts, "ceremony record: facts")
    return tuple(read_share_set(each) for each in fields.objects(SHARES, limit=_MAX_SETS))


def _founded_nothing(course: Course) -> bool:
    aborted = course.state is CourseState.ABORTED
    return aborted and course.plan.kind in (ScriptKind.GENESIS, ScriptKind.RESTORE)
